"""Dips, swells, interruptions and rapid changes of known begin, depth and length."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_py.metrology.results import Config, Event, EventKind
from tests.firmware_py.metrology.signals import RATE_HZ, played, three_phases

CONFIG = Config(sample_rate_hz=RATE_HZ, flicker=False, spectrum=False)
HALF_CYCLE_S = 0.01
LENGTH_S = 0.02 * (0.5 + 1 / np.pi)
"""Half a cycle, and what a step off the zero crossing adds at both ends: the energy of part of a cycle is that part less
(sin 2b - sin 2a) / 4 pi of a cycle, a and b the angles it lies between: at most 1 / 2 pi at either end."""


def events(
    begin_s: float, length_s: float, ratio: float, phases: tuple[int, ...] = (1, 2, 3), seconds: float = 2.5
) -> list[Event]:
    voltage, current = three_phases(50, seconds)
    part = slice(round(begin_s * RATE_HZ), round((begin_s + length_s) * RATE_HZ))
    for phase in phases:
        voltage[phase - 1, part] *= ratio
    return list(played(CONFIG, voltage, current).events)


@settings(max_examples=30, deadline=None)
@given(begin=st.floats(0.4, 0.6), length=st.floats(0.04, 1.2), ratio=st.floats(0.1, 0.6))
@example(begin=0.53125, length=0.875, ratio=0.4375)
def test_dips_on_every_phase(begin: float, length: float, ratio: float) -> None:
    [dip] = events(begin, length, ratio)
    assert dip.kind is EventKind.DIP
    assert dip.phases == (1, 2, 3)
    assert dip.extreme_v == pytest.approx(230 * ratio, abs=0.0005 * 230)
    assert dip.depth == pytest.approx(1 - ratio, abs=0.0005)
    assert dip.start_s == pytest.approx(begin, abs=HALF_CYCLE_S)
    assert dip.duration_s == pytest.approx(length, abs=LENGTH_S + 1 / RATE_HZ)


@settings(max_examples=15, deadline=None)
@given(begin=st.floats(0.4, 0.6), length=st.floats(0.04, 1.2), ratio=st.floats(1.3, 1.8), phase=st.integers(1, 3))
def test_swells_on_one_phase(begin: float, length: float, ratio: float, phase: int) -> None:
    [swell] = events(begin, length, ratio, (phase,))
    assert (swell.kind, swell.phases) == (EventKind.SWELL, (phase,))
    # A step of one phase alone disturbs the common clock for 0.1 s: twice the error of a step of all.
    assert swell.depth == pytest.approx(ratio - 1, abs=0.001 * ratio)
    assert swell.duration_s == pytest.approx(length, abs=LENGTH_S + 1 / RATE_HZ)


def test_an_interruption_needs_every_phase_and_is_a_dip_too() -> None:
    kinds = {each.kind: each for each in events(0.5, 0.5, 0.0)}
    assert set(kinds) == {EventKind.DIP, EventKind.INTERRUPTION}
    assert kinds[EventKind.INTERRUPTION].duration_s == pytest.approx(0.5, abs=2 * HALF_CYCLE_S)
    assert [each.kind for each in events(0.5, 0.5, 0.0, (1, 2))] == [EventKind.DIP]


def test_a_phase_lost_does_not_lose_the_clock() -> None:
    voltage, current = three_phases(49.9, 2)
    voltage[0, RATE_HZ:] = 0.0
    windows = played(CONFIG, voltage, current).windows
    assert [each.frequency_hz for each in windows] == pytest.approx([49.9] * len(windows), abs=0.005)
    assert windows[-1].voltage_v == pytest.approx([0, 230, 230], abs=0.01)


def test_no_voltage_at_all_and_back_again_misses_no_time() -> None:
    voltage, current = three_phases(50.02, 3)
    voltage[:, RATE_HZ : 2 * RATE_HZ + 77] = 0.0
    found = played(CONFIG, voltage, current)
    lengths = np.diff(np.concatenate([each.end_s for each in found.half_cycles]))
    assert lengths.min() > 0.007
    assert lengths.max() < 0.013
    assert any("unsynchronised" in {fault.kind for fault in each.faults} for each in found.windows)
    assert found.windows[-1].faults == ()


def test_a_rapid_change_within_the_band() -> None:
    [change] = events(1.5, 4.0, 0.93, seconds=3.5, phases=(2,))
    assert (change.kind, change.phases) == (EventKind.RAPID_CHANGE, (2,))
    assert change.steady_change == pytest.approx(-0.07, abs=0.0005)
    assert change.depth == pytest.approx(0.07, abs=0.0005)
    assert change.start_s == pytest.approx(1.5, abs=2 * HALF_CYCLE_S)
    assert change.duration_s < 4 * HALF_CYCLE_S


def test_a_dip_is_no_rapid_change_and_a_small_step_is_nothing() -> None:
    assert [each.kind for each in events(1.2, 0.1, 0.5, seconds=4)] == [EventKind.DIP]
    assert events(1.2, 0.5, 0.97, seconds=4) == []


def test_the_snippet_shows_the_begin() -> None:
    [dip] = events(0.5, 0.2, 0.3)
    at = round((0.5 - dip.snippet_start_s) * RATE_HZ)
    assert at > 200
    assert np.abs(dip.snippet_v[0, at - 200 : at]).max() == pytest.approx(325, rel=0.01)
    assert np.abs(dip.snippet_v[0, at:]).max() < 100
