"""Modbus TCP on a real port: pymodbus answers from images, through the faults of each device."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Self

from sim_hardware.devices.image import RegisterImage
from sim_hardware.faces.answer_path import AnswerPath
from sim_hardware.faces.pymodbus_server import Framing, protocol_factory
from sim_hardware.faults import Faults, FaultyImage, Word

# MBAP header: transaction, protocol, length, unit; then the function. Behind it a flipped bit would be a believable
# value, as Modbus TCP has no check sum of its own.
UNIT_AT, HEADER_BYTES = 6, 8


class TcpFace:
    """One port with its devices by unit id; port 0 takes a free one. With every device `off` the port is closed."""

    def __init__(
        self, images: Mapping[int, RegisterImage], faults: Mapping[int, Faults], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.faults = dict(faults)
        self.host, self.port = host, port
        self._images = {unit: FaultyImage(image, self.faults[unit]) for unit, image in images.items()}
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Open the port."""
        self._factory = protocol_factory(self._images, Framing.TCP)
        await self._open()
        self._forget = [faults.on_change(self._switched) for faults in self.faults.values()]
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close port and connections."""
        for forget in self._forget:
            forget()
        if self._opening is not None:
            await self._opening
        self._shut()

    def _is_off(self) -> bool:
        return all(faults.is_on(Word.OFF) for faults in self.faults.values())

    def _switched(self) -> None:
        if self._is_off():
            for transport in self._connections:
                _reset_on_close(transport)
            self._shut()
        elif self._server is None and self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._opening = None
        if self._is_off():  # switched while it opened
            self._shut()

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self._connections):
            transport.abort()

    def _connection(self) -> asyncio.Protocol:
        return _Connection(self._factory(), self.faults, self._connections)


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Let the socket end with RST, not with an orderly FIN: zero linger time."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class _Connection(asyncio.Protocol):
    """Hands bytes to pymodbus' protocol and its answers to the socket."""

    def __init__(
        self, inner: asyncio.Protocol, faults: Mapping[int, Faults], connections: set[asyncio.Transport]
    ) -> None:
        self._inner, self._faults, self._connections = inner, faults, connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)
        self._inner.connection_made(AnswerPath(self._send, self._faults, unit_at=UNIT_AT, garbled_bytes=HEADER_BYTES))

    def _send(self, frame: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(frame)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._transport)
        self._inner.connection_lost(exc)
