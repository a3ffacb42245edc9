"""The terminals of a simulated meter: a relay that may weld or fail, and contacts that somebody moves."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from protocols.faults import Fault, NotApplied
from protocols.samples import Samples, SampleSource


class SimRelay:
    """Implements `protocols.ports.Relay`.

    `welded`: it stays as it is, and with `silent` says so only when it is asked; `fault`: what it answers with instead.
    """

    def __init__(self, *, closed: bool = True) -> None:
        self.closed = closed
        self.welded = self.silent = False
        self.fault: Fault | None = None
        self.switched = 0

    async def switch(self, on: bool, valid_s: float) -> None:
        """As the port; each change is counted."""
        await self._answer()
        if on is not self.closed and not self.welded:
            self.closed = on
            self.switched += 1
        if self.closed is not on and not self.silent:
            raise NotApplied(f"relay: told {on}, reads {self.closed}")

    async def is_on(self) -> bool:
        """As the port."""
        await self._answer()
        return self.closed

    async def _answer(self) -> None:
        if self.fault is not None:
            raise self.fault


class SimContacts:
    """Implements `protocols.ports.WatchedContacts`; `move` is what a hand does."""

    def __init__(self, states: Sequence[bool]) -> None:
        self._states = tuple(states)
        self._changed = asyncio.Event()

    async def closed(self) -> tuple[bool, ...]:
        """As the port."""
        return self._states

    async def changes(self) -> AsyncIterator[tuple[bool, ...]]:
        """As the port."""
        while True:
            self._changed.clear()
            yield (told := self._states)
            while self._states == told:
                self._changed.clear()
                await self._changed.wait()

    def move(self, index: int, closed: bool | None = None) -> None:
        """Close or open one; None: turn it over."""
        wanted = not self._states[index] if closed is None else closed
        self._states = (*self._states[:index], wanted, *self._states[index + 1 :])
        self._changed.set()


class SwitchedSource:
    """Implements `protocols.samples.SampleSource` on another one whose currents flow through a relay."""

    def __init__(self, inner: SampleSource, relay: SimRelay) -> None:
        self._inner, self._relay = inner, relay
        self.fs_hz, self.currents = inner.fs_hz, inner.currents

    async def read(self) -> Samples:
        """As the port; without current while the relay is open."""
        block = await self._inner.read()
        if not self._relay.closed:
            block[3:] = 0.0
        return block

    async def close(self) -> None:
        """As the port."""
        await self._inner.close()
