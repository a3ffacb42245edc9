"""A terminal: where a device or a house meets the wires, what flows there now, and what has flowed so far."""

import math
from dataclasses import dataclass, field

Phases = tuple[float, float, float]

ZERO: Phases = (0.0, 0.0, 0.0)


def balanced(total: float) -> Phases:
    """A total in three equal parts."""
    third = total / 3.0
    return third, third, third


@dataclass(slots=True)
class Terminal:
    """Electrical state per phase, and energy per phase and direction.

    Power is positive when consumed (imported), reactive power when absorbed. Energy only ever rises: `import_wh` and
    `export_wh` are kept per phase, so that a phase which exports while another imports counts in both.
    """

    voltage_v: Phases = (230.0, 230.0, 230.0)
    frequency_hz: float = 50.0
    power_w: Phases = ZERO
    reactive_var: Phases = ZERO
    import_wh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    export_wh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    import_varh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    export_varh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def after(self, dt_s: float) -> None:
        """Count what flowed: the present powers, held for `dt_s`."""
        hours = dt_s / 3600.0
        _count(self.power_w, hours, self.import_wh, self.export_wh)
        _count(self.reactive_var, hours, self.import_varh, self.export_varh)

    @property
    def total_w(self) -> float:
        """Active power of the three phases together."""
        return sum(self.power_w)

    @property
    def total_var(self) -> float:
        """Reactive power of the three phases together."""
        return sum(self.reactive_var)

    def apparent_va(self, phase: int) -> float:
        """Apparent power of one phase."""
        return math.hypot(self.power_w[phase], self.reactive_var[phase])

    def current_a(self, phase: int) -> float:
        """RMS current of one phase, a magnitude."""
        return self.apparent_va(phase) / self.voltage_v[phase]


def _count(powers: Phases, hours: float, taken: list[float], given: list[float]) -> None:
    for phase, power in enumerate(powers):
        if power > 0.0:
            taken[phase] += power * hours
        elif power < 0.0:
            given[phase] -= power * hours


def approach(value: float, target: float, lag_s: float, dt_s: float) -> float:
    """Where a first-order lag stands after `dt_s`; exact for a target that holds still, at once without a lag."""
    if lag_s <= 0.0:
        return target
    return target + (value - target) * math.exp(-dt_s / lag_s)
