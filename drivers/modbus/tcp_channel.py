"""A TCP connection as a channel."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, Final, cast

from drivers.modbus.channel import Inbox
from protocols.faults import LinkDown

# A peer that vanished without a word is noticed after 30 + 3 * 10 s, also while nobody asks anything.
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class TcpChannel(asyncio.Protocol):
    """One connection, one life."""

    def __init__(self) -> None:
        self._inbox = Inbox()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's call-back."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without being called so
        _keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Asyncio's call-back."""
        self._inbox.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's call-back."""
        self._inbox.end(f"the peer hung up ({exc})" if exc else "the peer hung up")

    def write(self, data: bytes) -> None:
        """Send without waiting; HungUp where the connection has ended."""
        self._inbox.check()
        assert self._transport is not None
        self._transport.write(data)

    def some(self) -> Coroutine[Any, Any, bytes]:
        """At least one byte; HungUp where the peer hung up."""
        return self._inbox.some()

    def drain(self) -> bytes:
        """Take everything that has come in."""
        return self._inbox.drain()

    @property
    def ended(self) -> bool:
        """Whether the connection is known to have ended."""
        return self._inbox.ended

    def close(self) -> None:
        """Reset the connection: a half-open one would otherwise linger for minutes."""
        self._inbox.end("closed here")
        if self._transport is not None:
            self._transport.abort()


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE:
        if hasattr(socket, option):  # not on every platform
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def connect(host: str, port: int, timeout_s: float) -> TcpChannel:
    """A connection; LinkDown where there is none within the time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, channel = await loop.create_connection(TcpChannel, host, port)
    except TimeoutError:
        raise LinkDown(f"no connection within {timeout_s:g} s") from None
    except OSError as error:
        raise LinkDown(f"no connection: {error.strerror or error}") from error
    return channel
