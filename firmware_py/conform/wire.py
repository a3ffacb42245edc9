"""How a device keeps the rules of the wire itself: seen on raw frames, beside the driver, and nothing is written.

Source: MODBUS Application Protocol V1.1b3 (exceptions: 7; reads: 6.3, 6.4), MODBUS over Serial Line V1.02 (2.2: a unit
answers for its own address; 2.5.1: a frame with a wrong check sum is dropped), MODBUS Messaging on TCP/IP V1.0b (unit id).
"""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from drivers.links import Link, NetLink, parse_url
from drivers.modbus.channel import Channel, HungUp, Opener
from drivers.modbus.rtu import CONVERTER_GAP_S, gap_s
from drivers.modbus.serial_channel import open_port
from drivers.modbus.tcp_channel import connect
from firmware_py.conform.checks import Check, Finding, Result, check
from protocols.modbus import EXCEPTIONS, READ_MAX, Request
from protocols.modbus_rtu import crc16

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_GATEWAY: Final = (10, 11)
# V1.1b3, 5: public, and given to no function so far.
NO_FUNCTION: Final = 99
# Nobody gives these away first; of two, one may be another device on the line.
STRANGERS: Final = (247, 246, 245)
# After the first bytes of an answer the rest has come, or another answer, once it was quiet for so long.
_QUIET_S: Final = 0.3
NAMES: Final = (
    "answers",
    "own unit only",
    "check sum",
    "unknown function",
    "beyond the end",
    "125 registers",
    "two at once",
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One whole answer: `id` is the transaction (0 on a serial line), `pdu` function and data."""

    id: int
    unit: int
    pdu: bytes

    @property
    def code(self) -> int | None:
        """The exception in it; None where it is none."""
        return self.pdu[1] if len(self.pdu) == 2 and self.pdu[0] & 0x80 else None

    def __str__(self) -> str:
        if self.code is not None:
            return f"exception {self.code} ({EXCEPTIONS.get(self.code, 'unknown')})"
        return f"function {self.pdu[0]} with {len(self.pdu) - 1} bytes"


class Wire:
    """A raw line to one device; `known` is a read that it has answered before."""

    def __init__(self, opener: Opener, known: Request, *, is_tcp: bool, timeout_s: float, gap_s: float = 0.0) -> None:
        """`gap_s`: the silence before each question, and after connecting."""
        self.known, self.is_tcp, self._timeout_s, self._gap_s = known, is_tcp, timeout_s, gap_s
        self._open, self._id = opener, 0x6200
        self._channel: Channel | None = None

    async def ask(self, *pdus: bytes, unit: int | None = None, spoil: bool = False) -> list[Heard] | None:
        """The answers to these in one piece of bytes; None where what came is no whole frame. `spoil`: with a wrong sum.

        A device that hangs up has said nothing more; it is connected to again.
        """
        if self._channel is None or self._channel.ended:
            self._channel = await self._open()
        await asyncio.sleep(self._gap_s)
        data = b""
        with contextlib.suppress(HungUp, TimeoutError):
            self._channel.drain()
            self._channel.write(
                b"".join(self._frame(pdu, self.known.unit if unit is None else unit, spoil) for pdu in pdus)
            )
            while True:
                async with asyncio.timeout(_QUIET_S if data else self._timeout_s):
                    data += await self._channel.some()
        return _taken_apart(data, is_tcp=self.is_tcp)

    def close(self) -> None:
        """Let go of the line."""
        if self._channel is not None:
            self._channel.close()

    @property
    def last_id(self) -> int:
        """The transaction of the request that was sent last."""
        return self._id

    def _frame(self, pdu: bytes, unit: int, spoil: bool) -> bytes:
        if self.is_tcp:
            self._id += 1
            return struct.pack(">HHHB", self._id, 0, len(pdu) + 1, unit) + pdu
        body = bytes((unit,)) + pdu
        return body + (crc16(body) ^ (0x0101 if spoil else 0)).to_bytes(2, "little")


def _taken_apart(data: bytes, *, is_tcp: bool) -> list[Heard] | None:
    found = []
    while is_tcp and len(data) >= 9:
        id_, protocol, size, unit = struct.unpack_from(">HHHB", data)
        if protocol != 0 or not 3 <= size <= 254 or len(data) < 6 + size:
            return None
        found.append(Heard(id_, unit, data[7 : 6 + size]))
        data = data[6 + size :]
    if not is_tcp and len(data) >= 5 and crc16(data) == 0:
        return [Heard(0, data[0], data[1:-2])]
    return None if data else found


async def answers(wire: Wire) -> Finding:
    """It answers a good question, as it did for its driver."""
    heard = await wire.ask(wire.known.pdu)
    good = heard is not None and len(heard) == 1 and _is_good(heard[0], wire.known)
    return good, f"{wire.known}: {_said(heard)}"


async def own_unit(wire: Wire) -> Finding:
    """It is silent when another unit is asked, or a gateway says that nobody is there."""
    told = []
    for unit in [unit for unit in STRANGERS if unit != wire.known.unit][:2]:
        heard = await wire.ask(wire.known.pdu, unit=unit)
        told.append(f"unit {unit}: {_said(heard)}")
        if heard is not None and all(each.code in _GATEWAY for each in heard):
            return True, told[-1]
    if wire.is_tcp:
        return None, f"{', '.join(told)}; Modbus TCP leaves open whether a device looks at the unit id"
    return False, ", ".join(told)


async def check_sum(wire: Wire) -> Finding:
    """A frame with a wrong check sum is not answered."""
    if wire.is_tcp:
        return None, "Modbus TCP has no check sum"
    heard = await wire.ask(wire.known.pdu, spoil=True)
    return heard == [], _said(heard)


async def unknown_function(wire: Wire) -> Finding:
    """A function that nobody has is refused with exception 1."""
    heard = await wire.ask(bytes((NO_FUNCTION,)))
    return _codes(heard) == [ILLEGAL_FUNCTION], f"function {NO_FUNCTION}: {_said(heard)}"


async def beyond_the_end(wire: Wire) -> Finding:
    """Registers that no map can have are refused with exception 2."""
    heard = await wire.ask(struct.pack(">BHH", wire.known.function, 0xFFFF, 2))
    return _codes(heard) == [ILLEGAL_ADDRESS], f"2 registers at 65535: {_said(heard)}"


async def longest_read(wire: Wire) -> Finding:
    """The longest read is answered whole, or refused as an address or a quantity that it has not."""
    first = min(wire.known.address, 0x10000 - READ_MAX)
    asked = replace(wire.known, address=first, count=READ_MAX)
    heard = await wire.ask(asked.pdu)
    fine = (
        heard is not None
        and len(heard) == 1
        and (_is_good(heard[0], asked) or heard[0].code in (ILLEGAL_ADDRESS, ILLEGAL_VALUE))
    )
    return fine, f"{READ_MAX} registers at {first}: {_said(heard)}"


async def two_at_once(wire: Wire) -> Finding:
    """Two requests in one segment are answered in their order, or only one of them is; never wrongly."""
    if not wire.is_tcp:
        return None, "on a serial line there is one request at a time"
    heard = await wire.ask(wire.known.pdu, wire.known.pdu)
    ids = [wire.last_id - 1, wire.last_id]
    if heard is None or not all(_is_good(each, wire.known) for each in heard):
        return False, _said(heard)
    got = [each.id for each in heard]
    if got not in (ids, ids[:1], ids[1:]):
        return False, f"answers to the transactions {got}, asked were {ids}"
    return True, "both answered" if got == ids else "one of the two answered: one request at a time"


_CHECKS: Final[tuple[Callable[[Wire], Awaitable[Finding]], ...]] = (
    answers,
    own_unit,
    check_sum,
    unknown_function,
    beyond_the_end,
    longest_read,
    two_at_once,
)


async def look_at(wire: Wire) -> list[Check]:
    """Every check in turn; at the end the device must still answer."""
    found = []
    for name, judge in zip(NAMES, _CHECKS, strict=True):
        fine, said = await judge(wire)
        open_ = Result.NOT_ASKED if name in ("check sum", "two at once") else Result.NOT_POSSIBLE
        found.append(Check(f"wire: {name}", open_, said) if fine is None else check(f"wire: {name}", (fine, said)))
    return [*found, check("wire: answers afterwards", await answers(wire))]


def not_asked(why: str) -> list[Check]:
    """The same checks where nobody asked for them."""
    return [Check(f"wire: {name}", Result.NOT_ASKED, why) for name in (*NAMES, "answers afterwards")]


async def check_wire(url: str, known: Request, timeout_s: float) -> list[Check]:
    """Every check on a connection of its own; LinkDown where there is none."""
    wire = _wire(parse_url(url), known, timeout_s)
    try:
        return await look_at(wire)
    finally:
        wire.close()


def _wire(link: Link, known: Request, timeout_s: float) -> Wire:
    if isinstance(link, NetLink):
        is_tcp = link.scheme == "tcp"
        pause_s = max(link.quirks.gap_ms, link.quirks.settle_ms) / 1000
        silence_s = max(pause_s, 0.0 if is_tcp else CONVERTER_GAP_S)
        opener = partial(connect, link.host, link.port, timeout_s)
        return Wire(opener, known, is_tcp=is_tcp, timeout_s=timeout_s, gap_s=silence_s)
    return Wire(partial(open_port, link), known, is_tcp=False, timeout_s=timeout_s, gap_s=gap_s(link))


def _is_good(heard: Heard, asked: Request) -> bool:
    return heard.unit == asked.unit and heard.pdu[0] == asked.function and len(heard.pdu) == asked.reply_size


def _codes(heard: list[Heard] | None) -> list[int | None]:
    return [each.code for each in heard or ()]


def _said(heard: list[Heard] | None) -> str:
    if heard is None:
        return "bytes that are no whole frame"
    return " and ".join(map(str, heard)) or "silent"
