"""What the house offers: looked for after a plan, each quarter-hour or when the plan has become another one, and taken back where
it is no longer so.

Offers are the solver's of low priority: no plan and no cycle waits for them. They count from the plan they were looked for with,
until its next quarter-hour begins; without one that holds, or blind, the message says none.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from controller.flexibility import equivalent, good_until
from controller.planning.plan import Made
from controller.planning.site import Commitment, Floats
from firmware_py.home.planning.service import InForce
from firmware_py.home.planning.solver import PlanSolver, SolverTrouble
from protocols.flexibility import EquivalentStore, Flexibility, Offer, encode_flexibility
from protocols.ports import Clock

# How long offers may be looked for; what is found later than that could hardly be bought before the quarter-hour is over.
BUDGET_S: Final = 240.0
# The worker is killed sooner; this is for one that is not.
LATE_S: Final = 120.0
# Plan, load less sun, or its margin are others over the nearest hours if they are so by this much on the mean.
CHANGED_W: Final = 200.0
NEAREST: Final = timedelta(hours=4)
NOTHING: Final = EquivalentStore(0.0, 0.0, 0.0)
Asked = tuple[InForce, Floats]


class Selling:
    """`planned` is told of each plan and `follow` of each cycle; `run` looks for offers."""

    def __init__(self, node: str, solver: PlanSolver, clock: Clock, say: Callable[[bytes], bool]) -> None:
        """`say`: publishes; False: not now."""
        self._node, self._solver, self._clock, self._say = node, solver, clock, say
        self._asked: Asked | None = None
        self._wake = asyncio.Event()
        self._until: datetime | None = None  # of what is offered now; None: nothing is
        self._unsaid = b""
        self._withdraw("no plan yet")

    def planned(self, held: InForce, margin_w: Floats) -> None:
        """A new plan is in force; the load may be off by the margin in each step."""
        is_known = bool(np.isfinite(margin_w).all())
        if held.plan.made is Made.RULES or not is_known:
            self._asked = None
            self._withdraw("a plan by the plain rules" if is_known else "too little is known of the load yet")
            return
        if self._asked is not None and not _is_other(self._asked, (held, margin_w)):
            return
        if self._until is not None:
            self._withdraw("the plan is another one; offers beside it follow")
        self._asked = (held, margin_w)
        self._wake.set()

    def follow(self, held: InForce | None, *, is_blind: bool) -> None:
        """Take in a cycle: what may not be bought any more is taken back, and what is to be said is said."""
        if self._until is not None:
            if held is None or is_blind:
                self._asked = None  # the next plan is looked at whatever it says
                self._withdraw("the connection point is not seen" if is_blind else "no plan")
            elif self._clock.utc() >= self._until:
                self._withdraw("the first window has begun; the next plan follows")
        if self._unsaid and self._say(self._unsaid):
            self._unsaid = b""

    async def run(self) -> None:
        """Look for offers until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if (asked := self._asked) is None:
                continue
            held, margin_w = asked
            try:
                async with asyncio.timeout(BUDGET_S + LATE_S):
                    found = await self._solver.offers(held.site, held.plan, margin_w, BUDGET_S)
            except (SolverTrouble, TimeoutError) as trouble:
                self._withdraw(f"no offers could be found: {str(trouble) or 'the solver was late'}")
                continue
            if self._asked is asked:
                self._tell(held, found)

    def _tell(self, held: InForce, found: tuple[Offer, ...]) -> None:
        """Behind its quarter-hour `follow` takes it back before it is said."""
        until, kept = _until(held), tuple(each for each in found if each.up_w > 0.0 or each.down_w > 0.0)
        self._until = until if kept else None
        self._put(equivalent(held.site, held.plan), until, kept, held.site.notes)

    def _withdraw(self, why: str) -> None:
        self._until = None
        self._put(NOTHING, self._clock.utc(), (), (why,))

    def _put(self, store: EquivalentStore, until: datetime, offers: tuple[Offer, ...], notes: tuple[str, ...]) -> None:
        told = Flexibility(
            node=self._node, made_at=self._clock.utc(), good_until=until, store=store, offers=offers, notes=notes
        )
        self._unsaid = encode_flexibility(told)


def _is_other(before: Asked, after: Asked) -> bool:
    """Whether offers that were looked for with what was before say little of what is now."""
    old, new = before[0], after[0]
    if _until(old) <= new.made_at or _promised(old) != _promised(new):
        return True
    steps = min(round(NEAREST.total_seconds() / new.plan.horizon.step_s), new.plan.horizon.steps)
    skip = old.plan.horizon.step_of(new.plan.horizon.start)
    return any(
        len(was_w[skip : skip + steps]) < steps
        or float(np.abs(was_w[skip : skip + steps] - now_w[:steps]).mean()) > CHANGED_W
        for was_w, now_w in zip(_told_apart(*before), _told_apart(*after), strict=True)
    )


def _told_apart(held: InForce, margin_w: Floats) -> tuple[Floats, ...]:
    return held.plan.grid_w, held.site.load_w - held.site.pv_w, margin_w


def _until(held: InForce) -> datetime:
    return held.site.horizon.start + good_until(held.site)


def _promised(held: InForce) -> frozenset[tuple[str, datetime, float]]:
    """What is promised to others from the end of the present step on, by name, moment and energy."""
    horizon = held.site.horizon

    def one(each: Commitment) -> tuple[str, datetime, float]:
        return each.contract, horizon.moment(each.first), round(each.energy_wh, 1)

    return frozenset(one(each) for each in held.site.commitments if each.first > 0)
