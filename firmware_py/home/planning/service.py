"""The planner's task: makes a plan each `replan_s` and when something is new, and says what of it holds now.

It never holds up the cycle. Where the solver fails, is late or dies, the plan before carries on while it is valid, then the
plain rules do, then nothing: the laws go on without a plan. Each such change is said once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final

from controller.flexibility import NEAR_S
from controller.planning.orders import NOTHING, Orders
from controller.planning.plan import Made, Plan
from controller.planning.site import Site
from firmware_py.home.contracts import EARLIEST
from firmware_py.home.planning.hours import Now, step_now
from firmware_py.home.planning.settings import PlanSet
from firmware_py.home.planning.solver import Held, PlanSolver, SolverTrouble
from firmware_py.supervise import Backoff, roused
from protocols.faults import Refused
from protocols.ports import Clock

# Two plans are at least so far apart: several news of one moment make one plan.
GAP_S: Final = 10.0
# A plan whose successors fail is followed for so many replans, or this long if that is more: prices and the sun of a
# day ahead do not change, what is stored does.
VALID_REPLANS: Final = 4
VALID_S: Final = 3600.0
# The worker kills itself off sooner; this is for one that does not.
LATE_S: Final = 120.0
# A device may run for a part of a step only: what a plan orders is looked up so often.
ORDERS_S: Final = 60.0
# Orders of a step hold a little beyond it, until the next cycle has looked.
_GRACE_S: Final = 15.0
# A wall clock that jumps by more was set.
SET_S: Final = 2.0
_RETRY: Final = Backoff(first_s=30.0, most_s=900.0)
_log = logging.getLogger("busbar.plan")


class Stance(StrEnum):
    """What the node goes by."""

    PLAN = "plan"  # a fresh plan
    KEPT = "kept"  # the plan before, for there is no fresh one
    RULES = "rules"  # the plain rules, looked ahead
    NOTHING = "nothing"  # the laws alone


@dataclass(frozen=True, slots=True)
class InForce:
    """A plan with the site it was made for, when it was made, and until when it may be followed (monotonic)."""

    plan: Plan
    site: Site
    made_s: float
    made_at: datetime
    until_s: float


@dataclass(frozen=True, slots=True)
class Makes:
    """How plans come about: the facts as a site, the solver, the rules beside it, and what a plan orders now."""

    site: Callable[[Now], Awaitable[Site]]
    solver: PlanSolver
    rules: Callable[[Site], Plan]
    orders: Callable[[Plan, Site, datetime, float], Orders]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of a new plan, and of a change (state, why)."""

    made: Callable[[InForce], None]
    happened: Callable[[str, str], None]


def exact_s(plan: PlanSet, site: Site) -> float:
    """So far ahead switches are whole: to the end of a near contract too, or a plan ends where half a heater would do."""
    own_s = plan.exact_h * 3600.0
    ends_s = (each.last * site.horizon.step_s for each in site.commitments)
    return max([own_s, *(end_s for end_s in ends_s if end_s <= NEAR_S)]) if own_s > 0.0 else 0.0


