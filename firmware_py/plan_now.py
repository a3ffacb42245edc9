"""A plan made on the spot: from the configuration and what the node's journal knows. The state of the devices nobody asks: it is
assumed, and said in the plan's notes.
"""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Final

from controller.devices import DeviceView, Role
from controller.loads import Terms
from controller.planning.plan import Plan
from controller.planning.planner import Planner, SolverFailed
from controller.planning.publish import from_plan
from controller.planning.rules import rules as by_rules
from controller.planning.site import Site
from controller.tariff import Tariff, prices
from firmware_py.clock import SystemClock
from firmware_py.compose_outlook import rules
from firmware_py.compose_plan import home_set
from firmware_py.config import HomeConfig, Loaded
from firmware_py.config_home import PlanConfig
from firmware_py.config_loads import ChargerConfig
from firmware_py.config_tariff import tariff_of
from firmware_py.home.contracts import Trust
from firmware_py.home.history import LOAD, OUTDOOR, PV, History
from firmware_py.home.limit_sources import EnvelopeSource
from firmware_py.home.outlook import Keeping, OutlookDesk, back_at
from firmware_py.home.planning import expect
from firmware_py.home.planning.cars import CarFacts, trips
from firmware_py.home.planning.gather import Expected, Facts, horizon_at, site_of
from firmware_py.home.planning.hours import Now, Span
from firmware_py.home.planning.learning import Learner
from firmware_py.home.planning.settings import BatterySet, CarSet, HomeSet, PlanSet, RoomSet, TankSet
from firmware_py.home.shelf import KINDS, Shelf
from firmware_py.journal import JOURNAL_FILE
from firmware_py.journal_reading import ReadOnlyJournal
from protocols.faults import Refused
from protocols.outlook import Kind
from protocols.plan import PublishedPlan
from protocols.ports import Clock, Journal, Ratings
from protocols.signing import SignedText, open_signed

SOC_PERCENT: Final = 50.0
# The commonest home battery: 10 kWh, and empty in two hours.
CAPACITY_WH: Final = 10_000.0
_EMPTY_IN_H: Final = 2.0
# A household's of Germany in these years, and what its PV is paid; only what they are to each other matters for a plan.
IMPORT_PER_KWH: Final = 0.30
EXPORT_PER_KWH: Final = 0.08
_VOLTS_V: Final = 230.0
_KINDS: Final = {LOAD: Kind.LOAD, PV: Kind.PV, OUTDOOR: Kind.OUTDOOR}


async def made_now(loaded: Loaded, budget_s: float, clock: Clock | None = None) -> PublishedPlan:
    """The plan of this moment; Refused where there is no price or no plan at all, StoreFailed where the journal cannot be read."""
    config = loaded.home if loaded.home.plan is not None else loaded.home.model_copy(update={"plan": PlanConfig()})
    clock = clock or SystemClock()
    home = home_set(config)
    assert home.plan is not None
    known = _Known(loaded, config, home, clock)
    site, notes = await known.site(home.plan)
    found = _planned(site, home.plan, budget_s, notes)
    currency = "EUR" if config.tariff is None else config.tariff.currency
    return from_plan(
        found,
        config.node.id,
        clock.utc(),
        notes=[*site.notes, *notes],
        currency=currency,
        timezone=config.site.timezone,
    )


def _planned(site: Site, plan: PlanSet, budget_s: float, notes: list[str]) -> Plan:
    try:
        return Planner().plan(site, budget_s, plan.exact_h * 3600.0)
    except SolverFailed as error:
        notes.append(f"the solver failed ({error}): the plain rules are assumed")
        return by_rules(site)
    except ValueError as error:
        raise Refused("site", str(error)) from error


