"""Recursive filters without a loop over samples: analogue in design, exact for straight lines between the samples, run as
matrices over blocks.

A cascade of sections is a linear machine with few states: what a block of input does to the output and to the states is one
matrix, made once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmware_py.metrology.results import Array

Section = tuple[Sequence[float], Sequence[float]]
"""Numerator and denominator in falling powers of s; the denominator has the higher or the same order."""
TERMS = 18
"""Of the exponential series, for matrices of norm below a half: rounding is larger."""


def butterworth(order: int, corner_hz: float) -> list[Section]:
    """Low-pass of even order, as second-order sections."""
    corner = 2 * np.pi * corner_hz
    damping = [2 * np.sin(np.pi * (2 * k + 1) / (2 * order)) for k in range(order // 2)]
    return [([corner**2], [1, d * corner, corner**2]) for d in damping]


def gain_at(sections: Sequence[Section], frequency_hz: float) -> float:
    """Amplitude gain of the cascade."""
    s = 2j * np.pi * frequency_hz
    return float(np.prod([abs(np.polyval(top, s) / np.polyval(bottom, s)) for top, bottom in sections]))


@dataclass(frozen=True, slots=True)
class Linear:
    """x' = a x + b u, y = c x + d u; or the same with the next x for x'."""

    a: Array
    b: Array
    c: Array
    d: float


def of_section(section: Section, step_s: float) -> Linear:
    """One section in controllable form; time in steps, so that its numbers are near one."""
    order = len(section[1]) - 1
    top = np.concatenate((np.zeros(order + 1 - len(section[0])), section[0])) * step_s ** -np.arange(order, -1.0, -1)
    bottom = np.asarray(section[1]) * step_s ** -np.arange(order, -1.0, -1)
    top, bottom = top / bottom[0], bottom / bottom[0]
    a = np.eye(order, k=1)
    a[-1] = -bottom[:0:-1]
    return Linear(a, np.eye(order)[:, -1:], (top[1:] - top[0] * bottom[1:])[None, ::-1], float(top[0]))


def in_series(one: Linear, other: Linear) -> Linear:
    """The output of one into the other."""
    a = np.block([[one.a, np.zeros((len(one.a), len(other.a)))], [other.b @ one.c, other.a]])
    return Linear(a, np.vstack((one.b, other.b * one.d)), np.hstack((other.d * one.c, other.c)), one.d * other.d)


def exponential(matrix: Array) -> Array:
    """By its series, scaled and squared."""
    halvings = max(0, int(np.ceil(np.log2(max(np.abs(matrix).sum(axis=0).max(), 1e-9)))) + 1)
    term = total = np.eye(len(matrix))
    for k in range(1, TERMS):
        term = term @ matrix / (2**halvings * k)
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return np.asarray(total)


def sampled(sections: Sequence[Section], rate: float) -> Linear:
    """The cascade a sample at a time, exact when the input goes in straight lines from sample to sample."""
    whole = of_section(sections[0], 1 / rate)
    for section in sections[1:]:
        whole = in_series(whole, of_section(section, 1 / rate))
    n = len(whole.a)
    joint = np.zeros((n + 2, n + 2))
    joint[:n, :n], joint[:n, n:-1], joint[n, -1] = whole.a, whole.b, 1.0
    grown = exponential(joint)
    a, held, slope = grown[:n, :n], grown[:n, n:-1], grown[:n, -1:]
    # The states less what the newest sample has already done to them: the next sample need not be known.
    return Linear(a, held - slope + a @ slope, whole.c, whole.d + float((whole.c @ slope)[0, 0]))


class Machine:
    """A sampled system over blocks of `length` samples; states are (states, channels), zero is rest."""

    def __init__(self, system: Linear, length: int) -> None:
        self.length = length
        self.order = len(system.a)
        powers = [np.eye(self.order)]
        for _ in range(length):
            powers.append(powers[-1] @ system.a)
        echo = np.vstack([system.c @ power for power in powers[:-1]])
        kicks = np.hstack([power @ system.b for power in powers[-2::-1]])
        pulse = np.concatenate(([system.d], (echo @ system.b)[:-1, 0]))
        lag = np.arange(length)[:, None] - np.arange(length)
        direct = np.where(lag >= 0, pulse[np.abs(lag)], 0.0)
        self.matrix = np.block([[direct, echo], [kicks, powers[-1]]])

    def run(self, samples: Array, state: Array) -> tuple[Array, Array]:
        """(length, channels) in: as many out, and the states after them."""
        both = self.matrix @ np.concatenate((samples, state))
        return both[: self.length], both[self.length :]
