"""A tap on a byte stream: somebody hears everything that goes through, and changes nothing."""

from collections.abc import Callable
from typing import Protocol

from drivers.modbus.channel import Channel, HungUp, Opener, SetsBaud
from protocols.faults import LinkDown


class Ear(Protocol):
    """Hears a line over all of its openings."""

    def sent(self, data: bytes) -> None:
        """A whole frame is about to leave."""
        ...

    def heard(self, data: bytes, *, awaited: bool) -> None:
        """Bytes came; `awaited`: somebody was waiting for them."""
        ...

    def changed_baud(self, baud: int) -> None:
        """The port goes on at another rate."""
        ...

    def ended(self, why: str) -> None:
        """The stream ended by itself."""
        ...

    def closed(self) -> None:
        """The stream was closed from this side."""
        ...

    def failed(self, why: str) -> None:
        """No stream could be opened."""
        ...


class TappedChannel:
    """Implements `drivers.modbus.channel.Channel` on another one."""

    def __init__(self, channel: Channel, ear: Ear) -> None:
        self._channel, self._ear = channel, ear

    def write(self, data: bytes) -> None:
        """Send, and let it be heard."""
        self._ear.sent(data)
        try:
            self._channel.write(data)
        except HungUp as fault:
            self._ear.ended(str(fault))
            raise

    async def some(self) -> bytes:
        """At least one byte."""
        try:
            data = await self._channel.some()
        except HungUp as fault:
            self._ear.ended(str(fault))
            raise
        self._ear.heard(data, awaited=True)
        return data

    def drain(self) -> bytes:
        """Take everything that has come in: nobody waited for it."""
        data = self._channel.drain()
        if data:
            self._ear.heard(data, awaited=False)
        return data

    @property
    def ended(self) -> bool:
        """Whether the stream is known to have ended."""
        return self._channel.ended

    def close(self) -> None:
        """Drop the stream."""
        self._ear.closed()
        self._channel.close()


class TappedPort(TappedChannel):
    """Implements `drivers.modbus.channel.SetsBaud` too."""

    def __init__(self, channel: Channel, port: SetsBaud, ear: Ear) -> None:
        super().__init__(channel, ear)
        self._port = port

    def change_baud(self, baud: int) -> None:
        """Change the rate, and let it be known."""
        self._port.change_baud(baud)
        self._ear.changed_baud(baud)


def tapped(ear: Ear) -> Callable[[Opener], Opener]:
    """Whatever is opened, with this ear on it."""

    def through(opener: Opener) -> Opener:
        async def opened() -> TappedChannel:
            try:
                channel = await opener()
            except LinkDown as fault:
                ear.failed(str(fault))
                raise
            return TappedPort(channel, channel, ear) if isinstance(channel, SetsBaud) else TappedChannel(channel, ear)

        return opened

    return through
