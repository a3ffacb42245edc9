"""The plan desk: feeds history and learning from each cycle, notices what calls for a new plan, gathers the facts for it, and
says the plan that is in force. Implements `HomeView`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import numpy as np

from controller.book import Entry
from controller.cycle import Inputs
from controller.forecasting.forecast import Forecast
from controller.forecasting.miss import missed
from controller.forecasting.score import Scores
from controller.forecasting.series import QUARTER_S, Series
from controller.laws.departure import CarView
from controller.limits.allowed import Allowed
from controller.limits.envelope import View
from controller.planning.orders import Orders
from controller.planning.plan import Plan
from controller.planning.publish import from_plan
from controller.planning.site import Floats, Horizon, Site
from controller.tariff import Tariff, prices
from controller.thermal.stores import Store
from firmware_py.home.comfort import Beside, Comfort, Latest
from firmware_py.home.history import LOAD, OUTDOOR, PV, Closed, History
from firmware_py.home.limit_sources import EnvelopeSource, LimitSource
from firmware_py.home.outlook import OutlookDesk, back_at
from firmware_py.home.planning import expect
from firmware_py.home.planning.feed import Feed
from firmware_py.home.planning.gather import Expected, Facts, horizon_at, site_of
from firmware_py.home.planning.hours import Now, Span, step_now
from firmware_py.home.planning.learning import Learner
from firmware_py.home.planning.selling import Selling
from firmware_py.home.planning.service import InForce, Listeners, Makes, Planning
from firmware_py.home.planning.settings import HomeSet, PlanSet
from firmware_py.home.planning.solver import Held, PlanSolver, held_in, kept
from protocols.faults import StoreFailed
from protocols.messages import encode
from protocols.outlook import Kind
from protocols.plan import KEPT
from protocols.ports import Clock, Journal

# So much energy beside the forecast is worth a new plan: half a kWh is a few cents.
MISSED_WH: Final = 500.0
# After a start the devices are given this long to tell their state before the first plan.
READY_S: Final = 30.0
# Fewer quarter-hours than a day say nothing of a forecast.
_SCORED: Final = 96.0
_SCORES: Final = "scores"
_HELD: Final = "plan/held"
_KINDS: Final = {LOAD: Kind.LOAD, PV: Kind.PV, OUTDOOR: Kind.OUTDOOR}
_log = logging.getLogger("busbar.plan")
SUBJECT: Final = "plan"
# An offer to others is at least so sure, whatever its owner dares for himself.
LEAST_SURE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Sources:
    """Where facts come from: the book, the limits, what others told, and what a kWh costs."""

    entries: Callable[[], tuple[Entry, ...]]
    limits: tuple[LimitSource, ...]
    outlook: OutlookDesk | None
    tariff: Tariff
    latest: Latest
    clock: Clock
    journal: Journal
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Solving:
    """Who makes plans, who stands in, and what a plan orders of a moment."""

    solver: PlanSolver
    rules: Callable[[Site], Plan]
    orders: Callable[[Plan, Site, datetime, float], Orders]


@dataclass(frozen=True, slots=True)
class Says:
    """How it speaks: an event (subject, state, why), and the plan and its offers (retained; False: not now)."""

    node: str
    happened: Callable[[str, str, str], None]
    plan: Callable[[bytes], bool]
    offers: Callable[[bytes], bool] = lambda offers: True


# Told of each new plan, with by how much load and sun may be off in each step: who makes offers of it, for one.
Planned = Callable[[InForce, Floats], None]


@dataclass(slots=True)
class _Noticed:
    """What the last plan was asked for with: contracts, limits, which batteries and chargers are known."""

    entries: tuple[Entry, ...] = ()
    contracts: tuple[object, ...] = ()
    caps: tuple[object, ...] = ()
    known: frozenset[str] = frozenset()


class PlanDesk:
    """`follow` takes a cycle in and answers at once; `run` does the rest."""

    def __init__(self, home: HomeSet, plan: PlanSet, solving: Solving, sources: Sources, says: Says) -> None:
        clock, journal = sources.clock, sources.journal
        self.planning = Planning(
            plan,
            Makes(self.site, solving.solver, solving.rules, solving.orders),
            clock,
            Listeners(self.made, partial(says.happened, SUBJECT)),
        )
        self.comfort = Comfort(
            home, clock, journal, Beside(sources.latest, self._trip, self._is_cheap, self.planning.want)
        )
        self.history = History(clock, journal)
        self.learner = Learner(home, self.history, clock, journal, says.happened)
        self.scores = Scores()
        self._home, self._plan, self._sources, self._says = home, plan, sources, says
        self._clock, self._journal = clock, journal
        self._feed = Feed(home, self.comfort, clock)
        self._forecasts: dict[Kind, Forecast] = {}
        self._noticed, self._bad = _Noticed(), set[str]()
        self._unsaid, self._to_keep, self._unkept = b"", dict[str, bytes](), asyncio.Event()
        self._ready = asyncio.Event()
        self.listeners: list[Planned] = []
        self._selling = Selling(says.node, solving.solver, clock, says.offers) if plan.offers else None
        if self._selling is not None:
            self.listeners.append(self._selling.planned)
        if sources.outlook is not None:
            sources.outlook.changed = self.planning.want

    async def recall(self) -> None:
        """Take up what an earlier life kept."""
        await self.comfort.recall()
        await self.learner.recall()
        self.scores = Scores.taken(await self._journal.kept(_SCORES))
        body = await self._journal.kept(_HELD)
        if body and (held := held_in(body)) is not None:
            self.planning.take_up(held)
        try:
            await self.history.restore()
        except StoreFailed as fault:
            _log.error("history is not to be read, it begins anew: %s", fault)

    async def run(self) -> None:
        """Plan, learn and keep until cancelled."""
        async with asyncio.TaskGroup() as group:
            for run in (self.comfort.run(), self.history.run(), self.learner.run(), self._keep(), self._planned()):
                group.create_task(run)
            if self._selling is not None:
                group.create_task(self._selling.run())

    async def _planned(self) -> None:
        """Plan once the devices have told their state."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_S):
                await self._ready.wait()
        await self.planning.run()

    def _is_ready(self) -> bool:
        asked = {each.name for each in self._home.batteries}
        views = [self.comfort.views.get(name) for name in self._home.steered]
        return self._known() >= asked and all(view is not None and view.power_w is not None for view in views)

    # What the cycle asks

    def orders(self, now_s: float) -> Orders:
        """What the plan says of now."""
        return self.planning.orders(now_s)

    def stores(self, now_s: float) -> tuple[Store, ...]:
        """As `Comfort`."""
        return self.comfort.stores(now_s)

    def cars(self, now_s: float) -> tuple[CarView, ...]:
        """As `Comfort`."""
        return self.comfort.cars(now_s)

    def follow(self, inputs: Inputs, allowed: tuple[Allowed, ...]) -> None:
        """Take in a cycle: count, remember, and notice what calls for a new plan."""
        self.comfort.follow(inputs)
        for quarter in self.history.feed(self._feed.values(inputs)):
            self._closed(quarter)
        self._notice(allowed)
        if not self._ready.is_set() and self._is_ready():
            self._ready.set()
        if self._unsaid and self._says.plan(self._unsaid):
            self._unsaid = b""
        if self._selling is not None:
            self._selling.follow(self.planning.in_force, is_blind=inputs.site_w is None)

    # What is noticed

    def _closed(self, quarter: Closed) -> None:
        """A quarter-hour is over: score the forecasts, let the masses follow, and see whether a forecast was missed."""
        for name, kind in _KINDS.items():
            self.scores.closed(name, quarter.start, quarter.means.get(name))
            held, told = self.planning.in_force, self._forecasts.get(kind)
            if held is None or told is None or kind is Kind.OUTDOOR:
                continue
            miss = missed(told, self.history.series(name), held.made_at, MISSED_WH)
            if miss is not None:
                self.planning.want(f"{name}: {miss}")
        self.learner.closed(quarter)
        self._judge_forecasts()

    def _judge_forecasts(self) -> None:
        """Say once when a forecast becomes worse than the day before, and when it is better again."""
        for result in self.scores.results():
            name = f"forecast of {result.kind}, {result.lead_h} h ahead"
            if result.quarters < _SCORED or result.skill is None or (result.skill < 0.0) is (name in self._bad):
                continue
            if result.skill < 0.0:
                self._bad.add(name)
                text = f"mean error {result.mae:.3g}, as on the day before it would be {result.plain_mae or 0.0:.3g}"
                self._says.happened(name, "bad", text)
            else:
                self._bad.discard(name)
                self._says.happened(name, "good", f"mean error {result.mae:.3g}")

    # What calls for a new plan

    def _known(self) -> frozenset[str]:
        """The batteries that tell their state, and the cars' charging points that answer."""
        views = self.comfort.views
        batteries = (views.get(each.name) for each in self._home.batteries)
        chargers = (views.get(each.charger) for each in self._home.cars)
        found = [each for each in batteries if each and each.ratings is not None and each.soc_percent is not None]
        found += [each for each in chargers if each and each.power_w is not None]
        return frozenset(each.name for each in found)

    def _notice(self, allowed: tuple[Allowed, ...]) -> None:
        noticed, entries = self._noticed, self._sources.entries()
        if entries is not noticed.entries:
            noticed.entries, contracts = entries, _terms(entries)
            if contracts != noticed.contracts:
                noticed.contracts = contracts
                self.planning.want("contracts have changed")
        caps = tuple(each.caps for each in allowed)
        if caps != noticed.caps:
            noticed.caps = caps
            self.planning.want("limits have changed")
        known = self._known()
        if known != noticed.known:
            if known - noticed.known:
                self.planning.want(f"{', '.join(sorted(known - noticed.known))}: the state is known again")
            noticed.known = known

    # What comfort asks

    def _trip(self, charger: str) -> tuple[Span, float] | None:
        """A trip that somebody told of, away from its beginning to its end."""
        outlook = self._sources.outlook
        told = None if outlook is None else outlook.trip(charger)
        if told is None or told.departs is None:
            return None
        return Span(told.departs.astimezone(UTC), back_at(told.departs, told.returns)), told.needs_wh

    def _is_cheap(self, tank: str) -> bool:
        """Whether the plan heats a tank through against legionella in this step."""
        found = self.planning.site_now()
        if found is None:
            return False
        site, step = found
        hot_c = {each.name: each.legionella_c for each in self._home.tanks}
        return any(each.name == tank and each.comfort.least_c[step] >= hot_c[tank] for each in site.tanks)

    # Facts for a plan

    async def site(self, now: Now) -> Site:
        """The site as it stands; Refused where nothing can be planned, such as without any price."""
        horizon, outlook = horizon_at(self._plan, now.utc), self._sources.outlook
        paid = prices(horizon, self._sources.tariff, None if outlook is None else outlook.received)
        history = {kind: self.history.series(name) for name, kind in _KINDS.items()}
        history[Kind.OUTDOOR] = self._outdoors(now).joined(history[Kind.OUTDOOR])
        known = expect.Known(
            history,
            self._home.zone,
            self._home.place,
            self._rated_w(),
        )
        told = {kind: each for kind in Kind if outlook is not None and (each := outlook.forecast(kind)) is not None}
        # Some tens of milliseconds of numpy: the cycle does not wait for them.
        found, plain = await asyncio.to_thread(expect.forecasts, known, horizon, told)
        for name, kind in _KINDS.items():
            self.scores.told(name, found[kind], plain[kind], now.utc)
        self._forecasts = found
        risk = self._plan.risk
        draws = {tank.name: self.learner.drawn_w(tank.name, horizon) for tank in self._home.tanks}
        expected = Expected(
            load_w=found[Kind.LOAD].at(risk),
            pv_w=found[Kind.PV].at(1.0 - risk),
            outdoor_c=found[Kind.OUTDOOR].median,
            import_per_kwh=paid.import_per_kwh,
            export_per_kwh=paid.export_per_kwh,
            draw_w={name: drawn for name, drawn in draws.items() if drawn is not None},
            margin_w=self.margin_w(horizon),
            notes=(*paid.notes, *(note for each in found.values() for note in each.notes)),
        )
        return site_of(self._home, self._plan, self._facts(now), expected)

    def _outdoors(self, now: Now) -> Series:
        """How cold it is, as if it had been so for a quarter-hour: on its first night a node knows that it freezes."""
        sensor = self._home.outdoor
        found_c = None if sensor is None else self.comfort.temperature_c(sensor, now.now_s)
        if found_c is None:
            return Series.empty()
        return Series(step_now(now.utc, QUARTER_S) - timedelta(seconds=QUARTER_S), QUARTER_S, np.array([found_c]))

    def _facts(self, now: Now) -> Facts:
        comfort, limits = self.comfort, self._sources.limits
        sensors = {room.sensor for room in self._home.rooms} | {tank.sensor for tank in self._home.tanks}
        temperatures = {sensor: comfort.temperature_c(sensor, now.now_s) for sensor in sensors}
        views: list[View] = []
        held: list[Allowed] = []
        for source in limits:
            if isinstance(source, EnvelopeSource):
                views += source.views().values()
            else:
                held += source.allowed(now.now_s, None)
        return Facts(
            now=now,
            views=comfort.views,
            entries=self._sources.entries(),
            held=tuple(held),
            envelopes=tuple(views),
            temperature_c={sensor: value for sensor, value in temperatures.items() if value is not None},
            mass_c=self.learner.mass_c,
            models=self.learner.models,
            hot_at=comfort.hot_at(),
            cars=comfort.car_facts(),
            ran_s=comfort.ran_s(now),
            switched=comfort.switched(now.now_s),
        )

    def _rated_w(self) -> float | None:
        ratings = [view.ratings for name in self._home.pv if (view := self.comfort.views.get(name)) is not None]
        return (
            None if not ratings or None in ratings else sum(each.produce_max_w for each in ratings if each is not None)
        )

    # What is said

    def made(self, held: InForce) -> None:
        """A new plan is in force: say and keep it."""
        zone = self._home.zone.key
        told = from_plan(
            held.plan,
            self._says.node,
            held.made_at,
            self._figures(),
            held.site.notes,
            currency=self._sources.currency,
            timezone=zone,
        )
        self._unsaid = encode(told)
        until = held.made_at + timedelta(seconds=held.until_s - held.made_s)
        self._to_keep = {KEPT: self._unsaid, _HELD: kept(Held(held.plan, held.site, held.made_at, until))}
        self._unkept.set()
        for listener in self.listeners:
            listener(held, self.margin_w(held.site.horizon))

    def margin_w(self, horizon: Horizon) -> Floats:
        """By how much load and sun together may be off either way in each step (a magnitude), as sure as the owner wants to be;
        endless where nobody knows. A pump that nobody measures may run when it should not, and the other way round.
        """
        sure = max(self._plan.risk, LEAST_SURE)
        load, sun = self._forecasts.get(Kind.LOAD), self._forecasts.get(Kind.PV)
        if load is None or sun is None or load.horizon != horizon or not self._knows_load():
            return np.full(horizon.steps, np.inf)
        planned = (each for each in self._home.heaters if each.is_planned and self._plan.may(each.name))
        unseen_w = sum(each.power_w for each in planned if not each.is_seen)
        return np.asarray(load.at(sure) - load.median + sun.median - sun.at(1.0 - sure) + unseen_w)

    def _knows_load(self) -> bool:
        """Whether somebody told the load, or a day of it was seen: without, it is that of an ordinary house."""
        outlook = self._sources.outlook
        is_told = outlook is not None and outlook.forecast(Kind.LOAD) is not None
        return is_told or np.isfinite(self.history.series(LOAD).values).sum() >= _SCORED

    def _figures(self) -> dict[str, float]:
        """The scores by name, such as `load_mae_24h`."""
        found: dict[str, float] = {}
        for result in self.scores.results():
            name = f"{result.kind}_{{}}_{result.lead_h}h"
            found |= {name.format("mae"): round(result.mae, 2), name.format("pinball"): round(result.pinball, 2)}
            if result.skill is not None:
                found[name.format("skill")] = round(result.skill, 3)
        return found

    async def _keep(self) -> None:
        while True:
            await self._unkept.wait()
            self._unkept.clear()
            try:
                await self._journal.keep_all({**self._to_keep, _SCORES: self.scores.kept()})
            except StoreFailed as fault:
                _log.error("the plan is not kept: %s", fault)


def _terms(entries: tuple[Entry, ...]) -> tuple[object, ...]:
    """What of a book a plan looks at; what has been written or measured of a contract is not part of it."""
    return tuple((entry.id, entry.seq, entry.start_s, entry.end_s, entry.calls) for entry in entries if entry.binds)
