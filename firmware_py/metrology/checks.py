"""What is wrong with the input, named: faults of channels, of wiring and of the sample clock."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.results import Array, Config, FaultKind, InputFault

DEAD_RATIO = 0.001
"""Of the nominal voltage, or of the other currents."""
OFFSET_RATIO = 0.01
"""Direct component over RMS that is named."""
REVERSED_W = 10.0
"""A phase must supply more than this, against phases that consume, to be called reversed."""

NOTHING = np.zeros(7)


def names(config: Config) -> list[str]:
    """u1, u2, u3, i1, ... as in the rows of samples."""
    return [f"u{k}" for k in (1, 2, 3)] + [f"i{k}" for k in range(1, config.currents + 1)]


def clipped(samples: Array, full_scale: Array) -> Array:
    """By channel: how many samples sit on a flat top (three in a row; a crest without noise has two) or at full scale."""
    size = np.abs(samples)
    peak = np.maximum.reduce(size, axis=1)
    at_top = size >= (peak * (1 - 1e-9))[:, None]
    full = peak >= full_scale
    # Every channel has a peak: three in one of them are two more.
    if np.count_nonzero(at_top) < len(samples) + 2 and not full.any():
        return np.zeros(len(samples))
    flat = (at_top[:, 2:] & at_top[:, 1:-1] & at_top[:, :-2]).any(axis=1)
    # A zero line is flat too: that is a dead channel, not a clipped one.
    return np.where((flat & (peak > 0)) | full, at_top.sum(axis=1), 0).astype(np.float64)


def full_scales(config: Config) -> Array:
    """By channel, NaN where unknown."""
    volts, amperes = config.full_scale_voltage_v, config.full_scale_current_a
    return np.array(
        [np.nan if volts is None else volts] * 3 + [np.nan if amperes is None else amperes] * config.currents
    )


def channel_faults(config: Config, samples: Array, rms: Array, missing: Array | None) -> Iterator[InputFault]:
    """Faults seen in single channels: missing samples, flat tops, no signal, an offset."""
    offset = np.abs(np.add.reduce(samples, axis=1)) / samples.shape[1]
    lacks = missing if missing is not None else NOTHING
    for kind, amounts, seen in (
        (FaultKind.MISSING_SAMPLES, lacks, lacks > 0),
        (FaultKind.CLIPPED, top := clipped(samples, full_scales(config)), top > 0),
        (FaultKind.DEAD_CHANNEL, rms, dead(config, rms)),
        (FaultKind.DC_OFFSET, offset, offset > np.maximum(OFFSET_RATIO * rms, 1e-3)),
    ):
        for k in np.flatnonzero(seen):
            scale = max(rms[k], 1e-12) if kind is FaultKind.DC_OFFSET else 1.0
            yield InputFault(kind, names(config)[k], float(amounts[k] / scale))


def dead(config: Config, rms: Array) -> NDArray[np.bool_]:
    """Channels without signal while another of their sort has one; a neutral without current is in order."""
    none = np.zeros(len(rms), dtype=np.bool_)
    least_v, least_a = DEAD_RATIO * config.nominal_voltage_v, 1e-9 * max(float(rms[3:6].max()), 1e-3)
    if rms[:3].max() > 0.1 * config.nominal_voltage_v:
        none[:3] = rms[:3] < least_v
    none[3:6] = rms[3:6] < least_a
    return none


def wiring_faults(sequence_v: Array, power_w: Array) -> Iterator[InputFault]:
    """Order of phases against the clock; a phase that supplies while the others consume, or all of them with large loads.

    A current that is reversed in every phase cannot be told from export: it is named only against the other phases.
    """
    if sequence_v[2] > 2 * sequence_v[1] and sequence_v[2] > 1:
        yield InputFault(FaultKind.PHASES_SWAPPED, "", float(sequence_v[1] / sequence_v[2]))
    supplying, consuming = power_w < -REVERSED_W, power_w > REVERSED_W
    if supplying.sum() == 1 and consuming.sum() == 2:
        odd = int(np.flatnonzero(supplying)[0])
        yield InputFault(FaultKind.CURRENT_REVERSED, f"i{odd + 1}", float(power_w[odd]))


class ClockDrift:
    """How fast the sample clock runs against a disciplined clock: `ppm` goes into `Config.sample_clock_ppm`."""

    def __init__(self, sample_rate_hz: float) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.first: tuple[int, float] | None = None
        self.last: tuple[int, float] | None = None

    def observe(self, samples: int, true_s: float) -> None:
        """`samples` had been taken in all at the true time `true_s`."""
        self.first = self.first if self.first is not None else (samples, true_s)
        self.last = (samples, true_s)

    @property
    def ppm(self) -> float | None:
        """Parts per million, positive when too many samples come; None before two observations a minute apart."""
        if self.first is None or self.last is None or self.last[1] - self.first[1] < 60:
            return None
        rate = (self.last[0] - self.first[0]) / (self.last[1] - self.first[1])
        return (rate / self.sample_rate_hz - 1) * 1e6
