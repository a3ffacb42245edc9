"""The SunSpec battery: what it measures, by our signs, and how it follows a power under a lease."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sunspec.battery import SunSpecBattery
from protocols.faults import NotApplied, Unsupported
from protocols.ports import Ratings
from tests.drivers.sunspec_image import Image

COMMON = {"Mn": "Volta", "Md": "Cellar 10", "Vr": "3", "SN": "B-1"}
MEASURING = {
    "W": 2500, "VA": 2600, "Var": -100, "PF": 96, "A": 36, "Hz": 49980, "TotWhInj": 2**40 + 5, "TotWhAbs": 9,
    "TmpCab": 25, "WL1": 900, "AL1": 12, "VL1": 2301, "WL2": 800, "AL2": 12, "VL2": 2302, "WL3": 800, "AL3": 12,
    "VL3": 2303, "A_SF": 0, "V_SF": -1, "Hz_SF": -3, "W_SF": 0, "PF_SF": -2, "VA_SF": 0, "Var_SF": 0, "TotWh_SF": 0,
    "Tmp_SF": 0,
}  # fmt: skip
RATED = {"WMaxRtg": 500, "WChaRteMaxRtg": 400, "WDisChaRteMaxRtg": 450, "W_SF": 1}
C704 = {
    "WSetEna": 0, "WSetMod": 0, "WSet": 0, "WSetRvrt": 0, "WSetEnaRvrt": 0, "WSetRvrtTms": 0, "WSetRvrtRem": 600,
    "WSet_SF": 0,
}  # fmt: skip
STORED = {"WHRtg": 1024, "WHAvail": 512, "SoC": 500, "SoH": 990, "WH_SF": 1, "Pct_SF": -1}
FULL: dict[int, Mapping[str, int | str]] = {1: COMMON, 701: MEASURING, 702: RATED, 704: C704, 713: STORED}


def battery(image: Image, fallback_w: float | None = 0.0) -> SunSpecBattery:
    return SunSpecBattery(image.bus, 1, fallback_power_w=fallback_w)


async def test_what_it_measures_in_one_transaction_per_model() -> None:
    image = Image(FULL)
    device = battery(image)
    await device.probe()
    image.bus.reads.clear()
    assert await device.read() == {
        "voltage_l1_v": 230.1,
        "voltage_l2_v": 230.2,
        "voltage_l3_v": 230.3,
        "current_l1_a": 12.0,
        "current_l2_a": 12.0,
        "current_l3_a": 12.0,
        "current_a": 36.0,
        "power_w": -2500.0,  # discharging
        "power_l1_w": -900.0,
        "power_l2_w": -800.0,
        "power_l3_w": -800.0,
        "apparent_power_va": 2600.0,
        "reactive_power_var": 100.0,
        "power_factor_ratio": -0.96,
        "frequency_hz": 49.98,
        "energy_export_wh": float(2**40 + 5),
        "energy_import_wh": 9.0,
        "temperature_c": 25.0,
        "soc_percent": 50.0,
        "soh_percent": 99.0,
        "available_energy_wh": 5120.0,
    }
    assert len(image.bus.reads) == 2


async def test_the_nameplate() -> None:
    plate = await battery(Image(FULL)).probe()
    assert (plate.maker, plate.model, plate.serial) == ("Volta", "Cellar 10", "B-1")
    assert plate.ratings == Ratings(4000.0, 4500.0, 10240.0, reverts_by_itself=True)
    assert plate.lacks == ()


async def test_a_rating_of_the_whole_device_stands_in_for_missing_ones() -> None:
    plate = await battery(Image({**FULL, 702: {"WMaxRtg": 500, "W_SF": 1}})).probe()
    assert plate.ratings == Ratings(5000.0, 5000.0, 10240.0, reverts_by_itself=True)


@pytest.mark.parametrize(
    ("models", "lacks"),
    [
        ({1: COMMON, 701: MEASURING, 702: RATED, 713: STORED}, ("704",)),
        ({1: COMMON, 701: MEASURING, 702: RATED, 704: C704}, ("713",)),
        ({1: COMMON, 701: MEASURING, 704: C704, 713: STORED}, ("702",)),
        (
            {**FULL, 704: {name: value for name, value in C704.items() if "Rvrt" not in name}},
            ("704.WSetRvrtTms", "704.WSetRvrt", "704.WSetEnaRvrt"),
        ),
    ],
)
async def test_what_is_missing_is_found_by_probing(
    models: Mapping[int, Mapping[str, int | str]], lacks: tuple[str, ...]
) -> None:
    plate = await battery(Image(models)).probe()
    assert plate.lacks == lacks
    assert plate.ratings is None or plate.ratings.reverts_by_itself is (lacks == ("713",))


async def test_a_battery_without_setpoint_follows_nothing() -> None:
    device = battery(Image({1: COMMON, 701: MEASURING, 704: {"WMaxLimPctEna": 0}}))
    with pytest.raises(Unsupported, match="follows no power, it lacks 704 WSet"):
        await device.follow(1000.0, 60.0)


async def test_charging_is_negative_in_the_device_and_under_a_lease() -> None:
    image = Image(FULL)
    await battery(image).follow(1500.9, 30.0)
    assert image.written() == [
        (704, "WSetRvrt"), (704, "WSetEnaRvrt"), (704, "WSetMod"), (704, "WSetEna"),
    ]  # fmt: skip
    assert [words for _, words in image.bus.writes] == [
        (0, 0), (1, 0, 30), (1, 0xFFFF, 0x10000 - 1500), (1,),
    ]  # fmt: skip
    assert image.raw(704, "WSet") == -1500


async def test_discharging_and_falling_back_to_charging() -> None:
    image = Image(FULL)
    await battery(image, 800.0).follow(-1500.9, 30.0)
    assert (image.raw(704, "WSet"), image.raw(704, "WSetRvrt"), image.raw(704, "WSetEnaRvrt")) == (1500, -800, 1)


async def test_idle_is_a_power() -> None:
    image = Image(FULL)
    await battery(image).follow(0.0, 30.0)
    assert (image.raw(704, "WSet"), image.raw(704, "WSetEna")) == (0, 1)


async def test_falling_back_to_its_own_mode() -> None:
    image = Image(FULL)
    await battery(image, None).follow(1000.0, 30.0)
    assert image.raw(704, "WSetEnaRvrt") == 0
    assert (704, "WSetRvrt") not in image.written()


async def test_back_to_its_own_mode_stops_the_timer_so_that_no_fallback_comes_later() -> None:
    image = Image(FULL)
    device = battery(image)
    await device.follow(1000.0, 30.0)
    image.bus.writes.clear()
    await device.follow(None, 30.0)
    assert image.written() == [(704, "WSetEna"), (704, "WSetRvrtTms")]
    assert (image.raw(704, "WSetEna"), image.raw(704, "WSetRvrtTms")) == (0, 0)


@given(st.floats(-20_000, 20_000), st.integers(-2, 2))
async def test_never_more_power_than_asked_for_and_at_most_one_step_less(power_w: float, exponent: int) -> None:
    image = Image({**FULL, 704: C704 | {"WSet_SF": exponent}})
    await battery(image).follow(power_w, 30.0)
    set_w = image.raw(704, "WSet") * 10.0**exponent
    assert abs(set_w) <= abs(power_w) + 1e-6
    assert abs(set_w + power_w) < 10.0**exponent + 1e-6
    assert set_w == 0 or (set_w < 0) == (power_w > 0)


@pytest.mark.parametrize("name", ["WSetRvrt", "WSetEnaRvrt", "WSetRvrtTms", "WSetMod", "WSet", "WSetEna"])
async def test_a_register_that_keeps_something_else_is_named(name: str) -> None:
    image = Image(FULL)
    stuck = image.register(704, name)
    image.bus.on_write = lambda address, words: {stuck: 7}
    with pytest.raises(NotApplied, match=f"model 704 {name}: wrote "):
        await battery(image).follow(1000.0, 30.0)


@pytest.mark.parametrize("power_w", [float("nan"), float("inf"), float("-inf")])
async def test_an_impossible_power_reaches_no_register(power_w: float) -> None:
    image = Image(FULL)
    with pytest.raises(ValueError, match="allowed is any finite number"):
        await battery(image).follow(power_w, 30.0)
    assert image.bus.writes == []


async def test_without_a_scale_factor_nothing_is_set() -> None:
    image = Image({**FULL, 704: {name: value for name, value in C704.items() if name != "WSet_SF"}})
    with pytest.raises(Unsupported, match="WSetRvrt has no scale factor"):
        await battery(image).follow(1000.0, 30.0)
    assert image.bus.writes == []
