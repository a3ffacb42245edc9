"""The SunSpec inverter: what it measures, by our signs, and how its production is limited under a lease."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sunspec.inverter import SunSpecInverter
from protocols.faults import NotApplied, Unsupported
from protocols.ports import Ratings, Table
from tests.drivers.sunspec_image import Image

COMMON = {"Mn": "Sunny", "Md": "Roof 10", "Vr": "1.2", "SN": "S-4711"}
MEASURING: dict[str, int | str] = {
    "A": 391, "AphA": 130, "AphB": 131, "AphC": 132, "A_SF": -1,
    "PhVphA": 2301, "PhVphB": 2302, "PhVphC": 2303, "V_SF": -1,
    "W": 900, "W_SF": 1, "Hz": 5003, "Hz_SF": -2, "VA": 901, "VA_SF": 1, "VAr": -12, "VAr_SF": 1,
    "WH": 1234567, "WH_SF": 0, "TmpCab": 415, "Tmp_SF": -1,
}  # fmt: skip
RATED = {"WRtg": 1200, "WRtg_SF": 1}
SET = {"WMax": 1000, "WMax_SF": 1}
C123 = {"WMaxLimPct": 1000, "WMaxLimPct_RvrtTms": 0, "WMaxLim_Ena": 0, "WMaxLimPct_SF": -1}
C704 = {
    "WMaxLimPctEna": 0, "WMaxLimPct": 10000, "WMaxLimPctRvrt": 10000, "WMaxLimPctEnaRvrt": 0,
    "WMaxLimPctRvrtTms": 0, "WMaxLimPctRvrtRem": 0, "WMaxLimPct_SF": -2,
}  # fmt: skip
FULL: dict[int, Mapping[str, int | str]] = {1: COMMON, 103: MEASURING, 120: RATED, 121: SET, 123: C123, 704: C704}
OLD = {number: values for number, values in FULL.items() if number != 704}


def counting(image: Image, model: int = 704) -> Image:
    """The device starts its timer when the time is written, and shows what remains."""
    if model == 704:
        time, left = (image.register(704, name) for name in ("WMaxLimPctRvrtTms", "WMaxLimPctRvrtRem"))

        def on_write(address: int, words: tuple[int, ...]) -> dict[int, int]:
            at = time - address
            return {left: words[at], left + 1: words[at + 1]} if 0 <= at < len(words) else {}

        image.bus.on_write = on_write
    return image


def inverter(image: Image, fallback_w: float | None = None) -> SunSpecInverter:
    return SunSpecInverter(image.bus, 1, fallback_produce_max_w=fallback_w)


async def test_what_it_measures_in_one_transaction() -> None:
    image = Image(FULL)
    device = inverter(image)
    await device.probe()
    image.bus.reads.clear()
    assert await device.read() == {
        "voltage_l1_v": 230.1,
        "voltage_l2_v": 230.2,
        "voltage_l3_v": 230.3,
        "current_l1_a": 13.0,
        "current_l2_a": 13.1,
        "current_l3_a": 13.2,
        "current_a": 39.1,
        "power_w": -9000.0,
        "apparent_power_va": 9010.0,
        "reactive_power_var": 120.0,
        "frequency_hz": 50.03,
        "energy_export_wh": 1234567.0,
        "temperature_c": 41.5,
    }
    assert len(image.bus.reads) == 1


async def test_what_is_not_implemented_is_none_and_zero_is_zero() -> None:
    image = Image({**FULL, 103: {"W": 0, "W_SF": 1, "Hz": 5000}})
    values = await inverter(image).read()
    assert values["power_w"] == 0.0
    assert str(values["power_w"]) == "0.0"
    assert {name for name, value in values.items() if value is not None} == {"power_w"}


async def test_a_scale_factor_that_changes_at_run_time_is_followed() -> None:
    image = Image(FULL)
    device = inverter(image)
    assert (await device.read())["power_w"] == -9000.0
    image.put(103, W=9001, W_SF=0)
    assert (await device.read())["power_w"] == -9001.0


async def test_the_nameplate() -> None:
    plate = await inverter(Image(FULL), 3000.0).probe()
    assert (plate.maker, plate.model, plate.serial, plate.firmware) == ("Sunny", "Roof 10", "S-4711", "1.2")
    assert plate.ratings == Ratings(0.0, 10000.0, None, reverts_by_itself=True)
    assert plate.lacks == ()


@pytest.mark.parametrize(
    ("models", "fallback_w", "lacks", "reverts"),
    [
        (OLD, None, ("704",), True),
        (OLD, 3000.0, ("704", "123.reversion value"), False),
        ({**OLD, 123: C123 | {"WMaxLimPct_RvrtTms": 0xFFFF}}, None, ("704", "123.WMaxLimPct_RvrtTms"), False),
        ({**FULL, 704: {"WMaxLimPct": 1000, "WMaxLimPct_SF": -1}}, None, (), True),  # 704 in name only: 123 serves
        (
            {number: values for number, values in FULL.items() if number not in (123, 704)},
            None,
            ("123", "704"),
            False,
        ),
        (
            {**FULL, 704: {n: v for n, v in C704.items() if n not in ("WMaxLimPctRvrt", "WMaxLimPctRvrtTms")}},
            0.0,
            ("704.WMaxLimPctRvrtTms", "704.WMaxLimPctRvrt"),
            False,
        ),
    ],
)
async def test_what_is_missing_is_found_by_probing(
    models: Mapping[int, Mapping[str, int | str]], fallback_w: float | None, lacks: tuple[str, ...], reverts: bool
) -> None:
    plate = await inverter(Image(models), fallback_w).probe()
    assert plate.lacks == lacks
    assert plate.ratings is not None
    assert plate.ratings.reverts_by_itself is reverts


async def test_without_123_and_704_a_limit_is_unsupported() -> None:
    device = inverter(Image({number: values for number, values in FULL.items() if number not in (123, 704)}))
    with pytest.raises(Unsupported, match="can not be limited, the inverter lacks 704 and 123"):
        await device.limit(1000.0, 60.0)


async def test_without_a_rating_a_limit_is_unsupported() -> None:
    device = inverter(Image({1: COMMON, 103: MEASURING, 123: C123}))
    assert (await device.probe()).ratings is None
    with pytest.raises(Unsupported, match="lacks WMax"):
        await device.limit(1000.0, 60.0)


async def test_a_limit_by_704_programs_the_reversion_first_then_value_then_enable() -> None:
    image = counting(Image(FULL))
    await inverter(image, 3000.0).limit(4321.0, 60.9)
    assert image.written() == [(704, "WMaxLimPctRvrt"), (704, "WMaxLimPct"), (704, "WMaxLimPctEna")]
    assert image.bus.writes[0][1] == (3000, 1, 0, 60)  # 30.00 %, enabled, 60 s: adjacent, so in one request
    assert image.raw(704, "WMaxLimPct") == 4321
    assert image.raw(704, "WMaxLimPctEna") == 1


async def test_a_limit_by_704_that_falls_back_to_unlimited() -> None:
    image = counting(Image(FULL))
    await inverter(image).limit(4321.0, 60.0)
    assert image.written() == [(704, "WMaxLimPctEnaRvrt"), (704, "WMaxLimPct"), (704, "WMaxLimPctEna")]
    assert image.bus.writes[0][1] == (0, 0, 60)


async def test_a_limit_by_123() -> None:
    image = Image(OLD)
    await inverter(image).limit(4321.0, 60.0)
    assert image.written() == [(123, "WMaxLimPct_RvrtTms"), (123, "WMaxLimPct"), (123, "WMaxLim_Ena")]
    assert [words for _, words in image.bus.writes] == [(60,), (432,), (1,)]


async def test_a_device_without_a_timer_is_limited_all_the_same() -> None:
    image = Image({**OLD, 123: C123 | {"WMaxLimPct_RvrtTms": 0xFFFF}})
    await inverter(image).limit(5000.0, 60.0)
    assert image.written() == [(123, "WMaxLimPct"), (123, "WMaxLim_Ena")]


async def test_a_renewal_writes_everything_again() -> None:
    image = counting(Image(FULL))
    device = inverter(image)
    await device.limit(5000.0, 60.0)
    image.put(704, WMaxLimPctRvrtRem=31)
    image.bus.writes.clear()
    await device.limit(5000.0, 60.0)
    assert len(image.bus.writes) == 3
    assert image.raw(704, "WMaxLimPctRvrtRem") == 60


async def test_a_timer_that_does_not_start_anew_is_not_applied() -> None:
    image = counting(Image(FULL))
    device = inverter(image)
    await device.limit(5000.0, 60.0)
    image.bus.on_write = None
    image.put(704, WMaxLimPctRvrtRem=31)
    with pytest.raises(
        NotApplied, match="704 WMaxLimPctRvrtRem: the timer was not started anew, wrote 60 s, 31 s remain"
    ):
        await device.limit(5000.0, 60.0)


@pytest.mark.parametrize(
    "name", ["WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms", "WMaxLimPct", "WMaxLimPctEna"]
)
async def test_a_register_that_keeps_something_else_is_named(name: str) -> None:
    image = Image(FULL)
    stuck = image.register(704, name) + (1 if name.endswith("Tms") else 0)
    image.bus.on_write = lambda address, words: {stuck: 7}
    with pytest.raises(NotApplied, match=f"model 704 {name}: wrote .*, reads 7"):
        await inverter(image, 3000.0).limit(5000.0, 60.0)


async def test_zero_is_a_limit() -> None:
    image = counting(Image(FULL))
    await inverter(image).limit(0.0, 60.0)
    assert (image.raw(704, "WMaxLimPct"), image.raw(704, "WMaxLimPctEna")) == (0, 1)


@given(st.floats(0.0, 20_000.0), st.sampled_from([0, -1, -2]), st.integers(1, 2000))
async def test_no_more_is_produced_than_was_allowed_and_at_most_one_step_less(
    allowed_w: float, exponent: int, wmax: int
) -> None:
    control = C123 | {"WMaxLimPct": 100 * 10**-exponent, "WMaxLimPct_SF": exponent}
    image = Image({**OLD, 121: {"WMax": wmax, "WMax_SF": 1}, 123: control})
    await inverter(image).limit(allowed_w, 60.0)
    percent = image.raw(123, "WMaxLimPct") * 10.0**exponent
    wmax_w = 10.0 * wmax
    assert percent / 100 * wmax_w <= allowed_w + 1e-6 * wmax_w
    assert percent + 10.0**exponent > min(100.0, 100 * allowed_w / wmax_w) - 1e-6


@pytest.mark.parametrize(("valid_s", "written"), [(0.4, 1), (1.9, 1), (59.999, 59), (1e9, 0xFFFE)])
async def test_a_lease_is_never_longer_than_asked_and_never_without_end(valid_s: float, written: int) -> None:
    image = Image(OLD)
    await inverter(image).limit(5000.0, valid_s)
    assert image.raw(123, "WMaxLimPct_RvrtTms") == written


async def test_lifting_disables_the_limit_and_then_stops_the_timer() -> None:
    image = counting(Image(FULL))
    device = inverter(image)
    await device.limit(5000.0, 60.0)
    image.bus.writes.clear()
    await device.limit(None, 60.0)
    assert image.written() == [(704, "WMaxLimPctEna"), (704, "WMaxLimPctRvrtTms")]
    assert (image.raw(704, "WMaxLimPctEna"), image.raw(704, "WMaxLimPctRvrtTms")) == (0, 0)


async def test_lifting_with_a_fallback_is_a_lease_of_everything() -> None:
    image = counting(Image(FULL))
    await inverter(image, 3000.0).limit(None, 60.0)
    assert (image.raw(704, "WMaxLimPct"), image.raw(704, "WMaxLimPctEna")) == (10000, 1)
    assert (image.raw(704, "WMaxLimPctRvrt"), image.raw(704, "WMaxLimPctRvrtTms")) == (3000, 60)


@pytest.mark.parametrize("power_w", [-1.0, float("nan"), float("inf")])
async def test_an_impossible_limit_reaches_no_register(power_w: float) -> None:
    image = Image(FULL)
    with pytest.raises(ValueError, match="allowed is 0 and more"):
        await inverter(image).limit(power_w, 60.0)
    with pytest.raises(ValueError, match="allowed is 0 and more"):
        inverter(image, power_w)
    assert image.bus.writes == []


@pytest.mark.parametrize("valid_s", [0.0, -1.0, float("nan"), float("inf")])
async def test_an_impossible_lease_reaches_no_register(valid_s: float) -> None:
    image = Image(FULL)
    with pytest.raises(ValueError, match=r"a lease of .* s; allowed is more than 0"):
        await inverter(image).limit(1000.0, valid_s)
    assert image.bus.writes == []


async def test_the_percentage_refers_to_what_the_control_s_generation_of_models_says() -> None:
    both = {**FULL, 702: {"WMax": 800, "WMaxRtg": 900, "W_SF": 1}}
    image = counting(Image(both))
    await inverter(image).limit(4000.0, 60.0)
    assert image.raw(704, "WMaxLimPct") == 5000
    old = {number: values for number, values in both.items() if number != 704}
    image = Image(old)
    await inverter(image).limit(4000.0, 60.0)
    assert image.raw(123, "WMaxLimPct") == 400


async def test_an_inverter_of_the_new_models_alone_is_read_by_701() -> None:
    image = Image({1: COMMON, 701: {"W": 9000, "W_SF": 0, "TotWhAbs": 7, "TotWh_SF": 0}, 702: {}, 704: C704})
    values = await inverter(image).read()
    assert (values["power_w"], values["energy_import_wh"]) == (-9000.0, 7.0)


async def test_probing_again_finds_a_device_that_moved() -> None:
    image = Image(FULL)
    device = inverter(image)
    await device.probe()
    moved = Image(FULL, base=0)
    image.bus.tables[Table.HOLDING] = moved.bus.tables[Table.HOLDING]
    await device.probe()
    assert (await device.read())["power_w"] == -9000.0
