"""Calibration: what each channel's numbers must be taken off, multiplied by and moved by to be true. Pure.

    true(t) = gain * (raw(t + delay_us) - offset)

`delay_us` is how late a channel is; a phase error of a current transformer is a delay at the frequency of the grid (1 degree
at 50 Hz is 55.6 us). Moving by parts of a sample is done with a windowed sinc of 64 taps, the same for any cutting into
blocks; channels that are on time keep their numbers. All channels come out `HALF + WHOLE_MOST` samples later where one is moved.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from protocols.samples import CHANNELS, VOLTAGES, Samples, unit_of

HALF: Final = 32
WHOLE_MOST: Final = 16
# At 0.25 of the sample rate what the window lets through wrongly is 1e-5 of it; near the grid's frequency 1e-9.
_BETA: Final = 10.0
GAIN_LEAST, GAIN_MOST = 0.5, 2.0
PHASE_MOST_DEG: Final = 15.0
# Less than this share of the reference is no signal.
_ALIVE: Final = 0.2
CYCLES_LEAST: Final = 50


class NotCalibrated(Exception):
    """A measurement that no constants can be taken from; the message names channel, value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of one channel; `offset` in V or A."""

    gain: float = 1.0
    offset: float = 0.0
    delay_us: float = 0.0

    def __post_init__(self) -> None:
        """ValueError for what is no calibration."""
        if not (math.isfinite(self.gain) and self.gain != 0.0):
            raise ValueError(f"gain {self.gain}: a finite number that is not 0 is allowed")
        if not (math.isfinite(self.offset) and math.isfinite(self.delay_us)):
            raise ValueError(f"offset {self.offset}, delay_us {self.delay_us}: finite numbers are allowed")


Calibration = Mapping[str, Constants]
_NONE: Final = Constants()


@dataclass(frozen=True, slots=True)
class Reference:
    """What the reference meter or calibrator says: RMS by channel (absent: not calibrated), angles, and the frequency.

    `angle_deg` of a voltage is against u1 (-120 where it follows by a third); `lag_deg` is how far each current lags its
    own voltage. `frequency_hz` absent: 50 or 60, found from the samples.
    """

    rms: Mapping[str, float]
    angle_deg: Mapping[str, float] = field(default_factory=lambda: {"u1": 0.0, "u2": -120.0, "u3": 120.0})
    lag_deg: Mapping[str, float] = field(default_factory=dict)
    frequency_hz: float | None = None

    def expected_deg(self, channel: str) -> float:
        """The true angle of a channel against u1; the neutral's is against u1, too."""
        if channel in VOLTAGES:
            return self.angle_deg.get(channel, 0.0)
        own = {"i1": "u1", "i2": "u2", "i3": "u3", "in": "u1"}[channel]
        return self.angle_deg.get(own, 0.0) - self.lag_deg.get(channel, 0.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured of one channel, uncorrected: mean, RMS of the fundamental, angle against u1."""

    mean: float
    rms: float
    angle_deg: float


class Corrector:
    """Corrects samples block by block, with whatever state that needs."""

    def __init__(self, calibration: Calibration, fs_hz: float, rows: int) -> None:
        """ValueError for a channel that is not there or a delay that is too long."""
        channels = CHANNELS[:rows]
        constants = [calibration.get(channel, _NONE) for channel in channels]
        if unknown := sorted(set(calibration) - set(CHANNELS)):
            raise ValueError(f"calibration of {', '.join(unknown)}: allowed are {', '.join(channels)}")
        self._gain = np.array([each.gain for each in constants])[:, None]
        self._offset = np.array([each.offset for each in constants])[:, None]
        moves = [each.delay_us * 1e-6 * fs_hz for each in constants]
        for channel, move in zip(channels, moves, strict=True):
            if abs(move) > WHOLE_MOST:
                most_us = WHOLE_MOST / fs_hz * 1e6
                raise ValueError(
                    f"calibration of {channel}: {move / fs_hz * 1e6:g} us; at most {most_us:g} us at {fs_hz:g} Hz"
                )
        self._taps = [_taps(move) for move in moves] if any(moves) else None
        self._history = np.zeros((rows, 0))

    @property
    def lag(self) -> int:
        """How many samples later everything comes out."""
        return 0 if self._taps is None else HALF + WHOLE_MOST

    def corrected(self, block: Samples) -> Samples:
        """The corrected samples that can be told now: as many as there were, but for the first ones."""
        x: Samples = (block - self._offset) * self._gain
        if self._taps is None:
            return x
        x = np.concatenate([self._history, x], axis=1)
        span = 2 * self.lag
        self._history = x[:, max(x.shape[1] - span, 0) :].copy()
        count = max(x.shape[1] - span, 0)
        return np.vstack([_moved(row, taps, count) for row, taps in zip(x, self._taps, strict=True)])


def measured(samples: Samples, fs_hz: float, frequency_hz: float | None = None) -> tuple[float, dict[str, Found]]:
    """Frequency and what each channel shows, by least squares on mean and fundamental; NotCalibrated for too few cycles."""
    hz = _frequency(samples[0], fs_hz) if frequency_hz is None else frequency_hz
    count = samples.shape[1]
    if count * hz / fs_hz < CYCLES_LEAST:
        raise NotCalibrated(f"{count / fs_hz:g} s of samples: at least {CYCLES_LEAST} cycles are needed")
    time = np.arange(count) * (2.0 * np.pi * hz / fs_hz)
    model = np.column_stack([np.ones(count), np.cos(time), np.sin(time)])
    (mean, cosine, sine), *_ = np.linalg.lstsq(model, samples.T, rcond=None)
    angles = np.degrees(np.arctan2(-sine, cosine))
    rms = np.hypot(cosine, sine) / math.sqrt(2.0)
    found = {
        name: Found(float(mean[row]), float(rms[row]), _turned(float(angles[row] - angles[0])))
        for row, name in enumerate(CHANNELS[: len(samples)])
    }
    return hz, found


def calibrated(samples: Samples, fs_hz: float, reference: Reference, before: Calibration) -> dict[str, Constants]:
    """The constants that make uncorrected samples agree with the reference; those of channels it does not name stay.

    NotCalibrated where a channel is dead, far from the reference, reversed or another one's.
    """
    hz, found = measured(samples, fs_hz, reference.frequency_hz)
    constants = dict(before)
    for name, true_rms in reference.rms.items():
        if name not in found:
            raise NotCalibrated(f"{name}: not among the channels {', '.join(found)}")
        constants[name] = _constants(name, found[name], true_rms, reference.expected_deg(name), hz)
    return constants


def _constants(name: str, found: Found, true_rms: float, expected_deg: float, hz: float) -> Constants:
    unit = unit_of(name)
    if found.rms < _ALIVE * true_rms:
        raise NotCalibrated(
            f"{name}: {found.rms:g} {unit} where the reference has {true_rms:g} {unit}: is it connected?"
        )
    gain = true_rms / found.rms
    if not GAIN_LEAST <= gain <= GAIN_MOST:
        raise NotCalibrated(
            f"{name}: a gain of {gain:g}: {GAIN_LEAST:g} to {GAIN_MOST:g} is allowed; is the ratio right?"
        )
    late_deg = _turned(expected_deg - found.angle_deg)
    if abs(late_deg) > PHASE_MOST_DEG:
        hint = "is it reversed?" if abs(late_deg) > 165.0 else "is it another phase's?"
        raise NotCalibrated(
            f"{name}: {found.angle_deg:.2f} degrees against u1 where {expected_deg:.2f} are expected:"
            f" at most {PHASE_MOST_DEG:g} apart are allowed; {hint}"
        )
    return Constants(gain, found.mean, late_deg / 360.0 / hz * 1e6)


def _frequency(row: Samples, fs_hz: float) -> float:
    """The frequency of a nearly pure sine: the angle's advance between the halves, from 50 or 60 Hz on, until it stands."""
    best = max((50.0, 60.0), key=lambda hz: abs(_correlated(row, fs_hz, hz)))
    for _ in range(8):
        half = len(row) // 2
        first, second = (_correlated(part, fs_hz, best) for part in (row[:half], row[half : 2 * half]))
        turn = -2.0 * np.pi * best * half / fs_hz  # the second half begins its own time at 0
        best += float(np.angle(second * np.exp(1j * turn) / first)) / (2.0 * np.pi * half / fs_hz)
    return best


def _correlated(row: Samples, fs_hz: float, hz: float) -> complex:
    window = np.hanning(len(row))
    return complex(np.sum(row * window * np.exp(-2j * np.pi * hz * np.arange(len(row)) / fs_hz)))


def _turned(angle_deg: float) -> float:
    return (angle_deg + 180.0) % 360.0 - 180.0


def _taps(move: float) -> Samples:
    """Weights of the samples around one that stand for the sample `move` later; they add up to 1."""
    if move == 0.0:
        return np.where(np.arange(2 * (HALF + WHOLE_MOST) + 1) == HALF + WHOLE_MOST, 1.0, 0.0)
    distance = np.arange(-HALF - WHOLE_MOST, HALF + WHOLE_MOST + 1) - move
    inside = np.clip(1.0 - (distance / HALF) ** 2, 0.0, None)
    taps = np.sinc(distance) * np.i0(_BETA * np.sqrt(inside)) * (np.abs(distance) < HALF)
    normal: Samples = taps / taps.sum()
    return normal


def _moved(row: Samples, taps: Samples, count: int) -> Samples:
    """One after the other, so that every block length adds the same numbers in the same order."""
    total = np.zeros(count)
    for place in np.flatnonzero(taps):
        total += taps[place] * row[place : place + count]
    return total
