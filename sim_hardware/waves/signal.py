"""A test signal, sample by sample: a pure function of the sample's number, so that any cutting gives the same numbers.

Sign:   a positive current flows into the site; power is positive when consumed.
Phase:  l1 is `U·√2·cos(θ)`, l2 and l3 follow by 120 and 240 degrees; θ is the integral of the frequency, in closed form.
Order:  fundamentals (phasor), harmonics, interharmonics; flicker and levels (as they would reach the terminals); then what
        is wrong with the measurement: swap, reversed, offset, noise, clip, dead, missing.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim_hardware.waves.spec import (
    PHASES,
    Clip,
    Flicker,
    Harmonic,
    Interharmonic,
    Level,
    Noise,
    Offset,
    Phasor,
    Ramp,
    Step,
    Swap,
    WaveSpec,
    Wrong,
)

Samples = NDArray[np.float64]

# Noise is drawn in pieces of this many samples, each with its own counter: so no sample depends on where reading began.
_NOISE_PIECE: Final = 4096
# Moments nearer than this are one: 0.2 s and 0.1 s are a little more than 0.3 s.
_SAME_S: Final = 1e-9


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From here on: cycles counted so far, the frequency and its slope."""

    start_s: float
    cycles: float
    frequency_hz: float
    slope_hz_per_s: float


class Wave:
    """The samples of a test signal: voltages in V (rows 0 to 2), then currents in A."""

    def __init__(self, spec: WaveSpec) -> None:
        self.spec = spec
        self._stretches = _stretches(spec)

    def samples(self, first: int, count: int) -> Samples:
        """Samples `first` to `first + count` of all channels, shape (6 or 7, count)."""
        spec = self.spec
        time_s = np.arange(first, first + count) / (spec.fs_hz * (1.0 + spec.clock_ppm * 1e-6))
        x = self._phases(time_s)
        self._interharmonics(x, time_s)
        self._modulate(x, time_s)
        if spec.neutral:
            x = np.vstack([x, -x[3:6].sum(axis=0)])
        return self._measured(x, time_s, first)

    def blocks(self, length: int) -> Iterator[Samples]:
        """All of it in blocks of `length`; the last one is what is left."""
        for first in range(0, self.spec.samples, length):
            yield self.samples(first, min(length, self.spec.samples - first))

    def frequency_hz(self, time_s: float) -> float:
        """The true frequency at a moment."""
        last = [stretch for stretch in self._stretches if stretch.start_s <= time_s][-1]
        return last.frequency_hz + last.slope_hz_per_s * (time_s - last.start_s)

    def _cycles(self, time_s: Samples) -> Samples:
        """Cycles since the beginning."""
        cycles = np.empty_like(time_s)
        for stretch in self._stretches:
            behind = time_s >= stretch.start_s
            t = time_s[behind] - stretch.start_s
            cycles[behind] = stretch.cycles + t * (stretch.frequency_hz + 0.5 * stretch.slope_hz_per_s * t)
        return cycles

    def _phases(self, time_s: Samples) -> Samples:
        """Fundamentals and harmonics of the six phase channels."""
        spec = self.spec
        theta = 2.0 * np.pi * (self._cycles(time_s) % 1.0) + math.radians(spec.start_angle_deg)
        peak, angle = self._fundamentals()
        x: Samples = peak[:, None] * np.cos(theta + angle[:, None])
        for part in spec.add:
            if isinstance(part, Harmonic):
                for row in _phase_rows(spec.of(part.of)):
                    own = part.order * (theta + angle[row]) + math.radians(part.angle_deg)
                    x[row] += part.ratio * self._nominal_peak(row) * np.cos(own)
        return x

    def _fundamentals(self) -> tuple[Samples, Samples]:
        """Amplitude and angle (rad) of the six phase channels."""
        spec = self.spec
        peak = np.array([self._nominal_peak(row) for row in range(6)])
        angle = np.array([-120.0 * (row % 3) - (spec.angle_deg if row >= 3 else 0.0) for row in range(6)])
        for part in spec.add:
            if isinstance(part, Phasor):
                rows = _phase_rows(spec.of(part.of))
                peak[rows] *= part.ratio
                angle[rows] += part.angle_deg
        return peak, np.radians(angle)

    def _nominal_peak(self, row: int) -> float:
        return math.sqrt(2.0) * (self.spec.voltage_v if row < 3 else self.spec.current_a)

    def _interharmonics(self, x: Samples, time_s: Samples) -> None:
        for part in self.spec.add:
            if isinstance(part, Interharmonic):
                turn = np.cos(2.0 * np.pi * part.frequency_hz * time_s + math.radians(part.angle_deg))
                for row in _phase_rows(self.spec.of(part.of)):
                    x[row] += part.ratio * self._nominal_peak(row) * turn

    def _modulate(self, x: Samples, time_s: Samples) -> None:
        for part in self.spec.add:
            if isinstance(part, Flicker):
                x[_phase_rows(self.spec.of(part.of))] *= 1.0 + part.depth_percent / 200.0 * _swing(part, time_s)
            elif isinstance(part, Level):
                inside = _inside(time_s, part.start_s, part.duration_s)
                rows = [PHASES.index(phase) for phase in part.phase]
                x[rows] = np.where(inside, part.factor * x[rows], x[rows])

    def _measured(self, x: Samples, time_s: Samples, first: int) -> Samples:
        """What a converter makes of what is there, in the order of the list."""
        for index, part in enumerate(self.spec.add):
            match part:
                case Swap(of=of):
                    one, other = self.spec.of(of)
                    x[[one, other]] = x[[other, one]]
                case Offset(of=of, value=value):
                    x[self.spec.of(of)] += value
                case Noise():
                    self._add_noise(x, part, index, first)
                case Clip(of=of, limit=limit):
                    rows = self.spec.of(of)
                    x[rows] = np.clip(x[rows], -limit, limit)
                case Wrong():
                    self._spoil(x, part, time_s)
                case _:
                    pass
        return x

    def _spoil(self, x: Samples, part: Wrong, time_s: Samples) -> None:
        inside = _inside(time_s, part.start_s, math.inf if part.duration_s is None else part.duration_s)
        rows = self.spec.of(part.of)
        x[rows] = np.where(inside, x[rows] * {"reversed": -1.0, "dead": 0.0, "missing": math.nan}[part.kind], x[rows])

    def _add_noise(self, x: Samples, part: Noise, index: int, first: int) -> None:
        """Each channel's own noise, the same wherever the block begins."""
        rows, count = self.spec.of(part.of), x.shape[1]
        piece, skip = divmod(first, _NOISE_PIECE)
        drawn = [self._noise(index, piece + n) for n in range((skip + count - 1) // _NOISE_PIECE + 1)]
        unit = np.concatenate(drawn, axis=1)[:, skip : skip + count]
        for row in rows:
            x[row] += self._nominal_peak(row) / math.sqrt(2.0) * 10.0 ** (-part.snr_db / 20.0) * unit[row]

    def _noise(self, index: int, piece: int) -> Samples:
        source = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.spec.seed, index, piece])))
        return source.standard_normal((7, _NOISE_PIECE))


