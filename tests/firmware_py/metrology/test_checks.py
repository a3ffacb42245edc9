"""Bad input is detected and named, good input is not."""

from collections.abc import Callable

import numpy as np
import pytest

from firmware_py.metrology.checks import ClockDrift, clipped, full_scales
from firmware_py.metrology.results import Config, FaultKind, InputFault
from tests.firmware_py.metrology.signals import RATE_HZ, played, three_phases

Spoil = Callable[[np.ndarray, np.ndarray], None]


def faults(spoil: Spoil, **changes: float) -> set[tuple[FaultKind, str]]:
    voltage, current = three_phases(50, 1.2, lag=0.3)
    spoil(voltage, current)
    config = Config(sample_rate_hz=RATE_HZ, flicker=False, **changes)  # type: ignore[arg-type]
    return {(each.kind, each.channel) for each in named(played(config, voltage, current).windows[-1].faults)}


def named(found: tuple[InputFault, ...]) -> tuple[InputFault, ...]:
    assert all(np.isfinite(each.amount) for each in found)
    return found


def clip(voltage: np.ndarray, current: np.ndarray) -> None:
    np.clip(voltage, -300, 300, out=voltage)


def dead_voltage(voltage: np.ndarray, current: np.ndarray) -> None:
    voltage[1] = 0


def dead_current(voltage: np.ndarray, current: np.ndarray) -> None:
    current[2] = 0


def lost(voltage: np.ndarray, current: np.ndarray) -> None:
    current[0, 9_000:9_020] = np.nan


def offset(voltage: np.ndarray, current: np.ndarray) -> None:
    current[1] += 0.2


def swapped(voltage: np.ndarray, current: np.ndarray) -> None:
    voltage[[1, 2]], current[[1, 2]] = voltage[[2, 1]], current[[2, 1]]


def reversed_current(voltage: np.ndarray, current: np.ndarray) -> None:
    current[1] *= -1


def nothing(voltage: np.ndarray, current: np.ndarray) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (nothing, set()),
        (clip, {(FaultKind.CLIPPED, f"u{k}") for k in (1, 2, 3)}),
        (dead_voltage, {(FaultKind.DEAD_CHANNEL, "u2")}),
        (dead_current, {(FaultKind.DEAD_CHANNEL, "i3")}),
        (lost, {(FaultKind.MISSING_SAMPLES, "i1")}),
        (offset, {(FaultKind.DC_OFFSET, "i2")}),
        (swapped, {(FaultKind.PHASES_SWAPPED, "")}),
        (reversed_current, {(FaultKind.CURRENT_REVERSED, "i2")}),
    ],
)
def test_each_fault_is_named_and_nothing_else(spoil: Spoil, expected: set[tuple[FaultKind, str]]) -> None:
    assert faults(spoil) == expected


def test_three_samples_at_the_top_in_a_row_are_clipping_and_two_are_not() -> None:
    voltage, current = three_phases(50, 0.2, start=0.311)
    samples, scales = np.vstack((voltage, current)), full_scales(Config(sample_rate_hz=RATE_HZ))
    samples *= np.linspace(0.9, 1.0, samples.shape[1])
    assert clipped(samples, scales).tolist() == [0] * 6
    samples[4, 1_000:1_002] = -9.0
    assert clipped(samples, scales).tolist() == [0] * 6
    samples[4, 1_002] = -9.0
    assert clipped(samples, scales).tolist() == [0, 0, 0, 0, 3, 0]


def test_full_scale_is_clipping_even_without_a_flat_top() -> None:
    assert {kind for kind, _ in faults(nothing, full_scale_voltage_v=325.0)} == {FaultKind.CLIPPED}


def test_phases_swapped_are_measured_all_the_same() -> None:
    voltage, current = three_phases(50.1, 1.2, lag=0.3)
    swapped(voltage, current)
    window = played(Config(sample_rate_hz=RATE_HZ, flicker=False), voltage, current).windows[-1]
    assert window.frequency_hz == pytest.approx(50.1, abs=1e-6)
    assert window.power_w == pytest.approx(np.full(3, 1150 * np.cos(0.3)), rel=1e-5)


def test_missing_samples_become_the_line_between_their_neighbours() -> None:
    voltage, current = three_phases(50, 1.2)
    voltage[0, 8_000:8_005] = np.nan
    config = Config(sample_rate_hz=RATE_HZ, flicker=False)
    windows = played(config, voltage, current).windows
    assert [each.voltage_v[0] for each in windows] == pytest.approx([230.0] * len(windows), rel=3e-4)
    voltage[0, 6_000:10_000] = np.nan
    assert np.isfinite([each.voltage_v[0] for each in played(config, voltage, current).windows]).all()


def test_the_drift_of_the_sample_clock_is_shown() -> None:
    drift = ClockDrift(10_000)
    assert drift.ppm is None
    drift.observe(0, 5.0)
    drift.observe(100_020, 15.0)
    assert drift.ppm is None
    drift.observe(6_001_200, 605.0)
    assert drift.ppm == pytest.approx(200.0)
