"""Windows, smooth steps and filters that give one value every so many samples.

The four-term Blackman-Harris window (side lobes below -92 dB) has its zeros at multiples of 1/length beyond the fourth: sampled
at whole numbers its shifted copies add up to one, so that sums weighted with it neither gain nor lose anything.
"""

import numpy as np

from firmware_py.metrology.results import Array

TERMS = (0.35875, 0.48829, 0.14128, 0.01168)
EDGE = 8
"""Half the length, in samples, of the smooth step that begins and ends an integral."""


def blackman_harris(length: int) -> Array:
    """`length` values over one period, the first of them zero but for rounding; their sum is one."""
    angle = 2 * np.pi * np.arange(length) / length
    window = TERMS[0] - TERMS[1] * np.cos(angle) + TERMS[2] * np.cos(2 * angle) - TERMS[3] * np.cos(3 * angle)
    return np.asarray(window / window.sum())


def smooth_step(distance: Array) -> Array:
    """Integral of the window: 0 at -EDGE, 1 at EDGE samples and beyond; f(x) + f(-x) = 1."""
    x = np.clip(distance / (2 * EDGE), -0.5, 0.5)
    step = 0.5 + x
    for order, term in enumerate(TERMS[1:], start=1):
        step = step + term / TERMS[0] * np.sin(2 * np.pi * order * x) / (2 * np.pi * order)
    return np.asarray(step)


def every(samples: Array, taps: Array, step: int) -> Array:
    """Weighted sums of (channels, n) samples, one each `step`; taps are (length, kinds), answer (channels, sums, kinds).

    Length and n are multiples of `step`. One matrix product over the blocks of `step` samples, then a sum over its diagonals.
    """
    parts, kinds = len(taps) // step, taps.shape[1]
    folded = taps.reshape(parts, step, kinds).transpose(0, 2, 1).reshape(parts * kinds, step)
    blocks = folded @ samples.reshape(len(samples), -1, step).transpose(0, 2, 1)
    return diagonal_sums(blocks.reshape(len(samples), parts, kinds, -1)).transpose(0, 2, 1)


def diagonal_sums(blocks: Array) -> Array:
    """(channels, parts, kinds, blocks) -> (channels, kinds, blocks - parts + 1): sum over p of block m + p, part p."""
    channels, parts, kinds, count = blocks.shape
    a, b, c, d = blocks.strides
    shape = (channels, parts, kinds, count - parts + 1)
    diagonals = np.lib.stride_tricks.as_strided(blocks, shape, (a, b + d, c, d), writeable=False)
    return np.asarray(diagonals.sum(axis=1))
