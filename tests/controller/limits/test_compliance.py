"""Whether a limit was kept, against sums made by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.limits.allowed import Caps
from controller.limits.compliance import GRACE_S, Kept, Tally, above_w, begun, measured, verdict

CAPS = Caps(4200.0, 1000.0)


@pytest.mark.parametrize(
    ("site_w", "over_w"), [(4200.0, 0.0), (4300.0, 100.0), (-1000.0, 0.0), (-1250.0, 250.0), (0.0, 0.0)]
)
def test_what_is_above(site_w: float, over_w: float) -> None:
    assert above_w(CAPS, site_w) == over_w


def told(tally: Tally, readings: list[tuple[float, float]]) -> Tally:
    for at_s, site_w in readings:
        tally = measured(tally, CAPS, at_s, site_w, 5.0)
    return tally


def test_the_time_to_get_there_does_not_count_where_the_limit_became_stricter() -> None:
    high = [(float(second), 6000.0 if second <= GRACE_S else 4000.0) for second in range(61)]
    assert verdict(told(begun(0.0, is_stricter=True), high), 60.0) is Kept.KEPT
    assert verdict(told(begun(0.0, is_stricter=False), high), 60.0) is Kept.BROKEN


def test_the_energy_above_by_hand() -> None:
    """1,800 W above for 20 s are 10 Wh."""
    readings = [(float(second), 6000.0 if second > 80 else 4000.0) for second in range(101)]
    tally = told(begun(0.0, is_stricter=False), readings)
    assert (tally.above_s, tally.worst_w) == (20.0, 1800.0)
    assert tally.above_wh == pytest.approx(10.0)


def test_too_few_readings_prove_nothing() -> None:
    assert verdict(told(begun(0.0, is_stricter=True), []), 60.0) is Kept.UNPROVEN
    assert verdict(told(begun(0.0, is_stricter=False), [(60.0, 0.0)]), 60.0) is Kept.UNPROVEN


@given(st.lists(st.tuples(st.floats(-1.0, 8.0), st.floats(-9000.0, 9000.0)), max_size=30))
def test_no_more_time_is_covered_than_has_passed(steps: list[tuple[float, float]]) -> None:
    now_s, tally = 0.0, begun(0.0, is_stricter=False)
    for step_s, site_w in steps:
        now_s = max(now_s + step_s, 0.0)
        tally = measured(tally, CAPS, now_s, site_w, 5.0)
    latest_s = tally.at_s or 0.0
    assert 0.0 <= tally.above_s <= tally.covered_s <= latest_s + 1e-9
