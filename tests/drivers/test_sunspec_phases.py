"""The inverter models of fewer phases and of floating-point numbers, against the model files of pysunspec2."""

import struct

import pytest

from drivers.sunspec.discovery import discover
from drivers.sunspec.models import INVERTER_THREE_PHASE
from drivers.sunspec.phases import as_103, float_map
from tests.drivers.sunspec_image import Image, points
from tests.drivers.test_sunspec_inverter import C123, COMMON, MEASURING, RATED, SET, inverter

NAMES = {
    "current_a": "A", "current_l1_a": "AphA", "current_l2_a": "AphB", "current_l3_a": "AphC", "voltage_l1_v": "PhVphA",
    "voltage_l2_v": "PhVphB", "voltage_l3_v": "PhVphC", "power_w": "W", "frequency_hz": "Hz", "apparent_power_va": "VA",
    "reactive_power_var": "VAr", "energy_export_wh": "WH", "temperature_c": "TmpCab",
}  # fmt: skip


@pytest.mark.parametrize("model", [101, 102])
def test_fewer_phases_have_every_point_where_103_has_it(model: int) -> None:
    for name, point in INVERTER_THREE_PHASE.points.items():
        offset, official = points(model)[name]
        assert (offset, official["type"], official.get("sf")) == (point.offset, point.kind.value[0], point.scale)


@pytest.mark.parametrize("model", [111, 112, 113])
async def test_every_floating_point_number_is_where_the_model_file_says(model: int) -> None:
    image = Image({1: COMMON, model: {}})
    floats = float_map(await discover(image.bus, 1))
    assert floats is not None
    assert {field.quantity for field in floats.fields} == set(NAMES)
    for field in floats.fields:
        offset, official = points(model)[NAMES[field.quantity]]
        assert field.address == image.places[model] + offset
        assert official["type"] == "float32"


async def test_whole_numbers_go_before_floating_point_ones() -> None:
    chain = await discover(Image({1: COMMON, 113: {}, 101: MEASURING}).bus, 1)
    assert float_map(chain) is None
    assert as_103(chain).places[103] == chain.places[101]


async def test_a_chain_without_an_inverter_stays_as_it_is() -> None:
    chain = await discover(Image({1: COMMON, 120: RATED}).bus, 1)
    assert float_map(chain) is None
    assert as_103(chain) == chain


@pytest.mark.parametrize("model", [101, 102, 103])
async def test_each_number_of_phases_is_read(model: int) -> None:
    """What a device of one phase has not implemented is absent."""
    phases = {101: 1, 102: 2, 103: 3}[model]
    gone = {f"{stem}{letter}" for letter in "ABC"[phases:] for stem in ("Aph", "PhVph")}
    measuring = {name: value for name, value in MEASURING.items() if name not in gone}
    device = inverter(Image({1: COMMON, model: measuring, 120: RATED, 121: SET, 123: C123}))
    assert (await device.probe()).lacks == ("704",)
    values = await device.read()
    assert (values["power_w"], values["voltage_l1_v"], values["current_l1_a"]) == (-9000.0, 230.1, 13.0)
    assert values["voltage_l3_v"] == (230.3 if phases == 3 else None)
    assert values["current_l2_a"] == (13.1 if phases > 1 else None)


@pytest.mark.parametrize("model", [111, 112, 113])
async def test_floating_point_models_are_read(model: int) -> None:
    """0x4366199A is 230.1 in 32 bits; what is not implemented is 0x7FC00000, and any other NaN is absent too."""
    measuring = {"A": 39.5, "AphA": 13.25, "PhVphA": 230.1, "W": 9000.5, "Hz": 50.0, "VA": 9010.0, "VAr": -120.5}
    image = Image({1: COMMON, model: {}, 120: RATED, 121: SET, 123: C123})
    for name, value in (measuring | {"WH": 1234567.0}).items():
        bits = int.from_bytes(struct.pack(">f", value), "big")
        image.bus.fill(image.register(model, name), [bits >> 16, bits & 0xFFFF])
    image.bus.fill(image.register(model, "TmpCab"), [0xFFC0, 0x0001])
    device = inverter(image)
    assert (await device.probe()).lacks == ("704",)
    values = {name: value for name, value in (await device.read()).items() if value is not None}
    assert values == {
        "current_a": 39.5,
        "current_l1_a": 13.25,
        "voltage_l1_v": pytest.approx(230.1),
        "power_w": -9000.5,
        "frequency_hz": 50.0,
        "apparent_power_va": 9010.0,
        "reactive_power_var": 120.5,
        "energy_export_wh": 1234567.0,
    }
