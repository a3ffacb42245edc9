"""The composition root of the home's comfort and plan: from `[owner]`, `[plan]`, `[[room]]`, `[[tank]]` and the devices to what the
cycle is told beside its readings.
"""

from collections.abc import Callable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from controller.forecasting.sun import Place
from controller.laws.phases import Params as PhasesParams
from controller.loads import Use
from controller.planning.rules import rules
from controller.planning.steering import orders
from controller.thermal.models import HouseModel
from drivers.catalogue import MODELS, BatteryModel, InverterModel
from firmware_py.config import DeviceConfig, HomeConfig, SiteConfig
from firmware_py.config_home import DAYS, RoomConfig, TankConfig
from firmware_py.config_loads import HeatPumpConfig, RelayConfig
from firmware_py.config_tariff import tariff_of
from firmware_py.home.comfort import Beside, Comfort, ComfortView
from firmware_py.home.contracts import ContractDesk
from firmware_py.home.limits import LimitDesk
from firmware_py.home.outbox import Outbox
from firmware_py.home.outlook import OutlookDesk
from firmware_py.home.planning.desk import PlanDesk, Says, Solving, Sources
from firmware_py.home.planning.settings import (
    BatterySet,
    CarSet,
    HeaterSet,
    HomeSet,
    Night,
    PlanSet,
    RoomSet,
    RunSet,
    TankSet,
)
from firmware_py.home.planning.solver import PlanSolver
from firmware_py.home.poller import Poller
from firmware_py.home.report import Reporter
from firmware_py.home.view import HomeView, Plain
from protocols.ports import Clock, Journal
from protocols.readings import Reading
from protocols.topics import Topics

# What missing a contract costs where neither it nor the tariff says: more than any kWh, less than a breach of comfort.
DEVIATION_PER_KWH: Final = 1.0
SolverOf = Callable[[], PlanSolver]


class Around:
    """What the rest of the node gives: where readings are, whose contracts and limits hold, and how things are said."""

    def __init__(
        self,
        pollers: Mapping[str, Poller],
        desk: ContractDesk,
        limits: LimitDesk,
        outlook: OutlookDesk | None,
        outbox: Outbox,
        reporter: Reporter,
    ) -> None:
        self.pollers, self.desk, self.limits = pollers, desk, limits
        self.outlook, self.outbox, self.reporter = outlook, outbox, reporter

    def latest(self, name: str) -> Reading | None:
        """The newest reading of a device."""
        poller = self.pollers.get(name)
        return None if poller is None else poller.latest


def home_view(config: HomeConfig, around: Around, solver_of: SolverOf, clock: Clock, journal: Journal) -> HomeView:
    """What the cycle is told of this home: a plan, its comfort alone, or nothing."""
    home = home_set(config)
    if home.plan is None:
        has_comfort = home.rooms or home.tanks or home.cars
        beside = Beside(around.latest)
        return ComfortView(Comfort(home, clock, journal, beside)) if has_comfort else Plain()
    tariff = config.tariff
    assert tariff is not None, "a plan has a tariff: mistakes_home"
    topics = Topics(config.node.id)
    return PlanDesk(
        home,
        home.plan,
        Solving(solver_of(), rules, orders),
        Sources(
            entries=lambda: around.desk.book.entries,
            limits=around.limits.sources,
            outlook=around.outlook,
            tariff=tariff_of(tariff, config.site.timezone),
            latest=around.latest,
            clock=clock,
            journal=journal,
            currency=tariff.currency,
        ),
        Says(
            topics.node,
            around.reporter.happened,
            lambda plan: around.outbox.say(topics.plan, plan, retain=True),
            lambda offers: around.outbox.say(topics.flexibility, offers, retain=True),
        ),
    )


