"""The same driver tests over every wire there is: what a driver does must not depend on how its bytes travel.

A wire plays a scenario: on TCP, on a pty and through a converter against simulated devices; as a replay once against
them while it is recorded, then against the record alone, on TCP and on a pty, with what was true then.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from drivers.chargers.alfen import Alfen
from drivers.links import Buses, open_bus
from drivers.meters.eastron_three_phase import SDM630
from drivers.modbus.channel import Channel
from drivers.modbus.serial_channel import SerialSettings, open_port
from drivers.recording.lines import Plan, recorded
from drivers.sunspec.battery import SunSpecBattery
from drivers.sunspec.inverter import SunSpecInverter
from protocols.faults import DeviceRefused, LinkDown, NoReply
from protocols.ports import Meter, Plug, RegisterBus, Table
from protocols.readings import Measurement
from protocols.recording import Line, encoded, parse
from sim_hardware.devices.image import IllegalAddress, RegisterImage
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from sim_hardware.home import SimHome
from sim_hardware.replay.faces import served
from sim_hardware.replay.player import Player
from tests.drivers.chargers.test_alfen import MAX, MODE_3, SOCKET, VALID
from tests.drivers.meters.listed import ListedMeter
from tests.system.test_modbus_wire import cable, libmodbus, open_then_close

pytestmark = pytest.mark.system

HOST = "127.0.0.1"
TIMEOUT_S = 2.0
NAMES = ("grid", "pv", "battery")  # units 1, 2 and 3
CHARGER = 4
MODELS = {1: "sdm630", 2: "sunspec-inverter", 3: "sunspec-battery", 4: "alfen"}


class Socket:
    """A charging socket behind the registers of Alfen's document: a car charges; a limit starts the validity time."""

    def __init__(self) -> None:
        self._words = dict(ListedMeter(SOCKET, Table.HOLDING).tables[Table.HOLDING])
        self._fill(MODE_3, struct.unpack(">5H", b"C2".ljust(10, b"\0")))
        self._fill(VALID, (0, 0, 0x4180, 0))

    def read(self, table: Table, address: int, count: int) -> list[int]:
        try:
            return [self._words[place] for place in range(address, address + count)]
        except KeyError:
            raise IllegalAddress(f"{address}") from None

    def write(self, address: int, words: Sequence[int]) -> None:
        if address != MAX:
            raise IllegalAddress(f"{address}")
        self._fill(address, words)
        self._fill(VALID, (0, 60))

    def after(self, dt_s: float) -> None:
        """Nothing moves."""

    def _fill(self, address: int, words: Sequence[int]) -> None:
        self._words |= dict(enumerate(words, address))


@dataclass(frozen=True)
class Truth:
    """What was true at a terminal."""

    power_w: float
    frequency_hz: float
    voltage_v: tuple[float, ...]


class World(Protocol):
    """What a scenario may do to the world behind the devices, and know of it."""

    def after(self, dt_s: float) -> None: ...

    def truth(self, name: str) -> Truth: ...


class Live:
    """A sunny home (4,000 W on 5,000 W of inverter, a load of 600 W) and a charging socket; what is told is kept."""

    def __init__(self) -> None:
        self._home = SimHome(7)
        self._home.sun.hold_w_m2, self._home.load.hold_w = 800.0, (100.0, 200.0, 300.0)
        self._home.after(20.0)
        self.told: list[Truth] = []
        self.images: dict[int, RegisterImage] = {n: self._home.images[name] for n, name in enumerate(NAMES, 1)}
        self.images[CHARGER] = Socket()
        self.faults = {n: self._home.faults[name] for n, name in enumerate(NAMES, 1)} | {CHARGER: Faults()}

    def after(self, dt_s: float) -> None:
        self._home.after(dt_s)

    def truth(self, name: str) -> Truth:
        at = self._home.terminals[name]
        self.told.append(Truth(sum(at.power_w), at.frequency_hz, tuple(at.voltage_v)))
        return self.told[-1]


class Recalled:
    """A world that was: its truths in their order."""

    def __init__(self, told: Sequence[Truth]) -> None:
        self._told = iter(told)

    def after(self, dt_s: float) -> None:
        """It has passed already."""

    def truth(self, name: str) -> Truth:
        return next(self._told)


