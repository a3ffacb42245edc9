"""The same driver tests over every wire there is: what a driver does must not depend on how its bytes travel.

One more wire (a replay) is one more entry in WIRES: images and their faults by unit id in, a URL out.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from drivers.links import open_bus
from drivers.meters.eastron_three_phase import SDM630
from drivers.modbus.channel import Channel
from drivers.modbus.serial_channel import SerialSettings, open_port
from drivers.sunspec.battery import SunSpecBattery
from drivers.sunspec.inverter import SunSpecInverter
from protocols.faults import DeviceRefused, LinkDown, NoReply
from protocols.ports import RegisterBus, Table
from protocols.readings import Measurement
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from sim_hardware.home import SimHome
from sim_hardware.physics.terminal import Terminal

pytestmark = pytest.mark.system

HOST = "127.0.0.1"
TIMEOUT_S = 2.0
NAMES = ("grid", "pv", "battery")  # units 1, 2 and 3
Wire = Callable[[SimHome], AbstractAsyncContextManager[str]]


def units(home: SimHome) -> tuple[Mapping[int, object], Mapping[int, Faults]]:
    numbered = dict(enumerate(NAMES, 1))
    return {n: home.images[name] for n, name in numbered.items()}, {
        n: home.faults[name] for n, name in numbered.items()
    }


@asynccontextmanager
async def over_tcp(home: SimHome) -> AsyncIterator[str]:
    images, faults = units(home)
    async with TcpFace(images, faults) as face:  # type: ignore[arg-type]
        yield face.url


@asynccontextmanager
async def over_rtu(home: SimHome) -> AsyncIterator[str]:
    images, faults = units(home)
    async with RtuFace(images, faults) as face:  # type: ignore[arg-type]
        yield face.url


@asynccontextmanager
async def over_rtu_over_tcp(home: SimHome) -> AsyncIterator[str]:
    async with over_rtu(home) as url:
        path = url.removeprefix("serial://").partition("?")[0]
        converter = Converter(path)
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


WIRES: Mapping[str, Wire] = {"tcp": over_tcp, "rtu": over_rtu, "rtu+tcp": over_rtu_over_tcp}

over_each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


@asynccontextmanager
async def connected(wire: Wire) -> AsyncIterator[tuple[SimHome, RegisterBus]]:
    """A sunny home (4,000 W on 5,000 W of inverter, a load of 600 W) and a bus to it."""
    home = SimHome(7)
    home.sun.hold_w_m2, home.load.hold_w = 800.0, (100.0, 200.0, 300.0)
    home.after(20.0)
    async with wire(home) as url:
        bus = open_bus(url, TIMEOUT_S)
        try:
            yield home, bus
        finally:
            await bus.close()


def check_against_physics(values: Measurement, terminal: Terminal) -> None:
    assert values["power_w"] == pytest.approx(sum(terminal.power_w), abs=1.0)
    assert values["frequency_hz"] == pytest.approx(terminal.frequency_hz, abs=0.01)
    for phase in range(3):
        assert values[f"voltage_l{phase + 1}_v"] == pytest.approx(terminal.voltage_v[phase], abs=0.1)


@over_each_wire
async def test_three_devices_on_one_line_are_probed_and_read_at_once(wire: Wire) -> None:
    async with connected(wire) as (home, bus):
        devices = (
            SDM630.build(bus, 1),
            SunSpecInverter(bus, 2, fallback_produce_max_w=None),
            SunSpecBattery(bus, 3, fallback_power_w=0.0),
        )
        plates = await asyncio.gather(*(device.probe() for device in devices))
        assert plates[0].serial == "21000070"
        assert [plate.ratings is not None for plate in plates] == [False, True, True]
        for _ in range(3):
            values = await asyncio.gather(*(device.read() for device in devices))
            for name, measured in zip(NAMES, values, strict=True):
                check_against_physics(measured, home.terminals[name])


@over_each_wire
async def test_a_limit_is_written_read_back_and_followed(wire: Wire) -> None:
    async with connected(wire) as (home, bus):
        device = SunSpecInverter(bus, 2, fallback_produce_max_w=None)
        await device.probe()
        await device.limit(1235.0, 10.0)
        home.after(8.0)
        assert -sum(home.terminals["pv"].power_w) == pytest.approx(1235.0, abs=2.0)
        check_against_physics(await device.read(), home.terminals["pv"])
        await device.limit(None, 10.0)
        home.after(8.0)
        assert -sum(home.terminals["pv"].power_w) == pytest.approx(4000.0, abs=2.0)


@over_each_wire
async def test_a_battery_follows(wire: Wire) -> None:
    async with connected(wire) as (home, bus):
        device = SunSpecBattery(bus, 3, fallback_power_w=0.0)
        await device.probe()
        await device.follow(-1500.0, 10.0)
        home.after(8.0)
        assert sum(home.terminals["battery"].power_w) == pytest.approx(-1500.0, abs=10.0)
        assert (await device.read())["soc_percent"] == pytest.approx(50.0, abs=1.0)


@over_each_wire
async def test_what_is_not_there_is_refused_by_the_device_or_not_answered(wire: Wire) -> None:
    async with connected(wire) as (_, bus):
        with pytest.raises(DeviceRefused, match=r"unit 2, read 2 holding registers at 60000 .*illegal data address"):
            await bus.read(2, Table.HOLDING, 60000, 2)
        with pytest.raises(NoReply, match="unit 77, read 2 holding registers at 0 "):
            await bus.read(77, Table.HOLDING, 0, 2)
        assert len(await bus.read(1, Table.INPUT, 0, 2)) == 2
