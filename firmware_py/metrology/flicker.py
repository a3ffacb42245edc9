"""Flicker meter after IEC 61000-4-15, on the squared voltage at 400 Hz: twelve values to a cycle of the fastest that is seen.

Weighting filter and percentile formula as commonly published (clauses unverified). The slow gain control follows the filters
instead of preceding them: they are linear and it is slow, so that nothing changes but that its own steps make no flicker.
"""

from dataclasses import dataclass

import numpy as np

from firmware_py.metrology.filters import Machine, Section, butterworth, gain_at, sampled
from firmware_py.metrology.history import FLICKER_VALUES, flicker_step
from firmware_py.metrology.kernels import every
from firmware_py.metrology.results import Array, Config, Flicker

VALUES_PER_HOP = 40
PARTS = 10
"""Length of the low-pass before the values, in their steps."""
SHAPE = 8.96
"""Of its Kaiser window: 90 dB below from four fifths of the rate of values on, where what folds onto 0 to 70 Hz lies."""
GAIN_TIME_S = 27.3
SMOOTHING_S = 0.3
REST_PERCENT = (0.1, 0.7, 1, 1.5, 2.2, 3, 4, 6, 8, 10, 13, 17, 30, 50, 80)
PER_PLT = 12


@dataclass(frozen=True, slots=True)
class Lamp:
    """Weighting of lamp, eye and brain: gain and corner frequencies in Hz; `unity` is the sine fluctuation at 8.8 Hz, a ratio
    dV/V from trough to crest, that is seen as one."""

    k: float
    damping: float
    corners: tuple[float, float, float, float]
    unity: float


LAMPS = {
    230: Lamp(1.74802, 4.05981, (9.15494, 2.27979, 1.22535, 21.9), 0.00250),
    120: Lamp(1.6357, 4.167375, (9.077169, 2.939902, 1.394468, 17.31512), 0.00321),
}
"""By the voltage the lamp is made for; constants as published, the standard itself unread."""


def lamp_of(config: Config) -> Lamp:
    """The lamp whose voltage is nearer."""
    return LAMPS[230 if config.nominal_voltage_v > 175 else 120]


def weighting(lamp: Lamp, nominal_hz: float) -> list[Section]:
    """High-pass 0.05 Hz, low-pass of order 6 (35 Hz at 50 Hz, 42 Hz at 60 Hz), lamp-eye-brain."""
    w1, w2, w3, w4 = (2 * np.pi * each for each in lamp.corners)
    damping = 2 * np.pi * lamp.damping
    slow = 2 * np.pi * 0.05
    return [
        ([1, 0], [1, slow]),
        *butterworth(6, 0.7 * nominal_hz),
        ([lamp.k * w1, 0], [1, 2 * damping, w1 * w1]),
        ([1 / w2, 1], [1 / (w3 * w4), 1 / w3 + 1 / w4, 1]),
    ]


def even_taps(step: int) -> Array:
    """A low-pass for one value each `step` samples, raised by what straight lines between the values will take."""
    place = np.arange(PARTS * step) - PARTS * step // 2
    window = np.i0(SHAPE * np.sqrt(1 - (2 * place / (PARTS * step)) ** 2))
    rate = np.linspace(0, 0.5, 501)
    waves = np.cos(2 * np.pi * rate * place[:, None] / step) / np.sinc(rate) ** 2
    taps = window * np.trapezoid(waves, rate, axis=1)
    return np.asarray(taps / taps.sum())


def severity(sensation: Array) -> Array:
    """Pst of the instantaneous sensations along the last axis: five weighted, smoothed percentiles."""
    level = dict(
        zip(REST_PERCENT, np.percentile(sensation, [100 - each for each in REST_PERCENT], axis=-1), strict=True)
    )
    p50 = (level[30] + level[50] + level[80]) / 3
    p10 = (level[6] + level[8] + level[10] + level[13] + level[17]) / 5
    p3 = (level[2.2] + level[3] + level[4]) / 3
    p1 = (level[0.7] + level[1] + level[1.5]) / 3
    return np.asarray(np.sqrt(0.0314 * level[0.1] + 0.0525 * p1 + 0.0657 * p3 + 0.28 * p10 + 0.08 * p50))


