"""Flicker meter against the tables of IEC 61000-4-15 edition 2 and filters against scipy.

The tables were read from a published verification program (the flicker_sim algorithm of the QWTB toolbox), not from the
standard itself.
"""

import numpy as np
import pytest
from scipy import signal

from firmware_py.metrology.filters import Machine, butterworth, sampled
from firmware_py.metrology.flicker import FlickerMeter, severity
from firmware_py.metrology.results import Array, Config

RATE_HZ = 10_000
HOP = 2_000

RECTANGULAR_PST = {
    (230, 50): ((1, 2.715), (2, 2.191), (7, 1.450), (39, 0.894), (110, 0.722), (1620, 0.407), (4000, 2.343)),
    (120, 60): ((1, 3.181), (2, 2.564), (7, 1.694), (39, 1.040), (110, 0.844), (1620, 0.548), (4800, 4.837)),
}
"""Changes a minute and dV/V in percent that make Pst 1."""

SINE_SENSATION = {
    (230, 50): ((0.5, 2.325), (1.5, 1.067), (3.5, 0.564), (8.8, 0.250), (14, 0.393), (20, 0.704), (25, 1.037)),
    (120, 60): ((0.5, 2.453), (1.5, 1.126), (3.5, 0.637), (8.8, 0.321), (14, 0.528), (20, 0.977), (25, 1.464)),
}
"""Hertz and dV/V in percent of sine fluctuations whose greatest sensation is 1."""


def fluctuating(volts: int, hertz: int, begin: int, cycles_hz: Array, ratio: Array, *, square: bool) -> Array:
    at = np.arange(begin, begin + HOP)
    turn = cycles_hz[:, None] * at / RATE_HZ
    shape = np.where(turn % 1 < 0.5, 1.0, -1.0) if square else np.sin(2 * np.pi * turn)
    carrier = np.sqrt(2) * volts * np.sin(2 * np.pi * hertz * at / RATE_HZ)
    return np.asarray(carrier * (1 + ratio[:, None] / 2 * shape))


def meter(volts: int, hertz: int) -> FlickerMeter:
    return FlickerMeter(Config(sample_rate_hz=RATE_HZ, nominal_voltage_v=volts, nominal_frequency_hz=hertz))


@pytest.mark.parametrize("system", SINE_SENSATION)
@pytest.mark.parametrize("first", [0, 2, 4])
def test_instantaneous_sensation_of_sines(system: tuple[int, int], first: int) -> None:
    rows = SINE_SENSATION[system][first : first + 3]
    cycles, ratio = np.array([each[0] for each in rows]), np.array([each[1] for each in rows]) / 100
    flicker, peak = meter(*system), np.zeros(3)
    for begin in range(0, 50 * RATE_HZ, HOP):
        sensation, _ = flicker.take(fluctuating(*system, begin, cycles, ratio, square=False), (begin + HOP) / RATE_HZ)
        peak = np.maximum(peak, sensation.max(axis=1)) if begin > 30 * RATE_HZ else peak
    assert peak == pytest.approx(1.0, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("system", RECTANGULAR_PST)
@pytest.mark.parametrize("first", [0, 2, 4])
def test_short_term_severity_of_rectangles(system: tuple[int, int], first: int) -> None:
    rows = RECTANGULAR_PST[system][first : first + 3]
    cycles, ratio = np.array([each[0] / 120 for each in rows]), np.array([each[1] for each in rows]) / 100
    flicker, told = meter(*system), []
    for begin in range(0, 1201 * RATE_HZ, HOP):
        _, severe = flicker.take(fluctuating(*system, begin, cycles, ratio, square=True), (begin + HOP) / RATE_HZ)
        told += [severe] if severe is not None else []
    assert told[1].pst == pytest.approx(1.0, abs=0.005)
    assert told[1].complete


def test_a_steady_voltage_does_not_flicker() -> None:
    flicker, sensation = meter(230, 50), np.empty(0)
    for begin in range(0, 10 * RATE_HZ, HOP):
        sensation, _ = flicker.take(fluctuating(230, 50, begin, np.ones(3), np.zeros(3), square=True), begin / RATE_HZ)
    assert sensation.max() < 1e-3


def test_long_term_is_the_cubic_mean_of_twelve() -> None:
    flicker = FlickerMeter(Config(sample_rate_hz=RATE_HZ))
    flicker.history = [np.full(3, float(k)) for k in range(1, 12)]
    flicker.filled = 40
    flicker.sensations[:] = 0
    told = flicker._close(600.0)
    assert told.plt == pytest.approx(np.cbrt(np.full(3, sum(k**3 for k in range(12)) / 12)))


def test_severity_of_a_constant_sensation() -> None:
    weights = 0.0314 + 0.0525 + 0.0657 + 0.28 + 0.08
    assert severity(np.full((3, 1000), 4.0)) == pytest.approx(2 * np.sqrt(weights))


def test_designs_are_those_of_scipy() -> None:
    frequencies = 2 * np.pi * np.linspace(1, 200, 50)
    top, bottom = signal.butter(6, 2 * np.pi * 35, analog=True)
    _, expected = signal.freqs(top, bottom, frequencies)
    found = np.prod([signal.freqs(*each, frequencies)[1] for each in butterworth(6, 35.0)], axis=0)
    assert found == pytest.approx(expected, rel=1e-9)


def test_matrices_over_blocks_are_exact_for_straight_lines_between_samples() -> None:
    sections = [([1.0, 0.0], [1.0, 0.3]), *butterworth(4, 10.0), ([0.5, 1.0], [0.001, 0.1, 1.0])]
    machine, state, parts = Machine(sampled(sections, 100.0), 25), np.zeros((7, 2)), []
    samples = np.random.default_rng(0).normal(size=(200, 2))
    samples[0] = 0.0
    for block in samples.reshape(8, 25, 2):
        output, state = machine.run(block, state)
        parts.append(output)
    top: Array = np.ones(1)
    bottom: Array = np.ones(1)
    for one, other in sections:
        top, bottom = np.asarray(np.polymul(top, one)), np.asarray(np.polymul(bottom, other))
    system, time = signal.lti(top, bottom), np.arange(200) / 100
    expected = np.stack([signal.lsim(system, row, time)[1] for row in samples.T], axis=1)
    assert np.concatenate(parts) == pytest.approx(expected, abs=1e-9)