class Planning:
    """`run` plans, `orders` answers at once, `want` asks for a new plan."""

    def __init__(self, plan: PlanSet, makes: Makes, clock: Clock, listeners: Listeners) -> None:
        self.in_force: InForce | None = None
        self.stance: Stance | None = None
        self.plans = 0
        self._plan, self._makes, self._clock, self._listeners = plan, makes, clock, listeners
        self._wake = asyncio.Event()
        self._reasons: list[str] = []
        self._failures = 0
        self._orders, self._orders_until_s = NOTHING, -inf
        self._offset_s: float | None = None

    def want(self, reason: str) -> None:
        """Have a new plan made soon."""
        self._reasons.append(reason)
        self._wake.set()

    async def run(self) -> None:
        """Plan until cancelled."""
        try:
            while True:
                self._wake.clear()
                reasons, self._reasons = dict.fromkeys(self._reasons), []
                _log.info("a new plan: %s", ", ".join(reasons) or "it is time")
                await self._make()
                await asyncio.sleep(GAP_S)
                await roused(self._wake, self._wait_s())
        finally:
            await self._makes.solver.close()

    def take_up(self, held: Held) -> None:
        """Follow the plan of an earlier life for as long as it holds; the next one is made all the same."""
        now_s, utc = self._clock.now_s(), self._clock.utc()
        may = all(self._plan.may(name.partition("+")[0]) for name in held.plan.power_w)
        if not (may and EARLIEST <= held.made_at <= utc < held.until):
            return
        left_s = (held.until - utc).total_seconds()
        made_s = now_s - (utc - held.made_at).total_seconds()
        self.in_force = InForce(held.plan, held.site, made_s, held.made_at, now_s + left_s)
        self._say(Stance.KEPT, f"started; the plan of {held.made_at:%H:%M} UTC carries on")

    def orders(self, now_s: float) -> Orders:
        """What the plan says of now; worked out once a minute and where a step begins."""
        if self._clock_was_set(now_s):
            self._orders_until_s = -inf
        if now_s >= self._orders_until_s:
            self._orders, self._orders_until_s = self._ordered(now_s)
        return self._orders

    def site_now(self) -> tuple[Site, int] | None:
        """The site that is planned with, and which of its steps it is now; None where no plan is in force."""
        held = self.in_force
        if held is None or self._clock.now_s() >= held.until_s:
            return None
        step = held.plan.horizon.step_of(self._clock.utc())
        return (held.site, step) if 0 <= step < held.plan.horizon.steps else None

    def _ordered(self, now_s: float) -> tuple[Orders, float]:
        """The orders of now, and until when nothing else is to be said."""
        held, utc = self.in_force, self._clock.utc()
        if held is None:
            return NOTHING, inf
        horizon = held.plan.horizon
        inside = horizon.start <= utc < horizon.moment(horizon.steps)
        if now_s >= held.until_s or not inside:
            self._is_over()
            return NOTHING, inf
        ends = step_now(utc, horizon.step_s) + timedelta(seconds=horizon.step_s)
        ends_s = min(now_s + min((ends - utc).total_seconds(), ORDERS_S), held.until_s)
        return self._makes.orders(held.plan, held.site, utc, min(ends_s + _GRACE_S, held.until_s)), ends_s

    def _is_over(self) -> None:
        """A plan that nothing followed has come to its end."""
        self.in_force = None
        self._say(Stance.NOTHING, "the plan is over and there is no other: the laws go on by themselves")
        self.want("the plan is over")

    def _clock_was_set(self, now_s: float) -> bool:
        offset_s = self._clock.utc().timestamp() - now_s
        before, self._offset_s = self._offset_s, offset_s
        if before is None or abs(offset_s - before) <= SET_S:
            return False
        self.want(f"the clock was set by {offset_s - before:+.0f} s")
        return True

    def _wait_s(self) -> float:
        """To the next full `replan_s` of UTC; sooner after a failure."""
        if self._failures > 0:
            return _RETRY.wait_s(self._failures - 1)
        utc = self._clock.utc()
        ends = step_now(utc, self._plan.replan_s) + timedelta(seconds=self._plan.replan_s)
        return max((ends - utc).total_seconds(), 0.0)

    async def _make(self) -> None:
        now = Now(self._clock.now_s(), self._clock.utc())
        if now.utc < EARLIEST:
            self._failed(None, f"the wall clock says {now.utc:%Y-%m-%d}: nothing can be planned before it is set")
            return
        try:
            site = await self._makes.site(now)
        except Refused as refused:
            self._failed(None, str(refused))
            return
        try:
            async with asyncio.timeout(self._plan.budget_s + LATE_S):
                plan = await self._makes.solver.solve(site, self._plan.budget_s, exact_s(self._plan, site))
        except SolverTrouble as trouble:
            self._failed(site, str(trouble))
        except TimeoutError:
            self._failed(site, f"the solver was late: nothing after {self._plan.budget_s + LATE_S:g} s")
        else:
            self._failures = 0
            self._take(plan, site)
            by_rules = plan.made is Made.RULES
            self._say(Stance.RULES if by_rules else Stance.PLAN, f"{plan.made}, {plan.cost.total:.3f} for the horizon")

    def _failed(self, site: Site | None, why: str) -> None:
        """No new plan: the one before, the rules, or nothing."""
        self._failures += 1
        _log.warning("no new plan: %s", why)
        held, again_s = self.in_force, self._clock.now_s() + _RETRY.wait_s(self._failures - 1)
        if held is not None and held.plan.made is not Made.RULES and again_s < held.until_s:
            self._say(Stance.KEPT, f"{why}; the plan of {held.made_at:%H:%M} UTC carries on")
            return
        plan = None if site is None else self._ruled(site)
        if plan is not None and site is not None:
            self._take(plan, site)
            self._say(Stance.RULES, f"{why}; the plain rules carry on")
            return
        if held is None or self._clock.now_s() >= held.until_s:
            self.in_force, self._orders_until_s = None, -inf
            self._say(Stance.NOTHING, f"{why}; the laws go on by themselves")

    def _ruled(self, site: Site) -> Plan | None:
        try:
            return self._makes.rules(site)
        except (ValueError, ArithmeticError):  # a site that not even the rules can be looked ahead on
            _log.exception("the plain rules failed")
            return None

    def _take(self, plan: Plan, site: Site) -> None:
        now_s = self._clock.now_s()
        valid_s = max(VALID_REPLANS * self._plan.replan_s, VALID_S)
        self.in_force = InForce(plan, site, now_s, self._clock.utc(), now_s + valid_s)
        self._orders_until_s = -inf
        self.plans += 1
        self._listeners.made(self.in_force)

    def _say(self, stance: Stance, why: str) -> None:
        if stance is not self.stance:
            self.stance = stance
            self._listeners.happened(stance, why)
