"""A home that follows a foreign simulator: what is taken shows at the terminals and in the devices' registers."""

import re

import pytest

from protocols.ports import Table
from sim_hardware.foreign import GIVES, TAKES, BadValue, ForeignHome
from sim_hardware.home import SimHome


def given(values: dict[str, float | None], seconds: float = 1.0) -> dict[str, float | None]:
    home = ForeignHome(seed=3)
    home.take(values)
    home.after(seconds)
    return home.give()


@pytest.mark.parametrize("name", ["grid.voltage_l1_v", "grid.voltage_l2_v", "grid.voltage_l3_v", "grid.frequency_hz"])
def test_voltage_and_frequency_are_those_that_were_given(name: str) -> None:
    own, told = given({}), given({name: 48.5})
    assert told[name] == 48.5
    others = [each for each in GIVES if each != name and each.startswith("grid.voltage")]
    assert {each: told[each] for each in others} == {each: own[each] for each in others}


def test_a_voltage_for_all_phases_and_one_of_its_own() -> None:
    told = given({"grid.voltage_l2_v": 215.0, "grid.voltage_v": 230.0})
    assert [told[f"grid.voltage_l{phase}_v"] for phase in (1, 2, 3)] == [230.0, 215.0, 230.0]


def test_powers_that_were_given_add_up_at_the_connection_point() -> None:
    told = given({"load.power_w": 3000.0, "load.power_l1_w": 1500.0, "pv.power_w": -900.0, "battery.power_w": 300.0})
    assert told["load.power_w"] == pytest.approx(3500.0)
    assert told["grid.power_w"] == pytest.approx(3500.0 - 900.0 + 300.0)
    assert told["grid.power_l1_w"] == pytest.approx(1500.0 - 300.0 + 100.0)


def test_the_meters_registers_show_it() -> None:
    """SDM630 input registers 0 (volts of phase 1) and 52 (total watts), as IEEE 754 singles."""
    home = ForeignHome(seed=3)
    home.take({"grid.voltage_v": 240.0, "load.power_w": 2048.0, "pv.power_w": 0.0, "battery.power_w": 0.0})
    home.after(1.0)
    meter = home.images["grid"]
    assert meter.read(Table.INPUT, 0, 2) == [0x4370, 0x0000]
    assert meter.read(Table.INPUT, 52, 2) == [0x4500, 0x0000]


def test_own_irradiance_keeps_the_plants_lag_and_limit() -> None:
    assert given({"pv.irradiance_w_m2": 500.0}, 30.0)["pv.power_w"] == pytest.approx(-2500.0)
    assert given({"pv.irradiance_w_m2": 0.0}, 30.0)["pv.power_w"] == 0.0


def test_a_charge_that_is_given_stays() -> None:
    assert given({"battery.soc_percent": 12.5, "battery.power_w": 4000.0}, 60.0)["battery.soc_percent"] == 12.5


def test_none_gives_it_back_to_the_home() -> None:
    home, own = ForeignHome(seed=3), SimHome(seed=3)
    values: dict[str, float | None] = {"grid.voltage_v": 200.0, "load.power_w": 1.0, "grid.frequency_hz": 49.0}
    home.take(values)
    home.take(dict.fromkeys(values))
    home.after(1.0)
    own.after(1.0)
    assert home.terminals == own.terminals


def test_without_a_simulator_it_is_an_ordinary_home() -> None:
    home, own = ForeignHome(seed=5), SimHome(seed=5)
    for _ in range(50):
        home.after(7.0)
        own.after(7.0)
    assert home.terminals == own.terminals


def test_everything_at_its_most_does_not_break_the_home() -> None:
    for side in (0, 1):
        told = given({name: bounds[side] for name, bounds in TAKES.items() if not name.startswith("grid")}, 5.0)
        assert all(value is None or abs(value) < 1e6 for value in told.values())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"grid.voltage": 230.0}, "grid.voltage: not a quantity that is taken"),
        ({"grid.voltage_v": 0.0}, "grid.voltage_v = 0: 1 to 1000 is allowed"),
        ({"battery.soc_percent": 100.5}, "battery.soc_percent = 100.5: 0 to 100 is allowed"),
        ({"load.power_w": float("nan")}, "load.power_w = nan: -36000 to 36000"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_taken(values: dict[str, float | None], said: str) -> None:
    home = ForeignHome(seed=3)
    before = home.give()
    with pytest.raises(BadValue, match=re.escape(said)):
        home.take({"grid.frequency_hz": 49.0, **values})
    home.take({})
    assert home.give() == before
