"""Modbus TCP on a real port: pymodbus answers from images, through the faults of each device."""

import asyncio
from collections.abc import Mapping
from typing import Self

from sim_hardware.devices.image import RegisterImage
from sim_hardware.faces.answer_path import AnswerPath
from sim_hardware.faces.port import Port
from sim_hardware.faces.pymodbus_server import Framing, protocol_factory
from sim_hardware.faults import Faults, FaultyImage

# MBAP header: transaction, protocol, length, unit; then the function. Behind it a flipped bit would be a believable
# value, as Modbus TCP has no check sum of its own.
UNIT_AT, HEADER_BYTES = 6, 8


class TcpFace:
    """One port with its devices by unit id; port 0 takes a free one. With every device `off` the port is closed."""

    def __init__(
        self, images: Mapping[int, RegisterImage], faults: Mapping[int, Faults], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.faults = dict(faults)
        self._images = {unit: FaultyImage(image, self.faults[unit]) for unit, image in images.items()}
        self._port = Port(self._talk, list(self.faults.values()), host, port)

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._port.host

    @property
    def port(self) -> int:
        """The port, once it is open."""
        return self._port.port

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self._port.url

    async def __aenter__(self) -> Self:
        """Open the port."""
        self._factory = protocol_factory(self._images, Framing.TCP)
        await self._port.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close port and connections."""
        await self._port.close()

    def _talk(self, transport: asyncio.Transport) -> asyncio.Protocol:
        """pymodbus' protocol, its answers on their way to a socket."""

        def send(frame: bytes) -> None:
            if not transport.is_closing():
                transport.write(frame)

        inner = self._factory()
        inner.connection_made(AnswerPath(send, self.faults, unit_at=UNIT_AT, garbled_bytes=HEADER_BYTES))
        return inner
