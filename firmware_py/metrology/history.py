"""The last second or so of samples and of their running sums, on hops of the sample counter.

Everything is computed hop by hop, never block by block: this is why the cut of the input cannot show in the output.
"""

from collections import deque
from functools import cache

import numpy as np

from firmware_py.metrology.kernels import EDGE, fitted, powers, smooth_step
from firmware_py.metrology.results import Array, Config

KEEP = 5
"""Hops kept: a window of the slowest cycles, the filter's delay and what an event's snippet shows."""
CAPACITY = 10
FLICKER_VALUES = 80
"""Of the flicker meter in a hop."""
GRID = 8
"""Samples for which there is one running sum; divides every hop."""
AROUND = np.arange(GRID + 2 * EDGE - 1)


@cache
def rims() -> Array:
    """What the samples after a running sum count for in an integral, by where in the grid it ends."""
    return np.stack([fitted(smooth_step, EDGE - 1 + shift, len(AROUND)) for shift in range(GRID)])


def hop_of(config: Config) -> int:
    """Samples processed at once, near 0.2 s: 80 values of the flicker meter, 100 frames of the frequency's."""
    return FLICKER_VALUES * flicker_step(config)


def flicker_step(config: Config) -> int:
    """Samples per value of the flicker meter, which runs near 400 Hz."""
    return 5 * round(config.sample_rate_hz / 2000)


class History:
    """Rows of `samples` are u1..u3, i1..; rows of `sums` are running sums of u², i², p before each
    GRID-th sample. Positions count from `start`.
    """

    def __init__(self, config: Config) -> None:
        self.hop = hop_of(config)
        self.channels = 3 + config.currents
        self.samples = np.zeros((self.channels, CAPACITY * self.hop))
        self.sums = np.zeros((self.channels + 3, CAPACITY * self.hop // GRID + 1))
        self.products = np.empty((self.channels + 3, self.hop))
        self.start = 0
        self.end = 0
        self.missing: deque[tuple[int, Array]] = deque(maxlen=KEEP + 1)
        """Sample number of a hop and how many samples of each channel it lacked, of the last hops."""

    def push(self, block: Array) -> None:
        """Take one hop; a missing sample becomes the line between its neighbours. Call `forget` first."""
        self._sum_up(block)
        # A sample that is no number is in every sum after it.
        if not np.isfinite(self.sums[:, (self.end + self.hop) // GRID]).all():
            self._sum_up(self.mended(block))
        self.end += self.hop

    def _sum_up(self, block: Array) -> None:
        self.samples[:, self.end : self.end + self.hop] = block
        np.multiply(block, block, out=self.products[: self.channels])
        np.multiply(block[:3], block[3:6], out=self.products[self.channels :])
        at = self.end // GRID
        sums = self.sums[:, at : at + self.hop // GRID + 1]
        np.matmul(self.products.reshape(len(sums), -1, GRID), np.ones(GRID), out=sums[:, 1:])
        np.add.accumulate(sums, axis=1, out=sums)

    def forget(self) -> tuple[int, Array]:
        """Make room when there is none: by how much positions and running sums have become less."""
        if self.end < CAPACITY * self.hop:
            return 0, np.zeros(len(self.sums))
        shift = self.end - KEEP * self.hop
        less = self.sums[:, shift // GRID].copy()
        self.samples[:, : KEEP * self.hop] = self.samples[:, shift:].copy()
        self.sums[:, : KEEP * self.hop // GRID + 1] = self.sums[:, shift // GRID :] - less[:, None]
        self.end -= shift
        self.start += shift
        return shift, less

    def total(self) -> Array:
        """Of u², i² and p over all samples, as differences of which to `integrals` count."""
        return np.asarray(self.sums[:, self.end // GRID])

    def integrals(self, positions: Array) -> Array:
        """Integrals of u², i² and p (in samples) up to fractional positions: differences of two are what counts.

        The samples around a position are weighted with a smooth step: over whole cycles of a signal below three quarters of
        the sample rate nothing but its mean is left (-92 dB over the number of samples).
        """
        last = positions.astype(np.int64)
        row, shift = np.divmod(last + (1 - EDGE), GRID)
        weights = (powers(positions - last)[:, None] @ rims()[shift])[:, 0]
        around = self.samples[:, (row * GRID)[:, None] + AROUND]
        found = self.sums[:, row]
        found[: self.channels] += np.einsum("cpk,cpk,pk->cp", around, around, weights)
        found[self.channels :] += np.einsum("cpk,cpk,pk->cp", around[:3], around[3:6], weights)
        return np.asarray(found)

    def lacking(self, begin: float, end: float) -> Array | None:
        """Missing samples of each channel in the hops that touch these positions, None when there are none."""
        counts = [n for at, n in self.missing if at < self.start + end and at + self.hop > self.start + begin]
        return np.asarray(np.sum(counts, axis=0)) if counts else None

    def mended(self, block: Array) -> Array:
        """A block with lines for its missing samples, which are counted."""
        good = np.isfinite(block)
        self.missing.append((self.start + self.end, np.asarray((~good).sum(axis=1), dtype=np.float64)))
        mended = block.copy()
        for row, mask in zip(mended, good, strict=True):
            row[~mask] = np.interp(np.flatnonzero(~mask), np.flatnonzero(mask), row[mask]) if mask.any() else 0.0
        return mended
