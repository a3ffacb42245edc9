"""A listening TCP port as a device has it: what the fault words do to connections, whatever is spoken on them.

off: the port is closed, connections are reset. reboot: the port is closed and connections fall silent; once the device
is up it knows nothing of them, and resets them. single_connection: a second client is reset, or the first one is.
babble: rubbish on every connection.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from sim_hardware.faces.babbler import Babbler
from sim_hardware.faults import KICK, Faults, Word

# A client that reads nothing must not fill our memory with rubbish.
UNREAD_MOST: Final = 65_536

# Given an open connection, who talks on it: gets its bytes and its end.
Talk = Callable[[asyncio.Transport], asyncio.Protocol]


class Port:
    """One port of one or more devices; port 0 takes a free one and keeps it."""

    def __init__(self, talk: Talk, faults: Sequence[Faults], host: str, port: int) -> None:
        self.host, self.port = host, port
        self.connections: list[Connection] = []
        self._talk, self._faults = talk, list(faults)
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._boot: asyncio.TimerHandle | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    async def open(self) -> None:
        """Listen; OSError where the port is taken."""
        await self._listen()
        self._forget = [faults.on_change(self._switched) for faults in self._faults]

    async def close(self) -> None:
        """Close port and connections."""
        for forget in self._forget:
            forget()
        if self._boot is not None:
            self._boot.cancel()
        if self._opening is not None:
            await self._opening
        self._deafen()
        self._end_connections()

    def _is_off(self) -> bool:
        return all(faults.is_on(Word.OFF) for faults in self._faults)

    def _is_booting(self) -> bool:
        return all(faults.is_booting() for faults in self._faults)

    def _switched(self) -> None:
        if self._is_off():
            self._deafen()
            self.reset(self.connections)
        elif self._is_booting():
            self._deafen()
            self._wait_for_boot()
        else:
            self._up()

    def _wait_for_boot(self) -> None:
        if self._boot is not None:
            self._boot.cancel()
        longest_s = max(faults.argument(Word.REBOOT) for faults in self._faults)
        # A moment later, or rounding could find it booting still.
        self._boot = asyncio.get_running_loop().call_later(longest_s + 0.001, self._booted)

    def _booted(self) -> None:
        self._boot = None
        self.reset(self.connections)
        self._switched()

    def _up(self) -> None:
        if self._boot is not None:  # the reboot was called off
            self._boot.cancel()
            self._booted()
        elif self._server is None and self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self, self._talk, self._faults), self.host, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._opening = None
        if self._is_off() or self._is_booting():  # switched while it opened
            self._deafen()

    def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _end_connections(self) -> None:
        for connection in list(self.connections):
            connection.transport.abort()

    def reset(self, connections: Sequence["Connection"]) -> None:
        """End connections with RST, not with an orderly FIN: zero linger time."""
        for connection in list(connections):
            line = connection.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()

    def send(self, data: bytes) -> None:
        """Say something on every connection."""
        for connection in self.connections:
            connection.send(data)

    def admit(self, newcomer: "Connection") -> bool:
        """Whether a connection may stay; the word single_connection decides on the second."""
        single = [faults for faults in self._faults if faults.is_on(Word.SINGLE_CONNECTION)]
        others = [each for each in self.connections if each is not newcomer]
        if not single or not others:
            return True
        single[0].strikes(Word.SINGLE_CONNECTION)
        kicks = single[0].choice(Word.SINGLE_CONNECTION) == KICK
        self.reset(others if kicks else [newcomer])
        return kicks


class Connection(asyncio.Protocol):
    """One client on the port."""

    transport: asyncio.Transport

    def __init__(self, port: Port, talk: Talk, faults: Sequence[Faults]) -> None:
        self._port, self._talk, self._faults = port, talk, faults
        self._inner: asyncio.Protocol | None = None
        self._babbler: Babbler | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._port.connections.append(self)
        if self._port.admit(self):
            self._inner = self._talk(transport)
            self._babbler = Babbler(self.send, self._faults)

    def send(self, data: bytes) -> None:
        """Say something, unless nobody listens any more."""
        if not self.transport.is_closing() and self.transport.get_write_buffer_size() < UNREAD_MOST:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._port.connections.remove(self)
        if self._babbler is not None:
            self._babbler.close()
        if self._inner is not None:
            self._inner.connection_lost(exc)
