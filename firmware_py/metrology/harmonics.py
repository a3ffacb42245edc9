"""Spectra of a window and what follows from its fundamental."""

from dataclasses import dataclass

import numpy as np

from firmware_py.metrology.crossings import FORWARD
from firmware_py.metrology.resample import gain, points_of, resampled
from firmware_py.metrology.results import HARMONICS, Array, Complex, Config, Spectrum


@dataclass(frozen=True, slots=True)
class Phasors:
    """RMS phasors of every bin of a window, of voltages then currents; `cycles` bins per harmonic."""

    bins: Complex
    cycles: int

    @property
    def harmonics(self) -> Complex:
        """Of each order 0 to 50, by channel."""
        return self.bins[:, :: self.cycles][:, : HARMONICS + 1]

    @property
    def fundamental(self) -> Complex:
        return self.bins[:, self.cycles]


def phasors(config: Config, samples: Array, begin: float, end: float) -> Phasors:
    """The window between two positions, transformed at once for all channels."""
    points = points_of(config)
    keep = config.cycles * (HARMONICS + 1)
    bins = np.fft.rfft(resampled(samples, begin, end, points), axis=1)[:, : keep + 1]
    scale = np.sqrt(2) / points / gain(np.arange(keep + 1) / (end - begin))
    scale[0] /= np.sqrt(2)
    return Phasors(bins * scale, config.cycles)


def spectrum(found: Phasors) -> Spectrum:
    """Bins, subgroups and interharmonic subgroups of voltages and currents."""
    power = found.bins.real**2 + found.bins.imag**2
    ordered = power[:, : HARMONICS * found.cycles + found.cycles].reshape(len(power), HARMONICS + 1, found.cycles)
    single = np.sqrt(ordered[:, :, 0])
    below = np.zeros_like(single)
    below[:, 1:] = ordered[:, :-1, -1]
    group = np.sqrt(ordered[:, :, 0] + ordered[:, :, 1] + below)
    between = np.sqrt(ordered[:, :, 2:-1].sum(axis=2))
    with np.errstate(divide="ignore", invalid="ignore"):
        thd = np.sqrt((group[:, 2:] ** 2).sum(axis=1)) / group[:, 1]
    return Spectrum(
        bin_v=single[:3], group_v=group[:3], interharmonic_v=between[:3], thd_v=thd[:3],
        bin_a=single[3:], group_a=group[3:], interharmonic_a=between[3:], thd_a=thd[3:],
    )  # fmt: skip


def sequence(three: Complex) -> Array:
    """Zero, positive and negative sequence of three phasors, as amounts."""
    rows = np.stack((np.ones(3), FORWARD, FORWARD.conj()))
    return np.abs(rows @ three) / 3
