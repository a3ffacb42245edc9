"""The plan desk: forecasts at the owner's risk, what calls for a new plan, what goes into the history, what is said."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from controller.book import Entry, entry_of
from controller.cycle import Inputs
from controller.devices import DeviceView, Role
from controller.forecasting.score import Sums
from controller.limits.allowed import Allowed, Caps, Known
from controller.planning.plan import Plan
from controller.planning.rules import rules
from controller.planning.site import Floats, Site
from controller.planning.steering import orders
from controller.proof import Tally
from controller.tariff import Received, Tariff
from firmware_py.home.limit_sources import LimitSource
from firmware_py.home.planning.desk import PlanDesk, Says, Solving, Sources
from firmware_py.home.planning.settings import BatterySet, HeaterSet, HomeSet, PlanSet, RoomSet
from firmware_py.journal import SqliteJournal
from protocols.contracts import Energy, State
from protocols.flexibility import Offer
from protocols.outlook import Forecast, Kind, Quantile, Trip
from protocols.plan import KEPT, parse_plan
from protocols.ports import Ratings
from sim_hardware.virtual_time import VirtualClock, run_virtual

NOON = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
PLAN = PlanSet(horizon_h=4.0, replan_s=3600.0)
HOME = HomeSet(ZoneInfo("Europe/Berlin"), (17_000.0, 10_000.0), (BatterySet("battery", 5.0),), ("pv",), plan=PLAN)


async def inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    return work(*args)


class Counting:
    """Makes plans by the rules, and counts."""

    def __init__(self) -> None:
        self.sites: list[Site] = []

    async def solve(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        self.sites.append(site)
        return rules(site)

    async def offers(self, site: Site, nominated: Plan, margin_w: Floats, budget_s: float) -> tuple[Offer, ...]:
        raise NotImplementedError

    async def close(self) -> None: ...


class Outlook:
    """What others told."""

    def __init__(self) -> None:
        self.received: Received | None = None
        self.changed: Callable[[str], None] = lambda what: None
        self.told: dict[Kind, Forecast] = {}

    def forecast(self, kind: Kind) -> Forecast | None:
        return self.told.get(kind)

    def trip(self, charger: str) -> Trip | None:
        return None


class Stand:
    """A desk with everything round it; every ten seconds are a cycle."""

    def __init__(self, journal: SqliteJournal, plan: PlanSet, home: HomeSet) -> None:
        self.clock, self.journal, self.solver, self.outlook = VirtualClock(NOON), journal, Counting(), Outlook()
        self.entries: tuple[Entry, ...] = ()
        self.allowed: tuple[Allowed, ...] = ()
        self.limits: tuple[LimitSource, ...] = ()
        self.events: list[tuple[str, str, str]] = []
        self.said: list[bytes] = []
        self.link = True
        self.site_w, self.battery_w, self.pv_w = 800.0, -200.0, -1000.0
        self.limited_w: float | None = None
        sources = Sources(
            entries=lambda: self.entries,
            limits=self.limits,
            outlook=self.outlook,  # type: ignore[arg-type]
            tariff=Tariff(HOME.zone, 0.3, 0.08),
            latest=lambda name: None,
            clock=self.clock,
            journal=journal,
        )
        says = Says("home-1", lambda *event: self.events.append(event), self._say)
        self.desk = PlanDesk(replace(home, plan=plan), plan, Solving(self.solver, rules, orders), sources, says)

    def _say(self, payload: bytes) -> bool:
        if self.link:
            self.said.append(payload)
        return self.link

    async def passes(self, seconds: float) -> None:
        until_s = self.clock.now_s() + seconds
        while self.clock.now_s() < until_s:
            views = (
                DeviceView("battery", Role.FOLLOWER, Ratings(5e3, 5e3, 1e4), self.battery_w, soc_percent=50.0),
                DeviceView("pv", Role.PRODUCER, Ratings(0.0, 6e3), self.pv_w, limited_to_w=self.limited_w),
            )
            self.desk.follow(Inputs(self.clock.now_s(), self.site_w, 0.0, views), self.allowed)
            await asyncio.sleep(min(10.0, until_s - self.clock.now_s()))


def played(folder: Path, story: Callable[[Stand], Awaitable[None]], plan: PlanSet = PLAN, home: HomeSet = HOME) -> None:
    async def main() -> None:
        journal = SqliteJournal(folder / "journal.sqlite", inline)
        stand = Stand(journal, plan, home)
        await stand.desk.recall()
        running = asyncio.create_task(stand.desk.run())
        await story(stand)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await journal.close()

    run_virtual(main(), horizon_s=10 * 86_400.0)


def told(kind: Kind, low_w: float, middle_w: float, high_w: float, steps: int = 24) -> Forecast:
    quantiles = tuple(Quantile(level, (value,) * steps) for level, value in ((0.1, low_w), (0.9, high_w)))
    return Forecast(
        iss="weather",
        aud="home-1",
        seq=1,
        at=NOON,
        kind=kind,
        start=NOON,
        step_s=900,
        values=(middle_w,) * steps,
        quantiles=quantiles,
    )


@pytest.mark.parametrize(("risk", "load_w", "pv_w"), [(0.5, 500.0, 2000.0), (0.9, 900.0, 1200.0), (0.7, 700.0, 1600.0)])
def test_the_more_an_owner_is_afraid_the_more_load_and_the_less_sun_he_gets(
    tmp_path: Path, risk: float, load_w: float, pv_w: float
) -> None:
    async def story(stand: Stand) -> None:
        stand.outlook.told[Kind.LOAD] = told(Kind.LOAD, 300.0, 500.0, 900.0)
        stand.outlook.told[Kind.PV] = told(Kind.PV, 1200.0, 2000.0, 2400.0)
        await stand.passes(20.0)
        site = stand.solver.sites[0]
        assert site.load_w == pytest.approx(np.full(16, load_w))
        assert site.pv_w == pytest.approx(np.full(16, pv_w))

    played(tmp_path, story, replace(PLAN, risk=risk))


def test_holes_of_a_told_forecast_are_filled_and_prices_are_the_tariffs(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        stand.outlook.told[Kind.LOAD] = told(Kind.LOAD, 300.0, 500.0, 900.0, steps=8)
        await stand.passes(20.0)
        site = stand.solver.sites[0]
        assert site.load_w[:8] == pytest.approx(np.full(8, 500.0))
        assert 100.0 < site.load_w[8] < 450.0, "an ordinary household"
        assert set(site.import_per_kwh) == {0.3}
        assert any("no history" in note or "of history" in note for note in site.notes)

    played(tmp_path, story)


def trade(name: str = "c-1") -> Entry:
    start = NOON + timedelta(hours=1)
    made = Energy(
        id=name,
        seq=1,
        iss="dso",
        aud="home-1",
        start=start,
        end=start + timedelta(minutes=30),
        peer="b",
        energy_wh=300.0,
    )
    return entry_of(made, b"", 0.0, NOON)


async def contract_comes(stand: Stand) -> None:
    stand.entries = (trade(),)


async def limit_comes(stand: Stand) -> None:
    stand.allowed = (Allowed("14a", Known.LIMITED, Caps(4200.0, None), "closed", ""),)


async def price_comes(stand: Stand) -> None:
    stand.outlook.changed("new prices of supplier")


async def clock_steps(stand: Stand) -> None:
    stand.clock.step(600.0)
    stand.desk.orders(stand.clock.now_s())


@pytest.mark.parametrize("news", [contract_comes, limit_comes, price_comes, clock_steps])
def test_news_make_a_new_plan_within_seconds(tmp_path: Path, news: Callable[[Stand], Awaitable[None]]) -> None:
    async def story(stand: Stand) -> None:
        await stand.passes(60.0)
        stand.desk.orders(stand.clock.now_s())
        assert len(stand.solver.sites) == 1
        await news(stand)
        await stand.passes(15.0)
        assert len(stand.solver.sites) == 2
        await stand.passes(600.0)
        assert len(stand.solver.sites) == 2

    played(tmp_path, story)


def test_a_contract_in_the_plan_is_a_commitment_and_what_is_measured_of_it_is_no_news(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        await stand.passes(60.0)
        stand.entries = (trade(),)
        await stand.passes(60.0)
        assert [(each.first, each.energy_wh) for each in stand.solver.sites[1].commitments] == [(4, 300.0), (5, 300.0)]
        stand.entries = (replace(trade(), state=State.OBSERVED, written_s=1.0, tally=Tally(covered_s=5.0)),)
        await stand.passes(60.0)
        assert len(stand.solver.sites) == 2

    played(tmp_path, story)


def test_a_forecast_that_is_missed_makes_a_new_plan(tmp_path: Path) -> None:
    """4 kW more than the highest that was told: half a kWh is exceeded within the first quarter-hour."""

    async def story(stand: Stand) -> None:
        stand.outlook.told[Kind.LOAD] = told(Kind.LOAD, 1800.0, 2000.0, 2200.0)
        stand.site_w = 800.0  # 2000 W of load
        await stand.passes(1810.0)
        assert len(stand.solver.sites) == 1
        stand.site_w = 4800.0
        await stand.passes(910.0)
        assert len(stand.solver.sites) == 2

    played(tmp_path, story)


def test_the_history_has_the_load_that_is_not_steered_and_what_the_sun_made(tmp_path: Path) -> None:
    """800 W flow in, the battery gives 200 W, the roof 1000 W: the house takes 2000 W."""

    async def story(stand: Stand) -> None:
        await stand.passes(910.0)
        assert stand.desk.history.series("load").values[48] == pytest.approx(2000.0)
        assert stand.desk.history.series("pv").values[48] == pytest.approx(1000.0)
        stand.limited_w = 1000.0
        await stand.passes(900.0)
        assert np.isnan(stand.desk.history.series("pv").values[49]), "what a limited roof could have made nobody knows"
        assert stand.desk.history.series("load").values[49] == pytest.approx(2000.0)

    played(tmp_path, story)


def test_a_plan_is_kept_at_once_and_said_as_soon_as_there_is_a_link(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        stand.link = False
        await stand.passes(60.0)
        kept = await stand.journal.kept(KEPT)
        assert kept is not None
        assert parse_plan(kept).made_at.startswith("2026-06-21T12:00")
        assert stand.said == []
        stand.link = True
        await stand.passes(60.0)
        assert stand.said == [kept]

    played(tmp_path, story)


def test_a_forecast_worse_than_yesterday_is_said_once_and_again_when_it_is_better(tmp_path: Path) -> None:
    """Mean errors of 400 W where the day before would have been 250 W off, over more than a day of quarter-hours."""
    bad = Sums(200.0, off=80_000.0, pinball=1e4, plain_weight=200.0, plain_off=50_000.0, off_with_plain=80_000.0)
    good = Sums(200.0, off=40_000.0, pinball=1e4, plain_weight=200.0, plain_off=50_000.0, off_with_plain=40_000.0)

    async def story(stand: Stand) -> None:
        stand.desk.scores.sums["load/1"] = bad
        await stand.passes(1850.0)
        stand.desk.scores.sums["load/1"] = good
        await stand.passes(1850.0)
        of_load = [event[1:] for event in stand.events if event[0] == "forecast of load, 1 h ahead"]
        assert [state for state, _ in of_load] == ["bad", "good"]
        assert of_load[0][1].startswith("mean error 40")

    played(tmp_path, story)


def test_who_listens_is_told_of_each_plan_and_by_how_much_it_may_be_off(tmp_path: Path) -> None:
    """At a risk of 0.9: the load 400 W more than its median, the sun 800 W less."""

    async def story(stand: Stand) -> None:
        heard: list[np.ndarray[Any, Any]] = []
        stand.desk.listeners.append(lambda held, margin_w: heard.append(margin_w))
        stand.outlook.told[Kind.LOAD] = told(Kind.LOAD, 300.0, 500.0, 900.0)
        stand.outlook.told[Kind.PV] = told(Kind.PV, 1200.0, 2000.0, 2400.0)
        await stand.passes(20.0)
        assert heard[0] == pytest.approx(np.full(16, 1200.0))

    played(tmp_path, story, replace(PLAN, risk=0.9))


def test_nobody_knows_the_margin_of_a_load_that_nobody_told_nor_saw_for_a_day(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        heard: list[np.ndarray[Any, Any]] = []
        stand.desk.listeners.append(lambda held, margin_w: heard.append(margin_w))
        await stand.passes(20.0)
        assert not np.isfinite(heard[0]).any()
        await stand.passes(25.1 * 3600.0)
        assert np.isfinite(heard[-1]).all()

    played(tmp_path, story)


@pytest.mark.parametrize(("is_seen", "may", "more_w"), [(True, True, 0.0), (False, True, 2500.0), (False, False, 0.0)])
def test_a_pump_that_nobody_measures_may_do_what_no_plan_says(
    tmp_path: Path, is_seen: bool, may: bool, more_w: float
) -> None:
    pump = HeaterSet("pump", 2500.0, is_pump=True, is_seen=is_seen)
    home = replace(HOME, rooms=(RoomSet("room", "probe", (pump,)),))

    async def story(stand: Stand) -> None:
        heard: list[np.ndarray[Any, Any]] = []
        stand.desk.listeners.append(lambda held, margin_w: heard.append(margin_w))
        stand.outlook.told[Kind.LOAD] = told(Kind.LOAD, 300.0, 500.0, 900.0)
        stand.outlook.told[Kind.PV] = told(Kind.PV, 1200.0, 2000.0, 2400.0)
        await stand.passes(60.0)
        assert heard[0] == pytest.approx(np.full(16, 1200.0 + more_w))

    played(tmp_path, story, replace(PLAN, risk=0.9, may_switch=None if may else frozenset({"battery"})), home)


def test_scores_stand_in_the_plan(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        stand.desk.scores.sums["pv/24"] = Sums(100.0, off=12_000.0, pinball=4000.0)
        await stand.passes(60.0)
        assert parse_plan(stand.said[-1]).scores == {"pv_mae_24h": 120.0, "pv_pinball_24h": 40.0}

    played(tmp_path, story)
