"""A recorded device on a real wire: Modbus TCP, RTU over TCP, RTU on a pseudo terminal, or telegrams on either.

Framing is our own here, not pymodbus': the record says what stands on the wire, spoilt frames too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from protocols.iec62056_21 import with_parity
from protocols.recording import GotBytes, GotText, GotWithheld, Recording
from sim_hardware.faces.mode_c import rubbish
from sim_hardware.faces.port import Port
from sim_hardware.faces.pty_line import PtyLine
from sim_hardware.faults import Faults
from sim_hardware.replay.device import Arrival, Framing, ReplayedDevice
from sim_hardware.replay.mode_c import AskedMeter
from sim_hardware.replay.player import FILLER, Player, pause_after

_BAUD: Final = 9600  # what the url says where the record names no rate; a pseudo terminal carries bytes at any speed
_ALLOWED: Final = "tcp://HOST:PORT, rtu+tcp://HOST:PORT or pty"


@asynccontextmanager
async def served(player: Player, listen: str, told: Callable[[str], None] = lambda text: None) -> AsyncIterator[str]:
    """The record of a player as a device; yields its url. ValueError names what is allowed, OSError a taken port.

    `told` hears when telegrams are over.
    """
    scheme, host, port = _where(listen)
    face: AbstractAsyncContextManager[str]
    if player.recording.is_asked:
        face = _asked_line(player) if scheme == "pty" else _asked_port(player, host, port)
    elif player.recording.is_telegrams:
        face = _telegrams(player, None if scheme == "pty" else (host, port), told)
    elif scheme == "pty":
        face = _line(player)
    else:
        face = _port(player, scheme, host, port)
    async with face as url:
        yield url


def _where(listen: str) -> tuple[str, str, int]:
    if listen == "pty":
        return "pty", "", 0
    parts = urlsplit(listen)
    try:
        port = parts.port
    except ValueError:  # out of range or not a number
        port = None
    if parts.scheme not in ("tcp", "rtu+tcp") or not parts.hostname or port is None:
        raise ValueError(f"neither of {_ALLOWED}")
    return parts.scheme, parts.hostname, port


class _Mouth:
    """Sends each arrival at its time, and none once it was closed."""

    def __init__(self, send: Callable[[bytes | None], None]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._later: set[asyncio.TimerHandle] = set()

    def say(self, arrival: Arrival) -> None:
        if arrival.after_s <= 0.0:
            self._send(arrival.data)
            return
        handle: asyncio.TimerHandle

        def due() -> None:
            self._later.discard(handle)
            self._send(arrival.data)

        handle = self._loop.call_later(arrival.after_s, due)
        self._later.add(handle)

    def close(self) -> None:
        for handle in self._later:
            handle.cancel()
        self._later.clear()


class _Talk(asyncio.Protocol):
    """One client of a recorded device."""

    def __init__(self, device: ReplayedDevice | AskedMeter, transport: asyncio.Transport) -> None:
        self._device, self._transport = device, transport
        self._mouth = _Mouth(self._send)

    def data_received(self, data: bytes) -> None:
        for arrival in self._device.hear(data, asyncio.get_running_loop().time()):
            self._mouth.say(arrival)

    def connection_lost(self, exc: Exception | None) -> None:
        self._mouth.close()

    def _send(self, data: bytes | None) -> None:
        if data is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(data)


@asynccontextmanager
async def _port(player: Player, scheme: str, host: str, port: int) -> AsyncIterator[str]:
    framing = Framing.TCP if scheme == "tcp" else Framing.RTU
    face = Port(lambda transport: _Talk(ReplayedDevice(player, framing), transport), [Faults()], host, port)
    await face.open()
    try:
        yield face.url if scheme == "tcp" else f"rtu+{face.url}"
    finally:
        await face.close()


@asynccontextmanager
async def _line(player: Player) -> AsyncIterator[str]:
    device = ReplayedDevice(player, Framing.RTU)

    def send(data: bytes | None) -> None:
        if data is not None:  # a line does not hang up: its device is silent
            line.send(data)

    def received(data: bytes) -> None:
        for arrival in device.hear(data, asyncio.get_running_loop().time()):
            mouth.say(arrival)

    mouth, line = _Mouth(send), PtyLine(received)
    try:
        yield f"serial://{line.path}?baud={player.recording.head.baud or _BAUD}"
    finally:
        mouth.close()
        line.close()


@asynccontextmanager
async def _asked_line(player: Player) -> AsyncIterator[str]:
    meter = AskedMeter(player)

    def send(data: bytes | None) -> None:
        sent = with_parity(data or b"")
        line.send(sent if meter.baud in (None, line.client_baud()) else rubbish(sent))

    def received(data: bytes) -> None:
        for arrival in meter.hear(data, asyncio.get_running_loop().time()):
            mouth.say(arrival)

    mouth, line = _Mouth(send), PtyLine(received)
    try:
        yield f"serial://{line.path}"
    finally:
        mouth.close()
        line.close()


@asynccontextmanager
async def _asked_port(player: Player, host: str, port: int) -> AsyncIterator[str]:
    face = Port(lambda transport: _Talk(AskedMeter(player), transport), [Faults()], host, port)
    await face.open()
    try:
        yield face.url
    finally:
        await face.close()


def _telegrams(
    player: Player, at: tuple[str, int] | None, told: Callable[[str], None]
) -> AbstractAsyncContextManager[str]:
    return _push_line(player, told) if at is None else _push_port(player, at, told)


@asynccontextmanager
async def _push_line(player: Player, told: Callable[[str], None]) -> AsyncIterator[str]:
    line = PtyLine(lambda heard: None)
    try:
        async with _talking(talk(player, line.send, told)):
            yield f"serial://{line.path}?baud={player.recording.head.baud or _BAUD}"
    finally:
        line.close()


@asynccontextmanager
async def _push_port(player: Player, at: tuple[str, int], told: Callable[[str], None]) -> AsyncIterator[str]:
    somebody = asyncio.Event()

    def listen(transport: asyncio.Transport) -> asyncio.Protocol:
        somebody.set()
        return asyncio.Protocol()

    port = Port(listen, [Faults()], *at)
    await port.open()
    try:
        async with _talking(talk(player, port.send, told, somebody)):
            yield port.url
    finally:
        await port.close()


@asynccontextmanager
async def _talking(talk: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(talk, name="replay")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):  # and nothing else: a broken player must be seen
            await task


async def talk(
    player: Player,
    send: Callable[[bytes], None],
    told: Callable[[str], None] = lambda text: None,
    somebody: asyncio.Event | None = None,
) -> None:
    """Send the telegrams of a record at their times, over and over with `loop`, once there is somebody to listen."""
    if somebody is not None:
        await somebody.wait()
    loop, telegrams = asyncio.get_running_loop(), list(_telegrams_of(player.recording))
    pause_s = pause_after([t for t, _, _ in telegrams])
    while telegrams:
        began_s, first_s = loop.time(), telegrams[0][0]
        for t, took, data in telegrams:
            for at_s, piece in ((t, data[:1]), (t + took, data[1:])) if took > 0.0 else ((t, data),):
                await asyncio.sleep(began_s + (at_s - first_s) / player.speed - loop.time())
                send(piece)
        if not player.loops:
            told("the record is over")
            return
        await asyncio.sleep(pause_s / player.speed)


def _telegrams_of(recording: Recording) -> Iterator[tuple[float, float, bytes]]:
    """Time of the first byte, seconds to the last one, and the bytes of each telegram."""
    for line in recording.lines:
        match line:
            case GotText(t=t, took=took, text=text):
                yield t, took, text.encode("ascii")
            case GotBytes(t=t, took=took, hex=text):
                yield t, took, bytes.fromhex(text)
            case GotWithheld(t=t, took=took, size=size):
                yield t, took, size * FILLER
            case _:
                continue
