"""A battery behind a SunSpec hybrid inverter: what it measures, by our signs, and how it follows a power by model 124."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sunspec.points import Kind
from drivers.sunspec.storage import MODULES, SunSpecStorage
from protocols.faults import NotApplied, Unsupported
from protocols.ports import Ratings
from tests.drivers.sunspec_image import Image, encoded, points

COMMON = {"Mn": "Fronius", "Md": "Symo GEN24 10.0", "Vr": "1.33", "SN": "F-1"}
C124 = {
    "WChaMax": 1000, "WChaMax_SF": 1, "StorCtl_Mod": 0, "ChaState": 6120, "ChaState_SF": -2, "OutWRte": 10000,
    "InWRte": 10000, "InOutWRte_RvrtTms": 3600, "InOutWRte_SF": -2,
}  # fmt: skip
Models = dict[int, Mapping[str, int | str]]


def image(c124: Mapping[str, int] = C124, modules: int = 4, charge_w: int = 2500, discharge_w: int = 0) -> Image:
    """Models 1, 124 and 160, whose modules the image of one module is repeated for."""
    chain: Models = {1: COMMON, 124: c124, 160: {"N": modules, "DCW_SF": 0, "DCWH_SF": 0}}
    made = Image(chain)
    inner = {name: place for name, place in points(160).items() if name.startswith("module.")}
    start, size = 10, 20
    for module in range(modules):
        known = {"module.DCW": (100, 200, charge_w, discharge_w)[module], "module.DCWH": 70_000 + module}
        for name, (offset, point) in inner.items():
            place = made.places[160] + offset + size * module
            made.bus.fill(place, encoded(point, known.get(name)))
    end = made.places[160] + start + size * modules
    made.bus.fill(made.places[160] + 1, [start + size * modules - 2])
    made.bus.fill(end, [0xFFFF, 0])
    return made


def battery(made: Image, fallback_w: float | None = None) -> SunSpecStorage:
    return SunSpecStorage(made.bus, 1, fallback_power_w=fallback_w)


@pytest.mark.parametrize(("charge_w", "discharge_w", "power_w"), [(2500, 0, 2500.0), (0, 1800, -1800.0)])
async def test_what_it_measures(charge_w: int, discharge_w: int, power_w: float) -> None:
    assert await battery(image(charge_w=charge_w, discharge_w=discharge_w)).read() == {
        "power_w": power_w,
        "energy_import_wh": 70_002.0,
        "energy_export_wh": 70_003.0,
        "soc_percent": 61.2,
    }


def test_the_modules_are_where_the_model_file_says() -> None:
    known = points(160)
    for name, place in {"charge": 2, "discharge": 3}.items():
        for point in ("DCW", "DCWH"):
            offset, official = known[f"module.{point}"]
            ours = MODULES.points[f"{name}.{point}"]
            assert (ours.offset, ours.kind.value[0], ours.scale) == (
                offset + 20 * place,
                official["type"],
                official["sf"],
            )
    for name in ("DCW_SF", "DCWH_SF", "N"):
        assert MODULES.points[name].offset == known[name][0]
    assert known["N"][1]["type"] == "count"
    assert MODULES.points["N"].kind is Kind.UINT16


async def test_the_nameplate() -> None:
    plate = await battery(image()).probe()
    assert (plate.maker, plate.serial) == ("Fronius", "F-1")
    assert plate.ratings == Ratings(10_000.0, 10_000.0, reverts_by_itself=True)
    assert plate.lacks == ()


@pytest.mark.parametrize(
    ("made", "fallback_w", "lack", "reverts"),
    [
        (image(modules=2), None, "power_w (160 with 4 modules)", True),
        (image(), 0.0, "reversion value", False),
        (
            image({name: value for name, value in C124.items() if "Rvrt" not in name}),
            None,
            "124.InOutWRte_RvrtTms",
            False,
        ),
    ],
)
async def test_what_is_missing_is_found_by_probing(
    made: Image, fallback_w: float | None, lack: str, reverts: bool
) -> None:
    plate = await battery(made, fallback_w).probe()
    assert plate.lacks == (lack,)
    assert plate.ratings == Ratings(10_000.0, 10_000.0, reverts_by_itself=reverts)


@pytest.mark.parametrize("gone", ["WChaMax", "InWRte", "OutWRte", "StorCtl_Mod"])
async def test_without_rates_it_follows_nothing(gone: str) -> None:
    made = image({name: value for name, value in C124.items() if name != gone})
    device = battery(made)
    plate = await device.probe()
    assert plate.ratings is None
    assert "124.WChaMax and rates" in plate.lacks
    with pytest.raises(Unsupported, match="lacks 124 WChaMax or its rates"):
        await device.follow(1000.0, 60.0)
    assert made.bus.writes == []


@pytest.mark.parametrize(("power_w", "out", "into"), [(2500.9, -2500, 2500), (-2500.9, 2500, -2500), (0.0, 0, 0)])
async def test_both_rates_are_the_power_and_the_timer_comes_first(power_w: float, out: int, into: int) -> None:
    made = image()
    await battery(made).follow(power_w, 45.9)
    assert made.written() == [(124, "InOutWRte_RvrtTms"), (124, "OutWRte"), (124, "StorCtl_Mod")]
    assert (made.raw(124, "OutWRte"), made.raw(124, "InWRte")) == (out, into)
    assert (made.raw(124, "InOutWRte_RvrtTms"), made.raw(124, "StorCtl_Mod")) == (45, 3)


async def test_back_to_its_own_mode() -> None:
    made = image()
    device = battery(made)
    await device.follow(1000.0, 60.0)
    made.bus.writes.clear()
    await device.follow(None, 60.0)
    assert made.written() == [(124, "StorCtl_Mod")]
    assert made.raw(124, "StorCtl_Mod") == 0


@pytest.mark.parametrize("name", ["InOutWRte_RvrtTms", "OutWRte", "InWRte", "StorCtl_Mod"])
async def test_a_register_that_keeps_something_else_is_named(name: str) -> None:
    made = image()
    stuck = made.register(124, name)
    made.bus.on_write = lambda address, words: {stuck: 7}
    with pytest.raises(NotApplied, match=f"model 124 {name}: wrote "):
        await battery(made).follow(1000.0, 60.0)


@pytest.mark.parametrize(
    ("power_w", "valid_s"), [(float("nan"), 60.0), (float("inf"), 60.0), (1.0, float("nan")), (1.0, 0.0)]
)
async def test_an_impossible_power_reaches_no_register(power_w: float, valid_s: float) -> None:
    made = image()
    with pytest.raises(ValueError, match="allowed is"):
        await battery(made).follow(power_w, valid_s)
    assert made.bus.writes == []


@given(st.floats(-20_000, 20_000), st.integers(-2, 0))
async def test_never_more_power_than_asked_for_or_than_the_rating(power_w: float, exponent: int) -> None:
    made = image(C124 | {"InOutWRte_SF": exponent})
    await battery(made).follow(power_w, 60.0)
    told_w = made.raw(124, "InWRte") * 10.0**exponent * 100.0
    assert abs(told_w) <= min(10_000.0, abs(power_w)) + 1e-6
    assert told_w == 0 or (told_w > 0) == (power_w > 0)
    assert made.raw(124, "OutWRte") == -made.raw(124, "InWRte")
