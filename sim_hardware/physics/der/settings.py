"""The settings of the grid functions, with the defaults of IEEE 1547-2018 as OpenDER codes them; `ValueError` if wrong."""

import math
from dataclasses import dataclass, field, fields
from enum import Enum
from itertools import pairwise
from typing import Final, Literal

NOMINAL_HZ: Final = 50.0
Category = Literal["A", "B"]


class Priority(Enum):
    """What is kept when the apparent power does not suffice for both (NP_PRIO_OUTSIDE_MIN_Q_REQ)."""

    ACTIVE = 0
    REACTIVE = 1


def _check(found: bool, what: str, value: object, allowed: str) -> None:
    if not found:
        raise ValueError(f"{what} {value!r}: allowed is {allowed}")


def _check_times(settings: object) -> None:
    for each in fields(settings):  # type: ignore[arg-type]
        if each.name.endswith("_s"):
            value = getattr(settings, each.name)
            _check(math.isfinite(value) and value >= 0.0, each.name, value, "a time from 0 s")


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) with x never falling: straight between them, level beyond the first and the last."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """At least two points, from left to right."""
        _check(len(self.points) >= 2, "curve", self.points, "two points and more")
        _check(all(math.isfinite(value) for point in self.points for value in point), "curve", self.points, "numbers")
        _check(
            all(left[0] <= right[0] for left, right in pairwise(self.points)), "curve", self.points, "x never falling"
        )

    def at(self, x: float) -> float:
        """The y of this x; of two points with one x, the latter's."""
        if x < self.points[0][0]:
            return self.points[0][1]
        for (x1, y1), (x2, y2) in pairwise(self.points):
            if x < x2:
                return y1 + (x - x1) / (x2 - x1) * (y2 - y1)
        return self.points[-1][1]

    def shifted(self, dx: float) -> "Curve":
        """The same curve further right."""
        return Curve(tuple((x + dx, y) for x, y in self.points))


@dataclass(frozen=True, slots=True)
class VoltVar:
    """Reactive power by voltage (OpenDER volt_var.py, QV_*); `automatic` lets the reference follow the voltage."""

    enabled: bool = False
    curve: Curve = Curve(((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44)))
    response_s: float = 5.0
    reference_pu: float = 1.0
    automatic: bool = False
    automatic_s: float = 300.0
    priority: Priority = Priority.REACTIVE

    def __post_init__(self) -> None:
        """Times from 0 s; the reference within the range of QV_VREF."""
        _check_times(self)
        _check(0.95 <= self.reference_pu <= 1.05, "reference_pu", self.reference_pu, "0.95 to 1.05")


VOLT_VAR_A: Final = VoltVar(curve=Curve(((0.90, 0.25), (1.0, 0.0), (1.0, 0.0), (1.10, -0.25))), response_s=10.0)
VOLT_VAR_B: Final = VoltVar()


@dataclass(frozen=True, slots=True)
class VoltWatt:
    """At most so much active power by voltage (volt_watt.py, PV_*)."""

    enabled: bool = False
    curve: Curve = Curve(((1.06, 1.0), (1.10, 0.0)))
    response_s: float = 10.0

    def __post_init__(self) -> None:
        """Times from 0 s."""
        _check_times(self)


@dataclass(frozen=True, slots=True)
class WattVar:
    """Reactive power by active power (watt_var.py, QP_*)."""

    enabled: bool = False
    curve: Curve = Curve(((0.2, 0.0), (0.5, 0.0), (1.0, -0.44)))
    response_s: float = 5.0
    priority: Priority = Priority.REACTIVE

    def __post_init__(self) -> None:
        """Times from 0 s."""
        _check_times(self)


@dataclass(frozen=True, slots=True)
class Droop:
    """Active power by frequency (frequency_droop.py, PF_*): dead bands in Hz, slopes per unit of frequency per unit of power."""

    enabled: bool = True
    dead_over_hz: float = 0.036
    dead_under_hz: float = 0.036
    slope_over: float = 0.05
    slope_under: float = 0.05
    response_s: float = 5.0
    least_pu: float = 0.0

    def __post_init__(self) -> None:
        """Dead bands from 0 Hz, slopes above 0."""
        _check_times(self)
        for name in ("dead_over_hz", "dead_under_hz"):
            _check(getattr(self, name) >= 0.0, name, getattr(self, name), "from 0 Hz")
        for name in ("slope_over", "slope_under"):
            _check(getattr(self, name) > 0.0, name, getattr(self, name), "above 0")


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """A constant power factor (constant_pf.py, CONST_PF_*), var injected (over-excited) or absorbed."""

    enabled: bool = False
    factor: float = 1.0
    injecting: bool = True
    response_s: float = 5.0

    def __post_init__(self) -> None:
        """A factor above 0, up to 1."""
        _check_times(self)
        _check(0.0 < self.factor <= 1.0, "factor", self.factor, "above 0, up to 1")


