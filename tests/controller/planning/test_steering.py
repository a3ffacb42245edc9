"""Orders: each band from prices and worths set by hand, loads by share of the step."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import numpy as np
import pytest

from controller.planning.plan import Plan
from controller.planning.planner import Planner
from controller.planning.rules import rules
from controller.planning.site import Car, Site
from controller.planning.steering import band, orders
from controller.wishes import Band
from tests.controller.planning.sites import BATTERY, START, bare, dishwasher, full, house


def made(
    *, worth: float, battery_w: float = 0.0, grid_w: float = 0.0, buys: float = 0.30, sells: float = 0.08
) -> tuple[Plan, Site]:
    site = replace(bare(2, buys=buys, sells=sells), batteries=(BATTERY,), profit_per_kwh=0.01)
    plan = replace(
        rules(site), power_w={"battery": full(2, battery_w)}, grid_w=full(2, grid_w),
        stored_per_kwh={"battery": full(2, worth)},
    )  # fmt: skip
    return plan, site


@pytest.mark.parametrize(
    ("worth", "battery_w", "grid_w", "expected"),
    [
        # Worn 0.02, profit 0.01: covering the load pays up to a worth of (0.30 - 0.03) * 0.95 = 0.2565.
        (0.25, 0.0, 500.0, Band(-inf, inf)),
        (0.2565, 0.0, 500.0, Band(-inf, inf)),
        (0.27, 0.0, 500.0, Band(0.0, inf)),
        # Taking what would earn 0.08 pays from a worth of 0.08 / 0.95 = 0.0842 on.
        (0.0842, 0.0, 0.0, Band(-inf, inf)),
        (0.08, 0.0, 0.0, Band(-inf, 0.0)),
        # From the grid as planned at a worth of 0.30 / 0.95 = 0.3158, all it can above.
        (0.3158, 2_000.0, 2_500.0, Band(2_000.0, inf)),
        (0.33, 2_000.0, 2_500.0, Band(5_000.0, inf)),
        # From the sun: nothing is taken from the grid.
        (0.27, 2_000.0, -100.0, Band(0.0, inf)),
        # Sold.
        (0.04, -3_000.0, -2_000.0, Band(-inf, -3_000.0)),
        (0.27, -3_000.0, -2_000.0, Band(-3_000.0, -3_000.0)),
    ],
)
def test_a_band_is_what_pays(worth: float, battery_w: float, grid_w: float, expected: Band) -> None:
    plan, site = made(worth=worth, battery_w=battery_w, grid_w=grid_w)
    assert band(plan, site, BATTERY, 0) == expected


def test_nothing_may_be_fed_in_where_that_costs_and_is_not_planned() -> None:
    plan, site = made(worth=0.1, sells=-0.05)
    assert orders(plan, site, START, 60.0).least_site_w == 0.0
    sold, site = made(worth=0.1, sells=-0.05, grid_w=-500.0)
    assert orders(sold, site, START, 60.0).least_site_w == -inf
    plain, site = made(worth=0.1)
    assert orders(plain, site, START, 60.0).least_site_w == -inf


@pytest.mark.parametrize("minutes", [-1, 120])
def test_outside_its_horizon_a_plan_orders_nothing(minutes: int) -> None:
    plan, site = made(worth=0.1)
    told = orders(plan, site, START + timedelta(minutes=minutes), 60.0)
    assert (told.good_until_s, told.bands, told.wants_w) == (-inf, {}, {})


@pytest.mark.parametrize(
    ("planned_w", "minutes", "wanted_w"),
    [(3_000.0, 59, 3_000.0), (700.0, 29, 1_400.0), (700.0, 30, 0.0), (10.0, 0, 0.0), (0.0, 0, 0.0)],
)
def test_less_than_a_cars_least_is_its_least_for_a_part_of_the_step(
    planned_w: float, minutes: int, wanted_w: float
) -> None:
    site = replace(bare(2), cars=(Car("car", 0.0, 9_000.0, 1_400.0, 11_000.0, np.ones(2, np.bool_)),))
    plan = replace(rules(site), power_w={"car": full(2, planned_w)})
    assert orders(plan, site, START + timedelta(minutes=minutes), 60.0).wants_w == {"car": wanted_w}


def test_loads_want_what_is_planned() -> None:
    site = replace(bare(4), houses=(house(4),), appliances=(dishwasher(0, 4),))
    plan = Planner().plan(site, 5.0, 86_400.0)
    for step in range(4):
        told = orders(plan, site, plan.horizon.moment(step), 60.0)
        assert told.wants_w == {name: pytest.approx(power_w[step], abs=0.1) for name, power_w in plan.power_w.items()}


@pytest.mark.parametrize(
    ("prices", "dear"),
    [
        ([0.30, 0.30, 0.30, 0.30], False),
        ([0.40, 0.28, 0.28, 0.28], True),  # a mean of 0.31: from 0.3875 on
        ([0.38, 0.28, 0.28, 0.28], False),
        ([-0.10, -0.10, -0.10, -0.10], False),
        ([0.10, -0.20, -0.20, -0.20], True),
    ],
)
def test_dear_is_what_costs_a_quarter_more_than_the_mean_of_the_day_to_come(prices: list[float], dear: bool) -> None:
    site = bare(4)
    plan = replace(rules(site), import_per_kwh=np.array(prices))
    assert orders(plan, site, START, 60.0).is_dear is dear


def test_dear_knows_no_more_than_a_day_ahead() -> None:
    """Free power on the day after tomorrow makes nothing dear now."""
    site = bare(48)
    plan = replace(rules(site), import_per_kwh=np.repeat([0.30, 0.0], 24))
    assert not orders(plan, site, START, 60.0).is_dear
    assert orders(plan, site, START + timedelta(hours=12), 60.0).is_dear
