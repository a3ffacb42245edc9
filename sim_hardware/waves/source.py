"""A simulated converter: a test signal as it comes in, for ever, on whatever clock there is."""

import asyncio

from protocols.ports import Clock
from protocols.samples import Samples
from sim_hardware.waves.signal import Wave


class WaveSource:
    """`protocols.samples.SampleSource` on a test signal; its length does not end it."""

    def __init__(self, wave: Wave, clock: Clock, block_s: float = 0.2) -> None:
        self._wave, self._clock = wave, clock
        self._length = max(round(wave.spec.fs_hz * block_s), 1)
        self._first = 0
        self._due_s: float | None = None

    @property
    def fs_hz(self) -> float:
        """Samples a second, as its own clock counts them."""
        return self._wave.spec.fs_hz

    @property
    def currents(self) -> int:
        """3, or 4 with the neutral."""
        return len(self._wave.spec.channels) - 3

    async def read(self) -> Samples:
        """The next block, once it would have been sampled."""
        block_s = self._length / (self.fs_hz * (1.0 + self._wave.spec.clock_ppm * 1e-6))
        begin_s = self._clock.now_s() if self._due_s is None else self._due_s
        self._due_s = begin_s + block_s
        await asyncio.sleep(max(self._due_s - self._clock.now_s(), 0.0))
        block = self._wave.samples(self._first, self._length)
        self._first += self._length
        return block

    async def close(self) -> None:
        """Nothing to let go of."""
