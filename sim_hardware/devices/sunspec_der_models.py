"""The SunSpec models of the grid functions, 703 and 705 to 712, with so many curves and points as our inverter stores.

Source: SunSpec model definitions (Apache-2.0), files model_703, 705 to 712 .json as shipped in pysunspec2 1.3.7;
        tests/sim_hardware/test_sunspec_der_models.py compares offset, type, width, scale, access and symbols.
Names:  a point inside groups leads with their names and numbers, from 1: `Crv2.Pt1.V`, `Crv1.MustTrip.Pt3.Tms`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sim_hardware.devices.sunspec import ENUM16, INT16, SUNSSF, UINT16, UINT32, Kind, Model, Point

# The first set shows the current settings and is read-only (model_706.json: "Stored curve sets - …"); ours is followed by
# one that may be written and one from the factory, to fall back to.
ACTIVE, FREE, FACTORY = 1, 2, 3
SETS: Final = 3
POINTS: Final = {705: 4, 706: 4, 707: 5, 708: 5, 709: 5, 710: 5, 712: 6}
TRIP_CURVES: Final = ("MustTrip", "MayTrip", "MomCess")


def _points(kind: Kind, scale: str | None, names: str, writable: bool = True) -> list[Point]:
    return [Point(name, kind, scale, writable, size=kind.words) for name in names.split()]


def _enum(name: str, symbols: Sequence[int], writable: bool = True) -> Point:
    return Point(name, ENUM16, None, writable, tuple(symbols))


def _within(group: str, points: Sequence[Point]) -> list[Point]:
    return [Point(f"{group}.{p.name}", p.kind, p.scale, p.writable, p.symbols, p.size) for p in points]


def _numbered(group: str, count: int, points: Sequence[Point]) -> Iterator[Point]:
    for number in range(1, count + 1):
        yield from _within(f"{group}{number}", points)


def _adoption(word: str, counts: str) -> list[Point]:
    """The head of every model with stored sets: enable, request and result of adopting one, and how many there are."""
    return [
        _enum("Ena", (0, 1)),
        *_points(UINT16, None, f"Adpt{word}Req"),
        _enum(f"Adpt{word}Rslt", (0, 1, 2), writable=False),
        *_points(UINT16, None, counts, writable=False),
    ]


def _reversion(word: str) -> list[Point]:
    return [
        *_points(UINT32, None, "RvrtTms"),
        *_points(UINT32, None, "RvrtRem", writable=False),
        *_points(UINT16, None, f"Rvrt{word}"),
    ]


def _scales(names: str) -> list[Point]:
    return _points(SUNSSF, None, names, writable=False)


READ_ONLY: Final = _enum("ReadOnly", (0, 1), writable=False)

M703 = Model(
    703,
    (
        _enum("ES", (0, 1)),
        *_points(UINT16, "V_SF", "ESVHi ESVLo"),
        *_points(UINT32, "Hz_SF", "ESHzHi ESHzLo"),
        *_points(UINT32, None, "ESDlyTms ESRndTms ESRmpTms"),
        *_points(UINT32, None, "ESDlyRemTms", writable=False),
        *_scales("V_SF Hz_SF"),
    ),
)

_CURVE_705 = (
    *_points(UINT16, None, "ActPt"),
    _enum("DeptRef", range(4)),
    _enum("Pri", range(3)),
    *_points(UINT16, "V_SF", "VRef"),
    *_points(UINT16, "V_SF", "VRefAuto", writable=False),
    _enum("VRefAutoEna", (0, 1)),
    *_points(UINT16, None, "VRefAutoTms"),
    *_points(UINT32, "RspTms_SF", "RspTms"),
    READ_ONLY,
    *_numbered("Pt", POINTS[705], [*_points(UINT16, "V_SF", "V"), *_points(INT16, "DeptRef_SF", "Var")]),
)

M705 = Model(
    705,
    (
        *_adoption("Crv", "NPt NCrv"),
        *_reversion("Crv"),
        *_scales("V_SF DeptRef_SF RspTms_SF"),
        *_numbered("Crv", SETS, _CURVE_705),
    ),
)

_CURVE_706 = (
    *_points(UINT16, None, "ActPt"),
    _enum("DeptRef", range(2)),
    *_points(UINT32, "RspTms_SF", "RspTms"),
    READ_ONLY,
    *_numbered("Pt", POINTS[706], [*_points(UINT16, "V_SF", "V"), *_points(INT16, "DeptRef_SF", "W")]),
)

M706 = Model(
    706,
    (
        *_adoption("Crv", "NPt NCrv"),
        *_reversion("Crv"),
        *_scales("V_SF DeptRef_SF RspTms_SF"),
        *_numbered("Crv", SETS, _CURVE_706),
    ),
)


def _trip(model: int, quantity: str, kind: Kind) -> Model:
    scale = f"{quantity}_SF"
    points = [*_points(kind, scale, quantity), *_points(UINT32, "Tms_SF", "Tms")]
    curve = [*_points(UINT16, None, "ActPt"), *_numbered("Pt", POINTS[model], points)]
    curves = [point for name in TRIP_CURVES for point in _within(name, curve)]
    head = [*_adoption("Crv", "NPt NCrvSet"), *_scales(f"{scale} Tms_SF")]
    return Model(model, (*head, *_numbered("Crv", SETS, [READ_ONLY, *curves])))


M707 = _trip(707, "V", UINT16)
M708 = _trip(708, "V", UINT16)
M709 = _trip(709, "Hz", UINT32)
M710 = _trip(710, "Hz", UINT32)

_CONTROL_711 = (
    *_points(UINT32, "Db_SF", "DbOf DbUf"),
    *_points(UINT16, "K_SF", "KOf KUf"),
    *_points(UINT32, "RspTms_SF", "RspTms"),
    *_points(INT16, None, "PMin"),
    READ_ONLY,
)

M711 = Model(
    711,
    (
        *_adoption("Ctl", "NCtl"),
        *_reversion("Ctl"),
        *_scales("Db_SF K_SF RspTms_SF"),
        *_numbered("Ctl", SETS, _CONTROL_711),
    ),
)

_CURVE_712 = (
    *_points(UINT16, None, "ActPt"),
    _enum("DeptRef", range(4)),
    _enum("Pri", range(2)),
    READ_ONLY,
    *_numbered("Pt", POINTS[712], [*_points(INT16, "W_SF", "W"), *_points(INT16, "DeptRef_SF", "Var")]),
)

M712 = Model(
    712,
    (
        *_adoption("Crv", "NPt NCrv"),
        *_reversion("Crv"),
        *_scales("W_SF DeptRef_SF"),
        *_numbered("Crv", SETS, _CURVE_712),
    ),
)
