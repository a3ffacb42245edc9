"""The SunSpec registers of the meter, read with the published model files by pysunspec2."""

import math
import struct
from typing import Any

import pytest
import sunspec2.device as sunspec_device

from protocols.sunspec_meter import Identity, sunspec_words

VALUES: dict[str, float | None] = {
    "current_a": 31.25,
    "current_l1_a": 10.0,
    "current_l2_a": 10.25,
    "current_l3_a": 11.0,
    "voltage_l1_v": 230.1,
    "voltage_l2_v": 229.9,
    "voltage_l3_v": 231.5,
    "frequency_hz": 49.98,
    "power_w": -6900.0,
    "power_l1_w": -2300.0,
    "power_l2_w": -2200.0,
    "power_l3_w": -2400.0,
    "apparent_power_va": 7000.0,
    "reactive_power_var": 120.0,
    "power_factor_ratio": -0.98,
    "energy_import_wh": 4_294_967_301.0,
    "energy_export_wh": 1234.9,
    "energy_reactive_q1_varh": 11.0,
    "energy_reactive_q4_varh": 44.0,
}
IDENTITY = Identity("Busbar", "meter", "1.2", "BB-7")


def models(values: dict[str, float | None] = VALUES) -> dict[int, Any]:
    """The models in the registers, decoded by pysunspec2 from its own files."""
    words = sunspec_words(IDENTITY, values, 9)
    assert words[:2] == [0x5375, 0x6E53]
    found, place = {}, 2
    while words[place] != 0xFFFF:
        model, length = words[place], words[place + 1]
        data = struct.pack(f">{length + 2}H", *words[place : place + 2 + length])
        found[model] = sunspec_device.Model(model_id=model, data=data, model_len=length)
        place += 2 + length
    assert words[place:] == [0xFFFF, 0]
    return found


def test_every_model_has_the_length_of_its_file() -> None:
    lengths = {number: model.L.value for number, model in models().items()}
    assert lengths == {1: 66, 203: 105, 213: 124}


def test_the_common_model_says_who_it_is() -> None:
    common = models()[1]
    told = (common.Mn.value, common.Md.value, common.Vr.value, common.SN.value, common.DA.value)
    assert told == ("Busbar", "meter", "1.2", "BB-7", 9)


def test_integers_mean_what_was_measured() -> None:
    found = models()[203]
    for point, value in (
        ("A", 31.25),
        ("AphB", 10.25),
        ("PhV", 230.5),
        ("PhVphC", 231.5),
        ("Hz", 49.98),
        ("W", -6900.0),
        ("WphB", -2200.0),
        ("VA", 7000.0),
        ("VAR", 120.0),
        ("PF", -98.0),
        ("TotWhImp", 5),  # 2**32 + 5: it has rolled over
        ("TotWhExp", 1234),
        ("TotVArhImpQ1", 11),
        ("TotVArhExpQ4", 44),
    ):
        assert getattr(found, point).cvalue == pytest.approx(value), point


def test_floats_mean_what_was_measured() -> None:
    found = models()[213]
    for point, value in (
        ("A", 31.25),
        ("AphC", 11.0),
        ("PhV", 230.5),
        ("PhVphA", 230.1),
        ("Hz", 49.98),
        ("W", -6900.0),
        ("WphC", -2400.0),
        ("VA", 7000.0),
        ("VAR", 120.0),
        ("PF", -0.98),
        ("TotWhImp", 4_294_967_301.0),
        ("TotWhExp", 1234.9),
        ("TotVArhImpQ1", 11.0),
        ("TotVArhExpQ4", 44.0),
    ):
        assert getattr(found, point).value == pytest.approx(value, rel=1e-6), point


def test_what_is_not_known_is_not_implemented_and_not_zero() -> None:
    found = models({"voltage_l1_v": 0.0, "power_w": 40_000.0})
    assert found[203].PhVphA.cvalue == 0
    for point in ("A", "PhVphB", "PhV", "Hz", "VARphA", "W"):  # 40 kW do not fit
        assert getattr(found[203], point).value is None, point
    assert found[213].W.value == 40_000.0
    assert found[213].Hz.value is None or math.isnan(found[213].Hz.value)
