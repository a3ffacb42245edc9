"""The grid behind the connection point: a frequency that wanders, and a voltage source behind an impedance."""

import math
from dataclasses import dataclass, field
from random import Random

from sim_hardware.physics.terminal import Phases


class VoltageCollapse(ValueError):
    """More power is asked for than the source can carry through its impedance."""


def terminal_voltage_v(source_v: float, r_ohm: float, x_ohm: float, power_w: float, reactive_var: float) -> float:
    """Voltage behind R + jX where a constant P + jQ is drawn (positive) or fed (negative).

    The upper root of V^4 + (2 (R P + X Q) - E^2) V^2 + (R^2 + X^2) (P^2 + Q^2) = 0.
    """
    half = source_v**2 / 2.0 - (r_ohm * power_w + x_ohm * reactive_var)
    product = (r_ohm**2 + x_ohm**2) * (power_w**2 + reactive_var**2)
    if half <= 0.0 or half**2 < product:
        raise VoltageCollapse(
            f"{power_w:g} W and {reactive_var:g} var on one phase: more than {source_v:g} V behind"
            f" {r_ohm:g} + j{x_ohm:g} ohm can carry"
        )
    return math.sqrt(half + math.sqrt(half**2 - product))


@dataclass(slots=True)
class Wander:
    """A random walk that is pulled back to its mean (Ornstein-Uhlenbeck), exact for any step length."""

    random: Random
    mean: float
    deviation: float
    return_s: float
    value: float = field(init=False)
    _dt_s: float = field(default=0.0, init=False)
    _keep: float = field(default=1.0, init=False)
    _noise: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.value = self.mean

    def after(self, dt_s: float) -> None:
        """Wander on."""
        if dt_s != self._dt_s:  # steps are nearly always of one length
            self._dt_s, self._keep = dt_s, math.exp(-dt_s / self.return_s)
            self._noise = self.deviation * math.sqrt(1.0 - self._keep * self._keep)
        self.value = self.mean + (self.value - self.mean) * self._keep + self._noise * self.random.gauss(0.0, 1.0)


class Grid:
    """A 50 Hz low-voltage grid: 20 mHz about 50 Hz as in the Continental European system, 1 V about 232 V."""

    def __init__(self, random: Random, *, r_ohm: float = 0.25, x_ohm: float = 0.10) -> None:
        self._frequency = Wander(random, 50.0, 0.02, 300.0)
        self._source = Wander(random, 232.0, 1.0, 600.0)
        # The three phases of a street never stand at the same voltage.
        self._offset_v: Phases = (random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5))
        self.r_ohm, self.x_ohm = r_ohm, x_ohm

    def after(self, dt_s: float) -> None:
        """Let frequency and source voltage wander on."""
        self._frequency.after(dt_s)
        self._source.after(dt_s)

    @property
    def frequency_hz(self) -> float:
        """The present frequency."""
        return self._frequency.value

    def source_v(self, phase: int) -> float:
        """Voltage of one phase without load."""
        return self._source.value + self._offset_v[phase]

    def voltage_v(self, power_w: Phases, reactive_var: Phases) -> Phases:
        """Voltage at the connection point under these powers."""
        return (
            self._phase(0, power_w, reactive_var),
            self._phase(1, power_w, reactive_var),
            self._phase(2, power_w, reactive_var),
        )

    def _phase(self, phase: int, power_w: Phases, reactive_var: Phases) -> float:
        return terminal_voltage_v(self.source_v(phase), self.r_ohm, self.x_ohm, power_w[phase], reactive_var[phase])
