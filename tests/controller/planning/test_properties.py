"""What holds of every plan of every home: energy is kept, bounds hold, nothing runs against itself, rules are no cheaper."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.homes import home
from bench.plant import Plant
from controller.planning.plan import Plan
from controller.planning.planner import Planner
from controller.planning.rules import rules
from controller.planning.site import Bools, Commitment, Heater, Site
from controller.planning.steering import orders
from controller.planning.worth import of_battery
from tests.controller.planning.sites import dishwasher

HOURS, STEP_S = 8, 1800.0


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Homes of eight hours in half-hours, some with odd prices, narrow limits, commitments, an appliance."""
    site = home(draw(st.integers(0, 10_000)), HOURS, STEP_S)
    n = site.horizon.steps
    if draw(st.booleans()):
        site = replace(site, import_per_kwh=site.import_per_kwh - draw(st.floats(0.1, 0.4)))
    if draw(st.booleans()):
        site = replace(site, export_per_kwh=site.export_per_kwh + draw(st.floats(-0.3, 0.3)))
    if draw(st.booleans()):
        site = replace(site, import_max_w=np.full(n, draw(st.floats(0.0, 4_000.0))))
    if draw(st.booleans()):
        site = replace(site, export_max_w=np.full(n, draw(st.floats(0.0, 2_000.0))), may_curtail=draw(st.booleans()))
    if draw(st.booleans()):
        site = replace(site, commitments=(Commitment("c", 3, 5, draw(st.floats(-3_000.0, 3_000.0)), 0.5),))
    if draw(st.booleans()):
        site = replace(site, appliances=(dishwasher(2, 12),))
    return site


def whole(plan: Plan, site: Site) -> float:
    out_w = sum(float(np.maximum(-plan.power_w[each.name], 0.0).sum()) for each in site.batteries)
    out_kwh = out_w * site.horizon.hours / 1e3
    return plan.cost.total + plan.cost.comfort + plan.cost.unmet - plan.cost.kept + site.profit_per_kwh * out_kwh


@settings(max_examples=15, deadline=None)
@given(sites())
def test_what_holds_of_every_plan(site: Site) -> None:
    plan = Planner().plan(site, 5.0, 2 * 3600.0)
    used_w = sum(plan.power_w.values(), site.load_w + plan.curtailed_w - site.pv_w)
    np.testing.assert_allclose(plan.grid_w, used_w, atol=0.1)
    keeps_energy(plan, site)
    keeps_bounds(plan, site)
    assert whole(plan, site) <= whole(rules(site), site) + 2e-3 * abs(whole(plan, site)) + 0.01


def keeps_energy(plan: Plan, site: Site) -> None:
    hours = site.horizon.hours
    for battery in site.batteries:
        power_w = plan.power_w[battery.name]
        both = np.where(power_w > 0, power_w * battery.charge_efficiency, power_w / battery.discharge_efficiency)
        np.testing.assert_allclose(np.diff(plan.stored_wh[battery.name]), both * hours, atol=0.1)
    for car in site.cars:
        uses_wh = np.zeros(site.horizon.steps)
        for trip in car.trips:
            if 0 < trip.returns <= site.horizon.steps:
                uses_wh[trip.returns - 1] += trip.uses_wh
        change_wh = plan.power_w[car.name] * car.efficiency * hours - uses_wh
        assert np.all(np.diff(plan.stored_wh[car.name]) >= change_wh - 0.1)  # more only where it charged elsewhere


def keeps_bounds(plan: Plan, site: Site) -> None:
    broken = {(each.name, each.bound) for each in plan.violations}
    if ("site", "import") not in broken:
        assert np.all(plan.grid_w <= site.import_max_w + 1.1)
    if ("site", "export") not in broken:
        assert np.all(plan.grid_w >= -site.export_max_w - 1.1)
    for battery in site.batteries:
        assert plan.stored_wh[battery.name].min() >= min(battery.least_wh, battery.stored_wh) - 0.1
        assert plan.stored_wh[battery.name].max() <= battery.most_wh + 0.1
    for store in site.stores:
        if (store.name, "least") not in broken:
            assert np.all(plan.temperature_c[store.name][1:] >= store.comfort.least_c - 0.01)
    exact = round(2 * 3600.0 / STEP_S)
    for store in site.stores:
        for heater in store.heaters:
            power_w = plan.power_w[heater.name][:exact]
            assert np.all((power_w < 0.1) | (power_w >= heater.least_w - 0.1))
            assert np.all(power_w <= heater.most_w[:exact] + 0.1)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from([0.0, 1500.0, 3600.0]), st.sampled_from([0.0, 2700.0]), st.booleans(),
    st.sampled_from([300.0, 1800.0, 1e9]),
)  # fmt: skip
def test_least_times_are_kept_in_the_exact_steps(
    seed: int, least_on_s: float, least_off_s: float, is_on: bool, since_s: float
) -> None:
    site = home(seed, 6, 900.0)
    one = site.tanks[0]
    element = replace(one.heaters[0], least_on_s=least_on_s, least_off_s=least_off_s, is_on=is_on, since_s=since_s)
    plan = Planner().plan(replace(site, cars=(), houses=(), tanks=(replace(one, heaters=(element,)),)), 5.0, 3 * 3600.0)
    keeps_least_times(plan.power_w["element"][:12] > 1.0, element)


def keeps_least_times(on: Bools, heater: Heater) -> None:
    state, since_s = heater.is_on, heater.since_s
    for now in on:
        if bool(now) != state:
            least_s = heater.least_on_s if state else heater.least_off_s
            assert since_s >= least_s, f"switched after {since_s} s, at least {ceil(least_s)} s"
            state, since_s = bool(now), 0.0
        since_s += 900.0


@pytest.mark.slow
def test_a_closed_loop_costs_what_was_planned() -> None:
    truth, planner = home(9, 12), Planner()
    first = planner.plan(truth, 10.0, 4 * 3600.0)
    plant = Plant(truth)
    while plant.now < truth.horizon.steps:
        site = plant.ahead(48)
        plan = planner.plan(site, 5.0, 4 * 3600.0)
        plant.follow(orders(plan, site, site.horizon.start, 0.0))
    assert plant.bill.outside_kh == pytest.approx(0.0, abs=0.05)
    assert plant.bill.missing_wh <= sum(each.amount for each in first.violations) + 1.0


def test_a_plant_follows_what_is_planned() -> None:
    """Six hours by one plan, all of it exact: the bill is the plan's."""
    truth = home(0, 6)
    plan, plant = Planner().plan(truth, 10.0, 6 * 3600.0), Plant(truth)
    while plant.now < truth.horizon.steps:
        plant.follow(orders(plan, truth, truth.horizon.moment(plant.now), 0.0))
    # At a tie of prices the battery may hold more or less at the end: what it holds is worth what it cost.
    more_kwh = (plant.stored_wh["battery"] - plan.stored_wh["battery"][-1]) / 1000.0
    worth = more_kwh * of_battery(truth, truth.batteries[0])
    assert plant.bill.energy + plant.bill.wear - worth == pytest.approx(plan.cost.total, abs=0.02)
    assert plant.bill.comfort == pytest.approx(plan.cost.comfort, abs=0.01)
