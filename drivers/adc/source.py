"""A converter as a source of samples: it is read in a thread of its own, and lost samples are told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from drivers.adc.ads131m08 import Ads131m08
from protocols.faults import BadReply, Fault
from protocols.ports import Clock
from protocols.samples import Samples

# A block takes as long as its samples, but for the time until the next one is asked for.
_LATE_RATIO: Final = 0.01


class AdcSource:
    """`protocols.samples.SampleSource` on a converter.

    A Python process on Linux keeps up with 8,000 samples a second only while nothing else wants the core: a block that
    took longer than its samples is a BadReply, "samples lost", and never a block with a gap in it.
    """

    def __init__(
        self,
        adc: Ads131m08,
        clock: Clock,
        block_s: float = 0.1,
        offload: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._adc, self._clock, self._offload = adc, clock, offload
        self._count = max(round(adc.wiring.fs_hz * block_s), 1)
        self._ended_s: float | None = None

    @property
    def fs_hz(self) -> float:
        """Samples a second."""
        return self._adc.wiring.fs_hz

    @property
    def currents(self) -> int:
        """3, or 4 with the neutral."""
        return len(self._adc.wiring.order) - 3

    async def read(self) -> Samples:
        """The next block; after a Fault the converter is started anew."""
        try:
            if self._ended_s is None:
                await self._offload(self._adc.start)
                self._ended_s = self._clock.now_s()
            block: Samples = await self._offload(self._adc.read, self._count)
        except Fault:
            self._ended_s = None
            raise
        began_s, self._ended_s = self._ended_s, self._clock.now_s()
        lost = (self._ended_s - began_s) * self.fs_hz - self._count
        if lost > max(2.0, _LATE_RATIO * self._count):
            self._ended_s = None
            raise BadReply(f"ADS131M08: about {lost:.0f} samples lost: they were not fetched in time")
        return block

    async def close(self) -> None:
        """Let go of the bus."""
        await self._offload(self._adc.close)
