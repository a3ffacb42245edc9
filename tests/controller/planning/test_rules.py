"""The plain rules, step by step as one would reckon them."""

from dataclasses import replace

import numpy as np
import pytest

from bench.homes import home
from controller.planning.plan import Made
from controller.planning.rules import rules
from controller.planning.site import Battery, Car, Comfort, Heater, House, Trip
from tests.controller.planning.sites import bare, dishwasher, full, house, tank

SMALL = Battery("battery", 1_000.0, 500.0, 3_000.0, 2_000.0, 1_000.0, 0.9, 0.9)


def test_a_battery_takes_what_is_over_and_covers_the_load() -> None:
    site = replace(
        bare(4), load_w=np.array([500.0, 500.0, 2_000.0, 2_000.0]), pv_w=np.array([1_500.0, 4_000.0, 0.0, 0.0])
    )
    made = rules(replace(site, batteries=(SMALL,)))
    # 1 kW fills 900 Wh; then there is room for 1,100 Wh, which takes 1,222 W; then 1 kW goes out, taking 1,111 Wh.
    np.testing.assert_allclose(made.power_w["battery"], [1_000.0, 1_100.0 / 0.9, -1_000.0, -1_000.0])
    np.testing.assert_allclose(
        made.stored_wh["battery"], [1_000.0, 1_900.0, 3_000.0, 3_000.0 - 1e4 / 9, 3_000.0 - 2e4 / 9]
    )
    np.testing.assert_allclose(made.grid_w, [0.0, -3_500.0 + 1_100.0 / 0.9, 1_000.0, 1_000.0])
    assert made.made is Made.RULES


def test_a_car_charges_at_once_what_its_next_trip_needs() -> None:
    car = Car(
        "car",
        1_000.0,
        9_000.0,
        1_400.0,
        4_000.0,
        np.array([True, True, False, True, True]),
        (Trip(2, 3, 6_400.0, 5_000.0),),
    )
    made = rules(replace(bare(5), cars=(car,)))
    np.testing.assert_allclose(made.power_w["car"], [4_000.0, 2_000.0, 0.0, 0.0, 0.0])
    assert made.stored_wh["car"][3] == pytest.approx(1_400.0)
    assert not made.violations


def test_a_car_goes_without_where_there_is_no_room() -> None:
    car = Car("car", 0.0, 9_000.0, 1_400.0, 4_000.0, np.ones(3, np.bool_), (Trip(2, 9, 9_000.0, 0.0),))
    made = rules(replace(bare(3, load_w=2_000.0), import_max_w=np.array([5_000.0, 3_000.0, 5_000.0]), cars=(car,)))
    np.testing.assert_allclose(made.power_w["car"], [3_000.0, 0.0, 0.0])
    assert [each.bound for each in made.violations] == ["departure"]


def test_an_appliance_runs_as_soon_as_it_may() -> None:
    made = rules(replace(bare(6), appliances=(dishwasher(2, 6),)))
    np.testing.assert_array_equal(made.power_w["dishwasher"], [0.0, 0.0, 1_000.0, 1_000.0, 0.0, 0.0])


def test_the_sun_is_limited_where_it_cannot_go_out() -> None:
    made = rules(replace(bare(1), pv_w=full(1, 12_000.0)))
    assert (made.curtailed_w[0], made.grid_w[0]) == (2_000.0, -10_000.0)


def test_a_thermostat_keeps_its_bounds_and_least_times() -> None:
    site = replace(bare(96, 900.0), houses=(house(96),), tanks=(tank(96),))
    made = rules(site)
    assert not made.violations
    pump = made.power_w["heat_pump"]
    assert np.all((pump == 0.0) | (pump >= 600.0))
    # 1,200 s are two steps: no run and no rest of one step alone.
    runs = np.diff(np.flatnonzero(np.diff(pump > 0)))
    assert np.all(runs >= 2)


def test_a_house_is_warmed_when_half_a_kelvin_below_what_is_liked() -> None:
    """An idle pump starts where the air would fall below 20.5 °C, liked 21, and brings it there; a tank's band is 5 K."""
    for one, edge_c in ((house(1, least_w=0.0, most_w=50_000.0), 20.5), (tank(1), 55.0 - 5.0)):
        comfort = replace(
            one.comfort, least_c=full(1, 15.0), most_c=full(1, 80.0), liked_c=full(1, edge_c + (0.5, 5.0)[edge_c > 30])
        )
        for off_k in (-0.05, 0.05):
            at_rest = replace(bare(1, 60.0), outdoor_c=full(1, edge_c + off_k))
            if isinstance(one, House):
                model = replace(one.model, gain_w=0.0)
                each = replace(one, model=model, air_c=edge_c + off_k, mass_c=edge_c + off_k, comfort=comfort)
                power_w = rules(replace(at_rest, houses=(each,))).power_w["heat_pump"]
            else:
                model_ = replace(one.model, room_c=edge_c + off_k)
                each_ = replace(one, model=model_, water_c=edge_c + off_k, comfort=comfort, draw_w=full(1, 0.0))
                power_w = rules(replace(at_rest, tanks=(each_,))).power_w["element"]
            assert (power_w[0] > 0) == (off_k < 0)


@pytest.mark.parametrize(("is_on", "expected"), [(True, [1, 1, 0, 0, 0, 0]), (False, [0, 0, 1, 1, 1, 0])])
def test_what_has_begun_is_held_for_its_least_time(is_on: bool, expected: list[int]) -> None:
    """An element of least times of three hours, an hour into its state; the tank wants the other."""
    heat = Heater("element", full(6, 1.0), full(6, 2_000.0), 2_000.0, 10_800.0, 10_800.0, is_on, 3_600.0)
    water_c = 64.0 if is_on else 40.0
    one = replace(tank(6), water_c=water_c, heaters=(heat,), comfort=Comfort(full(6, 45.0), full(6, 65.0)))
    made = rules(replace(bare(6), tanks=(one,)))
    assert (made.power_w["element"] > 0).astype(int).tolist() == expected


def test_a_kwh_is_worth_what_it_is_bought_or_sold_for() -> None:
    made = rules(replace(bare(2, load_w=500.0), pv_w=np.array([0.0, 3_000.0])))
    np.testing.assert_array_equal(made.value_per_kwh, [0.3, 0.08])


def test_what_a_trip_needs_more_is_charged_elsewhere() -> None:
    car = Car("car", 1_000.0, 9_000.0, 1_400.0, 4_000.0, np.zeros(3, np.bool_), (Trip(0, 2, 0.0, 3_000.0),))
    made = rules(replace(bare(3), cars=(car,)))
    assert [(each.bound, round(each.amount)) for each in made.violations] == [("trip", 2_000)]
    assert made.stored_wh["car"][-1] == pytest.approx(0.0)


def test_a_whole_day_is_kept_in_balance() -> None:
    site, made = home(3), rules(home(3))
    used_w = sum(made.power_w.values(), site.load_w + made.curtailed_w - site.pv_w)
    np.testing.assert_allclose(made.grid_w, used_w, atol=1e-6)
