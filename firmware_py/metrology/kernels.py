"""Windows, smooth steps and filters that give one value every so many samples.

The four-term Blackman-Harris window (side lobes below -92 dB) has its zeros at multiples of 1/length beyond the fourth: sampled
at whole numbers its shifted copies add up to one, so that sums weighted with it neither gain nor lose anything.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.results import Array

Sort = TypeVar("Sort", np.float64, np.complex128)
TERMS = (0.35875, 0.48829, 0.14128, 0.01168)
EDGE = 8
"""Half the length, in samples, of the smooth step that begins and ends an integral."""
ORDER = 7
"""Of the polynomials that stand for functions between whole numbers: what is left is below 4e-8."""


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


def fitted(function: Callable[[Array], Array], first: float, count: int) -> Array:
    """(ORDER + 1, count) polynomials: `count` values of a function, at `first` plus a fraction of one and each one less."""
    node = np.cos(np.pi * (np.arange(4 * ORDER) + 0.5) / (4 * ORDER))
    values = function((node[:, None] + 1) / 2 + first - np.arange(count))
    return np.asarray(np.linalg.lstsq(np.vander(node, ORDER + 1, increasing=True), values, rcond=None)[0])


def powers(fractions: Array) -> Array:
    """(n, ORDER + 1) what polynomials are multiplied by at these fractions of one."""
    found = np.empty((ORDER + 1, len(fractions)))
    found[0] = 1.0
    np.multiply(fractions, 2, out=found[1])
    found[1] -= 1
    found[2:] = found[1]
    np.multiply.accumulate(found[1:], axis=0, out=found[1:])
    return found.T


@cache
def edges() -> Array:
    """Of the 2 EDGE samples around the end of an integral, which lies a fraction after the EDGE-th: what they count for."""
    return fitted(smooth_step, EDGE - 1, 2 * EDGE)


def every(samples: Array, taps: NDArray[Sort], step: int) -> NDArray[Sort]:
    """Weighted sums of (channels, n) samples, one each `step`, by as many `taps`; length and n are multiples of `step`.

    One matrix product over the blocks of `step` samples, then a sum over its diagonals.
    """
    parts = len(taps) // step
    folded = np.ascontiguousarray(taps.reshape(parts, step).T)
    products = (samples.reshape(len(samples), -1, step) @ folded.view(np.float64)).view(taps.dtype)
    channels, count, _ = products.shape
    a, b, c = products.strides
    # Not as_strided: that takes ten times as long, which is much of this.
    diagonals = np.ndarray((channels, count - parts + 1, parts), products.dtype, products, 0, (a, b, b + c))
    return np.asarray(np.add.reduce(diagonals, axis=2))
