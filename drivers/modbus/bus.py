"""A register bus on a line: what is asked again and what is not, and how a failure is named."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from drivers.modbus.channel import HungUp
from protocols.faults import BadReply, DeviceRefused, Fault, LinkDown, NoReply
from protocols.modbus import (
    BUSY,
    EXCEPTIONS,
    GATEWAY,
    ILLEGAL_FUNCTION,
    Bits,
    Refusal,
    Reply,
    Request,
    Words,
    read,
    read_bits,
    write,
    write_coils,
    write_single,
)
from protocols.ports import BitTable, Table

# A device that says "busy" has not done what was asked (V1.1b3, 7), so reads and writes alike are asked again.
_BUSY_PAUSES_S: Final = (0.1, 0.3, 0.9)


class Line(Protocol):
    """One wire with one owner: transactions queue here, in order, one at a time."""

    @property
    def name(self) -> str:
        """How messages call this line: its URL."""
        ...

    async def exchange(self, request: Request) -> Reply:
        """One transaction, never repeated; LinkDown, NoReply or BadReply, without the line's name."""
        ...

    async def close(self) -> None:
        """Let go of the wire once the transaction in flight is over; a later exchange takes it again."""
        ...


class Bus:
    """Implements `protocols.ports.RegisterBus` and `BitBus` on any line.

    A read that failed on the way (no reply, bad reply, stream ended) is asked again `retries` times. A write is not:
    nobody knows whether it was carried out. Faults name line, unit and registers. One register goes by function 6 where
    that was asked for (`function_6`), or where the unit says it has no function 16 (pysunspec2#104).
    """

    def __init__(self, line: Line, *, retries: int = 1, function_6: bool = False) -> None:
        self._line = line
        self._retries = retries
        self._function_6 = function_6
        self._lacks_16: set[int] = set()

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        """Read registers; exactly `count` words or a Fault."""
        reply = await self._asked(read(unit, table, address, count))
        assert isinstance(reply, Words), f"{reply!r}: the reader lets only words through"
        return reply.words

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        """Read coils or discrete inputs; exactly `count` bits or a Fault."""
        reply = await self._asked(read_bits(unit, table, address, count))
        assert isinstance(reply, Bits), f"{reply!r}: the reader lets only bits through"
        return reply.bits

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        """Write coils (function 15), once; returns when the device confirmed."""
        await self._write(write_coils(unit, address, bits))

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """Write holding registers (function 16), once; returns when the device confirmed."""
        if len(words) == 1 and (self._function_6 or unit in self._lacks_16):
            await self._write(write_single(unit, address, words[0]))
            return
        try:
            await self._write(write(unit, address, words))
        except DeviceRefused as fault:
            if fault.code != ILLEGAL_FUNCTION or len(words) != 1:
                raise
            await self._write(write_single(unit, address, words[0]))  # refused is not done: this repeats nothing
            self._lacks_16.add(unit)

    async def close(self) -> None:
        """Close the line; a later call opens it again."""
        await self._line.close()

    async def _asked(self, request: Request) -> Reply:
        left = self._retries
        while True:
            try:
                reply = await self._line.exchange(request)
                return reply if isinstance(reply, Words) else await self._accepted(request, reply)
            except (NoReply, BadReply, LinkDown) as fault:
                if left == 0 or not isinstance(fault, NoReply | BadReply | HungUp):
                    raise self._named(request, fault) from fault
                left -= 1

    async def _write(self, request: Request) -> None:
        try:
            await self._accepted(request, await self._line.exchange(request))
        except (NoReply, BadReply, LinkDown) as fault:
            raise self._named(request, fault) from fault

    async def _accepted(self, request: Request, reply: Reply) -> Reply:
        """The reply once the device is busy no more; NoReply where a gateway speaks for a silent one."""
        for pause_s in _BUSY_PAUSES_S:
            if reply != Refusal(BUSY):
                break
            await asyncio.sleep(pause_s)
            reply = await self._line.exchange(request)
        if isinstance(reply, Refusal):
            reason = f"exception {reply.code} ({EXCEPTIONS[reply.code]})"
            if reply.code in GATEWAY:
                raise NoReply(f"the gateway answers for it with {reason}")
            raise DeviceRefused(f"{self._line.name}: {request}: refused with {reason}", reply.code)
        return reply

    def _named(self, request: Request, fault: Fault) -> Fault:
        return type(fault)(f"{self._line.name}: {request}: {fault}")
