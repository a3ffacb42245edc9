"""A recording: samples in a file, read block by block whatever its format is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from protocols.faults import Fault
from protocols.samples import CHANNELS, Samples, unit_of

FS_LEAST_HZ: Final = 1_000.0
FS_MOST_HZ: Final = 1_000_000.0


class BadRecording(Fault):
    """A file that holds no samples a meter could use; the message names file, channel, value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the numbers of a file without units stand for: a full scale (1.0) of voltage and current."""

    voltage_v: float = 500.0
    current_a: float = 100.0

    def factors(self, rows: int) -> Samples:
        """By channel, as a column."""
        return np.array([self.voltage_v] * 3 + [self.current_a] * (rows - 3))[:, None]


@dataclass(frozen=True, slots=True)
class Recording:
    """An opened recording. `read` gives blocks of at most so many samples, unchecked; `notes` is what a reader should know."""

    path: Path
    fs_hz: float
    samples: int
    currents: int
    read: Callable[[int], Iterator[Samples]]
    nominal_hz: float | None = None
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """A sample rate no meter could use, or no samples, is a BadRecording."""
        if not FS_LEAST_HZ <= self.fs_hz <= FS_MOST_HZ:
            allowed = f"{FS_LEAST_HZ:g} to {FS_MOST_HZ:g} Hz is allowed"
            raise BadRecording(f"{self.path}: sample rate {self.fs_hz:g} Hz: {allowed}")
        if self.samples < 1:
            raise BadRecording(f"{self.path}: no samples; at least 1 is needed")

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels in the order of the rows."""
        return CHANNELS[: 3 + self.currents]

    def blocks(self, length: int, *, gaps: bool = False) -> Iterator[Samples]:
        """All samples, each block `(channels, length)`, the last one what is left; BadRecording where one is no number.

        With `gaps` one that is not a number (NaN) is a missing sample, and handed on.
        """
        first = 0
        for block in self.read(length):
            self._check(block, first, gaps)
            first += block.shape[1]
            yield block
        if first != self.samples:
            raise BadRecording(f"{self.path}: ends after {first} samples; {self.samples} were announced")

    def _check(self, block: Samples, first: int, gaps: bool) -> None:
        wrong = np.isinf(block) if gaps else ~np.isfinite(block)
        if not wrong.any():
            return
        row, column = np.argwhere(wrong)[0]
        channel = self.channels[row]
        raise BadRecording(
            f"{self.path}: {channel} is {block[row, column]} at sample {first + column}"
            f" ({(first + column) / self.fs_hz:g} s): a finite number of {unit_of(channel)} is allowed"
        )


def in_blocks(samples: Samples) -> Callable[[int], Iterator[Samples]]:
    """The reader of a recording that is in memory."""

    def read(length: int) -> Iterator[Samples]:
        for first in range(0, samples.shape[1], length):
            yield samples[:, first : first + length]

    return read
