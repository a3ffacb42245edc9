"""Where the fundamental crosses zero: the clock by which everything else is cut.

The voltages of all phases are taken together (turned onto L1), so that the loss of one phase loses nothing. Every 2 ms a
filter of 0.1 s says the phase of the fundamental; harmonics and offsets err it by the same amount in every cycle. Without a
voltage the last frequency goes on.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.history import History
from firmware_py.metrology.kernels import blackman_harris, every
from firmware_py.metrology.results import Array, Complex, Config

TURN = np.exp(2j * np.pi / 3)
FORWARD = np.array([1, TURN, TURN**2])
LOST = 0.03
"""Ratio to nominal below which a voltage's phase is not believed."""
SWAP = 1.5
"""How much stronger the other order of phases must be before it is believed."""
FRAMES = 100


class Tracker:
    """Follows the phase of the fundamental through the history's hops; one crossing each half cycle, never a hole."""

    def __init__(self, config: Config) -> None:
        rate = config.sample_rate_hz
        self.step = round(rate / 2000) * 400 // FRAMES
        length = round(0.1 * rate / self.step) * self.step
        angle = 2 * np.pi * config.nominal_frequency_hz / rate * (np.arange(length) - length // 2)
        window = 2 * blackman_harris(length)
        self.taps = np.stack((window * np.cos(angle), -window * np.sin(angle)), axis=1)
        self.delay = length // 2
        self.loss = LOST * config.nominal_voltage_v * np.sqrt(2) * 3
        turn = 2 * np.pi * self.step / rate
        self.slowest, self.fastest = 0.8 * config.nominal_frequency_hz * turn, 1.25 * config.nominal_frequency_hz * turn
        self.advance = config.nominal_frequency_hz * turn
        self.order = FORWARD
        self.synchronised = False
        self.phase: float | None = None
        self.next: int | None = None

    def follow(self, history: History) -> Array:
        """Positions of the half cycles' ends that the newest hop has made known, in ascending order."""
        have = min(history.end, history.hop + len(self.taps) - self.step)
        span = history.samples[:3, history.end - have : history.end]
        if have < len(self.taps):
            return np.empty(0)
        phasor = every(span, self.taps, self.step)
        pointer = self._joined(phasor[..., 0] + 1j * phasor[..., 1])
        centres = history.end - have + self.delay + self.step * np.arange(len(pointer))
        return self._crossings(self._unwrapped(pointer), centres)

    def _joined(self, phasors: Complex) -> Complex:
        """All phases as one pointer along L1; the order of phases is changed when the other one is clearly stronger."""
        one, other = self.order @ phasors, np.conj(self.order) @ phasors
        if np.abs(other).mean() > SWAP * np.abs(one).mean():
            self.order = np.conj(self.order)
            return np.asarray(other)
        return np.asarray(one)

    def _unwrapped(self, pointer: Complex) -> Array:
        """Phases of the frames, the one before in front; steps no mains frequency could make are walked, not jumped."""
        angle, strength = np.angle(pointer), np.abs(pointer)
        before = self.phase if self.phase is not None else float(angle[0]) - self.advance
        chain = np.concatenate(([before], angle))
        steps = np.mod(np.diff(chain) + np.pi, 2 * np.pi) - np.pi
        possible = (steps > self.slowest) & (steps < self.fastest) & (strength > self.loss)
        self.synchronised = bool(possible.all())
        if self.synchronised:
            self.advance = float(steps[-10:].mean())
            return np.asarray(before + np.concatenate(([0.0], np.cumsum(steps))))
        return self._walked(before, angle, strength)

    def _walked(self, before: float, angle: Array, strength: Array) -> Array:
        phases = [before]
        for target, strong in zip(angle, strength > self.loss, strict=True):
            error = float(np.mod(target - phases[-1] - self.advance + np.pi, 2 * np.pi) - np.pi) if strong else 0.0
            phases.append(phases[-1] + min(max(self.advance + error, self.slowest), self.fastest))
        return np.array(phases)

    def _crossings(self, phases: Array, centres: NDArray[np.int64]) -> Array:
        """Where the phase is an odd multiple of a quarter turn: times by straight lines between the frames."""
        last = float(phases[-1])
        quarter = 0.5 * np.pi
        if self.next is None:
            # Before the first frame nothing is known but a guess.
            self.next = int(np.floor((float(phases[1]) - quarter) / np.pi)) + 1
        count = np.arange(self.next, int(np.floor((last - quarter) / np.pi)) + 1)
        times = np.concatenate(([centres[0] - self.step], centres)).astype(np.float64)
        # Whole turns may go, from both alike: the phase stays small for years and no crossing is counted twice.
        turns = int(np.floor(last / (2 * np.pi)))
        self.phase = last - 2 * np.pi * turns
        self.next += len(count) - 2 * turns
        return np.asarray(np.interp(quarter + np.pi * count, phases, times))
