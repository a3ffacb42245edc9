"""The registers against plain arithmetic in fractions: any cutting gives the same, nothing falls, nothing is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.meter.registers import (
    KINDS,
    PERIODS_MIN,
    Flow,
    Peak,
    Registers,
    Settings,
    check_tariff,
    shown_mwh,
    shown_wh,
    whole,
)
from firmware_py.meter.tariff import Calendar, RemoteTariff, Rule, us_of

# 64ths of a second are exact in binary, so that power x time is.
GRID_US = 15_625
NOON = us_of(datetime(2026, 11, 18, 12, tzinfo=UTC))
TWO_TARIFFS = Calendar(rules=(Rule(2, begin=time(12, 1), end=time(12, 3)),))
BUSY = Settings(TWO_TARIFFS, profile_min=1, demand_min=5)
Step = tuple[int, int, int]  # W, var, 64ths of a second

steps = st.lists(
    st.tuples(st.integers(-20_000, 20_000), st.integers(-20_000, 20_000), st.integers(1, 64 * 200)), max_size=8
)


def flows(told: Sequence[Step], cuts: Sequence[int] = ()) -> list[Flow]:
    """Steps of constant power as flows, cut again at some places (64ths of a second from noon)."""
    found, begin = [], 0
    for power_w, reactive_var, length in told:
        places = sorted({begin, begin + length, *(cut for cut in cuts if begin < cut < begin + length)})
        for first, last in pairwise(places):
            span_s = (last - first) / 64
            moments = (NOON + first * GRID_US, NOON + last * GRID_US)
            found.append(Flow(*moments, power_w * span_s, reactive_var * span_s))
        begin += length
    return found


def after(told: Sequence[Flow], settings: Settings = BUSY) -> Registers:
    state = Registers()
    for flow in told:
        state = state.counted(flow, settings)
    return state


@given(steps, st.lists(st.integers(0, 64 * 1600), max_size=40))
def test_any_cutting_of_the_same_flow_gives_identical_registers(told: list[Step], cuts: list[int]) -> None:
    assert after(flows(told, cuts)) == after(flows(told))


@given(steps)
def test_the_registers_are_the_sum_in_fractions(told: list[Step]) -> None:
    state, sums = after(flows(told)), dict.fromkeys(KINDS, Fraction(0))
    for power_w, reactive_var, length in told:
        sums["import" if power_w >= 0 else "export"] += abs(Fraction(power_w * length, 64))
        quadrant = {(True, True): "q1", (False, True): "q2", (False, False): "q3", (True, False): "q4"}
        sums[quadrant[power_w >= 0, reactive_var >= 0]] += abs(Fraction(reactive_var * length, 64))
    for kind, energy_j in sums.items():
        assert Fraction(state.count(kind), 2**60) == energy_j
        assert shown_mwh(state.count(kind)) == energy_j * 1000 // 3600
        assert state.count(kind, 1) + state.count(kind, 2) == state.count(kind)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(1, 10**9)), max_size=20))
def test_no_register_ever_falls_whatever_flows(told: list[tuple[float, float, int]]) -> None:
    state, now_us = Registers(), NOON
    for active_j, reactive_vars, span_us in told:
        before = state
        state = state.counted(Flow(now_us, now_us + span_us, active_j, reactive_vars), BUSY)
        now_us += span_us
        for key, count in before.counts.items():
            assert state.counts[key] >= count
        added = sum(state.count(kind) - before.count(kind) for kind in ("import", "export"))
        assert added == abs(whole(active_j))


@given(steps)
def test_the_load_profile_tiles(told: list[Step]) -> None:
    state = after(flows(told))
    end_us = NOON + sum(length for *_, length in told) * GRID_US
    state = state.ticked(end_us + 10**8, BUSY)
    assert [entry.begin_us for entry in state.closed] == sorted({entry.begin_us for entry in state.closed})
    for kind in KINDS:
        assert sum(entry.added.get((kind, 0), 0) for entry in state.closed) == state.count(kind)
    for earlier, later in pairwise(state.closed):
        for key, count in later.counts.items():
            assert count == earlier.counts.get(key, 0) + later.added[key]
    assert sum(round(entry.measured_ratio * 60e6) for entry in state.closed) == end_us - NOON


def test_a_flow_across_a_minute_goes_by_time_to_both() -> None:
    state = after([Flow(NOON + 59_000_000, NOON + 62_000_000, 300.0, -150.0)])
    assert [Fraction(state.count("import", tariff), 2**60) for tariff in (0, 1, 2)] == [300, 100, 200]
    assert [Fraction(state.count("q4", tariff), 2**60) for tariff in (1, 2)] == [50, 100]


def test_a_profile_entry_says_what_was_measured() -> None:
    state = after([Flow(NOON, NOON + 45_000_000, 45.0, 0.0)]).ticked(NOON + 60_000_000, BUSY)
    (entry,) = state.closed
    assert (entry.begin_us, entry.end_us, entry.measured_ratio) == (NOON, NOON + 60_000_000, 0.75)
    assert entry.added["import", 0] == whole(45.0)
    assert not state.handed_on(1).closed
    assert after([], BUSY).ticked(NOON, BUSY) == Registers()


def test_a_clock_set_back_loses_no_energy() -> None:
    state = after([Flow(NOON, NOON + 10_000_000, 1.0, 0.0), Flow(NOON - 10**9, NOON - 10**9 + 1000, 2.0, 0.0)])
    assert state.count("import") == whole(3.0)
    assert len(state.closed) == 1


def test_the_maximum_demand_is_the_mean_of_a_period_and_kept_by_month() -> None:
    told = [(600, 0, 64 * 150), (-1200, 0, 64 * 150), (1000, 0, 64 * 300), (900, 0, 64 * 300), (0, 0, 64)]
    state = after(flows(told))
    assert state.peaks == {
        ("import", "2026-11"): Peak(1000.0, NOON + 600_000_000),
        ("export", "2026-11"): Peak(600.0, NOON + 300_000_000),
    }


def test_peaks_of_thirteen_months_are_kept() -> None:
    state, minute, begin_us = Registers(), Settings(demand_min=1), 0
    for month in range(14):
        begin_us = us_of(datetime(2026 + month // 12, month % 12 + 1, 5, tzinfo=UTC))
        state = state.counted(Flow(begin_us, begin_us + 60_000_000, 60.0 * (month + 1), 0.0), minute)
    months = [month for _, month in state.ticked(begin_us + 10**9, minute).peaks]
    assert (months[0], months[-1], len(months)) == ("2026-02", "2027-02", 13)


def test_a_remote_tariff_counts_until_its_end() -> None:
    from dataclasses import replace

    state = replace(Registers(), remote=RemoteTariff(7, NOON + 60_000_000))
    state = state.counted(Flow(NOON, NOON + 180_000_000, 180.0, 0.0), BUSY)
    assert [Fraction(state.count("import", tariff), 2**60) for tariff in (7, 2)] == [60, 120]


@pytest.mark.parametrize(
    ("energy_wh", "digits", "shown"),
    [(0, 9, 0), (999_999_999, 9, 999_999_999), (10**9, 9, 0), (10**9 + 5, 9, 5), (123_456, 4, 3456)],
)
def test_a_register_rolls_over_where_its_digits_end(energy_wh: int, digits: int, shown: int) -> None:
    assert shown_wh(whole(energy_wh * 3600.0), digits) == shown
    assert shown_mwh(whole(energy_wh * 3600.0), digits) == shown * 1000


def test_what_is_shown_is_cut_off_and_never_rounded_up() -> None:
    assert shown_wh(whole(3600.0) - 1) == 0
    assert shown_mwh(whole(3600.0) - 1) == 999


def test_a_year_of_small_windows_loses_nothing() -> None:
    """A tenth of a watt in 200 ms: 0.02 J is no finite binary number, and 20 mJ are less than any register shows."""
    energy_j, windows = 0.1 * 0.2, 100_000
    total = whole(energy_j) * windows
    assert Fraction(total, 2**60) == Fraction(energy_j) * windows


@pytest.mark.parametrize(
    ("begin_us", "end_us", "energy_j", "said"),
    [
        (0, 0, 1.0, "it must end after it began"),
        (5, 4, 1.0, "it must end after it began"),
        (0, 1, float("nan"), "flow of nan J"),
        (0, 1, float("inf"), "flow of inf J"),
    ],
)
def test_a_flow_that_is_none_is_refused(begin_us: int, end_us: int, energy_j: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Flow(begin_us, end_us, energy_j, 0.0)


def test_settings_that_cannot_be_are_refused() -> None:
    for length in PERIODS_MIN:
        assert Settings(profile_min=length).profile_min == length
    with pytest.raises(ValueError, match="demand_min = 7: allowed are 1, 5, 15, 30, 60"):
        Settings(demand_min=7)
    assert check_tariff(8) == 8
    with pytest.raises(ValueError, match="tariff 9: 1 to 8 are allowed"):
        check_tariff(9)
