"""A home with its house, machines and tank: energy is conserved, contacts act, the probes feel what is true."""

import math
from random import Random

import pytest

from protocols.ports import Table
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.home import SimHome
from sim_hardware.household import COOLING, OUTSIDE, POOL, ROOM, SG_FIRST, SG_SECOND, TANK, WATER, Comfort, Household
from sim_hardware.physics.climate import SUMMER, WINTER, Climate, Outdoors
from sim_hardware.physics.ev import EvParams, Trip
from sim_hardware.physics.thermal.house import HouseParams
from sim_hardware.physics.thermal.taps import Taps
from sim_hardware.physics.thermal.water_heater import KG_PER_L, WATER_J_PER_KG_K, WaterHeaterParams

NIGHT = 0.0


def home_in(climate: Climate, *, seed: int = 3, step_s: float = 10.0, day_s: float = NIGHT) -> SimHome:
    return SimHome(seed, step_s=step_s, day_s=day_s, comfort=Comfort(climate=climate))


def of(home: SimHome) -> Household:
    assert home.household is not None
    return home.household


def close(home: SimHome, *contacts: int) -> None:
    assert home.board is not None
    home.board.relays = [contact in contacts for contact in range(8)]


def energy_wh(home: SimHome, name: str) -> float:
    terminal = home.terminals[name]
    return sum(terminal.import_wh) - sum(terminal.export_wh)


def test_everything_that_is_drawn_stands_at_the_meter() -> None:
    home = SimHome(4, step_s=10.0, day_s=NIGHT, car=EvParams(), comfort=Comfort(climate=WINTER))
    close(home, WATER, POOL, SG_SECOND)
    home.store.request_w = 1200.0
    home.after(3 * 3600.0)
    parts = [name for name in home.terminals if name != "grid"]
    assert set(parts) == {
        *("load", "pv", "battery", "charger", "heat_pump", "air_conditioner", "water_heater", "pool_pump")
    }
    assert energy_wh(home, "grid") == pytest.approx(sum(energy_wh(home, name) for name in parts))
    for phase in range(3):
        shown_w = home.terminals["grid"].power_w[phase]
        assert shown_w == pytest.approx(sum(home.terminals[name].power_w[phase] for name in parts))


def test_the_house_keeps_the_heat_that_came_in() -> None:
    """Heat in, less what the walls let through, is what air and mass are warmer by."""
    house = HouseParams(envelope_w_per_k=160.0, air_j_per_k=3.0e6, mass_j_per_k=30.0e6, coupling_w_per_k=1_500.0)
    comfort = Comfort(house=house, air_conditioner=None, water_heater=None, climate=WINTER, window_m2=0.0, gain_w=300.0)
    home = SimHome(1, step_s=5.0, day_s=NIGHT, comfort=comfort)
    its = of(home)
    its.outdoors.hold_c = -5.0
    assert its.heat_pump is not None
    before = (its.house.air_c, its.house.mass_c)
    heat_j = lost_j = 0.0
    for _ in range(720):
        air_c = its.house.air_c
        home.after(5.0)
        heat_j += (its.heat_pump.heat_w + 300.0) * 5.0
        lost_j += 160.0 * (0.5 * (air_c + its.house.air_c) + 5.0) * 5.0
    stored_j = 3.0e6 * (its.house.air_c - before[0]) + 30.0e6 * (its.house.mass_c - before[1])
    assert heat_j > 5e6
    assert stored_j == pytest.approx(heat_j - lost_j, abs=0.002 * lost_j)


def test_the_tank_keeps_the_heat_that_came_in() -> None:
    home = SimHome(3, step_s=1.0, comfort=Comfort(water_heater=WaterHeaterParams(loss_w_per_k=0.01)))
    its = of(home)
    its.taps.hold_l_per_s = 0.0
    before_c = its.tank_c
    close(home, WATER)
    home.after(1800.0)
    # 2000 W for half an hour into 200 l.
    assert its.tank_c - before_c == pytest.approx(3.6e6 / (200.0 * KG_PER_L * WATER_J_PER_KG_K), rel=1e-3)
    close(home)
    home.after(600.0)
    assert home.terminals["water_heater"].total_w == 0.0


def test_a_shower_takes_what_it_weighs() -> None:
    """60 l drawn, 60 l of 10 degC come in: the tank loses at least so much as they carry at the lowest of its temperatures."""
    home = home_in(Climate(), step_s=1.0)
    its = of(home)
    its.taps.hold_l_per_s = 0.1
    before_c = its.tank_c
    home.after(600.0)
    lost_j = (before_c - its.tank_c) * 200.0 * KG_PER_L * WATER_J_PER_KG_K
    # The mean of what left lies between where the upper half began and where it ends.
    assert its.water_heater is not None
    weighs_j_per_k = 60.0 * KG_PER_L * WATER_J_PER_KG_K
    assert weighs_j_per_k * (its.water_heater.upper_c - 10.0) < lost_j < weighs_j_per_k * (before_c - 10.0) * 1.01


def test_sg_ready_blocks_and_raises() -> None:
    home = home_in(WINTER)
    its = of(home)
    home.after(3600.0)
    normal_c = its.room_c
    close(home, SG_FIRST)
    home.after(3600.0)
    assert home.terminals["heat_pump"].total_w == pytest.approx(10.0)  # it stands by
    assert its.room_c < normal_c - 0.5
    close(home, SG_FIRST, SG_SECOND)
    home.after(6 * 3600.0)
    assert its.room_c > normal_c + 1.2  # 3 K above its setpoint is where it goes