@dataclass(frozen=True, slots=True)
class ConstantVar:
    """A constant reactive power, per unit of the apparent power (constant_vars.py, CONST_Q_*)."""

    enabled: bool = False
    reactive_pu: float = 0.0
    response_s: float = 5.0
    priority: Priority = Priority.REACTIVE

    def __post_init__(self) -> None:
        """From -1 to 1."""
        _check_times(self)
        _check(-1.0 <= self.reactive_pu <= 1.0, "reactive_pu", self.reactive_pu, "-1 to 1")


@dataclass(frozen=True, slots=True)
class EnterService:
    """When and how it comes back (es_crit.py, es_perf.py, ES_*).

    The random delay counts only where the ramp time is 0, as in OpenDER: it is the other way not to come all at once.
    """

    permitted: bool = True
    low_pu: float = 0.917
    high_pu: float = 1.05
    low_hz: float = NOMINAL_HZ - 0.5
    high_hz: float = NOMINAL_HZ + 0.1
    delay_s: float = 300.0
    random_s: float = 0.0
    ramp_s: float = 300.0

    def __post_init__(self) -> None:
        """Windows that are not empty."""
        _check_times(self)
        _check(self.low_pu <= self.high_pu, "low_pu", self.low_pu, f"up to high_pu {self.high_pu}")
        _check(self.low_hz <= self.high_hz, "low_hz", self.low_hz, f"up to high_hz {self.high_hz}")


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold, and how long it may be passed."""

    at: float
    hold_s: float

    def __post_init__(self) -> None:
        """A threshold from 0, a time from 0 s."""
        _check_times(self)
        _check(math.isfinite(self.at) and self.at >= 0.0, "at", self.at, "a number from 0")


Limits = tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Trips:
    """Must-trip and momentary cessation, category III (trip_crit.py OV*, UV*, OF*, UF*; rt_crit.py MC_*).

    One trips beyond its threshold, momentary cessation starts at it.
    """

    under_voltage: Limits = (Limit(0.50, 2.0), Limit(0.88, 21.0))
    over_voltage: Limits = (Limit(1.10, 13.0), Limit(1.20, 0.16))
    under_frequency: Limits = (Limit(NOMINAL_HZ - 3.5, 0.16), Limit(NOMINAL_HZ - 1.5, 300.0))
    over_frequency: Limits = (Limit(NOMINAL_HZ + 1.2, 300.0), Limit(NOMINAL_HZ + 2.0, 0.16))
    cease_under_voltage: Limits = (Limit(0.50, 0.0),)
    cease_over_voltage: Limits = (Limit(1.10, 0.0),)


@dataclass(frozen=True, slots=True)
class Ratings:
    """What the hardware can (NP_*): the bases of all per-unit values, and the reactive capability."""

    power_w: float = 5000.0
    apparent_va: float = 5000.0
    inject_var: float = 2200.0
    absorb_var: float = 2200.0
    current_pu: float = 1.2
    category: Category = "B"

    def __post_init__(self) -> None:
        """All above 0, and none above the apparent power."""
        for name in ("power_w", "apparent_va", "inject_var", "absorb_var", "current_pu"):
            _check(getattr(self, name) > 0.0, name, getattr(self, name), "above 0")
        for name in ("power_w", "inject_var", "absorb_var"):
            value = getattr(self, name)
            _check(value <= self.apparent_va, name, value, f"up to apparent_va {self.apparent_va:g}")
        _check(self.category in ("A", "B"), "category", self.category, "A or B")


@dataclass(frozen=True, slots=True)
class Settings:
    """All functions of one inverter. `limit_pu`: at most this active power (None: no limit), reached at the ramp of AP_RT."""

    volt_var: VoltVar = VOLT_VAR_B
    volt_watt: VoltWatt = VoltWatt()
    watt_var: WattVar = WattVar()
    droop: Droop = Droop()
    power_factor: PowerFactor = PowerFactor()
    constant_var: ConstantVar = ConstantVar()
    enter: EnterService = EnterService()
    trips: Trips = Trips()
    limit_pu: float | None = None
    limit_ramp_s: float = 15.0
    mode_change_s: float = 15.0
    ratings: Ratings = field(default_factory=Ratings)

    def __post_init__(self) -> None:
        """A limit from 0 to 1."""
        _check_times(self)
        fits = self.limit_pu is None or 0.0 <= self.limit_pu <= 1.0
        _check(fits, "limit_pu", self.limit_pu, "0 to 1, or None")
