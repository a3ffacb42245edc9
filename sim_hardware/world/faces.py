"""A world on real wires: each home's devices on a port or a line of its own, the stations on one port together.

A home has one Modbus TCP port with a unit id per device (UNITS). With `wire = "rtu"` its meters stand on serial lines of
their own instead, as pseudo terminals; what the meter pushes goes the same sort of way. Plugs need a broker.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sim_hardware.devices import dlms, p1, sml
from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.push_reading import PushMeter
from sim_hardware.faces.mqtt import MqttFace
from sim_hardware.faces.mqtt_links import AiomqttLink
from sim_hardware.faces.push import PtyPush, TcpPush
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from sim_hardware.world.world import World

# Unit id of each device on its home's port; on a serial line a meter is unit 1.
UNITS: Final = {"grid": 1, "load": 2, "pv": 3, "battery": 4, "relays": 5, "charger": 6, "thermometers": 7}
RTU_UNIT: Final = 1
METERS: Final = ("grid", "load")
MODELS: Final = {
    "grid": "sdm630",
    "load": "sdm630",
    "battery": "sunspec-battery",
    "relays": "relay-board",
    "charger": "go-e",
    "thermometers": "r4dcb08",
}
INVERTERS: Final = {"1xx": "sunspec-inverter", "7xx": "sunspec-der"}
STATION_MODELS: Final = {"meter": "sdm630"}
# How often each kind of meter talks, in seconds, and its baud rate.
PUSHES: Final = {
    "p1": (p1.PERIOD_S, p1.BAUD),
    "sml": (sml.PERIOD_S, sml.BAUD),
    "dlms-push": (dlms.PERIOD_S, dlms.BAUD),
}
Face = TcpFace | RtuFace | PtyPush | TcpPush


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is reached: its name as faults call it, its model, a url, and on Modbus its unit id."""

    device: str
    model: str
    url: str
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """The host, the first of the ports that are handed out in order (0: free ones), and the broker of the plugs."""

    host: str = "127.0.0.1"
    port: int = 0
    broker: tuple[str, int] | None = None


@asynccontextmanager
async def serve_world(world: World, where: Where) -> AsyncIterator[list[Address]]:
    """The world on its wires; OSError where a port is taken. Its time must be given to it by somebody else."""
    async with AsyncExitStack() as stack:
        served = _Served(world, where, stack)
        for name in world.homes:
            await served.home(name)
        await served.stations()
        yield served.addresses


class _Served:
    """What has been opened so far."""

    def __init__(self, world: World, where: Where, stack: AsyncExitStack) -> None:
        self.addresses: list[Address] = []
        self._world, self._where, self._stack, self._port = world, where, stack, where.port

    async def home(self, name: str) -> None:
        """Open all wires of a home."""
        home, part = self._world.homes[name], self._world.part_of(name)
        on_lines = METERS if part.meter.wire == "rtu" else ()
        inverter = INVERTERS[part.pv.inverter] if part.pv is not None else ""
        models = {**MODELS, "pv": inverter}
        for device in on_lines:
            if device in home.images:
                await self._modbus({RTU_UNIT: (f"{name}/{device}", models[device], home.images[device])}, serial=True)
        rest = {
            UNITS[device]: (f"{name}/{device}", models[device], image)
            for device, image in home.images.items()
            if device not in on_lines
        }
        await self._modbus(rest, serial=False)
        if home.push is not None and part.meter.push is not None:
            await self._push(f"{name}/push", part.meter.push, home.push.meter, serial=part.meter.wire == "rtu")
        await self._plug(name)

    async def stations(self) -> None:
        """Open the port of the stations."""
        stations = self._world.stations
        if stations is None:
            return
        devices = {
            unit: (part.name, STATION_MODELS.get(part.kind, part.kind), stations.images[part.name])
            for unit, part in enumerate(self._world.config.station, 1)
        }
        await self._modbus(devices, serial=False)

    async def _modbus(self, devices: dict[int, tuple[str, str, RegisterImage]], *, serial: bool) -> None:
        if not devices:
            return
        images = {unit: image for unit, (_, _, image) in devices.items()}
        faults = {unit: self._world.faults[name] for unit, (name, _, _) in devices.items()}
        face = RtuFace(images, faults) if serial else TcpFace(images, faults, self._where.host, self._next_port())
        await self._stack.enter_async_context(face)
        self.addresses += [Address(name, model, face.url, unit) for unit, (name, model, _) in sorted(devices.items())]

    async def _push(self, name: str, kind: str, meter: PushMeter, *, serial: bool) -> None:
        period_s, baud = PUSHES[kind]
        face = push_face(meter, self._world.faults[name], period_s, baud, None if serial else self._host_port())
        await self._stack.enter_async_context(face)
        self.addresses.append(Address(name, kind, face.url))

    async def _plug(self, name: str) -> None:
        plug, broker = self._world.homes[name].plug, self._where.broker
        if plug is None:
            return
        url = f"mqtt://{broker[0]}:{broker[1]}/tele/{plug.topic}/#" if broker is not None else "(no broker)"
        self.addresses.append(Address(f"{name}/plug", "smart-plug", url))
        if broker is not None:
            face = MqttFace(plug, self._world.faults[f"{name}/plug"], AiomqttLink(*broker, plug))
            await self._stack.enter_async_context(running(face))

    def _host_port(self) -> tuple[str, int]:
        return self._where.host, self._next_port()

    def _next_port(self) -> int:
        port = self._port
        self._port += port != 0
        return port


def push_face(
    meter: PushMeter, faults: Faults, period_s: float, baud: int, at: tuple[str, int] | None
) -> PtyPush | TcpPush:
    """A meter that talks, on a pseudo terminal (None) or on host and port."""
    if at is None:
        return PtyPush(meter, faults, period_s=period_s, baud=baud)
    return TcpPush(meter, faults, period_s=period_s, host=at[0], port=at[1])


@asynccontextmanager
async def running(face: MqttFace) -> AsyncIterator[None]:
    """A plug on its broker for as long as the block lasts."""
    task = asyncio.get_running_loop().create_task(face.run(), name="plug")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):  # and nothing else: a broken plug must be seen
            await task


@dataclass(frozen=True, slots=True)
class Status:
    """How a world stands: its time, the voltages of its homes, what they draw from the grid, and what is faulty now."""

    time: str
    voltage_least_v: float
    voltage_most_v: float
    frequency_hz: float
    power_w: float
    faults: tuple[str, ...]

    @classmethod
    def of(cls, world: World) -> "Status":
        """At this moment."""
        volts, drawn_w = world.meters.voltage_v, world.drawn_w
        return cls(
            f"{world.utc():%Y-%m-%dT%H:%M:%SZ}",
            round(float(volts.min()), 2),
            round(float(volts.max()), 2),
            round(world.meters.frequency_hz, 4),
            round(drawn_w, 1),
            tuple(_faulty(world)),
        )


def _faulty(world: World) -> Iterator[str]:
    for name, faults in world.faults.items():
        if faults.any_on:
            yield name
