"""A PV plant whose inverter acts by itself on voltage and frequency at its terminal."""

from random import Random
from typing import Final

from sim_hardware.physics.der.inverter import DerFunctions
from sim_hardware.physics.der.service import Supply
from sim_hardware.physics.der.settings import Settings
from sim_hardware.physics.pv import Shine
from sim_hardware.physics.terminal import Terminal, approach

NOMINAL_V: Final = 230.0


class DerPlant:
    """Modules and an inverter with grid functions; `power_w` is negative when producing, `reactive_var` when injecting.

    What the modules give follows the sun with a first-order lag; what the functions make of it has their own times.
    `settings` may be exchanged at any time.
    """

    def __init__(
        self,
        sun: Shine,
        terminal: Terminal,
        random: Random,
        *,
        settings: Settings | None = None,
        peak_w: float = 5000.0,
        lag_s: float = 1.0,
    ) -> None:
        self.sun, self.peak_w, self.lag_s = sun, peak_w, lag_s
        self.settings = settings or Settings()
        self.functions = DerFunctions(random)
        self._terminal = terminal
        self._available_w = 0.0

    @property
    def rating_w(self) -> float:
        """Active power at most, a magnitude."""
        return self.settings.ratings.power_w

    @property
    def limit_w(self) -> float | None:
        """At most this is produced, a magnitude; None: no limit."""
        limit_pu = self.settings.limit_pu
        return None if limit_pu is None else limit_pu * self.rating_w

    @property
    def available_w(self) -> float:
        """What could be produced now, a magnitude."""
        return min(self.rating_w, self.peak_w * self.sun.irradiance_w_m2 / 1000.0)

    @property
    def is_throttled(self) -> bool:
        """Whether a function holds back more than 0.1 % of the rating."""
        return self._available_w + self.power_w > 1e-3 * self.rating_w

    @property
    def power_w(self) -> float:
        """Active power, negative when producing."""
        return -self.functions.power_w

    @property
    def reactive_var(self) -> float:
        """Reactive power, negative when injecting."""
        return -self.functions.reactive_var

    def after(self, dt_s: float) -> None:
        """Follow sun and grid."""
        self.sun.after(dt_s)
        self._available_w = approach(self._available_w, self.available_w, self.lag_s, dt_s)
        self.functions.after(dt_s, self.settings, self._available_w, seen(self._terminal))


def seen(terminal: Terminal) -> Supply:
    """Voltages and frequency as the functions take them.

    The phases are taken to stand 120 degrees apart, so that no voltage between two of them is lower than the lowest or
    higher than the highest of them (OpenDER op_cond_proc.py looks at both kinds; NP_V_MEAS_UNBALANCE AVG).
    """
    volts = [voltage_v / NOMINAL_V for voltage_v in terminal.voltage_v]
    return Supply(min(volts), max(volts), sum(volts) / len(volts), terminal.frequency_hz)
