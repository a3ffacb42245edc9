"""The meter's P1 port: a telegram a second on a line that nobody answers."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from drivers.telegrams.stream import Stream
from protocols.faults import LinkDown
from protocols.p1_telegram import PERIOD_S
from protocols.ports import Clock

_AGAIN_S: Final = 5.0
_log = logging.getLogger("busbar.meter.p1")


class P1Face:
    """Says what `telegram` gives, once a period; a line that is gone is opened again."""

    def __init__(self, stream: Stream, telegram: Callable[[], bytes], clock: Clock) -> None:
        self._stream, self._telegram, self._clock = stream, telegram, clock

    async def run(self) -> None:
        """For ever."""
        told = ""
        while True:
            try:
                await self._say()
            except LinkDown as fault:
                if str(fault) != told:
                    _log.warning("P1: %s", fault)
                told = str(fault)
                await asyncio.sleep(_AGAIN_S)

    async def _say(self) -> None:
        channel = await self._stream.open()
        try:
            next_s = self._clock.now_s()
            while not channel.ended:
                channel.write(self._telegram())
                channel.drain()  # what a listener says is nothing to us
                next_s = max(next_s + PERIOD_S, self._clock.now_s())
                await asyncio.sleep(next_s - self._clock.now_s())
        finally:
            channel.close()
        raise LinkDown(f"{self._stream.name}: the line has ended")
