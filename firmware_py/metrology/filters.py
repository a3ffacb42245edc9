"""Recursive filters without a loop over samples: designed in closed form, run as matrices over blocks.

A cascade of sections is a linear machine with few states: what a block of input does to the output and to the states is one
matrix each, made once from its response to single samples.
"""

from collections.abc import Sequence

import numpy as np

from firmware_py.metrology.results import Array

Section = tuple[Array, Array]
"""Numerator and denominator in falling powers of s (or of z)."""


def bilinear(
    numerator: Sequence[float], denominator: Sequence[float], rate: float, warp_hz: float | None = None
) -> Section:
    """The digital section of an analogue one of first or second order; exact at `warp_hz`, or at 0 Hz when None."""
    scale = 2 * rate if warp_hz is None else 2 * np.pi * warp_hz / np.tan(np.pi * warp_hz / rate)
    order = len(denominator) - 1
    down, up = np.array([1.0, -1.0]) * scale, np.array([1.0, 1.0])

    def mapped(powers: Sequence[float]) -> Array:
        padded = [0.0] * (order + 1 - len(powers)) + list(powers)
        terms = [each * _power(down, order - k, up, k) for k, each in enumerate(padded)]
        return np.asarray(np.sum(terms, axis=0))

    top, bottom = mapped(numerator), mapped(denominator)
    return top / bottom[0], bottom / bottom[0]


def _power(one: Array, m: int, other: Array, n: int) -> Array:
    product = np.ones(1)
    for factor in [one] * m + [other] * n:
        product = np.convolve(product, factor)
    return product


def butterworth(order: int, corner_hz: float, rate: float) -> list[Section]:
    """Low-pass of even order, as second-order sections that are exact at the corner."""
    corner = 2 * np.pi * corner_hz
    damping = [2 * np.sin(np.pi * (2 * k + 1) / (2 * order)) for k in range(order // 2)]
    return [bilinear([corner**2], [1, d * corner, corner**2], rate, corner_hz) for d in damping]


def gain_at(sections: Sequence[Section], frequency_hz: float, rate: float) -> float:
    """Amplitude gain of the cascade."""
    z = np.exp(2j * np.pi * frequency_hz / rate)
    return float(np.prod([abs(np.polyval(top, z) / np.polyval(bottom, z)) for top, bottom in sections]))


class Machine:
    """The cascade over blocks of `length` samples; states are (states, channels), zero is rest."""

    def __init__(self, sections: Sequence[Section], length: int) -> None:
        self.length = length
        self.order = sum(len(bottom) - 1 for _, bottom in sections)
        impulse = np.zeros((length, 1))
        impulse[0] = 1
        kick, pulse = self._trace(sections, impulse, np.zeros((self.order, 1)))
        lag = np.arange(length)[:, None] - np.arange(length)
        direct = np.where(lag >= 0, pulse[:, 0][np.abs(lag)], 0.0)
        silence = np.zeros((length, self.order))
        decay, echo = self._trace(sections, silence, np.eye(self.order))
        # A sample j from the end moves the states as the impulse did j samples after it.
        self.matrix = np.block([[direct, echo], [kick[::-1, :, 0].T, decay[-1]]])

    @staticmethod
    def _trace(sections: Sequence[Section], samples: Array, state: Array) -> tuple[Array, Array]:
        """States after each sample and output, by transposed direct form II, a sample at a time (at design only)."""
        states, outputs = [], []
        for sample in samples:
            at, new, value = 0, np.empty_like(state), sample
            for top, bottom in sections:
                order = len(bottom) - 1
                old = np.concatenate((state[at : at + order], np.zeros((1, state.shape[1]))))
                output = top[0] * value + old[0]
                new[at : at + order] = old[1:] + top[1:, None] * value - bottom[1:, None] * output
                value, at = output, at + order
            state = new
            states.append(state)
            outputs.append(value)
        return np.array(states), np.array(outputs)

    def run(self, samples: Array, state: Array) -> tuple[Array, Array]:
        """(length, channels) in: as many out, and the states after them."""
        both = self.matrix @ np.concatenate((samples, state))
        return both[: self.length], both[self.length :]
