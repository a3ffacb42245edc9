"""The planner's task on virtual time, with a solver that is good, late, failing, hanging or dead by order."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np
import pytest

from controller.planning.orders import NOTHING, Orders
from controller.planning.plan import Cost, Made, Plan
from controller.planning.site import Commitment, Floats, Horizon, Site
from controller.wishes import Band
from firmware_py.home.planning.hours import Now, step_now
from firmware_py.home.planning.service import (
    GAP_S,
    LATE_S,
    VALID_S,
    InForce,
    Listeners,
    Makes,
    Planning,
    exact_s,
)
from firmware_py.home.planning.settings import PlanSet
from firmware_py.home.planning.solver import SolverTrouble
from protocols.faults import Refused
from protocols.flexibility import Offer
from sim_hardware.virtual_time import VirtualClock, run_virtual

START = datetime(2026, 6, 21, 10, 0, 30, tzinfo=UTC)
PLAN = PlanSet(horizon_h=4.0, budget_s=2.0)


def site_at(utc: datetime) -> Site:
    n = PLAN.steps
    zeros, much = np.zeros(n), np.full(n, 1e4)
    return Site(Horizon(step_now(utc, 900.0), 900.0, n), zeros, zeros, much, much, zeros, zeros, zeros)


def plan_of(site: Site, made: Made = Made.OPTIMAL) -> Plan:
    zeros = np.zeros(site.horizon.steps)
    series = (zeros,) * 7
    return Plan(site.horizon, made, Cost(1.0), *series, {}, {}, {}, {}, zeros, {})


@pytest.mark.parametrize(
    ("exact_h", "hours"),
    [(1.0, 2.0), (4.0, 4.0), (0.0, 0.0)],  # the contract after next ends after six hours: too far
)
def test_switches_are_whole_to_the_end_of_a_near_contract(exact_h: float, hours: float) -> None:
    asked = tuple(Commitment("c", last - 4, last, 0.0, 1.0) for last in (8, 24))
    site = replace(site_at(START), commitments=asked)
    assert exact_s(replace(PLAN, exact_h=exact_h), site) == hours * 3600.0


class FakeSolver:
    """Does what it is told; counts."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.exact_s: list[float] = []
        self.trouble = ""
        self.takes_s = 0.5
        self.is_closed = False
        self.running = self.most_running = 0

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        self.asked.append(asyncio.get_running_loop().time())
        self.exact_s.append(exact_s)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.running -= 1
        if self.trouble:
            raise SolverTrouble(self.trouble)
        return plan_of(site)

    async def offers(self, site: Site, nominated: Plan, margin_w: Floats, budget_s: float) -> tuple[Offer, ...]:
        raise NotImplementedError

    async def close(self) -> None:
        self.is_closed = True


class Desk:
    """Everything round a Planning."""

    def __init__(self, plan: PlanSet = PLAN, start: datetime = START) -> None:
        self.clock, self.solver = VirtualClock(start), FakeSolver()
        self.made: list[InForce] = []
        self.said: list[tuple[str, str]] = []
        self.refusal: Refused | None = None
        self.rules_fail = False
        self.commitments: tuple[Commitment, ...] = ()
        makes = Makes(self._site, self.solver, self._rules, self._orders)
        self.planning = Planning(plan, makes, self.clock, Listeners(self.made.append, self._happened))

    async def _site(self, now: Now) -> Site:
        if self.refusal is not None:
            raise self.refusal
        return replace(site_at(now.utc), commitments=self.commitments)

    def _rules(self, site: Site) -> Plan:
        if self.rules_fail:
            raise ValueError("no rules for this")
        return plan_of(site, Made.RULES)

    def _orders(self, plan: Plan, site: Site, moment: datetime, good_until_s: float) -> Orders:
        return Orders(good_until_s, f"{plan.made} {plan.horizon.step_of(moment)}", {"battery": Band(0.0, inf)})

    def _happened(self, state: str, why: str) -> None:
        self.said.append((state, why))

    @property
    def stances(self) -> list[str]:
        return [state for state, _ in self.said]

    def orders(self) -> Orders:
        return self.planning.orders(self.clock.now_s())


