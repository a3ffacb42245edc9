"""Where the fundamental crosses zero: the clock by which everything else is cut.

The voltages of all phases are taken together (turned onto L1), so that the loss of one phase loses nothing. Every 2 ms a
filter of 0.1 s says the phase of the fundamental; harmonics and offsets err it by the same amount in every cycle. It is tuned
to the frequency of the hop before, or a step of all phases would shift the phase of what is off its middle. Without a voltage
the last frequency goes on.

A step of one or two phases alone errs their own phase, and so that of all together, for the length of the filter: while the
strength of a phase changes and another's does not, time goes on by those that do not. What the clock has then lost against
all of them it makes up slowly.
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
PARTS = 5
"""Length, in frames, of the low-pass that makes frames: what would fold onto the fundamental is gone."""
LENGTH = 50
"""Frames in the filter of 0.1 s."""
CHANGE = 1e-3
"""Of the mean strength, from frame to frame: when a phase changes by more, those that change by less than STEADY are asked."""
STEADY = 1e-4
CATCH_UP = 0.98
"""What is left, frame by frame, of a lag."""
ASKED = 0.3
"""Of the mean strength: what does not change must have as much to be asked."""
SMALL = 1e-9


class Tracker:
    """Follows the phase of the fundamental through the history's hops; one crossing each half cycle, never a hole."""

    def __init__(self, config: Config) -> None:
        rate = config.sample_rate_hz
        self.step = round(rate / 2000) * 400 // FRAMES
        self.coarse = blackman_harris(PARTS * self.step)
        turn = 2 * np.pi * self.step / rate
        lag = np.arange(FRAMES + LENGTH - 1)[:, None] - np.arange(FRAMES)
        self.matrix = np.where((lag >= 0) & (lag < LENGTH), 2 * blackman_harris(LENGTH)[lag % LENGTH], 0.0)
        self.delay = (LENGTH - LENGTH // 2 - 1 + PARTS) * self.step - PARTS * self.step // 2
        """From the middle of the newest phase to the end of the samples."""
        self.loss = LOST * config.nominal_voltage_v * np.sqrt(2) * 3
        self.slowest, self.fastest = 0.8 * config.nominal_frequency_hz * turn, 1.25 * config.nominal_frequency_hz * turn
        self.advance = self.tuned = config.nominal_frequency_hz * turn
        self.order = FORWARD
        self.synchronised = self.changing = False
        self.frames: Complex = np.empty((3, 0), dtype=np.complex128)
        self.phasors: Complex | None = None
        """The newest of each phase."""
        self.phase: float | None = None
        self.lag = 0.0
        """By how much the clock is behind the phase of all together."""
        self.next: int | None = None

    def follow(self, history: History) -> Array:
        """Positions of the half cycles' ends that the newest hop has made known, in ascending order."""
        have = min(history.end, history.hop + len(self.coarse) - self.step)
        span = history.samples[:3, history.end - have : history.end]
        if self.phase is None:
            turns = np.mod(np.diff(np.angle(self._joined(self._phasors(self._frames(span))))), 2 * np.pi)
            # The middle one, and not by np.median: that brings in numpy.ma, which takes 2 MB.
            self.tuned = min(max(float(np.sort(turns)[len(turns) // 2]), self.slowest), self.fastest)
        frames = np.concatenate((self.frames, self._frames(span)), axis=1)
        self.frames = frames[:, 1 - LENGTH :]
        phasors = self._phasors(frames)
        centres = history.end - self.delay + self.step * np.arange(1 - phasors.shape[1], 1)
        pointer = self._joined(phasors)
        joint = self._unwrapped(pointer)
        phases = joint - self._lags(phasors, pointer)
        self.phasors = phasors[:, -1:]
        if self.synchronised and not self.changing:
            self.tuned = float(joint[-1] - joint[1]) / (len(joint) - 2)
        return self._crossings(phases, centres)

    def _frames(self, span: Array) -> Complex:
        """The fundamental over the next PARTS steps, each step."""
        place = np.arange(len(self.coarse)) - len(self.coarse) // 2
        return every(span, self.coarse * np.exp(-1j * self.tuned / self.step * place), self.step)

    def _phasors(self, frames: Complex) -> Complex:
        """The fundamental over LENGTH frames, each frame; it is brought to rest first, so that one matrix serves all."""
        n = frames.shape[1]
        turn = np.exp(-1j * self.tuned * np.arange(n))
        still = frames * turn
        calm = np.concatenate((still.real, still.imag)) @ self.matrix[:n, : n + 1 - LENGTH]
        return np.asarray((calm[:3] + 1j * calm[3:]) * turn[LENGTH // 2 : n + 1 - LENGTH + LENGTH // 2].conj())

    def _joined(self, phasors: Complex) -> Complex:
        """All phases as one pointer along L1; the order of phases is changed when the other one is clearly stronger."""
        one, other = self.order @ phasors, np.conj(self.order) @ phasors
        if np.add.reduce(np.abs(other)) > SWAP * np.add.reduce(np.abs(one)):
            self.order = np.conj(self.order)
            return np.asarray(other)
        return np.asarray(one)

    def _unwrapped(self, pointer: Complex) -> Array:
        """Phases of the frames, the one before in front; steps no mains frequency could make are walked, not jumped."""
        angle, strength = np.angle(pointer), np.abs(pointer)
        before = self.phase if self.phase is not None else float(angle[0]) - self.advance
        chain = np.concatenate(([before], angle))
        steps = np.mod(chain[1:] - chain[:-1] + np.pi, 2 * np.pi) - np.pi
        self.synchronised = bool(
            steps.min() > self.slowest and steps.max() < self.fastest and strength.min() > self.loss
        )
        if self.synchronised:
            self.advance = float(np.add.reduce(steps[-10:])) / len(steps[-10:])
            chain[1:] = before + np.add.accumulate(steps)
            return chain
        return self._walked(before, angle, strength)

    def _walked(self, before: float, angle: Array, strength: Array) -> Array:
        phases = [before]
        for target, strong in zip(angle, strength > self.loss, strict=True):
            error = float(np.mod(target - phases[-1] - self.advance + np.pi, 2 * np.pi) - np.pi) if strong else 0.0
            phases.append(phases[-1] + min(max(self.advance + error, self.slowest), self.fastest))
        return np.array(phases)

    def _lags(self, phasors: Complex, pointer: Complex) -> Array | float:
        """How far the clock is behind the pointer, the one before in front."""
        before = self.phasors if self.phasors is not None else phasors[:, :1]
        chain = np.concatenate((before, phasors), axis=1)
        strength = np.abs(chain)
        mean = np.add.reduce(strength[:, 1:], axis=0) / 3
        change = np.abs(strength[:, 1:] - strength[:, :-1])
        jumps = np.maximum.reduce(change, axis=0) > CHANGE * mean
        self.changing = bool(jumps.any())
        if not self.changing and self.lag == 0.0:
            return 0.0
        restless = change > STEADY * mean
        alone = jumps & self.synchronised
        alone &= np.where(restless, 0.0, strength[:, 1:]).sum(axis=0) > ASKED * mean
        together = np.concatenate((self.order @ before, pointer))
        return self._made_up(alone, _turned(together), np.where(restless, 0.0, _turned(chain)).sum(axis=0))

    def _made_up(self, alone: NDArray[np.bool_], together: Complex, steady: Complex) -> Array:
        """Lags, where the turns of the pointer count for nothing in frames in which the steady phases go on `alone`."""
        lags = [self.lag]
        for apart, gained in zip(alone, np.angle(together * steady.conj()), strict=True):
            lags.append(lags[-1] + float(gained) if apart else CATCH_UP * lags[-1])
        self.lag = lags[-1] if abs(lags[-1]) > SMALL else 0.0
        return np.array(lags)

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
        self.phase = last + self.lag - 2 * np.pi * turns
        self.next += len(count) - 2 * turns
        return np.asarray(np.interp(quarter + np.pi * count, phases, times))


def _turned(chain: Complex) -> Complex:
    """From each frame to the next."""
    return np.asarray(chain[..., 1:] * chain[..., :-1].conj())
