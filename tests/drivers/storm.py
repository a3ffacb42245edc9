"""A line on which everything that can go wrong does, at random and from one seed, with callers that compare each value.

Registers hold `slaves.content`, so that a value of another unit, address or time is seen to be wrong. What a line's
check sums and ids cannot tell by their nature is left out: on TCP a flipped bit in a register (TCP itself sums those),
on RTU a reply repeated after a silence (decision 0007).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Final, Literal

from drivers.modbus.bus import Bus
from drivers.modbus.rtu import RtuLine
from drivers.modbus.tcp import TcpLine
from protocols.faults import Fault
from protocols.modbus import EXCEPTIONS, Request
from protocols.ports import Table
from protocols.priority import Priority, asking
from tests.drivers import slaves
from tests.drivers.wire import After, Wire
from tests.protocols import modbus_peer as peer

Kind = Literal["tcp", "rtu", "rtu+tcp"]
Piece = tuple[float, bytes | None]
TIMEOUT_S: Final = 0.5
GAP_S: Final = 0.004
UNITS: Final = (1, 2, 3, 17)
COUNTS: Final = (1, 2, 4, 20)
ADDRESSES: Final = range(0, 300, 7)
WAITING_MOST: Final = 4  # requests a slow unit keeps

FAULTS: Final = (
    "drop",
    "delay",
    "late",
    "truncate",
    "merge",
    "duplicate",
    "foreign unit",
    "bit flip",
    "exception",
    "busy",
    "babble",
    "re-plug",
    "half-open",
    "garbage first",
    "wrong count",
    "wrong byte count",
    "wrong function",
    "byte by byte",
    "echo",
    "id 0",
    "other transaction",
)
ONLY: Final = {
    "echo": ("rtu", "rtu+tcp"),
    "id 0": ("tcp",),
    "other transaction": ("tcp",),
    "re-plug": ("rtu",),
    "half-open": ("tcp", "rtu+tcp"),
}


def faults_of(kind: Kind) -> tuple[str, ...]:
    return tuple(name for name in FAULTS if kind in ONLY.get(name, (kind,)))


@lru_cache(maxsize=65536)
def _decoded(kind: Kind, frame: bytes) -> Request:
    return slaves.on_tcp(frame)[0] if kind == "tcp" else slaves.on_rtu(frame)


@lru_cache(maxsize=65536)
def _encoded(kind: Kind, request: Request, more: int) -> bytes:
    return slaves.tcp(request, 0, more=more) if kind == "tcp" else slaves.rtu(request, more=more)


@lru_cache(maxsize=4096)
def _refused(kind: Kind, request: Request, code: int) -> bytes:
    pdu = peer.exception_pdu(request, code, 0)
    return peer.tcp(pdu) if kind == "tcp" else peer.rtu(pdu)


@dataclass
class Score:
    """What became of the calls and which faults struck."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    asked: int = 0


