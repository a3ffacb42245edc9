"""Calibration: errors that were put in are found again, and taken out; against closed forms."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.meter.calibration import (
    Calibration,
    Constants,
    Corrector,
    NotCalibrated,
    Reference,
    calibrated,
    measured,
)
from firmware_py.meter.calibration_file import in_force, load_calibration, new_set, store_calibration
from protocols.faults import StoreFailed
from protocols.samples import CHANNELS, Samples

FS = 10_000.0
ERRORS = {
    "u1": Constants(1.012, 0.8, 0.0),
    "u2": Constants(0.985, -0.3, 4.0),
    "u3": Constants(1.0, 0.0, -7.5),
    "i1": Constants(1.1, 0.02, 31.0),
    "i2": Constants(0.93, -0.01, -12.0),
    "i3": Constants(1.03, 0.0, 222.2),
}
REFERENCE = Reference(
    rms={**dict.fromkeys(CHANNELS[:3], 230.0), **dict.fromkeys(CHANNELS[3:6], 5.0)},
    lag_deg=dict.fromkeys(CHANNELS[3:6], 60.0),
)


def true(count: int, hz: float = 50.0, first: float = 0.0, late_us: Calibration | None = None) -> Samples:
    """What the reference sees: 230 V, 5 A, 60 degrees; each channel late by its own delay."""
    rows = []
    for row, name in enumerate(CHANNELS[:6]):
        t = (first + np.arange(count)) / FS - (late_us[name].delay_us * 1e-6 if late_us else 0.0)
        angle = -2 * math.pi / 3 * (row % 3) - (math.pi / 3 if row >= 3 else 0.0)
        rows.append((230.0 if row < 3 else 5.0) * math.sqrt(2) * np.cos(2 * math.pi * hz * t + angle))
    return np.array(rows)


def raw(count: int, hz: float = 50.0) -> Samples:
    """What a converter with those errors makes of it."""
    x = true(count, hz, late_us=ERRORS)
    return np.array([x[row] / each.gain + each.offset for row, each in enumerate(ERRORS.values())])


@pytest.mark.parametrize("hz", [49.7, 50.0, 60.0, 60.25])
@pytest.mark.parametrize("told", [True, False])
def test_errors_that_were_put_in_are_found(hz: float, told: bool) -> None:
    reference = Reference(REFERENCE.rms, lag_deg=REFERENCE.lag_deg, frequency_hz=hz if told else None)
    found = calibrated(raw(20_003, hz), FS, reference, {})
    for name, error in ERRORS.items():
        assert found[name].gain == pytest.approx(error.gain, rel=1e-7)
        assert found[name].offset == pytest.approx(error.offset, abs=1e-5)
        assert found[name].delay_us == pytest.approx(error.delay_us, abs=1e-3)


def test_harmonics_and_noise_do_not_lead_astray() -> None:
    noise = np.random.default_rng(3).standard_normal((6, 100_000))
    x = raw(100_000) * (1.0 + 0.0 * noise)
    x[:3] += 230 * 1e-3 * noise[:3] + 10 * np.cos(2 * math.pi * 250 * np.arange(100_000) / FS)
    x[3:] += 5 * 1e-3 * noise[3:]
    found = calibrated(x, FS, REFERENCE, {})
    for name, error in ERRORS.items():
        assert found[name].gain == pytest.approx(error.gain, rel=3e-5)
        assert found[name].delay_us == pytest.approx(error.delay_us, abs=0.1)


def test_the_corrector_takes_the_errors_out() -> None:
    corrector = Corrector(ERRORS, FS, 6)
    found = corrector.corrected(raw(2000))
    assert corrector.lag == 48
    assert found.shape == (6, 2000 - 2 * corrector.lag)
    scale = np.array([325.0] * 3 + [7.0] * 3)[:, None]
    assert np.abs((found - true(found.shape[1], first=corrector.lag)) / scale).max() < 2e-6


@pytest.mark.parametrize(("hz", "most"), [(50.0, 2e-6), (1000.0, 2e-5), (2500.0, 1e-4), (3000.0, 1e-3)])
def test_harmonics_are_moved_as_well(hz: float, most: float) -> None:
    """At 10 kHz, half a sample."""
    t = np.arange(2000) / FS
    x = np.tile(np.cos(2 * math.pi * hz * (t - 50e-6)), (6, 1))
    found = Corrector({"u1": Constants(delay_us=50.0)}, FS, 6).corrected(x)
    assert np.abs(found[0] - np.cos(2 * math.pi * hz * t)[48:-48]).max() < most
    assert np.array_equal(found[1], x[1, 48:-48])


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12))
def test_any_cutting_gives_the_same_numbers(lengths: list[int]) -> None:
    x = raw(sum(lengths))
    whole, corrector, place, parts = Corrector(ERRORS, FS, 6).corrected(x), Corrector(ERRORS, FS, 6), 0, []
    for length in lengths:
        parts.append(corrector.corrected(x[:, place : place + length]))
        place += length
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_without_delays_every_sample_comes_out_at_once() -> None:
    corrector = Corrector({"i1": Constants(2.0, 1.0)}, FS, 7)
    found = corrector.corrected(np.full((7, 3), 5.0))
    assert corrector.lag == 0
    assert found[:, 0].tolist() == [5, 5, 5, 8, 5, 5, 5]


def test_channels_the_reference_does_not_name_keep_their_constants() -> None:
    before = {"u1": Constants(1.5), "in": Constants(0.9)}
    found = calibrated(raw(20_000), FS, Reference({"u1": 230.0}), before)
    assert found["in"] == Constants(0.9)
    assert found["u1"].gain == pytest.approx(1.012)
    assert set(found) == {"u1", "in"}


def test_too_few_cycles_are_refused() -> None:
    with pytest.raises(NotCalibrated, match=r"0.9 s of samples: at least 50 cycles are needed"):
        measured(raw(9_000), FS)


def spoilt(name: str, factor: float, other: str | None = None) -> Samples:
    x = raw(20_000)
    row = CHANNELS.index(name)
    x[row] = (x[row] if other is None else x[CHANNELS.index(other)]) * factor
    return x


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (spoilt("i2", 0.0), "i2: 0 A where the reference has 5 A: is it connected?"),
        (spoilt("u2", 0.3), "u2: a gain of 3.28.*: 0.5 to 2 is allowed; is the ratio right?"),
        (spoilt("i3", -1.0), "i3: .* degrees against u1 where 60.00 are expected: .*; is it reversed?"),
        (
            spoilt("u3", 1.0, "u2"),
            "u3: -120.07 degrees against u1 where 120.00 are expected: .*; is it another phase's?",
        ),
    ],
)
def test_a_channel_that_cannot_be_right_is_named(x: Samples, said: str) -> None:
    with pytest.raises(NotCalibrated, match=said):
        calibrated(x, FS, REFERENCE, {})


def test_a_reference_of_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotCalibrated, match="in: not among the channels u1, u2, u3, i1, i2, i3"):
        calibrated(raw(20_000), FS, Reference({"in": 1.0}), {})


def test_constants_that_cannot_be_are_refused() -> None:
    for wrong in ({"gain": 0.0}, {"gain": math.nan}, {"offset": math.inf}, {"delay_us": math.nan}):
        with pytest.raises(ValueError, match="allowed"):
            Constants(**wrong)
    with pytest.raises(ValueError, match="calibration of u1: 2000 us; at most 1600 us at 10000 Hz"):
        Corrector({"u1": Constants(delay_us=2000.0)}, FS, 6)
    with pytest.raises(ValueError, match="calibration of x: allowed are u1"):
        Corrector({"x": Constants()}, FS, 6)


# The file


def test_the_history_is_kept_and_the_newest_is_in_force(tmp_path: Path) -> None:
    path, at = tmp_path / "calibration.json", datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert load_calibration(path) == []
    assert in_force([]) == {}
    first = new_set(at, "lab", REFERENCE, ERRORS)
    second = new_set(at, "field", Reference({"u1": 230.0}, frequency_hz=50.0), {**ERRORS, "u1": Constants(1.5)})
    store_calibration(path, [first])
    store_calibration(path, [*load_calibration(path), second])
    assert load_calibration(path) == [first, second]
    assert in_force(load_calibration(path))["u1"] == Constants(1.5)
    assert second.against == {"u1_rms": 230.0, "frequency_hz": 50.0}
    assert [entry.name for entry in tmp_path.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"version":2,"sets":[]}',
        b'{"version":1,"sets":[{"at":"","by":"","against":{},"channels":{"x":{}}}]}',
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "c").write_bytes(body)
    with pytest.raises(StoreFailed, match="/c: "):
        load_calibration(tmp_path / "c")


def test_constants_on_disk_are_checked_as_well(tmp_path: Path) -> None:
    body = b'{"version":1,"sets":[{"at":"","by":"","against":{},"channels":{"u1":{"gain":0}}}]}'
    (tmp_path / "c").write_bytes(body)
    with pytest.raises(StoreFailed, match="gain 0"):
        load_calibration(tmp_path / "c")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="cannot be stored: No such file"):
        store_calibration(tmp_path / "no" / "c", [])