def test_the_air_conditioner_runs_behind_its_contact_only() -> None:
    home = home_in(SUMMER, day_s=12 * 3600.0)
    its = of(home)
    its.house.air_c = its.house.mass_c = 27.0
    home.after(1800.0)
    assert home.terminals["air_conditioner"].total_w == 0.0
    warm_c = its.room_c
    close(home, COOLING)
    home.after(600.0)
    assert home.terminals["air_conditioner"].total_w > 1000.0
    home.after(3000.0)
    assert its.room_c < warm_c - 0.5


def test_one_wire_each() -> None:
    home = home_in(SUMMER, day_s=12 * 3600.0)
    of(home).house.air_c = 28.0
    close(home, WATER, COOLING, POOL)
    home.after(300.0)
    at = {name: [power_w > 0.0 for power_w in home.terminals[name].power_w] for name in of(home).terminals}
    assert at == {
        "heat_pump": [True, True, True],
        "air_conditioner": [False, True, False],
        "water_heater": [False, False, True],
        "pool_pump": [True, False, False],
    }


def test_the_probes_feel_what_is_true() -> None:
    home = home_in(WINTER)
    home.after(4 * 3600.0)
    its = of(home)
    true_c = {ROOM: its.room_c, TANK: its.tank_c, OUTSIDE: its.outdoors.temperature_c}
    assert true_c[OUTSIDE] < 0.0
    words = home.images["thermometers"].read(Table.HOLDING, 0, 8)
    for channel, felt_c in true_c.items():
        signed = words[channel] - 0x10000 if words[channel] & 0x8000 else words[channel]
        assert signed / 10 == pytest.approx(felt_c, abs=0.0821)  # 1/32 K of the probe, 0.05 K of the board
    assert words[3:] == [0x8000] * 5


def test_what_is_not_there_draws_nothing_and_has_no_probe() -> None:
    bare = Comfort(heat_pump=None, air_conditioner=None, water_heater=None, pool_pump_w=None)
    home = SimHome(1, step_s=10.0, comfort=bare)
    close(home, *range(8))
    home.after(600.0)
    assert of(home).terminals == {}
    assert home.images["thermometers"].read(Table.HOLDING, 0, 3)[TANK] == 0x8000


def test_one_seed_one_course() -> None:
    courses = []
    for seed in (5, 5, 6):
        home = home_in(WINTER, seed=seed)
        close(home, WATER)
        home.after(8 * 3600.0)
        courses.append((home.images["thermometers"].read(Table.HOLDING, 0, 3), energy_wh(home, "grid")))
    assert courses[0] == courses[1] != courses[2]


def test_the_day_is_warmest_at_three() -> None:
    outdoors = Outdoors(Random(1), Climate(mean_c=5.0, swing_k=4.0, wander_k=0.0), 0.0)
    hours = []
    for _ in range(24):
        hours.append(outdoors.temperature_c)
        outdoors.after(3600.0)
    assert hours.index(max(hours)) == 15
    assert (max(hours), min(hours)) == pytest.approx((9.0, 1.0))
    outdoors.hold_c = -20.0
    assert outdoors.temperature_c == -20.0


@pytest.mark.parametrize("wrong", [{"swing_k": -1.0}, {"rise_h": 13.0}, {"noon_w_m2": math.nan}, {"mean_c": math.inf}])
def test_weather_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"climate: {next(iter(wrong))}"):
        Climate(**wrong)


def test_a_little_over_a_hundred_litres_a_day() -> None:
    taps, drawn_l = Taps(Random(2)), 0.0
    for _ in range(100 * 24 * 60):
        drawn_l += taps.draw_l_per_s * 60.0
        taps.after(60.0)
    assert 85.0 < drawn_l / 100 < 135.0  # 24 h / (4 h + 3 min) times 18 l, give or take two deviations


def test_a_car_goes_by_its_trips_and_the_last_one_again_and_again() -> None:
    trips = [Trip(7 * 3600.0, 17 * 3600.0, 9_000.0), Trip(9 * 3600.0, 12 * 3600.0, 1_000.0)]
    home = SimHome(1, step_s=60.0, day_s=NIGHT, car=EvParams(), trips=trips)
    assert home.charger is not None
    seen = []
    for _ in range(72):
        home.after(3600.0)
        seen.append(home.charger.car.is_home)
    away = [hour + 1 for hour, is_home in enumerate(seen) if not is_home]
    assert away == [*range(7, 17), 33, 34, 35, 57, 58, 59]


def test_a_pulled_cable_is_an_empty_socket_whatever_the_habit() -> None:
    home = SimHome(1, step_s=10.0, day_s=NIGHT, car=EvParams(), trips=[Trip(7 * 3600.0, 17 * 3600.0, 9_000.0)])
    charger = home.charger
    assert charger is not None
    home.after(600.0)
    assert (charger.state, charger.car.power_w > 0.0) == (2, True)
    charger.car.is_unplugged = True
    home.after(20.0)
    stored_wh = charger.car.stored_wh
    assert (charger.state, home.terminals["charger"].total_w) == (1, 0.0)
    charger.car.is_unplugged = False
    home.after(10.0)
    assert charger.car.stored_wh == stored_wh, "a car that stood there has driven nowhere"
    home.after(20.0)
    assert charger.state == 2


def test_a_household_has_a_board() -> None:
    assert Household(1, Comfort(), RelayBoard(), 0.0).thermometers.temperatures_c[ROOM] == 20.5
