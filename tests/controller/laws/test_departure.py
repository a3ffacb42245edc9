"""Departures: charged in time, hurried no earlier than it must be, and silent where nobody knows."""

from math import inf, nan

import pytest

from controller.laws.departure import NOBODY, CarView, Params, step
from controller.loads import Use
from controller.wishes import Band, Rank, Wish
from tests.controller.house import House, Machine, car, dispatch, params

PARAMS = Params(share=0.15, early_s=600.0)
MOST = {"car": 11_040.0}
# 11,040 Wh take an hour; with a share of 0.15 and ten minutes it is late 4740 s before.
VIEW = CarView("car", 11_040.0, 10_000.0, 11_040.0)


def asks(view: CarView, now_s: float, *, hurried: bool = False, most_w: dict[str, float] | None = None) -> bool:
    memory = frozenset({"car"}) if hurried else NOBODY
    memory, asked = step(PARAMS, memory, now_s, [view], MOST if most_w is None else most_w)
    assert memory == asked.keys()
    assert all((ask.rank, ask.want_w) == (Rank.COMFORT_BOUND, inf) for ask in asked.values())
    return bool(asked)


def view(**change: object) -> CarView:
    return CarView(**{**{name: getattr(VIEW, name) for name in VIEW.__struct_fields__}, **change})


@pytest.mark.parametrize(("now_s", "is_asked"), [(0.0, False), (5259.0, False), (5260.0, True), (9999.0, True)])
def test_it_is_hurried_once_the_time_left_is_what_it_takes(now_s: float, is_asked: bool) -> None:
    assert asks(VIEW, now_s) is is_asked


@pytest.mark.parametrize("needs_wh", [None, 0.0, -5.0, nan])
def test_a_car_that_needs_nothing_or_nobody_knows_what_is_left_alone(needs_wh: float | None) -> None:
    assert not asks(view(needs_wh=needs_wh), 9000.0)


@pytest.mark.parametrize("departs_s", [None, 9000.0, 1.0, nan])
def test_an_unknown_departure_and_one_that_is_past_ask_nothing(departs_s: float | None) -> None:
    assert not asks(view(departs_s=departs_s), 9000.0)


def test_unplugged_early_nothing_is_asked_and_the_hurry_is_forgotten() -> None:
    assert not asks(VIEW, 9000.0, hurried=True, most_w={})


def test_a_car_of_one_phase_is_hurried_three_times_as_early() -> None:
    """3680 W instead of 11040 W: three hours."""
    late = view(departs_s=20_000.0)
    assert asks(late, 20_000.0 - 3 * 3600.0, most_w={"car": 3680.0})
    assert not asks(late, 20_000.0 - 3 * 3600.0)


def test_once_hurried_it_stays_so_until_it_is_done_or_leaves_much_later() -> None:
    assert asks(view(needs_wh=5000.0), 6000.0, hurried=True)
    assert not asks(view(needs_wh=5000.0), 6000.0)
    assert not asks(view(departs_s=30_000.0), 6000.0, hurried=True)


@pytest.mark.parametrize("use", [Use.SURPLUS, Use.PLANNED])
def test_a_film_the_car_waits_for_the_sun_then_charges_and_leaves_with_what_it_needs(use: Use) -> None:
    """No sun at all, and a fuse that a kettle takes half of for five minutes: it is ready all the same."""
    home = House(params(import_limit_w=14_000.0), {"car": Machine(car(use=use))})
    needs_wh, begins_s, switched = 3680.0, None, 0
    departs_s = home.now_s + 2400.0
    while home.now_s < departs_s:
        kettle_w = 2500.0 if 1900.0 <= home.now_s < 2200.0 else 0.0
        home.base_w = (kettle_w, kettle_w, 0.0)
        was_w = home.machines["car"].power_w
        home.second(cars=(CarView("car", needs_wh, departs_s, 11_040.0),))
        power_w = home.machines["car"].power_w
        switched += (was_w > 0.0) is not (power_w > 0.0)
        begins_s = home.now_s if begins_s is None and power_w > 0.0 else begins_s
        needs_wh -= power_w / 3600.0
    assert needs_wh <= 0.0
    assert switched <= 2, "on, and off when it has what it needs"
    assert begins_s == pytest.approx(departs_s - 1980.0, abs=20.0)


def test_a_departure_is_weaker_than_the_operator_and_stronger_than_a_contract() -> None:
    home = House(params(), {"car": Machine(car(use=Use.SURPLUS))})
    cars = (CarView("car", 50_000.0, 5000.0, 11_040.0),)
    home.seconds(12, cars=cars, contract=dispatch(0.0))
    assert home.machines["car"].power_w == 11_040.0
    limit = (Wish("limit", Rank.GRID_LIMIT, 1e9, "dimmed", within=Band(most_w=4200.0)),)
    home.seconds(2, cars=cars, limits=limit)
    assert home.machines["car"].power_w == 4140.0
    assert home.decision is not None
    assert [(each.load, each.rank) for each in home.decision.asks] == [("car", Rank.COMFORT_BOUND)]
