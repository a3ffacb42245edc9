"""Modbus RTU on a pseudo terminal: several devices on one line, each with its unit id."""

import asyncio
from collections.abc import Mapping
from typing import Final, Self

from protocols.modbus import EXCEPTION_BIT, ILLEGAL_FUNCTION
from protocols.modbus_rtu import crc16
from sim_hardware.devices.image import RegisterImage
from sim_hardware.faces.answer_path import AnswerPath
from sim_hardware.faces.babbler import Babbler
from sim_hardware.faces.pty_line import PtyLine
from sim_hardware.faces.pymodbus_server import Framing, protocol_factory
from sim_hardware.faults import Faults, FaultyImage

BAUD: Final = 9600  # what the url says; a pseudo terminal carries bytes at any speed
# A frame ends with a silence of 3.5 characters (4 ms at 9600 Bd); on a busy machine bytes of one write may come apart.
SILENCE_S: Final = 0.05
# Functions whose length pymodbus can tell; it drops the others unanswered where a device says exception 1 (V1.1b3, 7).
UNDERSTOOD: Final = frozenset((*range(1, 9), 11, 12, 15, 16, 17, *range(20, 25), 43))


_LEAST: Final = 4  # unit, function, check sum


class RtuFace:
    """One serial line with its devices by unit id."""

    def __init__(self, images: Mapping[int, RegisterImage], faults: Mapping[int, Faults]) -> None:
        self.faults = dict(faults)
        self._images = {unit: FaultyImage(image, self.faults[unit]) for unit, image in images.items()}
        self.path = ""

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"serial://{self.path}?baud={BAUD}"

    async def __aenter__(self) -> Self:
        """Make the line."""
        self._loop = asyncio.get_running_loop()
        self._line = PtyLine(self._received)
        self.path = self._line.path
        self._factory = protocol_factory(self._images, Framing.RTU)
        self._answers = AnswerPath(self._line.send, self.faults, unit_at=0, garbled_bytes=None)
        self._babbler = Babbler(self._line.send, self.faults.values())
        self._frame = self._listen()
        self._heard_s = self._loop.time()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Take the line away."""
        self._answers.close()
        self._babbler.close()
        self._frame.connection_lost(None)
        self._line.close()

    def _listen(self) -> asyncio.Protocol:
        frame = self._factory()
        frame.connection_made(_Shared(self._answers))
        return frame

    def _received(self, data: bytes) -> None:
        now_s = self._loop.time()
        if now_s - self._heard_s > SILENCE_S:  # what came before this silence was a whole frame, or rubbish
            self._frame.connection_lost(None)
            self._frame = self._listen()
        self._heard_s = now_s
        if self._is_strange(data):
            body = bytes((data[0], data[1] | EXCEPTION_BIT, ILLEGAL_FUNCTION))
            self._answers.write(body + crc16(body).to_bytes(2, "little"))
        else:
            self._frame.data_received(data)

    def _is_strange(self, data: bytes) -> bool:
        """Whether this is a whole frame to one of ours with a function that pymodbus would not even answer."""
        return len(data) >= _LEAST and data[0] in self._images and data[1] not in UNDERSTOOD and crc16(data) == 0


class _Shared(asyncio.Transport):
    """What pymodbus may close after each frame while the line stays."""

    def __init__(self, line: asyncio.Transport) -> None:
        super().__init__()
        self._line = line

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand an answer on."""
        self._line.write(data)

    def close(self) -> None:
        """The line stays."""
