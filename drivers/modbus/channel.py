"""A byte stream to a line, and the box in which its bytes wait."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, runtime_checkable

from protocols.faults import LinkDown


class HungUp(LinkDown):
    """The stream ended after it had stood: worth one new attempt, unlike a connection that is refused."""


class Channel(Protocol):
    """An open byte stream."""

    def write(self, data: bytes) -> None:
        """Send without waiting; HungUp where the stream has ended."""
        ...

    def some(self) -> Coroutine[Any, Any, bytes]:
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


@runtime_checkable
class SetsBaud(Protocol):
    """A channel on a port, which can go on at another rate."""

    def change_baud(self, baud: int) -> None:
        """Go on at another rate; what was written must have left, and what comes next is at the new one."""
        ...


Opener = Callable[[], Awaitable[Channel]]


class Dial:
    """Opens the channel of a line, for ever: after the second failure in a row with pauses that grow, and with jitter.

    A pause is not waited for: who calls within it is told at once what failed, and when it is tried again.
    """

    FIRST_S: Final = 0.25
    MOST_S: Final = 5.0

    def __init__(self, opener: Opener, jitter: Callable[[], float] = random.random) -> None:
        """`jitter` gives 0 to 1: nodes that lost a gateway at one moment do not come back at one moment."""
        self._open = opener
        self._jitter = jitter
        self._failures = 0
        self._again_s = float("-inf")
        self._why = ""

    async def open(self) -> Channel:
        """An open channel; LinkDown where there is none, or where it is not tried yet."""
        loop = asyncio.get_running_loop()
        if (rest_s := self._again_s - loop.time()) > 0:
            raise LinkDown(f"{self._why}; tried again in {rest_s:.1f} s")
        try:
            channel = await self._open()
        except LinkDown as fault:
            self._why = str(fault)
            if self._failures > 0:
                pause_s = min(self.FIRST_S * 2.0 ** min(self._failures - 1, 16), self.MOST_S)
                self._again_s = loop.time() + pause_s * (0.5 + self._jitter() / 2)
            self._failures += 1
            raise
        self._failures = 0
        return channel


class Inbox:
    """Bytes that came in and were not taken yet; at most one reader waits."""

    # A babbling line nobody reads from must not fill the memory; the longest reply is 260 bytes.
    LIMIT: Final = 4096

    def __init__(self) -> None:
        self._data = b""
        self._waiter: asyncio.Future[None] | None = None
        self._end: str | None = None

    @property
    def ended(self) -> bool:
        """Whether no more bytes will come."""
        return self._end is not None

    def put(self, data: bytes) -> None:
        """Add what arrived; with LIMIT bytes waiting the old ones are dropped."""
        if len(self._data) + len(data) > self.LIMIT:
            self._data, data = b"", data[-self.LIMIT :]
        self._data = self._data + data if self._data else data
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
        data, self._data = self._data, b""
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
