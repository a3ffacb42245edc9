"""A recording as a source of samples: played at the speed at which it was recorded, again and again."""

import asyncio
from collections.abc import Iterator

from firmware_py.meter.inputs.recording import Recording
from protocols.ports import Clock
from protocols.samples import Samples


class PacedRecording:
    """`protocols.samples.SampleSource` on a file; where it begins again its phase jumps."""

    def __init__(self, recording: Recording, clock: Clock, block_s: float = 0.2) -> None:
        self._recording, self._clock = recording, clock
        self._length = max(round(recording.fs_hz * block_s), 1)
        self._blocks: Iterator[Samples] = iter(())
        self._due_s: float | None = None

    @property
    def fs_hz(self) -> float:
        """Samples a second."""
        return self._recording.fs_hz

    @property
    def currents(self) -> int:
        """3, or 4 with the neutral."""
        return self._recording.currents

    async def read(self) -> Samples:
        """The next block once it is over; BadRecording where the file is damaged there."""
        block = next(self._blocks, None)
        if block is None:
            self._blocks = self._recording.blocks(self._length)
            block = next(self._blocks)
        begin_s = self._clock.now_s() if self._due_s is None else self._due_s
        self._due_s = begin_s + block.shape[1] / self.fs_hz
        await asyncio.sleep(max(self._due_s - self._clock.now_s(), 0.0))
        return block

    async def close(self) -> None:
        """Forget where it was."""
        self._blocks = iter(())
