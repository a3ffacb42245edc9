"""The composition root: the one place that knows concrete classes and puts a home node together."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, Protocol

from controller import roles
from controller.admission import AdmissionPolicy, ZonePolicy
from controller.comfort import Params as ComfortParams
from controller.cycle import Params
from controller.devices import Role
from controller.laws import connection, dispatch
from controller.lease import LeasePolicy
from drivers.catalogue import MODELS, BatteryModel, ChargerModel, InverterModel, MeterModel
from drivers.gpio.lines import Lines
from drivers.identity import Known
from drivers.links import open_stream
from drivers.telegrams.models import TelegramModel
from drivers.telegrams.stream import Stream
from firmware_py.compose_limits import ContactsOf, contacts_of_line, limit_sources
from firmware_py.compose_loads import BusOf, LazyLines, build_load, lease_policy
from firmware_py.compose_outlook import hears_outlook, outlook_desk
from firmware_py.compose_plan import Around, SolverOf, home_view, phases_of
from firmware_py.config import DeviceConfig, HomeConfig, Loaded, MqttConfig, broker_address
from firmware_py.config_limits import GuardConfig
from firmware_py.config_thermometers import build_thermometer
from firmware_py.evidence.notary import Notary
from firmware_py.home.contracts import ContractDesk, Trust
from firmware_py.home.diary import Diary
from firmware_py.home.interval import IntervalMeter
from firmware_py.home.limits import Keeping, LimitDesk
from firmware_py.home.node import HomeNode, Parts, Settings
from firmware_py.home.outbox import Outbox
from firmware_py.home.output import Line, Output
from firmware_py.home.planning.worker import WorkerSolver
from firmware_py.home.poller import Listeners, Poller
from firmware_py.home.register import Register
from firmware_py.home.report import Reporter
from firmware_py.mqtt import Announcement, Broker, MqttUplink
from protocols.dlms import Keys
from protocols.messages import Status, encode
from protocols.ports import Clock, Journal, Meter, Uplink
from protocols.topics import Topics

# No grid stands still in every digit of every phase for so long. Inverters and batteries may: they sleep at night.
FROZEN_AFTER_S: Final = 20.0
# Telegrams come every 10 s in whole watts, without voltages: a quiet house repeats itself.
FROZEN_TELEGRAMS_AFTER_S: Final = 300.0


class StreamOf(Protocol):
    """Gives a line to a meter that sends telegrams."""

    def __call__(self, url: str, timeout_s: float, baud: int | None = None) -> Stream:
        """The stream of this URL."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What a node stands on: real on a device, simulated on virtual time."""

    clock: Clock
    journal: Journal
    uplink: Uplink
    bus_of: BusOf
    finished_cycle: Callable[[], None] = lambda: None
    stream_of: StreamOf = open_stream
    lines: Lines = field(default_factory=LazyLines)
    contacts_of: ContactsOf = contacts_of_line
    solver_of: SolverOf = WorkerSolver


