"""Aggregates are root mean squares, means and sums of their windows; the clock cuts the long ones."""

import numpy as np
import pytest

from firmware_py.metrology.analyser import Analyser
from firmware_py.metrology.results import Config, Span
from tests.firmware_py.metrology.signals import RATE_HZ, joined, played, three_phases


def test_three_seconds_are_fifteen_windows_by_root_mean_square() -> None:
    voltage, current = three_phases(50, 3.6)
    voltage = voltage * np.linspace(0.95, 1.05, voltage.shape[1])
    found = played(Config(sample_rate_hz=RATE_HZ, flicker=False), voltage, current)
    [short] = found.aggregates
    windows = found.windows[:15]
    assert (short.span, short.windows, short.start_s) == (Span.S3, 15, windows[0].start_s)
    assert short.end_s == windows[-1].end_s
    assert short.voltage_v == pytest.approx(np.sqrt(np.mean([each.voltage_v**2 for each in windows], axis=0)))
    assert short.power_w == pytest.approx(np.mean([each.power_w for each in windows], axis=0))
    assert short.energy_ws == pytest.approx(np.sum([each.energy_ws for each in windows], axis=0))
    assert short.group_v is not None
    assert short.group_v.shape == (3, 51)
    assert not short.flagged


def test_ten_minutes_and_two_hours_end_with_the_clock() -> None:
    config = Config(sample_rate_hz=RATE_HZ, flicker=False, spectrum=False, epoch_s=7195.0)
    analyser = Analyser(config)
    voltage, current = three_phases(50, 1)
    voltage[:, 5_000:5_600] *= 0.5
    clean = three_phases(50, 1)
    found = joined(analyser.feed(*(clean if second else (voltage, current))) for second in range(10))
    long = {each.span: each for each in found.aggregates if each.span is not Span.S3}
    assert set(long) == {Span.MIN10, Span.H2}
    for each in long.values():
        assert each.start_s < 7195.1
        assert 7200 <= each.end_s < 7200.3
        assert each.flagged
    assert [each.flagged for each in found.aggregates if each.span is Span.S3][-1] is False


def test_an_aggregate_without_spectrum_has_none() -> None:
    config = Config(sample_rate_hz=RATE_HZ, flicker=False, spectrum=False)
    [short] = played(config, *three_phases(50, 3.6)).aggregates
    assert short.group_v is None
    assert np.isnan(short.thd_v).all()