def _inside(time_s: Samples, start_s: float, duration_s: float) -> NDArray[np.bool_]:
    """Which samples lie in a stretch; one that lies on its end, as near as numbers can say it, does not."""
    return (time_s >= start_s - _SAME_S) & (time_s < start_s + duration_s - _SAME_S)


def _phase_rows(rows: list[int]) -> list[int]:
    """Without the neutral, which is made of the phases."""
    return [row for row in rows if row < 6]


def _swing(part: Flicker, time_s: Samples) -> Samples:
    """The modulation between -1 and 1; it begins with a rise."""
    periods = part.speed_hz * time_s
    if part.shape == "sinusoidal":
        return np.sin(2.0 * np.pi * periods)
    return np.where(periods % 1.0 < 0.5, 1.0, -1.0)


def _stretches(spec: WaveSpec) -> list[_Stretch]:
    """The frequency, piece by piece, with the cycles that each piece begins with."""
    found = [_Stretch(0.0, 0.0, spec.frequency_hz, 0.0)]
    changes = sorted((part for part in spec.add if isinstance(part, Step | Ramp)), key=lambda part: part.start_s)
    for part in changes:
        here = _at(found[-1], part.start_s)
        if isinstance(part, Step):
            found.append(_Stretch(part.start_s, here.cycles, part.to_hz, 0.0))
            continue
        slope = (part.to_hz - here.frequency_hz) / part.duration_s
        found.append(_Stretch(part.start_s, here.cycles, here.frequency_hz, slope))
        there = _at(found[-1], part.start_s + part.duration_s)
        found.append(_Stretch(there.start_s, there.cycles, part.to_hz, 0.0))
    return found


def _at(stretch: _Stretch, time_s: float) -> _Stretch:
    t = time_s - stretch.start_s
    frequency_hz = stretch.frequency_hz + stretch.slope_hz_per_s * t
    cycles = stretch.cycles + t * 0.5 * (stretch.frequency_hz + frequency_hz)
    return _Stretch(time_s, cycles, frequency_hz, 0.0)