Story = Callable[[Desk], Awaitable[None]]


def played(story: Story, plan: PlanSet = PLAN, start: datetime = START) -> Desk:
    """A story beside a running planner, of at most two days."""

    async def main() -> Desk:
        desk = Desk(plan, start)
        running = asyncio.create_task(desk.planning.run())
        try:
            await story(desk)
            assert not running.done() or running.result() is None
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        assert desk.solver.is_closed
        return desk

    return run_virtual(main(), horizon_s=2 * 86_400.0)


async def passes(seconds: float) -> None:
    await asyncio.sleep(seconds)


def test_it_plans_at_once_and_then_at_each_quarter_of_utc() -> None:
    async def story(desk: Desk) -> None:
        await passes(3600.0)

    desk = played(story)
    # It began at 10:00:30; quarters are 870 s later and each 900 s.
    assert desk.solver.asked == pytest.approx([0.0, 870.0, 1770.0, 2670.0, 3570.0])
    assert desk.stances == ["plan"]


def test_the_solver_is_told_how_far_ahead_switches_are_whole() -> None:
    async def story(desk: Desk) -> None:
        await passes(60.0)
        desk.commitments = (Commitment("c", 14, 18, 0.0, 1.0),)
        desk.planning.want("contracts have changed")
        await passes(60.0)
        assert desk.solver.exact_s == [4 * 3600.0, 4.5 * 3600.0]

    played(story)


def test_orders_are_looked_up_each_minute_and_change_with_the_step() -> None:
    async def story(desk: Desk) -> None:
        assert desk.orders() is NOTHING
        await passes(10.0)
        first = desk.orders()
        assert first.why == "optimal 0"
        assert first.good_until_s >= desk.clock.now_s() + 60.0
        await passes(59.0)
        assert desk.orders() is first
        await passes(2.0)
        assert desk.orders() is not first
        await passes(820.0)  # 10:15:21; the solver is not asked again before
        assert desk.orders().why.startswith("optimal 0")
        assert desk.planning.plans == 2

    played(story)


def test_without_a_new_plan_the_orders_follow_the_steps_of_the_old_one() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        assert desk.orders().why == "optimal 0"
        desk.solver.trouble = "HiGHS says no"
        await passes(900.0)
        assert desk.orders().why == "optimal 1"

    played(story)


def test_news_make_one_plan_and_never_two_at_once() -> None:
    async def story(desk: Desk) -> None:
        await passes(60.0)
        for _ in range(20):
            desk.planning.want("a new price")
            await passes(0.1)
        await passes(60.0)
        assert len(desk.solver.asked) == 3  # the first, the first of the news, and what came meanwhile
        desk.solver.takes_s = 5.0
        for _ in range(30):
            desk.planning.want("a new price")
            await passes(1.0)

    desk = played(story)
    assert desk.solver.most_running == 1
    apart = np.diff(desk.solver.asked)
    assert min(apart) >= GAP_S


def test_a_failing_solver_leaves_the_plan_before_then_the_rules_and_is_said_once_each() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        desk.solver.trouble = "HiGHS says no"
        await passes(1800.0)
        assert desk.stances == ["plan", "kept"]
        assert "HiGHS says no; the plan of 10:00 UTC carries on" in desk.said[-1][1]
        assert desk.orders().why == "optimal 2"
        await passes(VALID_S)
        assert desk.stances == ["plan", "kept", "rules"]
        assert desk.orders().why.startswith("rules")
        desk.solver.trouble = ""
        await passes(900.0)
        assert desk.stances == ["plan", "kept", "rules", "plan"]
        assert desk.orders().why.startswith("optimal")

    played(story)


def test_a_solver_that_never_worked_leaves_the_rules() -> None:
    async def story(desk: Desk) -> None:
        desk.solver.trouble = "the solver died: code -9"
        await passes(5.0)
        assert desk.stances == ["rules"]
        assert desk.orders().why.startswith("rules")

    played(story)


