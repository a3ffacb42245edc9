"""Proof: energy against closed forms, and no claim without enough readings."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.proof import Tally, measure, outcome
from protocols.contracts import Outcome

WINDOW_S = (100.0, 1000.0)


def tallied(power: Callable[[float], float], times_s: list[float], asked_w: float = -2000.0) -> Tally:
    tally = Tally()
    for at_s in times_s:
        tally = measure(tally, at_s, power(at_s), asked_w, WINDOW_S, gap_s=5.0)
    return tally


def seconds(start: float, stop: float, step: float = 1.0) -> list[float]:
    return [start + step * index for index in range(int((stop - start) / step) + 1)]


def test_constant_power_is_its_product_with_time() -> None:
    tally = tallied(lambda _: -2000.0, seconds(90, 1010))
    assert tally.metered_wh == pytest.approx(-2000 * 900 / 3600)
    assert tally.asked_wh == pytest.approx(-500.0)
    assert tally.covered_s == pytest.approx(900.0)


@given(st.floats(-100, 100), st.floats(-10, 10), st.floats(0.2, 4.9), st.floats(0.0, 4.0))
def test_a_straight_line_is_integrated_exactly(level: float, slope: float, step: float, phase: float) -> None:
    """The trapezoid is exact for a line, also where the window cuts between two readings."""
    tally = tallied(lambda t: level + slope * t, seconds(90 + phase, 1010, step))
    exact = (level * 900 + slope * (1000**2 - 100**2) / 2) / 3600
    assert tally.metered_wh == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_a_gap_is_not_covered() -> None:
    tally = tallied(lambda _: -2000.0, seconds(100, 400) + seconds(600, 1000))
    assert tally.covered_s == pytest.approx(300 + 400)


def test_a_repeated_reading_adds_nothing() -> None:
    once = tallied(lambda _: 1.0, [100.0, 101.0])
    assert measure(once, 101.0, 9999.0, 0.0, WINDOW_S, 5.0) == once
    assert measure(once, 100.5, 9999.0, 0.0, WINDOW_S, 5.0) == once


@pytest.mark.parametrize(
    ("mean_w", "expected"),
    [(-2000.0, Outcome.DELIVERED), (-1900.0, Outcome.DELIVERED), (-1899.0, Outcome.VIOLATED), (0.0, Outcome.VIOLATED)],
)
def test_the_tolerance_decides(mean_w: float, expected: Outcome) -> None:
    verdict, _ = outcome(tallied(lambda _: mean_w, seconds(100, 1000)), 900.0, tolerance_w=100.0)
    assert verdict is expected


def test_too_few_readings_prove_nothing_in_either_direction() -> None:
    assert outcome(tallied(lambda _: -2000.0, seconds(100, 905)), 900.0, 100.0)[0] is Outcome.UNPROVEN
    assert outcome(Tally(), 900.0, 100.0)[0] is Outcome.UNPROVEN
    assert outcome(Tally(), 0.0, 100.0)[0] is Outcome.UNPROVEN
