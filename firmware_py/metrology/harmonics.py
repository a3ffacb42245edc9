"""Spectra of a window and what follows from its fundamental."""

from dataclasses import dataclass

import numpy as np

from firmware_py.metrology.crossings import FORWARD
from firmware_py.metrology.results import HARMONICS, Array, Complex, Config, Spectrum
from firmware_py.metrology.transform import Transform

SEQUENCES = np.stack((np.ones(3), FORWARD, FORWARD.conj())) / 3


@dataclass(frozen=True, slots=True)
class Phasors:
    """RMS phasors of every bin of a window, of voltages then currents; `cycles` bins per harmonic."""

    bins: Complex
    cycles: int

    @property
    def harmonics(self) -> Complex:
        """Of each order 0 to 50, by channel."""
        return self.bins[:, :: self.cycles]

    @property
    def fundamental(self) -> Complex:
        return self.bins[:, self.cycles]


def phasors(config: Config, transform: Transform, samples: Array, begin: float, end: float) -> Phasors:
    """The window between two positions, all channels at once."""
    bins = transform.bins(samples, begin, end, config.cycles * (HARMONICS + 1))
    bins *= np.sqrt(2) / (end - begin)
    bins[:, 0] /= np.sqrt(2)
    return Phasors(bins, config.cycles)


def spectrum(found: Phasors) -> Spectrum:
    """Bins, subgroups and interharmonic subgroups of voltages and currents."""
    power = np.square(found.bins.real)
    power += np.square(found.bins.imag)
    ordered = power.reshape(len(power), HARMONICS + 1, found.cycles)
    squares = np.empty((3, len(power), HARMONICS + 1))
    single, group, between = squares
    single[:] = ordered[:, :, 0]
    np.add(single, ordered[:, :, 1], out=group)
    group[:, 1:] += ordered[:, :-1, -1]
    np.add.reduce(ordered[:, :, 2:-1], axis=2, out=between)
    distortion = np.add.reduce(group[:, 2:], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        thd = np.sqrt(distortion / group[:, 1])
    np.sqrt(squares, out=squares)
    return Spectrum(
        bin_v=single[:3], group_v=group[:3], interharmonic_v=between[:3], thd_v=thd[:3],
        bin_a=single[3:], group_a=group[3:], interharmonic_a=between[3:], thd_a=thd[3:],
    )  # fmt: skip


def sequence(phasors: Complex) -> Array:
    """Zero, positive and negative sequence of three phasors, or of columns of three, as amounts."""
    return np.abs(SEQUENCES @ phasors)