class _Known:
    """What journal and configuration know of the home, and what is assumed beside it."""

    def __init__(self, loaded: Loaded, config: HomeConfig, home: HomeSet, clock: Clock) -> None:
        self._loaded, self._config, self._home, self._clock = loaded, config, home, clock
        self._now = Now(clock.now_s(), clock.utc())
        self._journal: Journal = ReadOnlyJournal(config.node.state_dir / JOURNAL_FILE)
        trust = Trust(loaded.keys, loaded.issuers)
        self._outlook = OutlookDesk(trust, rules(config), Keeping(clock, self._journal, lambda *said: None))
        self._history = History(clock, self._journal)
        self._learner = Learner(home, self._history, clock, self._journal, lambda *said: None)

    async def site(self, plan: PlanSet) -> tuple[Site, list[str]]:
        """The site to be planned, and what was assumed of its state."""
        await self._outlook.recall()
        await self._history.restore()
        await self._learner.recall()
        notes: list[str] = []
        facts = await self._facts(notes)
        return site_of(self._home, plan, facts, self._expected(plan, notes)), notes

    def _expected(self, plan: PlanSet, notes: list[str]) -> Expected:
        horizon = horizon_at(plan, self._now.utc)
        paid = prices(horizon, self._tariff(notes), self._outlook.received)
        series = {kind: self._history.series(name) for name, kind in _KINDS.items()}
        told = {kind: each for kind in Kind if (each := self._outlook.forecast(kind)) is not None}
        known = expect.Known(series, self._home.zone, self._home.place)
        found, _ = expect.forecasts(known, horizon, told)
        draws = {tank.name: self._learner.drawn_w(tank.name, horizon) for tank in self._home.tanks}
        return Expected(
            load_w=found[Kind.LOAD].at(plan.risk),
            pv_w=found[Kind.PV].at(1.0 - plan.risk),
            outdoor_c=found[Kind.OUTDOOR].median,
            import_per_kwh=paid.import_per_kwh,
            export_per_kwh=paid.export_per_kwh,
            draw_w={name: drawn for name, drawn in draws.items() if drawn is not None},
            notes=(*paid.notes, *(note for each in found.values() for note in each.notes)),
        )

    def _tariff(self, notes: list[str]) -> Tariff:
        if self._config.tariff is not None:
            return tariff_of(self._config.tariff, self._config.site.timezone)
        notes.append(f"no [tariff]: {IMPORT_PER_KWH} and {EXPORT_PER_KWH} per kWh are assumed for import and export")
        return Tariff(self._home.zone, IMPORT_PER_KWH, EXPORT_PER_KWH)

    async def _facts(self, notes: list[str]) -> Facts:
        entries = (await Shelf(self._journal, self._clock, self._opened).taken(lambda refused: None)).entries
        operators = frozenset(issuer.name for issuer in self._config.issuer if issuer.role in ("any", "grid"))
        envelopes = EnvelopeSource(lambda: entries, operators, self._journal)
        await envelopes.recall()
        views = dict(battery_view(each, notes) for each in self._home.batteries)
        views |= {each.name: charger_view(each) for each in self._config.charger if each.car is not None}
        stores: tuple[RoomSet | TankSet, ...] = (*self._home.rooms, *self._home.tanks)
        return Facts(
            now=self._now,
            views=views,
            entries=entries,
            envelopes=tuple(envelopes.views().values()),
            temperature_c={each.sensor: assumed_c(each, notes) for each in stores},
            mass_c=self._learner.mass_c,
            models=self._learner.models,
            cars={each.charger: self._car(each, notes) for each in self._home.cars},
        )

    def _opened(self, token: bytes) -> SignedText:
        return open_signed(token, self._loaded.keys, KINDS)

    def _car(self, car: CarSet, notes: list[str]) -> CarFacts:
        told = self._outlook.trip(car.charger)
        facts = CarFacts()
        if told is not None and told.departs is not None:
            away_at = Span(told.departs.astimezone(UTC), back_at(told.departs, told.returns))
            facts = CarFacts(trip=away_at, trip_needs_wh=told.needs_wh)
        utc = self._now.utc
        away = trips(car, self._home.zone, facts, utc - timedelta(days=1), utc + timedelta(days=1))
        is_plugged = not any(span.holds(utc) for span, _ in away)
        notes.append(f"{car.charger}: its car is assumed {'plugged in, nothing charged yet' if is_plugged else 'away'}")
        return replace(facts, is_plugged=is_plugged)


def battery_view(battery: BatterySet, notes: list[str]) -> tuple[str, DeviceView]:
    """A battery half full."""
    energy_wh = CAPACITY_WH if battery.capacity_wh is None else battery.capacity_wh
    power_w = energy_wh / _EMPTY_IN_H
    of_wh = f" of {energy_wh:g} Wh" if battery.capacity_wh is None else ""
    notes.append(f"{battery.name}: {SOC_PERCENT:g} %{of_wh} and {power_w:g} W are assumed")
    ratings = Ratings(power_w, power_w, energy_wh)
    return battery.name, DeviceView(battery.name, Role.FOLLOWER, ratings, 0.0, SOC_PERCENT)


def charger_view(charger: ChargerConfig) -> DeviceView:
    """A charging point as it is wired."""
    volts_v = _VOLTS_V * charger.phases
    terms = Terms(charger.current_min_a * volts_v, charger.current_max_a * volts_v, charger.step_a * volts_v)
    return DeviceView(charger.name, Role.LOAD, None, 0.0, terms=terms)


def assumed_c(store: RoomSet | TankSet, notes: list[str]) -> float:
    """What is liked, else the middle of what is allowed."""
    middle_c = (store.least_c + store.most_c) / 2.0 if store.liked_c is None else store.liked_c
    notes.append(f"{store.name}: {middle_c:g} °C is assumed")
    return middle_c
