"""A node that plans, on virtual time: it buys what is cheap, and costs less by the meter than one that only follows its load."""

import asyncio
from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest

from controller.planning.plan import Plan
from controller.planning.site import Site
from firmware_py.home.planning.desk import PlanDesk
from firmware_py.home.planning.solver import SolverTrouble
from firmware_py.home.planning.work import InlineSolver
from protocols.messages import Happening
from protocols.plan import KEPT, parse_plan
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import charge, load, sun

HOUR_S = 3600.0
CHEAP, DEAR, SOLD = 0.10, 0.50, 0.05
# Films begin at ten (UTC); a kWh is cheap until a quarter to eleven.
TARIFF = {
    "import_per_kwh": DEAR,
    "export_per_kwh": SOLD,
    "band": [{"from": "00:00", "to": "10:45", "import_per_kwh": CHEAP}],
}
TURNS = datetime(2026, 6, 21, 10, 45, tzinfo=UTC)
PLANS = {"tariff": TARIFF, "plan": {"horizon_h": 12, "replan_s": 1800}}


def setup(*, plans: bool, **differs: Any) -> Setup:
    """A meter, PV and a battery, read and decided every 10 s."""
    given = {
        "site": {"blind_after_s": 30.0, "timezone": "UTC"},
        "node": {"cycle_s": 10.0, "interval_s": 900.0},
        "device": {key: {"lease_s": 60.0} for key in ("pv", "battery")},
        "step_s": 5.0,
        "tables": PLANS if plans else {},
        **differs,
    }
    return Setup(**given)


class Bill:
    """What flows at the connection point by its truth, at the prices of the tariff."""

    def __init__(self) -> None:
        self.cost = 0.0
        self.bought_wh = {CHEAP: 0.0, DEAR: 0.0}

    def watched(self, stage: Stage) -> None:
        stage.beside(self._watch(stage), "bill")

    async def _watch(self, stage: Stage) -> None:
        while True:
            await asyncio.sleep(5.0)
            flows_wh = stage.home.terminals["grid"].total_w * 5.0 / HOUR_S
            price = CHEAP if stage.clock.utc() < TURNS else DEAR
            self.cost += flows_wh / 1000.0 * (price if flows_wh > 0.0 else SOLD)
            self.bought_wh[price] += max(flows_wh, 0.0)


def desk_of(stage: Stage) -> PlanDesk:
    desk = stage.node.parts.home
    assert isinstance(desk, PlanDesk)
    return desk


def of_plan(stage: Stage) -> list[Happening]:
    return [each for each in stage.head_end.happenings if each.subject == "plan"]


def orders_are(why: str) -> Step:
    def step(stage: Stage) -> None:
        orders = desk_of(stage).orders(stage.clock.now_s())
        assert why in orders.why, orders

    return step


def test_cheap_hours_are_bought_and_the_meter_shows_what_it_saves(film: Film) -> None:
    """1500 W of load; the battery is nearly empty and takes 5 kW. What it holds at the end is not even counted.

    45 minutes cheap, an hour dear. Without a plan 1.125 kWh are bought for 10 cents and 1.5 kWh for 50: 0.86. With it 6.5 kW are
    bought while it is cheap, and nothing afterwards: 0.49.
    """
    bills = {plans: Bill() for plans in (True, False)}
    held_wh = {}
    for plans, bill in bills.items():
        stage = film(
            at(0, load(1500), sun(0), charge(5), bill.watched),
            at(1.75 * HOUR_S),
            setup=setup(plans=plans),
        )
        held_wh[plans] = stage.home.store.stored_wh
    planned, plain = bills[True], bills[False]
    assert planned.bought_wh[CHEAP] > 0.9 * 0.75 * 6500.0
    assert planned.bought_wh[DEAR] < 100.0
    assert plain.cost == pytest.approx(0.86, rel=0.05)
    assert planned.cost < 0.6 * plain.cost
    assert held_wh[True] > held_wh[False] + 1000.0


def test_the_plan_is_said_and_kept_and_its_making_is_an_event(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0), charge(20)),
        at(60, orders_are("optimal")),
        setup=setup(plans=True),
    )
    plan = parse_plan(stage.broker.retained[stage.topics.plan])
    assert (plan.node, plan.made, plan.timezone, plan.steps) == ("home-1", "optimal", "UTC", 48)
    assert plan.series["import_per_kwh"][:9] == [CHEAP] * 3 + [DEAR] * 6
    assert [each.state for each in of_plan(stage)] == ["plan"]
    assert any("no history" in note or "history, so" in note for note in plan.notes)


class Broken(InlineSolver):
    """Fails from its second plan on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        self.asked += 1
        if self.asked > 1:
            raise SolverTrouble("the solver died: code -11")
        return await super().solve(site, budget_s, exact_s)


def test_a_solver_that_dies_costs_no_cycle_and_the_node_goes_on_by_the_plan_before(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0), charge(20)),
        at(1.2 * HOUR_S, orders_are("plan of 10:00")),
        setup=setup(plans=True, solver_of=Broken),
    )
    assert [each.state for each in of_plan(stage)] == ["plan", "kept"]
    assert "code -11" in of_plan(stage)[1].why
    assert stage.node.figures.cycles >= 1.2 * HOUR_S / 10.0 - 2


def test_after_a_restart_the_plan_of_before_is_on_disk(film: Film) -> None:
    kept: list[bytes | None] = []

    async def restart(stage: Stage) -> None:
        await stage.kill()
        stage.begin()
        kept.append(await stage.journal.kept(KEPT))

    stage = film(
        at(0, load(500), sun(0), charge(20)),
        at(60, restart),
        at(120, orders_are("optimal")),
        setup=setup(plans=True),
    )
    assert kept[0] is not None
    assert parse_plan(kept[0]).node == "home-1"
    assert desk_of(stage).planning.plans >= 1


def test_a_node_without_a_plan_has_none_of_it(film: Film) -> None:
    stage = film(at(0, load(500)), at(20), setup=setup(plans=False))
    assert stage.node.parts.home.orders(0.0).good_until_s == -inf
    assert stage.topics.plan not in stage.broker.retained
