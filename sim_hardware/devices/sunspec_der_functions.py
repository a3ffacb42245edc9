"""The grid functions as SunSpec models 705 to 712 write them: what each point means, may be, and is at the factory.

Factory: the defaults of sim_hardware/physics/der/settings.py.
Trips:   a point (V, Tms) or (Hz, Tms) of a must-trip curve trips once the value has been beyond it for that time, the way
         OpenDER has UV1, UV2, …; of a momentary cessation curve, ceases from it on. No may-trip curves.
Per cent: a DeptRef of W_MAX_PCT, VAR_MAX_PCT or VA_MAX_PCT; of what is available, never.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sim_hardware.devices import sunspec_der_models as layout
from sim_hardware.devices.sunspec import Allowed, Model
from sim_hardware.devices.sunspec_der_models import POINTS
from sim_hardware.devices.sunspec_der_sets import ON_OFF, Read, StoredSets
from sim_hardware.physics.der.settings import (
    Curve,
    Droop,
    Limit,
    Limits,
    Priority,
    Ratings,
    Trips,
    VoltVar,
    VoltWatt,
    WattVar,
)

W_MAX_PCT, VAR_MAX_PCT, VA_MAX_PCT = 0, 1, 3
VAR_REFERENCES: Final = frozenset({W_MAX_PCT, VAR_MAX_PCT, VA_MAX_PCT})
RESPONSE_S: Final = (0.0, 1000.0)
VOLT_PERCENT: Final = (0.0, 200.0)
PERCENT: Final = (-100.0, 100.0)
HERTZ: Final = (0.0, 100.0)
CURVE_SCALES: Final = {"V_SF": -2, "DeptRef_SF": -2, "RspTms_SF": -1}


class Axes(NamedTuple):
    """The two points of each curve point, and what they may be."""

    x: str
    y: str
    x_allowed: Allowed
    y_allowed: Allowed


def var_unit(reference: float, ratings: Ratings, var: float) -> float:
    """What 100 % of this reference is, per unit of the apparent power; `var` says in which direction."""
    if reference == VAR_MAX_PCT:
        return (ratings.inject_var if var >= 0.0 else ratings.absorb_var) / ratings.apparent_va
    return ratings.power_w / ratings.apparent_va if reference == W_MAX_PCT else 1.0


def _points(read: Read, axes: Axes) -> list[tuple[float, float]]:
    return [
        (read(f"Pt{number}.{axes.x}") / 100.0, read(f"Pt{number}.{axes.y}") / 100.0)
        for number in range(1, int(read("ActPt")) + 1)
    ]


def _var_curve(read: Read, axes: Axes, ratings: Ratings) -> Curve:
    reference = read("DeptRef")
    return Curve(tuple((x, y * var_unit(reference, ratings, y)) for x, y in _points(read, axes)))


def _curve_allowed(model: int, axes: Axes) -> dict[str, Allowed]:
    allowed: dict[str, Allowed] = {"ActPt": (2.0, float(POINTS[model]))}
    for number in range(1, POINTS[model] + 1):
        allowed |= {f"Pt{number}.{axes.x}": axes.x_allowed, f"Pt{number}.{axes.y}": axes.y_allowed}
    return allowed


def _curve_factory(model: int, axes: Axes, curve: Curve) -> dict[str, float]:
    unused = [(0.0, 0.0)] * (POINTS[model] - len(curve.points))
    values: dict[str, float] = {"ActPt": len(curve.points)}
    for number, (x, y) in enumerate([*curve.points, *unused], start=1):
        values |= {f"Pt{number}.{axes.x}": 100.0 * x, f"Pt{number}.{axes.y}": 100.0 * y}
    return values


VOLT_VAR_AXES: Final = Axes("V", "Var", VOLT_PERCENT, PERCENT)
VOLT_WATT_AXES: Final = Axes("V", "W", VOLT_PERCENT, (0.0, 100.0))
WATT_VAR_AXES: Final = Axes("W", "Var", PERCENT, PERCENT)


def _read_volt_var(read: Read, enabled: bool, ratings: Ratings) -> VoltVar:
    return VoltVar(
        enabled,
        _var_curve(read, VOLT_VAR_AXES, ratings),
        read("RspTms"),
        read("VRef") / 100.0,
        read("VRefAutoEna") != 0,
        read("VRefAutoTms"),
        Priority(int(read("Pri"))),
    )


def volt_var(own: VoltVar) -> StoredSets[VoltVar]:
    """Model 705."""
    allowed: Mapping[str, Allowed] = {
        "DeptRef": VAR_REFERENCES,
        "Pri": ON_OFF,
        "VRef": (95.0, 105.0),
        "VRefAutoEna": ON_OFF,
        "VRefAutoTms": (1.0, 65_534.0),
        "RspTms": RESPONSE_S,
        **_curve_allowed(705, VOLT_VAR_AXES),
    }
    factory = _curve_factory(705, VOLT_VAR_AXES, own.curve) | {
        "DeptRef": VA_MAX_PCT,
        "Pri": own.priority.value,
        "VRef": 100.0 * own.reference_pu,
        "VRefAuto": 100.0,
        "VRefAutoEna": int(own.automatic),
        "VRefAutoTms": own.automatic_s,
        "RspTms": own.response_s,
    }
    return StoredSets(layout.M705, CURVE_SCALES, allowed, factory, _read_volt_var)


def _read_volt_watt(read: Read, enabled: bool, ratings: Ratings) -> VoltWatt:
    return VoltWatt(enabled, Curve(tuple(_points(read, VOLT_WATT_AXES))), read("RspTms"))


def volt_watt(own: VoltWatt) -> StoredSets[VoltWatt]:
    """Model 706."""
    allowed: Mapping[str, Allowed] = {
        "DeptRef": frozenset({W_MAX_PCT}),
        "RspTms": RESPONSE_S,
        **_curve_allowed(706, VOLT_WATT_AXES),
    }
    factory = _curve_factory(706, VOLT_WATT_AXES, own.curve) | {"DeptRef": W_MAX_PCT, "RspTms": own.response_s}
    return StoredSets(layout.M706, CURVE_SCALES, allowed, factory, _read_volt_watt)


def _read_watt_var(read: Read, enabled: bool, ratings: Ratings) -> WattVar:
    return WattVar(enabled, _var_curve(read, WATT_VAR_AXES, ratings), priority=Priority(int(read("Pri"))))


def watt_var(own: WattVar) -> StoredSets[WattVar]:
    """Model 712, which has no point for the response time. Whatever Pri says, both powers go down the curve together."""
    allowed: Mapping[str, Allowed] = {
        "DeptRef": VAR_REFERENCES,
        "Pri": ON_OFF,
        **_curve_allowed(712, WATT_VAR_AXES),
    }
    factory = _curve_factory(712, WATT_VAR_AXES, own.curve) | {"DeptRef": VA_MAX_PCT, "Pri": own.priority.value}
    return StoredSets(layout.M712, {"W_SF": -2, "DeptRef_SF": -2}, allowed, factory, _read_watt_var)


def _read_droop(read: Read, enabled: bool, ratings: Ratings) -> Droop:
    slopes = read("KOf"), read("KUf")
    return Droop(enabled, read("DbOf"), read("DbUf"), *slopes, read("RspTms"), read("PMin") / 100.0)


def droop(own: Droop) -> StoredSets[Droop]:
    """Model 711."""
    allowed: Mapping[str, Allowed] = {
        "DbOf": (0.0, 5.0),
        "DbUf": (0.0, 5.0),
        "KOf": (0.01, 1.0),
        "KUf": (0.01, 1.0),
        "RspTms": RESPONSE_S,
        "PMin": (0.0, 100.0),
    }
    factory = {
        "DbOf": own.dead_over_hz,
        "DbUf": own.dead_under_hz,
        "KOf": own.slope_over,
        "KUf": own.slope_under,
        "RspTms": own.response_s,
        "PMin": 100.0 * own.least_pu,
    }
    scales = {"Db_SF": -3, "K_SF": -3, "RspTms_SF": -1}
    return StoredSets(layout.M711, scales, allowed, factory, _read_droop)


class TripCurves(NamedTuple):
    """What one of the models 707 to 710 says."""

    must_trip: Limits
    cease: Limits


def _limits(read: Read, curve: str, quantity: str, unit: float) -> Limits:
    return tuple(
        Limit(read(f"{curve}.Pt{number}.{quantity}") * unit, read(f"{curve}.Pt{number}.Tms"))
        for number in range(1, int(read(f"{curve}.ActPt")) + 1)
    )


def _read_trip(quantity: str, unit: float, ceases: bool) -> Callable[[Read, bool, Ratings], TripCurves]:
    def parse(read: Read, enabled: bool, ratings: Ratings) -> TripCurves:
        if not enabled:
            return TripCurves((), ())
        return TripCurves(
            _limits(read, "MustTrip", quantity, unit), _limits(read, "MomCess", quantity, unit) if ceases else ()
        )

    return parse


def _trip(model: Model, quantity: str, must_trip: Limits, cease: Limits | None) -> StoredSets[TripCurves]:
    """`cease` None: this one knows no momentary cessation."""
    unit = 0.01 if quantity == "V" else 1.0
    allowed: dict[str, Allowed] = {}
    factory: dict[str, float] = {}
    curves = {"MustTrip": must_trip} | ({} if cease is None else {"MomCess": cease})
    for curve, limits in curves.items():
        allowed[f"{curve}.ActPt"], factory[f"{curve}.ActPt"] = (0.0, float(POINTS[model.id])), len(limits)
        unused = [Limit(0.0, 0.0)] * (POINTS[model.id] - len(limits))
        for number, limit in enumerate([*limits, *unused], start=1):
            point = f"{curve}.Pt{number}."
            allowed |= {point + quantity: VOLT_PERCENT if quantity == "V" else HERTZ, point + "Tms": RESPONSE_S}
            factory |= {point + quantity: limit.at / unit, point + "Tms": limit.hold_s}
    scales = {f"{quantity}_SF": -2 if quantity == "V" else -3, "Tms_SF": -2}
    return StoredSets(model, scales, allowed, factory, _read_trip(quantity, unit, cease is not None))


class TripSets:
    """Models 707 to 710 together."""

    def __init__(self, own: Trips) -> None:
        self.low_voltage = _trip(layout.M707, "V", own.under_voltage, own.cease_under_voltage)
        self.high_voltage = _trip(layout.M708, "V", own.over_voltage, own.cease_over_voltage)
        self.low_frequency = _trip(layout.M709, "Hz", own.under_frequency, None)
        self.high_frequency = _trip(layout.M710, "Hz", own.over_frequency, None)
        self.all = (self.low_voltage, self.high_voltage, self.low_frequency, self.high_frequency)

    def current(self, ratings: Ratings) -> Trips:
        """What trips and what ceases now."""
        low_v, high_v, low_f, high_f = (each.current(ratings) for each in self.all)
        return Trips(low_v.must_trip, high_v.must_trip, low_f.must_trip, high_f.must_trip, low_v.cease, high_v.cease)
