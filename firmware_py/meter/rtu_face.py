"""The meter as a Modbus RTU device on a serial line.

A frame is what stands between two silences. They are longer here than the 3.5 characters of the specification: the operating
system hands bytes over in lumps, a few milliseconds apart.
"""

import asyncio
import logging
from typing import Final

from drivers.modbus.channel import Channel
from drivers.modbus.serial_channel import SerialSettings, open_port
from protocols.faults import LinkDown
from protocols.modbus_server import Read, rtu_answer

_SILENCE_LEAST_S: Final = 0.005
_FRAME_MOST: Final = 256
_AGAIN_S: Final = 5.0
_log = logging.getLogger("busbar.meter.modbus")


class RtuFace:
    """Answers as one unit until cancelled; a port that is gone is opened again."""

    def __init__(self, settings: SerialSettings, unit: int, read: Read) -> None:
        self._settings, self._unit, self._read = settings, unit, read
        self._silence_s = max(3.5 * settings.character_s, _SILENCE_LEAST_S)

    async def run(self) -> None:
        """For ever."""
        told = ""
        while True:
            try:
                await self._serve()
            except LinkDown as fault:
                if str(fault) != told:
                    _log.warning("Modbus RTU, %s: %s", self._settings.path, fault)
                told = str(fault)
                await asyncio.sleep(_AGAIN_S)

    async def _serve(self) -> None:
        channel = await open_port(self._settings)
        try:
            while True:
                answer = rtu_answer(self._unit, self._read, await self._frame(channel))
                if answer is not None:
                    channel.write(answer)
        finally:
            channel.close()

    async def _frame(self, channel: Channel) -> bytes:
        """What comes in up to the next silence; of a line that babbles only the beginning."""
        frame = bytearray(await channel.some())
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    more = await channel.some()
            except TimeoutError:
                return bytes(frame)
            frame += more[: max(_FRAME_MOST + 1 - len(frame), 0)]
