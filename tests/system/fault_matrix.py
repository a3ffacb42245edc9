"""What a client sees of each fault word on each face: scenes that record a trace and say in words what is in it.

docs/fault-matrix.md is made from these scenes by docs/fault_matrix.py; test_fault_matrix.py compares the two.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from protocols.faults import DeviceRefused, Fault
from protocols.modbus_rtu import crc16
from protocols.ports import Table
from sim_hardware.devices.capacitor_bank import CapacitorBank
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Argument, Faults, Word
from sim_hardware.virtual_time import run_virtual

# The words with the argument of each scene; seconds are short so that a scene takes one.
SCENES: Final[tuple[tuple[Word, Argument | None], ...]] = (
    (Word.DROP, None),
    (Word.DELAY, 0.2),
    (Word.LATE, 0.6),
    (Word.FREEZE, None),
    (Word.DRIFT, 0.5),
    (Word.WORD_SWAP, None),
    (Word.EXCEPTION, 6),
    (Word.GARBLE, None),
    (Word.REBOOT, 0.6),
    (Word.HALF_OPEN, None),
    (Word.SINGLE_CONNECTION, "refuse"),
    (Word.SINGLE_CONNECTION, "kick"),
    (Word.CLOCK_JUMP, 3600),
    (Word.BABBLE, None),
    (Word.OFF, None),
)
NOTHING: Final = "nothing"
TRUTH: Final = "the truth"
WAIT_S: Final = 0.4
HOUR_S: Final = 3600.0
CLOCK: Final = 1_780_000_000
# Registers 5 to 12 of a capacitor bank: reactive power (2), voltage, waiting time, operations (2), clock (2).
REQUEST: Final = bytes.fromhex("03 00 05 00 08")

Words = tuple[int, ...]


def label(word: Word, argument: Argument | None) -> str:
    """The name of a scene."""
    return word.value if argument is None else f"{word.value} {argument}"


def pair(number: int) -> Words:
    return (number >> 16 & 0xFFFF, number & 0xFFFF)


@dataclass
class Bench:
    """A capacitor bank whose voltage is different in each exchange, its faults, and what went over the wire."""

    word: Word
    argument: Argument | None
    hurried_s: float = 0.0
    trace: list[str] = field(default_factory=list)
    truths: list[Words] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bank = CapacitorBank(clock_s=CLOCK)
        self.bank.write(13, [2])
        loop = asyncio.get_running_loop()
        self.faults = Faults(seed=4, now_s=lambda: loop.time() + self.hurried_s)
        self.move(230.0)

    def move(self, voltage_v: float) -> None:
        """The world goes on."""
        self.bank.voltage_v = voltage_v
        reactive_var = round(-50_000 * (voltage_v / 230.0) ** 2)
        self.truths.append((*pair(reactive_var), round(10 * voltage_v), 0, *pair(2), *pair(CLOCK)))

    def begin(self) -> None:
        """The fault begins, and for a drift an hour passes."""
        self.faults.begin(self.word, self.argument)
        self.hurried_s = HOUR_S if self.word is Word.DRIFT else 0.0

    def say(self, words: Words) -> str:
        """What these registers are, by comparison with what they should be."""
        var_high, var_low, volts, wait, ops_high, ops_low, clock_high, clock_low = truth = self.truths[-1]
        reactive_var = (var_high << 16 | var_low) - (1 << 32)
        candidates = {
            TRUTH: truth,
            "the state before the fault": self.truths[0],
            "the answer to the request before": self.truths[-2:][0],
            "numbers of 32 bits swapped": (var_low, var_high, volts, wait, ops_low, ops_high, clock_low, clock_high),
            "measured values and counters zero": (0, 0, 0, wait, 0, 0, clock_high, clock_low),
            "power 50 % too much": (*pair(round(1.5 * reactive_var)), *truth[2:]),
            "clock 3600 s fast": (*truth[:6], *pair(CLOCK + 3600)),
        }
        return next((name for name, each in candidates.items() if each == words), f"registers {words}")


Exchange = Callable[[], Awaitable[str]]


async def two_exchanges(bench: Bench, exchange: Exchange, between: Callable[[], Awaitable[str]] | None = None) -> str:
    """What is seen in two requests after the fault began, the world moving on before each."""
    bench.begin()
    bench.move(235.0)
    first = await exchange()
    other = await between() if between else ""
    if bench.word is Word.REBOOT:
        await asyncio.sleep(0.4)
    bench.move(240.0)
    second = await exchange()
    seen = first if first == second else f"{first}; then {second}"
    return f"{seen}; {other}" if other else seen


# In memory


def memory(word: Word, argument: Argument | None) -> tuple[str, list[str]]:
    """The bus that scenarios use, on virtual time."""

    async def film() -> tuple[str, list[str]]:
        bench = Bench(word, argument)
        bus = MemoryBus({1: bench.bank}, {1: bench.faults}, name="bus", timeout_s=0.5)

        async def exchange() -> str:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            try:
                said = bench.say(await bus.read(1, Table.HOLDING, 5, 8))
            except Fault as fault:
                said = type(fault).__name__ + (f" {fault.code}" if isinstance(fault, DeviceRefused) else "")
            took_s = loop.time() - began_s
            bench.trace.append(f"{said} in {took_s:.2f} s")
            return said if took_s < 0.1 else f"{said} after {took_s:.1f} s"

        return await two_exchanges(bench, exchange), bench.trace

    return run_virtual(film(), horizon_s=100)


# Bytes on a wire


@dataclass
class Ear:
    """What arrived, when, and how it ended."""

    heard: list[tuple[float, bytes]] = field(default_factory=list)
    end: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))
        self.news.set()

    def ended(self, how: str) -> None:
        self.end = how
        self.news.set()


def describe(bench: Bench, ear: Ear, good: bytes, asked_s: float) -> str:
    """What a client makes of the bytes behind one request; `good` is a right answer, but for its registers."""
    data = b"".join(piece for _, piece in ear.heard)
    head = len(good) - 18 - (2 if good[0] == 1 else 0)  # up to the function: MBAP header, or the unit
    if not data:
        return ear.end or NOTHING
    if len(data) > len(good) + 8:
        return "noise without a pause"
    late_s = ear.heard[0][0] - asked_s
    when = f" after {late_s:.1f} s" if late_s > 0.15 else ""
    if data[head] == 0x83:
        return f"exception {data[head + 1]}{when}"
    expected = good[: head + 2] + _bytes(bench.truths[-1])
    if good[0] == 1:
        expected += crc16(expected).to_bytes(2, "little")
    wrong = int.from_bytes(data, "big") ^ int.from_bytes(expected, "big")
    if len(data) == len(expected) and wrong.bit_count() == 1:
        return f"one bit wrong{when}"
    words = tuple(int.from_bytes(data[at : at + 2], "big") for at in range(head + 2, head + 18, 2))
    return bench.say(words) + when


def _bytes(words: Words) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)


async def request(bench: Bench, ear: Ear, send: Callable[[bytes], None], frame: bytes, good: bytes) -> str:
    """Ask, listen for a while, and say what came."""
    ear.heard.clear()
    asked_s = asyncio.get_running_loop().time()
    if not ear.end:
        send(frame)
    with suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            while not ear.end and not _is_whole(ear):
                ear.news.clear()
                await ear.news.wait()
            await asyncio.sleep(0.02)
    if bench.word is Word.BABBLE:
        await asyncio.sleep(0.1)
    said = describe(bench, ear, good, asked_s)
    came = b"".join(piece for _, piece in ear.heard)
    shown = f"{came[:24].hex(' ')} ..." if bench.word is Word.BABBLE else came.hex(" ") or ear.end or NOTHING
    bench.trace += [f"> {frame.hex(' ')}", f"< {shown}"]
    return said


def _is_whole(ear: Ear) -> bool:
    """An answer, or at least an exception on a serial line; pieces of one answer come within a moment."""
    return sum(len(piece) for _, piece in ear.heard) >= 5


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.ear = Ear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.ear.hear(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ear.ended("connection reset" if isinstance(exc, ConnectionError) else "connection closed")


class TcpClient:
    """A client that connects again when it was thrown out."""

    def __init__(self, bench: Bench, port: int) -> None:
        self._bench, self._port = bench, port
        self._number = 0
        self._client: _Client | None = None

    async def exchange(self) -> str:
        """One request; a lost connection is said and made anew."""
        before = ""
        if self._client is not None and self._client.ear.end:
            before = f"{self._client.ear.end}, "
            self._client = None
        try:
            if self._client is None:
                _, self._client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", self._port)
        except ConnectionRefusedError:
            return f"{before}connection refused"
        self._number += 1
        frame = self._number.to_bytes(2, "big") + bytes.fromhex("0000 0006 01") + REQUEST
        good = self._number.to_bytes(2, "big") + bytes.fromhex("0000 0013 01 03 10") + bytes(16)
        return before + await request(self._bench, self._client.ear, self._client.transport.write, frame, good)

    def close(self) -> None:
        if self._client is not None:
            self._client.transport.abort()


async def tcp(word: Word, argument: Argument | None) -> tuple[str, list[str]]:
    """Modbus TCP on a real port; single_connection is seen with a second client."""
    bench = Bench(word, argument)
    async with TcpFace({1: bench.bank}, {1: bench.faults}) as face:
        client, other = TcpClient(bench, face.port), TcpClient(bench, face.port)
        assert await client.exchange() == TRUTH
        bench.trace.clear()

        async def second_client() -> str:
            return f"a second client: {await other.exchange()}"

        try:
            between = second_client if word is Word.SINGLE_CONNECTION else None
            seen = await two_exchanges(bench, client.exchange, between)
        finally:
            client.close()
            other.close()
            await asyncio.sleep(0.05)
    return seen, bench.trace


@asynccontextmanager
async def opened(path: str, ear: Ear) -> AsyncIterator[int]:
    """A serial line, read as bytes come."""
    loop = asyncio.get_running_loop()
    line = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    loop.add_reader(line, lambda: ear.hear(os.read(line, 512)))
    try:
        yield line
    finally:
        loop.remove_reader(line)
        os.close(line)


async def rtu(word: Word, argument: Argument | None) -> tuple[str, list[str]]:
    """Modbus RTU on a pseudo terminal."""
    bench, ear = Bench(word, argument), Ear()
    frame = b"\x01" + REQUEST
    frame += crc16(frame).to_bytes(2, "little")
    good = bytes.fromhex("01 03 10") + bytes(18)
    async with RtuFace({1: bench.bank}, {1: bench.faults}) as face, opened(face.path, ear) as line:

        async def exchange() -> str:
            return await request(bench, ear, lambda data: void(os.write(line, data)), frame, good)

        assert await exchange() == TRUTH
        bench.trace.clear()
        return await two_exchanges(bench, exchange), bench.trace


def void(written: int) -> None:
    """Nobody asks how many bytes a line took."""
