"""The spectrum of a window wherever it begins and ends, at the frequencies that fit it.

A window's samples, faded in and out over 16, are transformed at a length a fast Fourier transform likes; the values at the
multiples of one turn per window lie between its own, and are sums of the eight around each under a Kaiser-Bessel window, whose
effect was taken out of the samples before. What is left of another frequency in a value is below 2e-7 of it.
"""

from functools import cache

import numpy as np

from firmware_py.metrology.kernels import EDGE, edges, fitted, powers
from firmware_py.metrology.results import HARMONICS, Array, Complex, Config

TAPS = 8
SHAPE = 17.4
SLACK = 1.6
"""Least length of the transform over that of a window at 85 % of the nominal frequency."""


def kernel(place: Array) -> Array:
    """The Kaiser-Bessel window, by bins from its middle."""
    return np.asarray(np.i0(SHAPE * np.sqrt(np.clip(1 - (2 * place / TAPS) ** 2, 0, 1))))


@cache
def taps() -> Array:
    """By the fraction of a bin."""
    return fitted(kernel, TAPS // 2 - 1, TAPS)


def points_of(config: Config) -> int:
    """Length of the transform, a power of two."""
    longest = config.sample_rate_hz * config.cycles / (0.85 * config.nominal_frequency_hz)
    return int(2 ** np.ceil(np.log2(SLACK * longest)))


class Transform:
    """Transforms windows of all channels at once; keeps its working memory."""

    def __init__(self, config: Config, channels: int) -> None:
        self.points = points_of(config)
        self.waits = np.zeros((channels, self.points))
        self.whole = np.empty((channels, self.points // 2 + 1), dtype=np.complex128)
        self.padded = np.empty((self.points // 2 + TAPS, channels), dtype=np.complex128)
        self.around = np.empty((config.cycles * (HARMONICS + 1), TAPS, 2 * channels))
        away = np.pi * TAPS * np.arange(self.points // 2) / self.points
        root = np.sqrt(np.maximum(SHAPE**2 - away**2, 1e-9))
        self.undone = root / (TAPS * np.sinh(root))

    def bins(self, samples: Array, begin: float, end: float, count: int) -> Complex:
        """(channels, count) sums of samples times exp(-2 pi i k t), t from 0 to 1 in the window; phases but for a common turn."""
        first, last = int(begin) + 1 - EDGE, int(end) + EDGE
        middle = (first + last) // 2
        left, right = middle - first, last + 1 - middle
        fade, work = powers(np.array((begin - int(begin), end - int(end)))) @ edges(), self.waits
        np.multiply(samples[:, middle : last + 1], self.undone[:right], out=work[:, :right])
        work[:, right - 2 * EDGE : right] *= fade[1]
        work[:, right:-left] = 0.0
        np.multiply(samples[:, first:middle], self.undone[left:0:-1], out=work[:, -left:])
        work[:, -left : 2 * EDGE - left] *= 1 - fade[0]
        np.fft.rfft(work, axis=1, out=self.whole)
        places: Array = np.arange(count, dtype=np.float64)
        places *= self.points / (end - begin)
        return self._between(places)

    def _between(self, places: Array) -> Complex:
        """Values of the transform at fractional places."""
        row = places.astype(np.int64)
        weights = powers(places - row) @ taps()
        before, used = TAPS // 2 - 1, int(row[-1]) + TAPS
        self.padded[before:used] = self.whole[:, : used - before].T
        self.padded[:before] = self.whole[:, before:0:-1].conj().T
        at = row[:, None] + np.arange(TAPS)
        around = self.around[: len(row)]
        np.take(self.padded.view(np.float64), at, axis=0, out=around, mode="clip")
        return np.asarray(np.matmul(weights[:, None], around)[:, 0].view(np.complex128).T)
