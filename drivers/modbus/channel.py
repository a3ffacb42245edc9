"""A byte stream to a line, and the box in which its bytes wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from protocols.faults import LinkDown


class HungUp(LinkDown):
    """The stream ended after it had stood: worth one new attempt, unlike a connection that is refused."""


class Channel(Protocol):
    """An open byte stream."""

    def write(self, data: bytes) -> None:
        """Send without waiting; HungUp where the stream has ended."""
        ...

    async def some(self) -> bytes:
        """At least one byte, as soon as there is one; HungUp where the stream has ended."""
        ...

    def drain(self) -> bytes:
        """Take everything that has come in, without waiting."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the stream is known to have ended."""
        ...

    def close(self) -> None:
        """Drop the stream at once; nothing is sent or received afterwards."""
        ...


Opener = Callable[[], Awaitable[Channel]]


class Inbox:
    """Bytes that came in and were not taken yet; at most one reader waits."""

    # A babbling line nobody reads from must not fill the memory; the longest reply is 260 bytes.
    LIMIT: Final = 4096

    def __init__(self) -> None:
        self._data = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._end: str | None = None

    @property
    def ended(self) -> bool:
        """Whether no more bytes will come."""
        return self._end is not None

    def put(self, data: bytes) -> None:
        """Add what arrived; with LIMIT bytes waiting the old ones are dropped."""
        if len(self._data) + len(data) > self.LIMIT:
            self._data.clear()
        self._data += data[-self.LIMIT :]
        self._wake()

    def end(self, why: str) -> None:
        """No more bytes will come; the first reason given counts."""
        self._end = self._end or why
        self._wake()

    def check(self) -> None:
        """HungUp where the stream has ended."""
        if self._end is not None:
            raise HungUp(self._end)

    def drain(self) -> bytes:
        """Take everything, without waiting."""
        data = bytes(self._data)
        self._data.clear()
        return data

    async def some(self) -> bytes:
        """At least one byte; HungUp where the stream ended before one came."""
        while not self._data:
            self.check()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.drain()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
