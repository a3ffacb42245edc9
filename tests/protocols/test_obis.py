"""OBIS registers to quantities: units, signs, sums, and what is left out."""

from decimal import Decimal

import pytest

from protocols.obis import KNOWN, Register, measurement
from protocols.quantities import QUANTITIES
from protocols.readings import Measurement


def told(**registers: str) -> Measurement:
    """`c1_7_0="0.5 kW"` stands for 1-0:1.7.0(0.5*kW)."""
    parts = {code[1:].replace("_", "."): text.split() for code, text in registers.items()}
    return measurement([Register(code, Decimal(number), unit) for code, (number, unit) in parts.items()])


def test_import_is_positive_and_export_negative() -> None:
    assert told(c1_7_0="0.25 kW", c2_7_0="0.000 kW") == {"power_w": 250.0}
    assert told(c1_7_0="0.000 kW", c2_7_0="1.5 kW") == {"power_w": -1500.0}
    assert told(c21_7_0="1 W", c22_7_0="3 W") == {"power_l1_w": -2.0}
    assert told(c63_7_0="1 var", c64_7_0="3 kvar") == {"reactive_power_l3_var": -2999.0}


def test_a_balance_goes_before_its_parts() -> None:
    assert told(c16_7_0="-7 W", c1_7_0="0 W", c2_7_0="8 W") == {"power_w": -7.0}


def test_one_direction_alone() -> None:
    assert told(c1_7_0="12 W") == {"power_w": 12.0}
    assert told(c2_7_0="12 W") == {}


def test_energy_is_the_total_or_the_sum_of_its_tariffs() -> None:
    assert told(c1_8_0="3 kWh", c1_8_1="1 kWh", c1_8_2="1 kWh") == {"energy_import_wh": 3000.0}
    assert told(c2_8_1="1.001 kWh", c2_8_2="2 kWh", c2_8_4="4 Wh") == {"energy_export_wh": 3005.0}


def test_zero_is_an_answer() -> None:
    assert told(c31_7_0="0 A", c1_8_0="0 Wh", c16_7_0="0 W") == {
        "current_l1_a": 0.0,
        "energy_import_wh": 0.0,
        "power_w": 0.0,
    }


@pytest.mark.parametrize("unit", ["V", "kWh", "m3", "", "w"])
def test_a_unit_of_another_kind_is_not_believed(unit: str) -> None:
    assert measurement([Register("1.7.0", Decimal(1), unit)]) == {}


def test_every_known_code_gives_a_quantity() -> None:
    units = ("W", "Wh", "V", "A", "Hz", "var")
    for code in KNOWN - {f"{c}.7.0" for c in (2, 4, *range(22, 70, 20), *range(24, 70, 20))}:
        (name,) = (name for unit in units for name in measurement([Register(code, Decimal(1), unit)]))
        assert name in QUANTITIES
