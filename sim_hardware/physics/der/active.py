"""Active power: the least of sun, ramp, limit and volt-watt; under frequency droop, what droop asks for.

Source: OpenDER p_funcs.py, active_power_limit.py, volt_watt.py, frequency_droop.py.
Differs: with limit and volt-watt both on, p_funcs.py forgets the ramp of entering service; here it binds always.
"""

from typing import Final

from sim_hardware.physics.der.response import OpenLoop, Ramp
from sim_hardware.physics.der.service import State, Supply
from sim_hardware.physics.der.settings import NOMINAL_HZ, Droop, Settings

ARRIVED_PU: Final = 1e-3  # so close to what is available droop has given way (frequency_droop.py, eq. 3.7.1-18)


class DroopMemory:
    """Frequency droop: it starts from the power before the disturbance and ends when that is reached again."""

    def __init__(self) -> None:
        self._response = OpenLoop()
        self._before_pu = 0.0
        self._outside = 0  # +1 above the dead band, -1 below
        self._active = False

    def after(
        self, dt_s: float, droop: Droop, frequency_hz: float, output_pu: float, normal_pu: float, available_pu: float
    ) -> float | None:
        """What droop asks for; None where it does not act. `output_pu` is what came out of the last step."""
        outside = side(droop, frequency_hz)
        if outside == 0 or outside != self._outside:
            self._before_pu = output_pu
        self._outside = outside
        wanted_pu = normal_pu
        if outside > 0:
            wanted_pu = max(self._before_pu + change_pu(droop, frequency_hz), droop.least_pu)
        elif outside < 0:
            wanted_pu = min(self._before_pu + change_pu(droop, frequency_hz), available_pu)
        acts = outside != 0 or self._active
        asked_pu = self._response.after(dt_s, wanted_pu, droop.response_s if acts else 0.0)
        self._active = droop.enabled and (outside != 0 or (self._active and abs(asked_pu - wanted_pu) >= ARRIVED_PU))
        return asked_pu if self._active else None


def side(droop: Droop, frequency_hz: float) -> int:
    """+1 above the dead band, -1 below, 0 inside or where droop is off."""
    if not droop.enabled:
        return 0
    above = frequency_hz > NOMINAL_HZ + droop.dead_over_hz
    return 1 if above else -int(frequency_hz < NOMINAL_HZ - droop.dead_under_hz)


def change_pu(droop: Droop, frequency_hz: float) -> float:
    """By how much power shall differ from that before: -(f - f0 - db) / (f0 k) above, +(f0 - db - f) / (f0 k) below."""
    over_hz = frequency_hz - (NOMINAL_HZ + droop.dead_over_hz)
    under_hz = NOMINAL_HZ - droop.dead_under_hz - frequency_hz
    if over_hz > 0.0:
        return -over_hz / (NOMINAL_HZ * droop.slope_over)
    return max(0.0, under_hz) / (NOMINAL_HZ * droop.slope_under)


class ActivePower:
    """The active power that the functions want, per unit of the rating."""

    def __init__(self) -> None:
        self._limit, self._volt_watt, self._droop = Ramp(), OpenLoop(), DroopMemory()

    def reset(self) -> None:
        """As after a trip: no limit has bound yet, droop has not acted."""
        self._limit.value = self._volt_watt.value = 1.0
        self._droop = DroopMemory()

    def after(
        self,
        dt_s: float,
        settings: Settings,
        supply: Supply,
        state: State,
        ramp_pu: float,
        available_pu: float,
        output_pu: float,
    ) -> float:
        """The wanted power after this step; `output_pu` is what came out of the last."""
        limit_pu = self._limit_pu(dt_s, settings)
        volt_watt_pu = self._volt_watt_pu(dt_s, settings, supply)
        normal_pu = output_pu if state is State.ENTERING else available_pu
        normal_pu = min(normal_pu, limit_pu, volt_watt_pu)
        droop_pu = self._droop.after(dt_s, settings.droop, supply.frequency_hz, output_pu, normal_pu, available_pu)
        if droop_pu is not None:
            return min(available_pu, volt_watt_pu, droop_pu, 1.0)
        return min(available_pu, ramp_pu, limit_pu, volt_watt_pu, 1.0)

    def _limit_pu(self, dt_s: float, settings: Settings) -> float:
        if settings.limit_pu is None:
            self._limit.value = 1.0
            return 1.0
        return self._limit.after(dt_s, settings.limit_pu, settings.limit_ramp_s)

    def _volt_watt_pu(self, dt_s: float, settings: Settings, supply: Supply) -> float:
        own = settings.volt_watt
        if not own.enabled:
            self._volt_watt.value = 1.0
            return 1.0
        return self._volt_watt.after(dt_s, own.curve.at(supply.mean_pu), own.response_s)
