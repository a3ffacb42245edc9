"""The last second or so of samples and of their running sums, on hops of the sample counter.

Everything is computed hop by hop, never block by block: this is why the cut of the input cannot show in the output.
"""

from collections import deque

import numpy as np

from firmware_py.metrology.kernels import EDGE, smooth_step
from firmware_py.metrology.results import Array, Config

KEEP = 5
"""Hops kept: a window of the slowest cycles, the filter's delay and what an event's snippet shows."""
CAPACITY = 20


def hop_of(config: Config) -> int:
    """Samples processed at once, near 0.2 s: 400 values of the flicker meter, 100 frames of the frequency's."""
    return 400 * flicker_step(config)


def flicker_step(config: Config) -> int:
    """Samples per value of the flicker meter, which runs near 2 kHz."""
    return round(config.sample_rate_hz / 2000)


class History:
    """Rows of `samples` are u1..u3, i1..; rows of `sums` are running sums of u², i², p. Positions count from `start`."""

    def __init__(self, config: Config) -> None:
        self.hop = hop_of(config)
        self.channels = 3 + config.currents
        self.samples = np.zeros((self.channels, CAPACITY * self.hop))
        self.sums = np.zeros((self.channels + 3, CAPACITY * self.hop))
        self.start = 0
        self.end = 0
        self.missing: deque[tuple[int, Array]] = deque(maxlen=KEEP + 1)
        """Sample number of a hop and how many samples of each channel it lacked, of the last hops."""

    def push(self, block: Array) -> None:
        """Take one hop; a missing sample becomes the line between its neighbours. Call `forget` first."""
        block = self._mended(block)
        at = slice(self.end, self.end + self.hop)
        self.samples[:, at] = block
        sums = self.sums[:, at]
        np.multiply(block, block, out=sums[: self.channels])
        np.multiply(block[:3], block[3:6], out=sums[self.channels :])
        if self.end > 0:
            sums[:, 0] += self.sums[:, self.end - 1]
        np.cumsum(sums, axis=1, out=sums)
        self.end += self.hop

    def forget(self) -> tuple[int, Array]:
        """Make room when there is none: by how much positions and running sums have become less."""
        if self.end < CAPACITY * self.hop:
            return 0, np.zeros(len(self.sums))
        shift = self.end - KEEP * self.hop
        less = self.sums[:, shift - 1].copy()
        self.samples[:, : KEEP * self.hop] = self.samples[:, shift:].copy()
        self.sums[:, : KEEP * self.hop] = self.sums[:, shift:] - less[:, None]
        self.end -= shift
        self.start += shift
        return shift, less

    def integrals(self, positions: Array) -> Array:
        """Integrals of u², i² and p (in samples) up to fractional positions: differences of two are what counts.

        The samples around a position are weighted with a smooth step: over whole cycles of a signal below three quarters of
        the sample rate nothing but its mean is left (-92 dB over the number of samples).
        """
        last = np.floor(positions).astype(np.int64)
        around = last[:, None] + np.arange(1 - EDGE, EDGE + 1)
        weights = smooth_step(positions[:, None] - around)
        samples = self.samples[:, around]
        products = np.concatenate((samples * samples, samples[:3] * samples[3:6]))
        return np.asarray(self.sums[:, last - EDGE] + (products * weights).sum(axis=2))

    def lacking(self, begin: float, end: float) -> Array | None:
        """Missing samples of each channel in the hops that touch these positions, None when there are none."""
        counts = [n for at, n in self.missing if at < self.start + end and at + self.hop > self.start + begin]
        return np.asarray(np.sum(counts, axis=0)) if counts else None

    def _mended(self, block: Array) -> Array:
        good = np.isfinite(block)
        if bool(good.all()):
            return block
        self.missing.append((self.start + self.end, np.asarray((~good).sum(axis=1), dtype=np.float64)))
        mended = block.copy()
        for row, mask in zip(mended, good, strict=True):
            row[~mask] = np.interp(np.flatnonzero(~mask), np.flatnonzero(mask), row[mask]) if mask.any() else 0.0
        return mended