def test_without_rules_nothing_is_ordered() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        desk.solver.trouble, desk.rules_fail = "HiGHS says no", True
        await passes(VALID_S + 120.0)
        assert desk.stances == ["plan", "kept", "nothing"]
        assert desk.orders().good_until_s < desk.clock.now_s()

    played(story)


def test_orders_die_by_themselves_even_where_nobody_looks() -> None:
    """The law must not go on with what a dead planner said last."""

    async def story(desk: Desk) -> None:
        await passes(10.0)
        orders = desk.orders()
        assert orders.good_until_s <= desk.clock.now_s() + 60.0 + 30.0

    played(story)


def test_a_solver_that_hangs_is_given_up_and_the_plan_before_carries_on() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        desk.solver.takes_s = 1e6
        await passes(870.0 + LATE_S + PLAN.budget_s)
        assert desk.stances == ["plan", "kept"]
        assert "late" in desk.said[-1][1]
        desk.solver.takes_s = 0.5
        await passes(120.0)
        assert desk.stances[-1] == "plan"

    played(story)


def test_while_it_solves_the_old_orders_hold() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        desk.solver.takes_s = 60.0
        desk.planning.want("a new price")
        await passes(30.0)
        assert desk.solver.running == 1
        assert desk.orders().why == "optimal 0"

    played(story)


def test_without_prices_there_is_no_plan_and_the_reason_is_said() -> None:
    async def story(desk: Desk) -> None:
        desk.refusal = Refused("no_prices", "no import price for 10:00")
        await passes(60.0)
        assert desk.said == [("nothing", "no import price for 10:00; the laws go on by themselves")]
        assert desk.orders() is NOTHING
        desk.refusal = None
        await passes(120.0)
        assert desk.stances == ["nothing", "plan"]

    played(story)


def test_before_the_wall_clock_is_set_nothing_is_planned() -> None:
    async def story(desk: Desk) -> None:
        await passes(60.0)
        assert "before it is set" in desk.said[0][1]
        assert desk.orders() is NOTHING
        desk.clock.step((START - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
        desk.orders()
        await passes(30.0)
        assert desk.stances == ["nothing", "plan"]

    played(story, start=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=30))


def test_a_clock_that_is_set_makes_a_new_plan_at_once() -> None:
    async def story(desk: Desk) -> None:
        await passes(60.0)
        desk.orders()
        desk.clock.step(3600.0)
        assert desk.orders().why == "optimal 4"  # the old plan, an hour further on
        await passes(5.0)
        assert desk.planning.plans == 2
        desk.orders()
        desk.clock.step(-86_400.0)
        assert desk.orders() is NOTHING
        await passes(30.0)
        assert desk.orders().why == "optimal 0"

    played(story)


def test_a_plan_is_not_followed_behind_its_horizon() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        desk.solver.trouble, desk.rules_fail = "HiGHS says no", True
        desk.clock.step(PLAN.horizon_h * 3600.0)
        assert desk.orders() is NOTHING

    played(story)


def test_a_plan_that_is_too_old_is_not_followed_and_that_is_said() -> None:
    async def story(desk: Desk) -> None:
        await passes(10.0)
        held = desk.planning.in_force
        assert held is not None
        desk.orders()
        desk.planning.in_force = replace(held, until_s=desk.clock.now_s() + 30.0)
        await passes(61.0)
        desk.solver.trouble, desk.rules_fail = "HiGHS says no", True
        assert desk.orders() is NOTHING
        assert desk.stances == ["plan", "nothing"]

    played(story)


def test_the_site_of_now_is_that_of_the_plan_in_force() -> None:
    async def story(desk: Desk) -> None:
        assert desk.planning.site_now() is None
        await passes(10.0)
        found = desk.planning.site_now()
        assert found is not None
        assert found[1] == 0
        await passes(900.0)
        found = desk.planning.site_now()
        assert found is not None
        assert found[0].horizon.start == datetime(2026, 6, 21, 10, 15, tzinfo=UTC)

    played(story)