def home_node(loaded: Loaded, world: World) -> HomeNode:
    """A home node of this configuration in this world; nothing runs yet."""
    config = loaded.home
    topics = Topics(config.node.id)
    built: dict[str, tuple[Meter, Line | None]] = {
        device.name: build_device(device, world.bus_of, world.stream_of, loaded.meter_keys.get(device.name))
        for device in config.device
    }
    built |= {load.name: build_load(load, world.bus_of, world.lines) for load in config.loads}
    built |= {each.name: (build_thermometer(each, world.bus_of), None) for each in config.thermometer}
    models = {device.name: device.model for device in config.device}
    key = loaded.node_key
    notary = None if key is None else Notary(topics.node, key, world.journal, world.clock)
    outbox = Outbox(topics, world.uplink, world.journal, world.clock, notary=notary)
    meters = {name: IntervalMeter(name, config.node.interval_s, config.node.cycle_s) for name in built}
    reporter = Reporter(topics, outbox, world.clock, meters)
    listeners = Listeners(reporter.reading, reporter.health, reporter.probed)
    pollers = {
        name: Poller(
            name,
            device,
            world.clock,
            config.node.cycle_s,
            listeners,
            frozen_after_s(models[name]) if name in models else None,
            sleeps=name not in models or sleeps(models[name]),
        )
        for name, (device, _) in built.items()
    }
    policies = {device.name: LeasePolicy(device.lease_s, device.deadband_w) for device in config.device}
    policies |= {load.name: lease_policy(load) for load in config.loads}
    outputs = {
        name: Output(line, policies[name], world.clock, world.journal, pollers[name].reverts_by_itself)
        for name, (_, line) in built.items()
        if line is not None
    }
    trust = Trust(loaded.keys, loaded.issuers, _parties(config))
    desk = ContractDesk(trust, _admission(config), world.clock, world.journal, outbox)
    register = Register(world.clock, world.journal)
    sources = limit_sources(config, desk, world.contacts_of, world.bus_of, world.clock, world.journal)
    limits = LimitDesk(topics.node, trust, sources, Keeping(world.clock, world.journal, outbox))
    diary = Diary(reporter.explanation, world.clock, world.journal, config.node.why_days * 86400.0)
    outlook = outlook_desk(config, trust, world.clock, world.journal, reporter.happened)
    around = Around(pollers, desk, limits, outlook, outbox, reporter)
    parts = Parts(
        pollers,
        outputs,
        desk,
        outbox,
        reporter,
        world.uplink,
        world.clock,
        register,
        limits,
        diary,
        world.finished_cycle,
        outlook=outlook,
        home=home_view(config, around, world.solver_of, world.clock, world.journal),
    )
    return HomeNode(_settings(config, topics), parts)


def inbound(config: HomeConfig) -> tuple[str, ...]:
    """What the node subscribes to; to others' topics only where they count, for a broker may not let it."""
    topics = Topics(config.node.id)
    has_guard = any(isinstance(limit, GuardConfig) for limit in config.grid_limit)
    of_guard = (topics.limit_in,) if has_guard else ()
    return (*topics.inbound, *of_guard, *((topics.outlook_in,) if hears_outlook(config) else ()))


def takes_setpoints(device: DeviceConfig) -> bool:
    """Whether a configured device can be told something."""
    return not isinstance(MODELS[device.model], MeterModel | TelegramModel | ChargerModel)


def frozen_after_s(model: str) -> float | None:
    """For how long every value of such a device may stand still before it is not believed; None: for ever."""
    match MODELS[model]:
        case MeterModel(sleeps=sleeps):
            return None if sleeps else FROZEN_AFTER_S
        case TelegramModel():
            return FROZEN_TELEGRAMS_AFTER_S
        case InverterModel() | BatteryModel() | ChargerModel():
            return None


def sleeps(model: str) -> bool:
    """Whether such a device may see no voltage and yet tell the truth, as an inverter does at night."""
    match MODELS[model]:
        case MeterModel(sleeps=asleep):
            return asleep
        case InverterModel() | ChargerModel():
            return True
        case TelegramModel() | BatteryModel():
            return False


def build_device(
    device: DeviceConfig, bus_of: BusOf, stream_of: StreamOf = open_stream, keys: Keys | None = None
) -> tuple[Meter, Line | None]:
    """The driver of a configured device on its line, and the way to tell it setpoints where it takes any."""
    driver, line = _driver(device, bus_of, stream_of, keys)
    if device.serial is None:
        return driver, line
    asks = not isinstance(MODELS[device.model], TelegramModel)
    known = Known(driver, device.serial, name=f"{device.url} unit {device.unit}" if asks else device.url, asks=asks)
    return known, None if line is None else replace(line, tell=known.only(line.tell))