def home_set(config: HomeConfig) -> HomeSet:
    """The home as its owner has set it."""
    site = config.site
    loads: tuple[RelayConfig | HeatPumpConfig, ...] = (*config.relay, *config.heat_pump)
    machines = {each.name: _machine(each) for each in loads}
    rooms = tuple(_room(each, machines) for each in config.room)
    outdoors = (room.outdoor for room in config.room if room.outdoor is not None)
    return HomeSet(
        zone=ZoneInfo(site.timezone),
        site_w=(site.import_limit_w, site.export_limit_w),
        batteries=tuple(_battery(each) for each in config.device if isinstance(MODELS[each.model], BatteryModel)),
        pv=tuple(each.name for each in config.device if isinstance(MODELS[each.model], InverterModel)),
        rooms=rooms,
        tanks=tuple(_tank(each, machines) for each in config.tank),
        cars=_cars(config),
        runs=_runs(config),
        outdoor=next(outdoors, None),
        place=place_of(site),
        plan=_plan(config),
    )


def place_of(site: SiteConfig) -> Place | None:
    """Where the home stands, where it says."""
    if site.latitude_deg is None or site.longitude_deg is None:
        return None
    return Place(site.latitude_deg, site.longitude_deg)


def phases_of(site: SiteConfig) -> PhasesParams | None:
    """What each phase may carry, where the site names its fuse."""
    return None if site.fuse_a is None else PhasesParams(site.fuse_a, site.unbalance_max_a)


def _plan(config: HomeConfig) -> PlanSet | None:
    plan, owner, tariff = config.plan, config.owner, config.tariff
    if plan is None:
        return None
    deviation = None if tariff is None else tariff.deviation_per_kwh
    return PlanSet(
        horizon_h=plan.horizon_h,
        step_s=float(plan.step_s),
        exact_h=plan.exact_h,
        budget_s=plan.budget_s,
        replan_s=plan.replan_s,
        risk=owner.risk,
        profit_per_kwh=owner.profit_per_kwh,
        may_switch=None if owner.may_switch is None else frozenset(owner.may_switch),
        deviation_per_kwh=DEVIATION_PER_KWH if deviation is None else deviation,
        offers=plan.offers,
    )


def _battery(device: DeviceConfig) -> BatterySet:
    return BatterySet(
        device.name,
        device.soc_least_percent,
        device.capacity_wh,
        device.efficiency_percent / 100.0,
        device.wear_per_kwh,
    )


def _machine(load: RelayConfig | HeatPumpConfig) -> HeaterSet:
    """A relay is planned where it says so; a heat pump of a room or tank always is."""
    if isinstance(load, RelayConfig):
        times = (load.least_on_s, load.least_off_s)
        return HeaterSet(load.name, load.power_w, False, (), *times, is_planned=load.use is Use.PLANNED)
    is_seen = load.meter is not None
    return HeaterSet(load.name, load.power_w, True, load.cop or (), load.hold_s, load.hold_s, is_seen=is_seen)


def _room(room: RoomConfig, machines: Mapping[str, HeaterSet]) -> RoomSet:
    night, model = room.night, room.model
    return RoomSet(
        name=room.name,
        sensor=room.sensor,
        heaters=tuple(machines[name] for name in room.heated_by),
        coolers=tuple(machines[name] for name in room.cooled_by),
        least_c=room.least_c,
        most_c=room.most_c,
        liked_c=room.liked_c,
        comfort_per_kh=room.comfort_per_kh,
        frost_c=room.frost_c,
        night=None if night is None else Night((night.from_, night.to), night.least_c),
        model=None if model is None else HouseModel(**model.model_dump()),
    )


def _tank(tank: TankConfig, machines: Mapping[str, HeaterSet]) -> TankSet:
    same = tank.model_dump(exclude={"heated_by"})
    return TankSet(heaters=tuple(machines[name] for name in tank.heated_by), **same)


def _cars(config: HomeConfig) -> tuple[CarSet, ...]:
    found = []
    for charger in config.charger:
        if (car := charger.car) is not None:
            days = frozenset(DAYS.index(day) for day in car.days)
            found.append(CarSet(charger.name, car.capacity_wh, car.needs_wh, car.departs, car.returns, days))
    return tuple(found)


def _runs(config: HomeConfig) -> tuple[RunSet, ...]:
    found = []
    for relay in config.relay:
        if (run := relay.run) is not None:
            hours = (run.from_, run.until)
            times = (relay.least_on_s, relay.least_off_s)
            found.append(RunSet(relay.name, relay.power_w, run.hours * 3600.0, hours, *times))
    return tuple(found)
