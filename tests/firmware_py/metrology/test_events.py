"""Dips, swells, interruptions and rapid changes of known begin, depth and length."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_py.metrology.results import Config, Event, EventKind
from tests.firmware_py.metrology.signals import RATE_HZ, played, three_phases

CONFIG = Config(sample_rate_hz=RATE_HZ, flicker=False, spectrum=False)
HALF_CYCLE_S = 0.01
PLACE_S = 0.0005
"""How near begin, end and length are told without noise; what is asked for is half a cycle."""
NOISY_S = 0.002


def events(
    begin_s: float,
    length_s: float,
    ratio: float,
    phases: tuple[int, ...] = (1, 2, 3),
    seconds: float = 2.5,
    frequency: float = 50.0,
    noise_v: float = 0.0,
) -> list[Event]:
    voltage, current = three_phases(frequency, seconds)
    voltage += noise_v * np.random.default_rng(5).normal(size=voltage.shape)
    part = slice(round(begin_s * RATE_HZ), round((begin_s + length_s) * RATE_HZ))
    for phase in phases:
        voltage[phase - 1, part] *= ratio
    return list(played(CONFIG, voltage, current).events)


def check(event: Event, kind: EventKind, phases: tuple[int, ...], begin: float, length: float, ratio: float) -> None:
    assert (event.kind, event.phases) == (kind, phases)
    assert event.extreme_v == pytest.approx(230 * ratio, abs=0.0005 * 230)
    assert event.depth == pytest.approx(abs(1 - ratio), abs=0.0005)
    assert event.start_s == pytest.approx(begin, abs=PLACE_S)
    assert event.duration_s == pytest.approx(length, abs=PLACE_S)


PHASES = st.sampled_from([(1, 2, 3), (1,), (2,), (3,), (1, 2), (1, 3)])
FREQUENCY = st.sampled_from([50.0, 49.87, 47.0, 52.5])


@settings(max_examples=40, deadline=None)
@given(
    begin=st.floats(0.4, 0.46),
    cycles=st.floats(2, 12),
    ratio=st.floats(0.1, 0.6) | st.floats(1.3, 1.8),
    phases=PHASES,
    frequency=FREQUENCY,
)
@example(begin=0.43125, cycles=2.0, ratio=0.4375, phases=(1, 2, 3), frequency=50.0)
@example(begin=0.4, cycles=2.4375, ratio=1.8, phases=(3,), frequency=50.0)
def test_rectangular_events_of_any_begin(
    begin: float, cycles: float, ratio: float, phases: tuple[int, ...], frequency: float
) -> None:
    length = cycles / frequency + 1 / RATE_HZ
    kind = EventKind.DIP if ratio < 1 else EventKind.SWELL
    [event] = events(begin, length, ratio, phases, seconds=begin + length + 0.4, frequency=frequency)
    check(event, kind, phases, begin, length, ratio)


@pytest.mark.parametrize("phases", [(1, 2, 3), (2,)])
@pytest.mark.parametrize("ratio", [0.1, 0.6, 1.3, 1.8])
def test_long_events(ratio: float, phases: tuple[int, ...]) -> None:
    [event] = events(0.4567, 1.2345, ratio, phases)
    check(event, EventKind.DIP if ratio < 1 else EventKind.SWELL, phases, 0.4567, 1.2345, ratio)


@settings(max_examples=15, deadline=None)
@given(begin=st.floats(0.4, 0.46), ratio=st.floats(0.1, 0.6) | st.floats(1.3, 1.8), phases=PHASES)
def test_events_under_noise_of_60_db(begin: float, ratio: float, phases: tuple[int, ...]) -> None:
    [event] = events(begin, 0.1, ratio, phases, seconds=1.0, noise_v=0.230)
    assert event.phases == phases
    assert event.depth == pytest.approx(abs(1 - ratio), abs=0.0005 * max(1.0, ratio))
    assert event.duration_s == pytest.approx(0.1, abs=NOISY_S)


def test_the_ends_of_cycles_that_class_a_tells_are_told_too() -> None:
    # Half cycles end at odd multiples of a quarter turn of L1, begin 0.3 rad: at 10 ms times a whole number and 4.045 ms more.
    [dip] = events(0.405, 0.1, 0.5)
    assert dip.detected_start_s % HALF_CYCLE_S == pytest.approx(0.004045, abs=1e-6)
    # A cycle at 0.5 for 0.25 of its energy is below 0.9; one at nominal for 0.8 of its energy is above 0.92 again.
    assert dip.detected_start_s == pytest.approx(0.414045, abs=1e-6)
    assert dip.detected_duration_s == pytest.approx(0.11, abs=1e-6)


def test_a_dip_after_the_frequency_has_drifted() -> None:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    # From 50 Hz up by 2 Hz in the first second, then steady.
    turns = np.where(time < 1, 50 * time + time**2, 52 * time - 1)
    voltage = 230 * np.sqrt(2) * np.cos(2 * np.pi * turns + np.array([[0.0], [-2 * np.pi / 3], [2 * np.pi / 3]]))
    voltage[:, 16_037:16_700] *= 0.15
    [dip] = played(CONFIG, voltage, voltage).events
    check(dip, EventKind.DIP, (1, 2, 3), 1.6037, 0.0663, 0.15)


def test_a_slow_sag_begins_where_the_cycle_in_its_middle_passes_the_threshold() -> None:
    voltage, current = three_phases(50, 3.0)
    time = np.arange(voltage.shape[1]) / RATE_HZ
    # Down by 0.3 a second from 0.5 s on, back from 1.5 s on: below 0.9 after a third of a second, past 0.92 after 2.2333 s.
    voltage *= np.interp(time, [0.5, 1.5, 2.5], [1.0, 0.7, 1.0])
    [dip] = played(CONFIG, voltage, current).events
    assert dip.start_s == pytest.approx(0.5 + 0.1 / 0.3, abs=HALF_CYCLE_S)
    assert dip.duration_s == pytest.approx(1.5 + 0.22 / 0.3 - (0.5 + 0.1 / 0.3), abs=HALF_CYCLE_S)
    assert dip.depth == pytest.approx(0.3, abs=0.004)


def test_a_step_of_one_phase_does_not_move_the_clock() -> None:
    voltage, current = three_phases(50.03, 1.5)
    voltage[1, 6_037:8_011] *= 1.8
    found = played(CONFIG, voltage, current)
    assert np.concatenate([each.frequency_hz for each in found.half_cycles]) == pytest.approx(50.03, abs=0.02)


def test_an_interruption_needs_every_phase_and_is_a_dip_too() -> None:
    kinds = {each.kind: each for each in events(0.5, 0.5, 0.0)}
    assert set(kinds) == {EventKind.DIP, EventKind.INTERRUPTION}
    assert kinds[EventKind.INTERRUPTION].duration_s == pytest.approx(0.5, abs=PLACE_S)
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
