"""The composition root of a meter: the one place that knows its concrete classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from drivers.adc.ads131m08 import Ads131m08
from drivers.adc.source import AdcSource
from drivers.links import open_stream
from firmware_py.compose import broker_uplink
from firmware_py.home.outbox import METER_STREAMS, Outbox
from firmware_py.home.report import Reporter
from firmware_py.meter.analysing import Analysing
from firmware_py.meter.calibration import Calibration, Corrector
from firmware_py.meter.compose_device import MAKER, MODEL, meter_device
from firmware_py.meter.config import AdcInput, LoadedMeter, RecordingInput
from firmware_py.meter.emucs import emucs_of
from firmware_py.meter.inputs.files import open_recording
from firmware_py.meter.inputs.paced import PacedRecording
from firmware_py.meter.inputs.recording import Scale
from firmware_py.meter.keeper import Keeper
from firmware_py.meter.measure import Measuring
from firmware_py.meter.modbus_face import ModbusFace, reader
from firmware_py.meter.no_uplink import NoUplink
from firmware_py.meter.node import MeterNode, Parts, Settings
from firmware_py.meter.own_map import COUNTERS_AT, DEMAND_AT, counter_words, demand_words, float_words
from firmware_py.meter.p1_face import P1Face
from firmware_py.meter.registers import ProfileEntry
from firmware_py.meter.rtu_face import RtuFace
from protocols.modbus_server import Read
from protocols.p1_telegram import BAUD, p1_telegram
from protocols.ports import Clock, Journal, Relay, Uplink, WatchedContacts
from protocols.samples import SampleSource
from protocols.sunspec_meter import BASE, Identity, sunspec_words
from protocols.topics import Topics

CALIBRATION_FILE: Final = "calibration.json"
_OPEN_S: Final = 5.0

# What measures a stream: by sample rate, currents, nominal voltage and frequency, and the time of its first sample.
MeasuringOf = Callable[[float, int, float, float, float], Measuring]
measuring_of: Final[MeasuringOf] = Analysing


@dataclass(frozen=True, slots=True)
class MeterWorld:
    """What a meter stands on: real on a device, simulated on virtual time."""

    clock: Clock
    journal: Journal
    uplink: Uplink
    source: SampleSource
    calibration: Calibration
    measuring_of: MeasuringOf
    finished_window: Callable[[], None] = lambda: None
    offload: Callable[..., Any] | None = None
    relay: Relay | None = None
    contacts: WatchedContacts | None = None
    calibration_now: Callable[[], Calibration] | None = None
    free_bytes: Callable[[], int] = lambda: 2**62


def meter_node(loaded: LoadedMeter, world: MeterWorld) -> MeterNode:
    """A meter of this configuration in this world; nothing runs yet."""
    config, source = loaded.config, world.source
    topics = Topics(config.meter.id)
    outbox = Outbox(topics, world.uplink, world.journal, world.clock, streams=METER_STREAMS)
    nodes: list[MeterNode] = []

    async def record(entry: ProfileEntry) -> None:
        await nodes[0].record(entry)

    keeper = Keeper(world.journal, config.register_settings(), record)
    rows = 3 + source.currents
    grid = (config.meter.nominal_voltage_v, float(config.meter.nominal_frequency_hz))
    parts = Parts(
        source=source,
        corrector=lambda: Corrector(world.calibration, source.fs_hz, rows),
        measuring=lambda epoch_s: world.measuring_of(source.fs_hz, source.currents, *grid, epoch_s),
        keeper=keeper,
        device=meter_device(loaded, world, keeper, outbox),
        outbox=outbox,
        reporter=Reporter(topics, outbox, world.clock, {}),
        uplink=world.uplink,
        clock=world.clock,
        finished_window=world.finished_window,
    )
    if world.offload is not None:
        parts = replace(parts, offload=world.offload)
    settings = Settings(topics, config.meter.serial, config.meter.publish_s, config.registers.digits)
    if config.modbus is not None:
        read = _reads(loaded, nodes, config.modbus.unit)
        face = ModbusFace(config.modbus.host, config.modbus.port, config.modbus.unit, read)
        parts = replace(parts, servers=(*parts.servers, face.run))
    if config.modbus_rtu is not None:
        rtu = config.modbus_rtu
        device = RtuFace(rtu.settings(), rtu.unit, _reads(loaded, nodes, rtu.unit))
        parts = replace(parts, servers=(*parts.servers, device.run))
    if config.p1 is not None:
        line = open_stream(config.p1.url, _OPEN_S, BAUD)
        parts = replace(
            parts, servers=(*parts.servers, P1Face(line, _telegrams(loaded, world, nodes), world.clock).run)
        )
    nodes.append(MeterNode(settings, parts))
    return nodes[0]


def _reads(loaded: LoadedMeter, nodes: Sequence[MeterNode], unit: int) -> Read:
    """What a Modbus client may read of the node."""
    identity = Identity(MAKER, MODEL, version("busbar"), loaded.config.meter.serial)
    digits = loaded.config.registers.digits
    return reader(
        (
            (BASE, lambda: sunspec_words(identity, nodes[0].told(), unit)),
            (COUNTERS_AT, lambda: counter_words(nodes[0].shown, digits)),
            (DEMAND_AT, lambda: demand_words(nodes[0].shown, nodes[0].month())),
            (0, lambda: float_words(nodes[0].values)),
        )
    )


def _telegrams(loaded: LoadedMeter, world: MeterWorld, nodes: Sequence[MeterNode]) -> Callable[[], bytes]:
    """What the P1 port says of the node; its clock is the tariff's."""
    config = loaded.config
    serial, zone = config.meter.serial, config.tariff.calendar().zone
    is_emucs = config.p1 is not None and config.p1.kind == "emucs"

    def telegram() -> bytes:
        node = nodes[0]
        control = None if world.relay is None else node.parts.device.parts.disconnector.control
        emucs = emucs_of(node.shown, node.month(), zone, control) if is_emucs else None
        return p1_telegram(serial, world.clock.utc().astimezone(zone), node.told(), emucs)

    return telegram


def uplink_of(loaded: LoadedMeter) -> Uplink:
    """The configured broker, or none."""
    mqtt, topics = loaded.config.mqtt, Topics(loaded.config.meter.id)
    return (
        NoUplink()
        if mqtt is None
        else broker_uplink(mqtt, topics, loaded.password, loaded.ca_file, inbound=topics.meter_inbound)
    )


def source_of(loaded: LoadedMeter, clock: Clock) -> SampleSource:
    """The configured input; a Fault where it is not there."""
    match loaded.config.input:
        case RecordingInput() as told:
            scale = Scale(told.full_scale_v, told.full_scale_a)
            return PacedRecording(open_recording(_path(loaded, told.path), scale, told.channels), clock)
        case AdcInput() as told:
            from drivers.adc.spidev_port import SpidevPort  # noqa: PLC0415 - the extra `adc`

            return AdcSource(Ads131m08(SpidevPort(told.bus, told.device), told.wiring()), clock)


def _path(loaded: LoadedMeter, path: Path) -> Path:
    return loaded.folder / path
