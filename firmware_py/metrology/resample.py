"""As many points per window as a fast Fourier transform likes, wherever the window begins and ends.

Sixteen taps of a sinc under a Kaiser window, from a table of fractions of a sample; the little it takes from high frequencies
is known and given back bin by bin. Up to 0.3 of the sample rate its images fall below -95 dB or outside of what is used.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.results import Array, Config

TAPS = 16
FRACTIONS = 512
SHAPE = 10.0
GROUP = 32
"""Points that share a matrix; divides every number of points."""


@cache
def table() -> tuple[Array, Array]:
    """Weights of the taps for each fraction of a sample, and how much they change to the next fraction."""
    place = np.arange(FRACTIONS + 1)[:, None] / FRACTIONS + TAPS // 2 - 1 - np.arange(TAPS)
    weights = np.sinc(place) * np.i0(SHAPE * np.sqrt(np.clip(1 - (2 * place / TAPS) ** 2, 0, 1))) / np.i0(SHAPE)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights[:-1].copy(), np.diff(weights, axis=0)


@cache
def response() -> Array:
    """Gain of the taps at 0, 1/1024, ... 1/2 of the sample rate, mean over the fractions."""
    weights, _ = table()
    place = np.arange(FRACTIONS)[:, None] / FRACTIONS + TAPS // 2 - 1 - np.arange(TAPS)
    rates = np.arange(513) / 1024
    return np.array([(weights * np.cos(2 * np.pi * rate * place)).sum() / FRACTIONS for rate in rates])


def gain(rates: Array) -> Array:
    """Gain at frequencies given as ratios of the sample rate."""
    return np.interp(rates, np.arange(513) / 1024, response())


def points_of(config: Config) -> int:
    """Points per window: the least of 2^k and 3 * 2^k that is no fewer than its samples."""
    need = config.sample_rate_hz * config.cycles / config.nominal_frequency_hz
    sizes = (each << k for k in range(8, 20) for each in (2, 3))
    return next(each for each in sizes if each >= need)


def resampled(samples: Array, begin: float, end: float, points: int) -> Array:
    """`points` values of each row from position `begin` on, evenly up to, not including, `end`."""
    places = begin + (end - begin) / points * np.arange(points)
    whole = places.astype(np.int64)
    fine = (places - whole) * FRACTIONS
    row = fine.astype(np.int64)
    weights, slopes = table()
    taps = weights[row] + slopes[row] * (fine - row)[:, None]
    return _banded(samples, whole - (TAPS // 2 - 1), taps)


def _banded(samples: Array, first: NDArray[np.int64], taps: Array) -> Array:
    """Sums of TAPS samples from `first` on: small matrices of GROUP points each, which costs a third of picking samples."""
    starts = first[::GROUP]
    within = first.reshape(-1, GROUP) - starts[:, None]
    width = int(within.max()) + TAPS
    matrices = np.zeros((len(starts), GROUP, width))
    places = np.arange(len(first)) * width + within.ravel()
    matrices.reshape(-1)[places[:, None] + np.arange(TAPS)] = taps
    parts = samples.T[starts[:, None] + np.arange(width)]
    return np.ascontiguousarray((matrices @ parts).reshape(len(first), -1).T)
