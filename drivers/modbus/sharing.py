"""One bus with its owner and its guests: a guest's transaction goes only when the owner has nothing for the line.

Guests take turns, one transaction at a time, so a call of the owner waits for one transaction of a guest at most (its
time-out, where the device stays silent). Below that the line knows guests by their priority.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from protocols.faults import Unsupported
from protocols.ports import BitBus, BitTable, RegisterBus, Table

# Between two transactions of one poll or one setpoint the owner computes for less than this: a guest waits as long.
_REST_S: Final = 0.005


class GuestsMustWait(Exception):
    """The owner, or other guests, kept the line for as long as this guest has patience."""


class SharedBus:
    """Implements `protocols.ports.RegisterBus` and `BitBus` for the owner of a bus."""

    def __init__(self, bus: RegisterBus) -> None:
        self._bus = bus
        self._owners = 0
        self._free = asyncio.Event()
        self._free.set()
        self._left_s = float("-inf")
        self._turn = asyncio.Lock()

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        """As the bus; before every guest."""
        with self._owned():
            return await self._bus.read(unit, table, address, count)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        """As the bus; before every guest."""
        with self._owned():
            await self._bus.write(unit, address, words)

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        """As the bus; before every guest."""
        with self._owned():
            return await self._bits().read_bits(unit, table, address, count)

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        """As the bus; before every guest."""
        with self._owned():
            await self._bits().write_coils(unit, address, bits)

    def _bits(self) -> BitBus:
        if not isinstance(self._bus, BitBus):
            raise Unsupported("the bus has no coils and contacts")
        return self._bus

    async def close(self) -> None:
        """Close the bus."""
        await self._bus.close()

    @asynccontextmanager
    async def guest(self, patience_s: float) -> AsyncIterator[RegisterBus]:
        """The bus for one transaction of a guest, once it is its turn; GuestsMustWait when that takes too long."""
        try:
            async with asyncio.timeout(patience_s):
                await self._turn.acquire()
                try:
                    await self._quiet()
                except BaseException:
                    self._turn.release()
                    raise
        except TimeoutError:
            raise GuestsMustWait from None
        try:
            yield self._bus
        finally:
            self._turn.release()

    @contextmanager
    def _owned(self) -> Iterator[None]:
        self._owners += 1
        self._free.clear()
        try:
            yield
        finally:
            self._owners -= 1
            self._left_s = asyncio.get_running_loop().time()
            if not self._owners:
                self._free.set()

    async def _quiet(self) -> None:
        """Return once the owner has asked nothing for a moment."""
        loop = asyncio.get_running_loop()
        while self._owners or (rest_s := self._left_s + _REST_S - loop.time()) > 0.0:
            if self._owners:
                await self._free.wait()
            else:
                await asyncio.sleep(rest_s)