Scenario = Callable[[World, RegisterBus], Awaitable[None]]
Wire = Callable[[Scenario], Awaitable[None]]


async def play(scenario: Scenario, world: World, url: str) -> None:
    async with open_then_close(open_bus(url, TIMEOUT_S)) as bus:
        await scenario(world, bus)


async def over_tcp(scenario: Scenario) -> None:
    world = Live()
    async with TcpFace(world.images, world.faults) as face:
        await play(scenario, world, face.url)


async def over_rtu(scenario: Scenario) -> None:
    world = Live()
    async with RtuFace(world.images, world.faults) as face:
        await play(scenario, world, face.url)


async def over_rtu_over_tcp(scenario: Scenario) -> None:
    world = Live()
    async with RtuFace(world.images, world.faults) as face, converted(face.url) as url:
        await play(scenario, world, url)


async def over_replay(scenario: Scenario) -> None:
    world, lines = Live(), list[Line]()
    async with TcpFace(world.images, world.faults) as face:
        devices = tuple(recorded(model, unit) for unit, model in MODELS.items())
        plan = Plan(face.url, devices, TIMEOUT_S, masks=False)
        buses = Buses(lambda url: plan.through(lines.append, asyncio.get_running_loop().time))
        await scenario(world, buses.get(face.url, TIMEOUT_S))
        await buses.close()
    record = b"".join(map(encoded, (plan.head(version="", utc=""), *lines)))
    for listen in (f"tcp://{HOST}:0", "pty"):
        async with served(Player(parse(record, "record"), in_order=True), listen) as url:
            await play(scenario, Recalled(world.told), url)


@asynccontextmanager
async def converted(url: str) -> AsyncIterator[str]:
    converter = Converter(url.removeprefix("serial://").partition("?")[0])
    server = await asyncio.start_server(converter.serve, HOST, 0)
    try:
        yield f"rtu+tcp://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await converter.end()


class Converter:
    """A serial server: passes bytes between a TCP connection and a port, and knows nothing of Modbus."""

    def __init__(self, path: str) -> None:
        self._settings = SerialSettings(path)
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = await open_port(self._settings)
        self._open[writer] = asyncio.create_task(self._back(port, writer))
        try:
            while data := await reader.read(260):
                port.write(data)
        finally:
            port.close()
            writer.close()

    async def _back(self, port: Channel, writer: asyncio.StreamWriter) -> None:
        with suppress(LinkDown):
            while True:
                writer.write(await port.some())

    async def end(self) -> None:
        for writer in self._open:
            writer.close()
        await asyncio.gather(*self._open.values())


WIRES: Mapping[str, Wire] = {
    "tcp": over_tcp,
    "rtu": over_rtu,
    "rtu+tcp": over_rtu_over_tcp,
    "replay": over_replay,
}

over_each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


def check_against_physics(values: Measurement, truth: Truth) -> None:
    assert values["power_w"] == pytest.approx(truth.power_w, abs=1.0)
    assert values["frequency_hz"] == pytest.approx(truth.frequency_hz, abs=0.01)
    for phase in range(3):
        assert values[f"voltage_l{phase + 1}_v"] == pytest.approx(truth.voltage_v[phase], abs=0.1)


@over_each_wire
async def test_devices_on_one_line_are_probed_and_read_at_once(wire: Wire) -> None:
    async def scenario(world: World, bus: RegisterBus) -> None:
        devices = devices_on(bus)
        plates = await asyncio.gather(*(device.probe() for device in devices.values()))
        assert plates[0].serial == "21000070"
        assert [plate.ratings is not None for plate in plates] == [False, True, True, True]
        for _ in range(3):
            values = await asyncio.gather(*(device.read() for device in devices.values()))
            for name, measured in zip(NAMES, values[:3], strict=True):
                check_against_physics(measured, world.truth(name))
            assert values[3] == ListedMeter(SOCKET, Table.HOLDING).shows

    await wire(scenario)


def devices_on(bus: RegisterBus) -> Mapping[int, Meter]:
    return {
        1: SDM630.build(bus, 1),
        2: SunSpecInverter(bus, 2, fallback_produce_max_w=None),
        3: SunSpecBattery(bus, 3, fallback_power_w=0.0),
        4: Alfen(bus, CHARGER),
    }