class FlickerMeter:
    """Takes hops of three voltages; keeps ten minutes of sensation at 200 a second."""

    def __init__(self, config: Config) -> None:
        self.step = flicker_step(config)
        rate = config.true_rate_hz / self.step
        lamp = lamp_of(config)
        sections, smooth = weighting(lamp, config.nominal_frequency_hz), [([1.0], [SMOOTHING_S, 1.0])]
        self.weigh = Machine(sampled(sections, rate), FLICKER_VALUES)
        self.smooth = Machine(sampled(smooth, rate), FLICKER_VALUES)
        amount = lamp.unity * gain_at(sections, 8.8)
        # The square of a sine is half its square, and a ripple of twice its frequency that the smoothing leaves.
        self.scale = 2 / amount**2 / (1 + gain_at(smooth, 17.6))
        self.taps = even_taps(self.step)
        self.tail = np.zeros((3, len(self.taps) - self.step))
        self.states = np.zeros((self.weigh.order, 3)), np.zeros((1, 3))
        self.mean: Array | None = None
        self.rest: Array = np.zeros(3)
        """The first level, taken off so that the high-pass starts at rest."""
        self.hop_s = FLICKER_VALUES / rate
        self.follow = 1 - np.exp(-self.hop_s / GAIN_TIME_S)
        self.ramp = (np.arange(FLICKER_VALUES)[:, None] + 1) / FLICKER_VALUES
        self.epoch_s = config.epoch_s
        self.sensations = np.empty((3, int(600 / self.hop_s + 2) * VALUES_PER_HOP), dtype=np.float32)
        self.filled = 0
        self.began_s = config.epoch_s
        self.history: list[Array] = []

    def take(self, voltage_v: Array, end_s: float) -> tuple[Array, Flicker | None]:
        """Newest sensations (3, 40) and, when ten minutes of the clock have ended, their severity."""
        sensation = self._sensation(voltage_v)
        self.sensations[:, self.filled : self.filled + VALUES_PER_HOP] = sensation
        self.filled += VALUES_PER_HOP
        crossed = np.floor(end_s / 600) > np.floor(self.began_s / 600)
        return sensation, self._close(end_s) if crossed else None

    def _sensation(self, voltage_v: Array) -> Array:
        kept = len(self.tail[0])
        square = np.empty((3, kept + voltage_v.shape[1]))
        square[:, :kept] = self.tail
        np.multiply(voltage_v, voltage_v, out=square[:, kept:])
        self.tail = square[:, -kept:]
        slow = every(square, self.taps, self.step).T
        if self.mean is None:
            # Whole cycles of what ripples; the first values look back to before the first sample.
            self.rest = self.mean = slow[FLICKER_VALUES // 2 :].mean(axis=0)
            slow[:PARTS] = self.rest
        before = self.mean
        self.mean = before + self.follow * (np.add.reduce(slow, axis=0) / FLICKER_VALUES - before)
        level = np.maximum(before + (self.mean - before) * self.ramp, 1e-9)
        first, second = self.states
        weighed, first = self.weigh.run(slow - self.rest, first)
        weighed /= level
        weighed *= weighed
        smoothed, second = self.smooth.run(weighed, second)
        self.states = first, second
        return np.maximum(smoothed[1::2].T * self.scale, 0.0)

    def _close(self, end_s: float) -> Flicker:
        found = self.sensations[:, : self.filled]
        began_s, self.began_s, self.filled = self.began_s, end_s, 0
        pst = severity(found.astype(np.float64))
        complete = (
            np.floor(began_s / 600) != np.floor((began_s + self.hop_s) / 600) or end_s - began_s > 600 - self.hop_s
        )
        self.history = [*self.history, pst]
        plt = None
        if len(self.history) == PER_PLT:
            plt, self.history = np.cbrt(np.mean(np.power(self.history, 3), axis=0)), []
        return Flicker(start_s=began_s, end_s=end_s, pst=pst, plt=plt, peak=found.max(axis=1), complete=bool(complete))
