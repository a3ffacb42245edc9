"""A wire in memory, on virtual time: what is written is answered by a script, after any delay and in any pieces."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.modbus.channel import Inbox
from protocols.faults import LinkDown


@dataclass(frozen=True, slots=True)
class After:
    """These bytes arrive so many seconds after the request; None: the peer hangs up."""

    delay_s: float
    data: bytes | None


# Gets a whole request frame and says what arrives.
Script = Callable[[bytes], Sequence[After]]


class MemoryChannel:
    """One life of the wire."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self.inbox = Inbox()

    def write(self, data: bytes) -> None:
        self.inbox.check()
        self._wire.heard(data, self)

    async def some(self) -> bytes:
        return await self.inbox.some()

    def drain(self) -> bytes:
        return self.inbox.drain()

    @property
    def ended(self) -> bool:
        return self.inbox.ended

    def close(self) -> None:
        self.inbox.end("closed here")


class Wire:
    """Opens channels and plays the script on whichever is open when a byte arrives (`follows` False: on its own)."""

    def __init__(self, script: Script, *, follows: bool) -> None:
        self._script = script
        self._follows = follows
        self._channel: MemoryChannel | None = None
        self.sent: list[tuple[float, bytes]] = []
        self.opened = 0
        self.refuses = False

    async def open(self) -> MemoryChannel:
        if self.refuses:
            raise LinkDown("no connection: Connection refused")
        self.opened += 1
        self._channel = MemoryChannel(self)
        return self._channel

    @property
    def is_open(self) -> bool:
        return self._channel is not None and not self._channel.ended

    def heard(self, data: bytes, channel: MemoryChannel) -> None:
        loop = asyncio.get_running_loop()
        self.sent.append((loop.time(), data))
        for after in self._script(data):
            loop.call_later(after.delay_s, self._arrive, after.data, channel)

    def inject(self, data: bytes) -> None:
        """Bytes nobody asked for."""
        assert self._channel is not None
        self._channel.inbox.put(data)

    def unplug(self) -> None:
        """The open channel ends."""
        assert self._channel is not None
        self._channel.inbox.end("the port is gone")

    def _arrive(self, data: bytes | None, asked_on: MemoryChannel) -> None:
        channel = self._channel if self._follows else asked_on
        if channel is None or channel.ended:
            return
        if data is None:
            channel.inbox.end("the peer hung up")
        else:
            channel.inbox.put(data)