class Storm:
    """One line and the units behind it; a transaction is struck by a fault with this probability."""

    def __init__(self, kind: Kind, seed: int, *, alone: bool = False, probability: float = 0.3) -> None:
        """`alone`: one unit is asked for as many registers always, so that a late reply looks like the next one's."""
        self.kind, self.probability = kind, probability
        self._units: Sequence[int] = UNITS[:1] * 2 if alone else UNITS
        self._counts: Sequence[int] = COUNTS[1:2] if alone else COUNTS
        self.random = Random(f"{seed} {kind}")
        self.score = Score()
        self.written: Counter[tuple[int, int, tuple[int, ...]]] = Counter()
        self.refused: Counter[tuple[int, int, tuple[int, ...]]] = Counter()
        self._faults = faults_of(kind)
        self._done_s: dict[int, list[float]] = {}
        self._half_open = 0  # the connection that swallows everything
        self.wire = Wire(self._script, follows=kind == "rtu")
        self.bus = Bus(self._line())

    def _line(self) -> TcpLine | RtuLine:
        if self.kind == "tcp":
            return TcpLine("storm", self.wire.open, timeout_s=TIMEOUT_S)
        return RtuLine("storm", self.wire.open, timeout_s=TIMEOUT_S, gap_s=GAP_S, keep_open=self.kind == "rtu")

    # The units

    def _script(self, frame: bytes) -> Sequence[After]:
        self.wire.sent.clear()
        self.score.asked += 1
        request, head = self._heard(frame)
        if not request.reads:
            self.written[request.unit, request.address, request.words] += 1
        if self.wire.opened == self._half_open:
            return []
        name = self.random.choice(self._faults) if self.random.random() < self.probability else "good"
        self.score.struck[name] += 1
        if not request.reads and name in ("busy", "exception"):
            self.refused[request.unit, request.address, request.words] += 1
        delay_s = self._in_order(request.unit, self._latency_s(name))
        if delay_s is None:
            return []
        pieces = self._answer(name, request, head, frame)
        return [After(delay_s + at_s, data) for at_s, data in pieces]

    def _heard(self, frame: bytes) -> tuple[Request, bytes]:
        if self.kind != "tcp":
            return _decoded(self.kind, frame), b""
        return _decoded(self.kind, bytes(2) + frame[2:]), frame[:2]

    def _latency_s(self, name: str) -> float:
        if name == "late":
            return self.random.uniform(0.0, 6.0) * TIMEOUT_S
        return self.random.uniform(0.5, 1.0) * TIMEOUT_S if name == "delay" else self.random.uniform(0.001, 0.02)

    def _in_order(self, unit: int, latency_s: float) -> float | None:
        """A unit answers one request after the other, and keeps only a few."""
        now_s = asyncio.get_running_loop().time()
        done = self._done_s.setdefault(unit, [])
        done[:] = [at_s for at_s in done if at_s > now_s]
        if len(done) > WAITING_MOST:
            return None
        done.append(max(now_s, *done, 0.0) + latency_s)
        return done[-1] - now_s

    def _answer(self, name: str, request: Request, head: bytes, asked: bytes) -> list[Piece]:
        good = head + _encoded(self.kind, request, 0)[len(head) :]
        if name in SPOILS:
            return [(0.0, SPOILS[name](self, request, head, good))]
        if name in TIMES:
            return TIMES[name](self, asked, good)
        return [(0.0, good)]

    def swallow(self) -> list[Piece]:
        """From now on this connection is half open."""
        self._half_open = self.wire.opened
        return []

    def refusal(self, request: Request, head: bytes, code: int) -> bytes:
        return head + _refused(self.kind, request, code)[len(head) :]

    def miscounted(self, request: Request, head: bytes) -> bytes:
        more = self.random.choice((-1, 1)) if request.reads and request.count > 1 else 0
        return head + _encoded(self.kind, request, more)[len(head) :]

    def merged(self, request: Request, head: bytes, good: bytes) -> bytes:
        """Another unit's reply and ours in one piece."""
        return self.foreign(request, head) + good

    def astray(self, request: Request, head: bytes) -> bytes:
        """A reply to another question of as many registers, hundreds behind or ahead (Growatt_ModbusTCP#317)."""
        other = Request(request.unit, request.function, request.address + 7, request.count, request.words)
        off = (int.from_bytes(head, "big") + self.random.choice((-1, 1)) * self.random.randrange(1, 500)) % 0x10000
        return off.to_bytes(2, "big") + _encoded(self.kind, other, 0)[2:]

    def doubled(self, good: bytes) -> list[Piece]:
        later: list[Piece] = [(self.random.uniform(0.0, 1.0), good)] if self.kind == "tcp" else []
        return [(0.0, good + good), *later]

    def babble(self) -> list[Piece]:
        r = self.random
        return [(0.003 * n, r.randbytes(r.randrange(1, 40))) for n in range(r.choice((5, 10, 20, 300)))]

    def foreign(self, request: Request, head: bytes) -> bytes:
        """A reply of a unit that was not asked."""
        unit = self.random.choice([unit for unit in (*UNITS, 99) if unit != request.unit])
        theirs = Request(unit, request.function, request.address, request.count, request.words)
        return head + _encoded(self.kind, theirs, 0)[len(head) :]

    def flipped(self, good: bytes) -> bytes:
        """One to three bits of the frame turned; on TCP only of what Modbus itself checks."""
        data = bytearray(good)
        for bit in self.random.sample(range(8 * (9 if self.kind == "tcp" else len(good))), self.random.randrange(1, 4)):
            data[bit // 8] ^= 1 << bit % 8
        return bytes(data)

    def lie(self, good: bytes, back: int) -> bytes:
        """A wrong byte count or function in a frame that is right otherwise, its check sum too."""
        at = (8 if self.kind == "tcp" else 2) - back
        lie = bytearray(good if self.kind == "tcp" else good[:-2])
        lie[at] = (lie[at] + self.random.choice((-2, -1, 1, 2))) % 0x80
        return bytes(lie) if self.kind == "tcp" else bytes(lie) + _crc(bytes(lie))

    # The callers

    async def _read(self, unit: int) -> None:
        address, count = self.random.choice(ADDRESSES), self.random.choice(self._counts)
        table = self.random.choice((Table.HOLDING, Table.INPUT))
        with asking(self.random.choice(tuple(Priority))):
            words = await self.bus.read(unit, table, address, count)
        if words == slaves.content(unit, address, count):
            self.score.right += 1
        else:
            self.score.wrong.append(f"unit {unit}, {count} at {address}: {words}")

    async def _write(self, unit: int, number: int) -> None:
        written = (unit, self.random.choice(ADDRESSES), (number >> 16, number & 0xFFFF))
        try:
            await self.bus.write(*written)
        finally:
            arrived = self.written.pop(written, 0)
            if arrived > 1 + self.refused.pop(written, 0):  # refused as busy, it was not carried out
                self.score.wrong.append(f"write {written} arrived {arrived} times")
        if arrived == 0:
            self.score.wrong.append(f"write {written} confirmed and never arrived")
        self.score.right += 1

    async def _call(self, caller: int, unit: int, until: int) -> None:
        number = caller << 24
        while self.score.asked < until:
            number += 1
            write = self.random.random() < 0.1
            call = self._write(unit, number) if write else self._read(unit)
            try:
                if self.random.random() < 0.01:
                    async with asyncio.timeout(self.random.uniform(0.0, 2 * TIMEOUT_S)):
                        await call
                else:
                    await call
            except (Fault, TimeoutError) as fault:
                self.score.failed[type(fault).__name__] += 1
                await asyncio.sleep(self.random.uniform(0.0, 0.2))

    async def rage(self, until: int) -> Score:
        """Let callers ask until so many requests were on the wire."""
        async with asyncio.TaskGroup() as tasks:
            for caller, unit in enumerate(self._units):
                tasks.create_task(self._call(caller, unit, until))
        await self.bus.close()
        return self.score


# What becomes of the bytes of a reply, and of their times.
SPOILS: Final[dict[str, Callable[[Storm, Request, bytes, bytes], bytes]]] = {
    "truncate": lambda s, request, head, good: good[: s.random.randrange(1, len(good))],
    "merge": lambda s, request, head, good: s.merged(request, head, good),
    "bit flip": lambda s, request, head, good: s.flipped(good),
    "exception": lambda s, request, head, good: s.refusal(request, head, s.random.choice(sorted(EXCEPTIONS))),
    "busy": lambda s, request, head, good: s.refusal(request, head, 6),
    "foreign unit": lambda s, request, head, good: s.foreign(request, head),
    "garbage first": lambda s, request, head, good: s.random.randbytes(s.random.randrange(1, 8)) + good,
    "wrong count": lambda s, request, head, good: s.miscounted(request, head),
    "wrong byte count": lambda s, request, head, good: s.lie(good, 0),
    "wrong function": lambda s, request, head, good: s.lie(good, 1),
    "other transaction": lambda s, request, head, good: s.astray(request, head),
    "id 0": lambda s, request, head, good: bytes(2) + good[2:],
}
TIMES: Final[dict[str, Callable[[Storm, bytes, bytes], list[Piece]]]] = {
    "drop": lambda s, asked, good: [],
    "half-open": lambda s, asked, good: s.swallow(),
    "re-plug": lambda s, asked, good: [(0.0, good[: s.random.randrange(1, len(good))]), (0.001, None)],
    "duplicate": lambda s, asked, good: s.doubled(good),
    "babble": lambda s, asked, good: s.babble(),
    "byte by byte": lambda s, asked, good: [(0.0005 * n, good[n : n + 1]) for n in range(len(good))],
    "echo": lambda s, asked, good: [(0.0, asked), (0.001, good)],
}


def _crc(body: bytes) -> bytes:
    """As pymodbus computes it, so that ours cannot be wrong with itself."""
    from pymodbus.framer import FramerRTU

    return FramerRTU.compute_CRC(body).to_bytes(2, "big")
