"""Harmonics, groups, interharmonics, THD against closed forms."""

import numpy as np
import pytest

from firmware_py.metrology.results import Config, Spectrum, Window
from tests.firmware_py.metrology.signals import RATE_HZ, played, three_phases


def last_window(
    nominal_hz: float, voltage: np.ndarray, current: np.ndarray, rate_hz: int = RATE_HZ
) -> tuple[Window, Spectrum]:
    config = Config(sample_rate_hz=rate_hz, nominal_frequency_hz=nominal_hz, flicker=False)
    window = played(config, voltage, current).windows[-1]
    assert window.spectrum is not None
    return window, window.spectrum


@pytest.mark.parametrize(
    ("nominal", "frequency"), [(50.0, 42.5), (50.0, 49.93), (50.0, 57.5), (60.0, 51.0), (60.0, 60.02), (60.0, 69.0)]
)
def test_every_harmonic_to_the_fiftieth_within_half_a_per_mille_of_reading(nominal: float, frequency: float) -> None:
    harmonics = dict.fromkeys(range(2, 51), 0.01)
    window, found = last_window(nominal, *three_phases(frequency, 1, harmonics=harmonics))
    assert found.bin_v[:, 2:] == pytest.approx(np.full((3, 49), 2.3), rel=5e-4)
    assert found.group_a[:, 2:] == pytest.approx(np.full((3, 49), 0.05), rel=5e-4)
    assert found.thd_v == pytest.approx(np.full(3, 0.07), rel=5e-4)
    assert window.reactive_var == pytest.approx(np.zeros(3), abs=1e-3)
    assert window.fundamental_power_w == pytest.approx(np.full(3, 1150), rel=1e-5)


@pytest.mark.parametrize(("nominal", "frequency"), [(50.0, 57.5), (60.0, 69.0)])
def test_so_they_are_at_the_least_sample_rate(nominal: float, frequency: float) -> None:
    harmonics = dict.fromkeys(range(2, 51), 0.01)
    _, found = last_window(nominal, *three_phases(frequency, 1, harmonics=harmonics, rate_hz=8_000), 8_000)
    assert found.bin_v[:, 2:] == pytest.approx(np.full((3, 49), 2.3), rel=5e-4)


def test_a_pure_sine_has_no_harmonics() -> None:
    _, found = last_window(50.0, *three_phases(51.7, 1))
    assert found.bin_v[:, 2:].max() < 230e-6
    assert found.interharmonic_v.max() < 230e-6


@pytest.mark.parametrize(
    ("hertz", "group", "between"), [(175, None, 3), (155, 3, None), (145, 3, None), (160, None, 3)]
)
def test_what_lies_beside_a_harmonic_goes_to_its_group_and_the_rest_between(
    hertz: int, group: int | None, between: int | None
) -> None:
    voltage, current = three_phases(50, 1)
    voltage = voltage + np.sqrt(2) * 4.6 * np.cos(2 * np.pi * hertz * np.arange(RATE_HZ) / RATE_HZ + 1)
    _, found = last_window(50.0, voltage, current)
    assert found.group_v[:, 3] == pytest.approx(4.6 if group == 3 else 0.0, abs=1e-3)
    assert found.interharmonic_v[:, 3] == pytest.approx(4.6 if between == 3 else 0.0, abs=1e-3)
    assert found.interharmonic_v[:, 2] == pytest.approx(0.0, abs=1e-3)


def test_without_spectrum_the_rest_is_measured_and_the_absent_is_nan() -> None:
    config = Config(sample_rate_hz=RATE_HZ, flicker=False, spectrum=False)
    window = played(config, *three_phases(50, 1)).windows[0]
    assert window.spectrum is None
    assert window.power_w == pytest.approx(np.full(3, 1150), rel=1e-5)
    assert np.isnan(window.reactive_var).all()
