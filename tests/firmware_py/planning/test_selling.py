"""When offers are looked for, said, kept and taken back; who looks for them is played."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from controller.planning.plan import Cost, Made, Plan
from controller.planning.site import Commitment, Floats, Horizon, Site
from firmware_py.home.planning.hours import step_now
from firmware_py.home.planning.selling import BUDGET_S, CHANGED_W, LATE_S, Selling
from firmware_py.home.planning.service import InForce
from firmware_py.home.planning.solver import SolverTrouble
from protocols.flexibility import Flexibility, Offer, parse_flexibility
from sim_hardware.virtual_time import VirtualClock, run_virtual

NOON = datetime(2026, 6, 21, 12, 0, 5, tzinfo=UTC)
QUARTER = datetime(2026, 6, 21, 12, 15, tzinfo=UTC)
STEPS = 24
MARGIN_W = np.full(STEPS, 300.0)


class Searching:
    """Finds one offer, after a while; or nothing, or trouble."""

    def __init__(self) -> None:
        self.takes_s, self.trouble, self.up_w = 20.0, "", 1000.0
        self.asked: list[tuple[Site, Plan]] = []

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        raise NotImplementedError

    async def offers(self, site: Site, nominated: Plan, margin_w: Floats, budget_s: float) -> tuple[Offer, ...]:
        assert (margin_w.shape, budget_s) == ((STEPS,), BUDGET_S)
        self.asked.append((site, nominated))
        await asyncio.sleep(self.takes_s)
        if self.trouble:
            raise SolverTrouble(self.trouble)
        first, second = site.horizon.moment(1), site.horizon.moment(2)
        nothing = Offer(second, site.horizon.moment(3), 900, (0.0,), 0.0, 0.0)
        return Offer(first, second, 900, (float(nominated.grid_w[1]),), self.up_w, 0.0), nothing

    async def close(self) -> None: ...


class Stand:
    def __init__(self) -> None:
        self.clock, self.solver, self.said, self.link = VirtualClock(NOON), Searching(), list[bytes](), True
        self.selling = Selling("home-1", self.solver, self.clock, self._say)
        self.held: InForce | None = None
        self.is_blind = False

    def _say(self, payload: bytes) -> bool:
        if self.link:
            self.said.append(payload)
        return self.link

    def plans(
        self, grid_w: float = 0.0, made: Made = Made.OPTIMAL, margin_w: Floats = MARGIN_W, **site: object
    ) -> None:
        """A plan comes."""
        self.held = self._held(grid_w, made, **site)
        self.selling.planned(self.held, margin_w)

    def _held(self, grid_w: float, made: Made, **site: object) -> InForce:
        utc = self.clock.utc()
        horizon, zeros, much = Horizon(step_now(utc, 900.0), 900.0, STEPS), np.zeros(STEPS), np.full(STEPS, 1e4)
        found = Site(horizon, zeros, zeros, much, much, zeros, zeros, zeros)
        series = (np.full(STEPS, grid_w), *(zeros,) * 6)
        plan = Plan(horizon, made, Cost(), *series, {}, {}, {}, {}, zeros, {})
        return InForce(plan, replace(found, **site), self.clock.now_s(), utc, self.clock.now_s() + 3600.0)  # type: ignore[arg-type]

    async def passes(self, seconds: float) -> None:
        """Every ten seconds are a cycle."""
        until_s = self.clock.now_s() + seconds
        while self.clock.now_s() < until_s:
            self.selling.follow(self.held, is_blind=self.is_blind)
            await asyncio.sleep(min(10.0, until_s - self.clock.now_s()))

    @property
    def told(self) -> Flexibility:
        return parse_flexibility(self.said[-1])

    @property
    def offers(self) -> list[float]:
        return [each.up_w for each in self.told.offers]


def played(story: Callable[[Stand], Awaitable[None]]) -> None:
    async def main() -> None:
        stand = Stand()
        running = asyncio.create_task(stand.selling.run())
        await story(stand)
        assert not running.done(), running.exception()
        running.cancel()

    run_virtual(main(), horizon_s=10_000.0)


def test_offers_are_said_with_until_when_they_may_be_bought_and_taken_back_then() -> None:
    async def story(stand: Stand) -> None:
        await stand.passes(10.0)
        assert (stand.offers, stand.told.notes) == ([], ("no plan yet",))  # whatever an earlier life had offered
        stand.plans(700.0)
        await stand.passes(40.0)
        assert stand.offers == [1000.0]  # and not the one that offers nothing
        assert stand.told.good_until == QUARTER
        assert stand.told.offers[0].baseline_w == (700.0,)
        assert len(stand.said) == 2
        await stand.passes(900.0)
        assert stand.offers == []
        assert len(stand.said) == 3

    played(story)


def test_each_quarter_hour_has_its_search_and_a_plan_in_between_that_is_much_the_same_none() -> None:
    async def story(stand: Stand) -> None:
        for grid_w in (700.0, 700.0 + 0.9 * CHANGED_W, 700.0 - 0.9 * CHANGED_W):
            stand.plans(grid_w)
            await stand.passes(60.0)
        assert len(stand.solver.asked) == 1
        assert stand.offers == [1000.0]
        await stand.passes(900.0)
        stand.plans(700.0)
        await stand.passes(60.0)
        assert len(stand.solver.asked) == 2
        assert stand.offers == [1000.0]

    played(story)


BOUGHT = (Commitment("deal", 4, 5, 250.0, 1.0),)


@pytest.mark.parametrize(
    "other",
    [
        {"grid_w": 700.0 + 1.1 * CHANGED_W},
        {"load_w": np.full(STEPS, 1.1 * CHANGED_W)},
        {"margin_w": MARGIN_W + 1.1 * CHANGED_W},
        {"commitments": BOUGHT},
    ],
)
def test_another_plan_takes_the_offers_back_at_once_and_is_looked_at(other: dict[str, object]) -> None:
    async def story(stand: Stand) -> None:
        stand.plans(700.0)
        await stand.passes(60.0)
        stand.plans(**{"grid_w": 700.0, **other})  # type: ignore[arg-type]
        await stand.passes(10.0)
        assert stand.offers == []
        stand.solver.up_w = 800.0
        await stand.passes(60.0)
        assert stand.offers == [800.0]

    played(story)


def test_offers_beside_a_plan_that_is_no_longer_in_force_are_dropped() -> None:
    async def story(stand: Stand) -> None:
        stand.plans(700.0)
        await stand.passes(5.0)
        stand.plans(700.0, commitments=BOUGHT)
        await stand.passes(19.0)
        assert stand.offers == []
        await stand.passes(40.0)
        assert [site.commitments for site, _ in stand.solver.asked] == [(), BOUGHT]
        assert stand.offers == [1000.0]

    played(story)


@pytest.mark.parametrize("how", ["blind", "no plan"])
def test_blind_or_without_a_plan_nothing_is_offered_until_the_next_one(how: str) -> None:
    async def story(stand: Stand) -> None:
        stand.plans(700.0)
        await stand.passes(60.0)
        held = stand.held
        stand.is_blind, stand.held = how == "blind", None if how == "no plan" else held
        await stand.passes(20.0)
        assert stand.offers == []
        stand.is_blind, stand.held = False, held
        await stand.passes(20.0)
        assert stand.offers == []
        stand.plans(700.0)
        await stand.passes(60.0)
        assert stand.offers == [1000.0]

    played(story)


@pytest.mark.parametrize(("made", "margin_w"), [(Made.RULES, MARGIN_W), (Made.OPTIMAL, np.full(STEPS, np.inf))])
def test_a_plan_by_the_rules_or_with_an_unknown_load_offers_nothing(made: Made, margin_w: Floats) -> None:
    async def story(stand: Stand) -> None:
        stand.plans(700.0)
        await stand.passes(5.0)
        stand.plans(700.0, made, margin_w)
        await stand.passes(120.0)
        assert stand.offers == []
        assert len(stand.solver.asked) == 1

    played(story)


@pytest.mark.parametrize(("takes_s", "trouble"), [(1.0, "died"), (BUDGET_S + LATE_S + 1.0, ""), (600.0, "")])
def test_trouble_and_a_search_that_hangs_are_no_offers_and_the_next_plan_is_looked_at(
    takes_s: float, trouble: str
) -> None:
    async def story(stand: Stand) -> None:
        stand.solver.takes_s, stand.solver.trouble = takes_s, trouble
        stand.plans(700.0)
        await stand.passes(BUDGET_S + LATE_S + 20.0)
        assert stand.offers == []
        assert stand.told.notes == (f"no offers could be found: {trouble or 'the solver was late'}",)
        stand.solver.takes_s, stand.solver.trouble = 1.0, ""
        await stand.passes(900.0 - BUDGET_S - LATE_S)
        stand.plans(700.0)
        await stand.passes(60.0)
        assert stand.offers == [1000.0]

    played(story)


def test_offers_that_are_found_behind_their_quarter_hour_are_dropped() -> None:
    async def story(stand: Stand) -> None:
        await stand.passes(880.0)
        stand.plans(700.0)
        await stand.passes(60.0)
        assert len(stand.solver.asked) == 1
        assert stand.offers == []

    played(story)


def test_with_the_link_down_the_newest_is_said_when_it_is_back() -> None:
    async def story(stand: Stand) -> None:
        stand.link = False
        stand.plans(700.0)
        await stand.passes(60.0)
        assert stand.said == []
        stand.link = True
        await stand.passes(10.0)
        assert len(stand.said) == 1
        assert stand.offers == [1000.0]
        assert stand.told.made_at == NOON + timedelta(seconds=20.0)

    played(story)
