"""U, I, P, Q, frequency and energy against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.metrology.analyser import Analyser
from firmware_py.metrology.results import Config, MistakenBlock, MistakenConfig, Results, Window
from tests.firmware_py.metrology.signals import PHASES, RATE_HZ, played, three_phases

TEN_PPM = 1e-5


def config(nominal_hz: float = 50.0, **changes: object) -> Config:
    return Config(**{"sample_rate_hz": RATE_HZ, "nominal_frequency_hz": nominal_hz, "flicker": False, **changes})  # type: ignore[arg-type]


def frequencies(results: Results) -> np.ndarray:
    return np.concatenate([each.frequency_hz for each in results.half_cycles])


def half_cycle_volts(results: Results) -> np.ndarray:
    return np.concatenate([each.voltage_v for each in results.half_cycles], axis=1)


@settings(max_examples=25, deadline=None)
@given(
    nominal=st.sampled_from([50.0, 60.0]),
    place=st.floats(0, 1),
    level=st.floats(0.1, 1.5),
    factor=st.floats(0.2, 0.99),
    start=st.floats(0, 6),
)
def test_ten_ppm_over_the_whole_range(nominal: float, place: float, level: float, factor: float, start: float) -> None:
    low, high = (42.5, 57.5) if nominal == 50 else (51.0, 69.0)
    frequency, lag = low + place * (high - low), np.arccos(factor)
    found = played(config(nominal), *three_phases(frequency, 1.3, volts=230 * level, lag=lag, start=start)).windows
    assert len(found) >= 4
    apparent = 230 * level * 5
    for window in found:
        assert window.frequency_hz == pytest.approx(frequency, abs=1e-7)
        assert window.voltage_v == pytest.approx(np.full(3, 230 * level), rel=TEN_PPM)
        assert window.current_a == pytest.approx(np.full(3, 5), rel=TEN_PPM)
        assert window.power_w == pytest.approx(np.full(3, apparent * factor), rel=TEN_PPM)
        assert window.reactive_var == pytest.approx(np.full(3, apparent * np.sin(lag)), rel=TEN_PPM)
        assert window.power_factor == pytest.approx(np.full(3, factor), rel=TEN_PPM)
        assert window.phase_angle_rad == pytest.approx(np.full(3, lag), abs=1e-5)
        assert window.faults == ()


def test_supplied_power_is_negative_and_capacitive_reactive_power_too() -> None:
    exporting = played(config(), *three_phases(50, 1, lag=np.pi - 0.2)).windows[0]
    assert np.all(exporting.power_w < 0)
    assert np.all(exporting.reactive_var > 0)
    capacitive = played(config(), *three_phases(50, 1, lag=-0.5)).windows[0]
    assert np.all(capacitive.power_w > 0)
    assert capacitive.total_reactive_var == pytest.approx(-3 * 1150 * np.sin(0.5), rel=TEN_PPM)


@pytest.mark.parametrize("frequency", [42.5, 49.97, 57.5])
def test_cycles_of_a_clean_signal_with_harmonics(frequency: float) -> None:
    harmonics = dict.fromkeys((2, 3, 5, 7, 25), 0.05)
    found = played(config(), *three_phases(frequency, 2, harmonics=harmonics))
    assert frequencies(found) == pytest.approx(frequency, abs=1e-4)
    assert half_cycle_volts(found) == pytest.approx(230 * np.sqrt(1 + 5 * 0.05**2), rel=1e-4)


def test_cycles_under_noise_of_60_db() -> None:
    voltage, current = three_phases(49.9, 10)
    voltage = voltage + np.random.default_rng(3).normal(size=voltage.shape) * 0.230
    found = played(config(), voltage, current)
    assert frequencies(found) == pytest.approx(49.9, abs=5e-3)
    assert half_cycle_volts(found) == pytest.approx(230, rel=5e-4)


def test_frequency_follows_a_ramp() -> None:
    time = np.arange(5 * RATE_HZ) / RATE_HZ
    turn = 2 * np.pi * (49 * time + 0.5 * 0.5 * time**2) + np.array([[0.0], [-2 * np.pi / 3], [2 * np.pi / 3]])
    wave = 325 * np.cos(turn)
    windows = played(config(), wave, wave).windows
    for window in windows:
        middle = (window.start_s + window.end_s) / 2
        assert window.frequency_hz == pytest.approx(49 + 0.5 * middle, abs=2e-5)
    assert [each.frequency_change_hz_s for each in windows[1:]] == pytest.approx([0.5] * (len(windows) - 1), abs=1e-3)


def test_ten_seconds_of_frequency_and_a_sample_clock_that_is_off() -> None:
    fast = RATE_HZ * (1 + 200e-6)
    signal = three_phases(50.01, 31, rate_hz=fast)
    seen = played(config(), *signal).frequencies
    assert [each.frequency_hz for each in seen] == pytest.approx([50.01 / (1 + 200e-6)] * len(seen), abs=1e-6)
    corrected = played(config(sample_clock_ppm=200.0), *signal).frequencies
    assert len(corrected) >= 2
    assert [each.frequency_hz for each in corrected] == pytest.approx([50.01] * len(corrected), abs=1e-6)


def test_energy_of_windows_that_touch_is_the_energy_of_the_whole() -> None:
    time = np.arange(60 * RATE_HZ) / RATE_HZ
    voltage, current = three_phases(50.013, 60, lag=0.4)
    # A load that swells and shrinks: 1 + 0.5 sin(0.7 t), whose integral is closed.
    windows = played(config(), voltage, current * (1 + 0.5 * np.sin(0.7 * time))).windows
    begin, end = windows[0].start_s, windows[-1].end_s
    assert [a.end_sample for a in windows[:-1]] == pytest.approx([b.start_sample for b in windows[1:]], abs=1e-9)
    swell = 0.5 / 0.7 * (np.cos(0.7 * begin) - np.cos(0.7 * end))
    # What pulses at twice the frequency cancels between the phases, at the ends too.
    expected = 3 * 230 * 5 * np.cos(0.4) * (end - begin + swell)
    assert sum(each.energy_ws.sum() for each in windows) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("seconds", [0.15, 0.777, 7.7777])
def test_nothing_flows_outside_of_windows_and_rests(seconds: float) -> None:
    voltage, current = three_phases(50.2, seconds, lag=0.4)
    analyser = Analyser(config())
    windows = analyser.feed(voltage, current).windows
    rest = analyser.rest()
    told = sum((each.energy_ws for each in windows), rest.energy_ws)
    if windows:
        assert analyser.before is not None
        assert analyser.before.end_sample == windows[0].start_sample
        assert rest.start_sample == windows[-1].end_sample
        told = told + analyser.before.energy_ws
        assert rest.reactive_energy_vars == pytest.approx(
            windows[-1].reactive_var * (rest.end_sample - rest.start_sample) / RATE_HZ
        )
    assert rest.end_sample == voltage.shape[1]
    # By definition: each sample of u times i for as long as a sample lasts.
    assert told == pytest.approx((voltage * current).sum(axis=1) / RATE_HZ, rel=1e-12)


@pytest.mark.slow
def test_energy_of_an_hour() -> None:
    analyser = Analyser(config(spectrum=False))
    windows: list[Window] = []
    for second in range(3600):
        turn = 2 * np.pi * 49.987 * (np.arange(RATE_HZ) / RATE_HZ + second) + PHASES
        windows += analyser.feed(325 * np.sin(turn), 10 * np.sin(turn - 0.6)).windows
    span = windows[-1].end_s - windows[0].start_s
    assert span > 3599
    expected = 325 * 10 / 2 * np.cos(0.6) * span
    assert sum(each.energy_ws for each in windows) == pytest.approx(np.full(3, expected), rel=1e-8)


def test_a_fourth_current_is_measured_and_makes_no_power() -> None:
    voltage, current = three_phases(50, 1)
    window = played(config(currents=4), voltage, np.vstack((current, 0.2 * current[:1]))).windows[0]
    assert window.current_a == pytest.approx([5, 5, 5, 1], rel=TEN_PPM)
    assert window.power_w.shape == (3,)


def test_sequence_components_of_an_unbalanced_system() -> None:
    voltage, current = three_phases(50, 1)
    # L1 at 80 %: positive 2.8/3, negative and zero 0.2/3 of 230 V.
    window = played(config(), voltage * np.array([[0.8], [1], [1]]), current).windows[0]
    assert window.sequence_v == pytest.approx(np.array([0.2, 2.8, 0.2]) / 3 * 230, rel=TEN_PPM)
    assert window.unbalance == pytest.approx(0.2 / 2.8, rel=TEN_PPM)
    assert window.voltage_angle_rad == pytest.approx([0, -2 * np.pi / 3, 2 * np.pi / 3], abs=1e-6)


def test_mistaken_shapes_and_configurations_are_named() -> None:
    with pytest.raises(MistakenBlock, match=r"\(2, 5\)"):
        played(config(), np.zeros((2, 5)), np.zeros((3, 5)))
    with pytest.raises(MistakenConfig, match="400"):
        config(400.0)
    with pytest.raises(MistakenConfig, match="currents is 5"):
        config(currents=5)
