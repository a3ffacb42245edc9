"""A record as a bus on virtual time, behind the real line of the driver: a fault in the field becomes a test."""

import asyncio
from pathlib import Path

from drivers.catalogue import MODELS, MeterModel
from drivers.modbus.bus import Bus
from drivers.modbus.rtu import RtuLine
from drivers.modbus.tcp import TcpLine
from drivers.telegrams.models import TelegramModel
from drivers.telegrams.stream import Stream
from protocols.ports import Meter, RegisterBus
from protocols.recording import Recording, parse
from sim_hardware.replay.device import Framing, ReplayedDevice
from sim_hardware.replay.mode_c import AskedMeter
from sim_hardware.replay.player import Player
from tests.drivers.wire import After, Wire

RECORDS = Path(__file__).parent / "vectors" / "records"


def recording(name: str) -> Recording:
    """A record of tests/vectors/records."""
    path = RECORDS / name
    return parse(path.read_bytes(), path.name)


def wire_of(player: Player, framing: Framing | None = None) -> Wire:
    """The recorded device at the end of a wire in memory; needs a running loop."""
    if framing is None:
        framing = Framing.TCP if player.recording.head.scheme == "tcp" else Framing.RTU
    device = ReplayedDevice(player, framing)
    loop = asyncio.get_running_loop()
    return Wire(
        lambda data: [After(*arrival) for arrival in device.hear(data, loop.time())], follows=framing is Framing.RTU
    )


def bus_of(player: Player, framing: Framing | None = None) -> RegisterBus:
    """The recorded device behind the driver's own line, with the time-out it was recorded with."""
    wire, timeout_s = wire_of(player, framing), player.recording.head.timeout_s
    is_tcp = framing is Framing.TCP if framing is not None else player.recording.head.scheme == "tcp"
    if is_tcp:
        return Bus(TcpLine("replay", wire.open, timeout_s=timeout_s))
    return Bus(RtuLine("replay", wire.open, timeout_s=timeout_s, gap_s=0.004, keep_open=True))


def meter_of(player: Player) -> Meter:
    """The meter that a record was taken from, on its replay."""
    (device,) = player.recording.head.devices
    model = MODELS[device.model]
    assert isinstance(model, MeterModel)
    assert device.unit is not None
    return model.build(bus_of(player), device.unit)


def telegram_meter_of(player: Player) -> tuple[Meter, Stream, Wire]:
    """The meter that talks by itself, its stream (close it) and the wire to speak on (`sim_hardware.replay.faces.talk`).

    One of mode C answers when it is asked.
    """
    (device,) = player.recording.head.devices
    model = MODELS[device.model]
    assert isinstance(model, TelegramModel)
    asked, loop = AskedMeter(player), asyncio.get_running_loop()
    wire = Wire(lambda data: [After(*arrival) for arrival in asked.hear(data, loop.time())], follows=True)
    stream = Stream("replay", wire.open)
    return model.build(stream, None), stream, wire