@over_each_wire
async def test_a_limit_is_written_read_back_and_followed(wire: Wire) -> None:
    async def scenario(world: World, bus: RegisterBus) -> None:
        device = SunSpecInverter(bus, 2, fallback_produce_max_w=None)
        await device.probe()
        await device.limit(1235.0, 10.0)
        world.after(8.0)
        assert -world.truth("pv").power_w == pytest.approx(1235.0, abs=2.0)
        check_against_physics(await device.read(), world.truth("pv"))
        await device.limit(None, 10.0)
        world.after(8.0)
        assert -world.truth("pv").power_w == pytest.approx(4000.0, abs=2.0)

    await wire(scenario)


@over_each_wire
async def test_a_battery_follows(wire: Wire) -> None:
    async def scenario(world: World, bus: RegisterBus) -> None:
        device = SunSpecBattery(bus, 3, fallback_power_w=0.0)
        await device.probe()
        await device.follow(-1500.0, 10.0)
        world.after(8.0)
        assert world.truth("battery").power_w == pytest.approx(-1500.0, abs=10.0)
        assert (await device.read())["soc_percent"] == pytest.approx(50.0, abs=1.0)

    await wire(scenario)


@over_each_wire
async def test_a_charger_tells_its_plug_and_takes_a_limit(wire: Wire) -> None:
    async def scenario(world: World, bus: RegisterBus) -> None:
        device = Alfen(bus, CHARGER)
        assert await device.plug() is Plug.CHARGING
        await device.allow(10.5, 30.0)
        assert await bus.read(CHARGER, Table.HOLDING, VALID, 4) == (0, 60, 0x4128, 0)

    await wire(scenario)


@over_each_wire
async def test_what_is_not_there_is_refused_by_the_device_or_not_answered(wire: Wire) -> None:
    async def scenario(world: World, bus: RegisterBus) -> None:
        with pytest.raises(DeviceRefused, match=r"unit 2, read 2 holding registers at 60000 .*illegal data address"):
            await bus.read(2, Table.HOLDING, 60000, 2)
        with pytest.raises(NoReply, match="unit 77, read 2 holding registers at 0 "):
            await bus.read(77, Table.HOLDING, 0, 2)
        assert len(await bus.read(1, Table.INPUT, 0, 2)) == 2

    await wire(scenario)


class Noting:
    """A bus that notes every register that was read, as lines for `libmodbus_server.py`."""

    def __init__(self, bus: RegisterBus, as_unit: int) -> None:
        self._bus, self._unit, self.lines = bus, as_unit, list[str]()

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        words = await self._bus.read(self._unit, table, address, count)
        self.lines += [f"{table:d} {place} {word}" for place, word in enumerate(words, address)]
        return words

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        raise AssertionError("reading writes nothing")

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("unit", MODELS)
@pytest.mark.parametrize("line", ["tcp", "rtu"])
async def test_a_device_served_by_libmodbus_reads_the_same(unit: int, line: str, tmp_path: Path) -> None:
    """A foreign server with the registers of ours: meter, inverter, battery and charger."""
    world, file = Live(), tmp_path / "registers"
    noting = Noting(MemoryBus(world.images), unit)
    device = devices_on(noting)[unit]
    expected = await device.probe(), await device.read()
    file.write_text("\n".join(noting.lines))
    async with cable() as ours, cable() as theirs:
        ours.heard, theirs.heard = theirs.send, ours.send
        address = [] if line == "tcp" else [theirs.path]
        async with libmodbus(line, *address, str(file)) as port:
            url = f"tcp://{HOST}:{port}" if line == "tcp" else f"serial://{ours.path}?baud=9600"
            async with open_then_close(open_bus(url, TIMEOUT_S)) as bus:
                device = devices_on(OneUnit(bus))[unit]
                assert (await device.probe(), await device.read()) == expected


class OneUnit:
    """A bus to unit 1, whichever is asked: the one that libmodbus serves."""

    def __init__(self, bus: RegisterBus) -> None:
        self._bus = bus

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        return await self._bus.read(1, table, address, count)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        raise AssertionError("reading writes nothing")

    async def close(self) -> None:
        """Whoever opened it closes it."""