def _driver(device: DeviceConfig, bus_of: BusOf, stream_of: StreamOf, keys: Keys | None) -> tuple[Meter, Line | None]:
    model = MODELS[device.model]
    if isinstance(model, TelegramModel):
        return model.build(stream_of(device.url, device.timeout_s, model.baud), keys), None
    bus = bus_of(device.url, device.timeout_s)
    match model:
        case MeterModel(build):
            return build(bus, device.unit), None
        case ChargerModel(build_charger):
            return build_charger(bus, device.unit, None), None
        case InverterModel(build_inverter):
            inverter = build_inverter(bus, device.unit, device.fallback_w)
            return inverter, Line(device.name, Role.PRODUCER, inverter.limit, device.fallback_w)
        case BatteryModel(build_battery):
            battery = build_battery(bus, device.unit, device.fallback_w)
            return battery, Line(device.name, Role.FOLLOWER, battery.follow, device.fallback_w)


def _admission(config: HomeConfig) -> AdmissionPolicy:
    household = next((issuer.name for issuer in config.issuer if issuer.role == "household"), "")
    policy = AdmissionPolicy(
        config.node.id, config.site.import_limit_w, config.site.export_limit_w, household=household
    )
    zone = config.approver
    if zone is None:
        return policy
    return replace(policy, zone=ZonePolicy(zone.name, frozenset(zone.of), zone.within_s))


def _parties(config: HomeConfig) -> dict[str, roles.Party]:
    parties = {
        each.name: roles.Party(each.name, roles.Role(each.role), each.consent == "asked") for each in config.issuer
    }
    if config.approver is not None:
        parties[config.approver.name] = roles.Party(config.approver.name, roles.Role.APPROVER)
    return parties


def _settings(config: HomeConfig, topics: Topics) -> Settings:
    site = config.site
    params = Params(
        connection=connection.Params(site.import_limit_w, site.export_limit_w),
        dispatch=dispatch.Params(site.blind_after_s, site.link_hold_s),
        rest=site.rest,
        phases=phases_of(site),
        comfort=ComfortParams(drawn=drawn(config.node.id)("return after an event")),
    )
    least = {device.name: device.soc_least_percent for device in config.device}
    return Settings(
        topics=topics,
        site_meter=site.meter,
        cycle_s=config.node.cycle_s,
        stale_s=site.blind_after_s,
        params=params,
        soc_least_percent=least,
        metered_by=_metered_by(config),
        draw=drawn(config.node.id),
    )


def _metered_by(config: HomeConfig) -> dict[str, str]:
    of_relays = {relay.name: relay.meter for relay in config.relay if relay.meter is not None}
    return of_relays | {pump.name: pump.meter for pump in config.heat_pump if pump.meter is not None}


def drawn(node: str) -> Callable[[str], float]:
    """A number from 0 to 1 for each contract (or other matter), another one at each node, and the same one after a restart."""
    return lambda contract: Random(f"{node} {contract}").random()


def mqtt_uplink(loaded: Loaded, client_id: str | None = None) -> MqttUplink:
    """The uplink of a configured node: subscribed, with its birth and its last will."""
    ca_file = str(loaded.ca_file) if loaded.ca_file is not None else None
    topics, subscribed = Topics(loaded.home.node.id), inbound(loaded.home)
    return broker_uplink(loaded.home.mqtt, topics, loaded.password, ca_file, client_id, subscribed)


def broker_uplink(
    mqtt: MqttConfig,
    topics: Topics,
    password: str | None,
    ca_file: str | None,
    client_id: str | None = None,
    inbound: tuple[str, ...] | None = None,
) -> MqttUplink:
    """The uplink of any node: subscribed (None: to what every node is), with its birth and its last will."""
    host, port, tls = broker_address(mqtt.url)
    broker = Broker(
        host,
        port,
        client_id or f"busbar-{topics.node}",
        tls=tls,
        ca_file=ca_file,
        username=mqtt.username,
        password=password,
        version=mqtt.version,
        keepalive_s=mqtt.keepalive_s,
    )
    online, offline = announcements(topics)
    return MqttUplink(broker, topics.inbound if inbound is None else inbound, online, offline)


def announcements(topics: Topics) -> tuple[Announcement, Announcement]:
    """Birth and last will of a node."""
    online, offline = Status(topics.node, "online"), Status(topics.node, "offline")
    return Announcement(topics.status, encode(online)), Announcement(topics.status, encode(offline))
