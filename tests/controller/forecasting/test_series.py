"""Series on their grid, against means worked out by hand."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from controller.forecasting.series import Series
from controller.planning.site import Horizon

START = datetime(2026, 3, 1, tzinfo=UTC)
HOLE = np.nan


def series(*values: float, step_s: float = 900.0, start: datetime = START) -> Series:
    return Series(start, step_s, np.array(values, dtype=float))


@pytest.mark.parametrize(
    ("start", "step_s", "values", "says"),
    [
        (datetime(2026, 3, 1), 900.0, [1.0], "must be in UTC"),  # noqa: DTZ001
        (START.astimezone(timezone(timedelta(hours=1))), 900.0, [1.0], "must be in UTC"),
        (START + timedelta(seconds=60), 900.0, [1.0], "does not lie on a whole step of 900 s"),
        (START, 0.0, [1.0], "step_s is 0"),
        (START, HOLE, [1.0], "step_s is nan"),
        (START, 900.0, [np.inf], "infinite"),
        (START, 900.0, [[1.0]], "2 dimensions"),
    ],
)
def test_what_is_no_series_is_refused(start: datetime, step_s: float, values: list[float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Series(start, step_s, np.array(values))


def test_a_cut_beyond_the_ends_is_holes() -> None:
    cut = series(1.0, 2.0, 3.0).cut(START - timedelta(seconds=900), 6)
    assert cut.tolist() == pytest.approx([HOLE, 1.0, 2.0, 3.0, HOLE, HOLE], nan_ok=True)
    with pytest.raises(ValueError, match="whole step"):
        series(1.0).cut(START + timedelta(seconds=60), 1)


def test_finer_steps_repeat_and_coarser_ones_are_means_with_holes_where_less_than_half_is_known() -> None:
    assert series(3.0, 6.0).resampled(300.0).values.tolist() == [3.0] * 3 + [6.0] * 3
    hours = series(1.0, 3.0, HOLE, HOLE, 8.0, HOLE, HOLE, HOLE, 4.0).resampled(3600.0)
    # The last hour of which a quarter is known lacks the rest.
    assert hours.values.tolist() == pytest.approx([2.0, HOLE, HOLE], nan_ok=True)
    with pytest.raises(ValueError, match="neither is a multiple"):
        series(1.0).resampled(600.0)


def test_a_resampled_series_keeps_its_place_in_time() -> None:
    start = START + timedelta(minutes=30)
    hours = series(1.0, 1.0, 5.0, 5.0, 5.0, 5.0, start=start).resampled(3600.0)
    assert (hours.start, hours.values.tolist()) == (START, [1.0, 5.0])
    assert hours.end == START + timedelta(hours=2)


def test_a_horizon_off_the_grid_gets_means_by_time() -> None:
    horizon = Horizon(START + timedelta(seconds=300), 900.0, 2)
    assert series(3.0, 6.0, 6.0).on(horizon).tolist() == pytest.approx([4.0, 6.0])


def test_the_newer_of_two_counts_and_its_holes_do_not() -> None:
    newer = series(7.0, HOLE, 9.0, start=START + timedelta(seconds=900))
    joined = series(1.0, 2.0, 3.0).joined(newer)
    assert joined.start == START
    assert joined.values.tolist() == [1.0, 7.0, 3.0, 9.0]
    assert series(1.0).joined(Series.empty()).values.tolist() == [1.0]
    assert Series.empty().joined(series(1.0)).start == START


def test_an_absurd_value_is_refused_by_name_and_moment_or_left_out() -> None:
    absurd = series(10.0, HOLE, 1e9)
    with pytest.raises(ValueError, match=r"outdoor: 1e\+09 at 2026-03-01 00:30:00\+00:00; -60 to 60 is allowed"):
        absurd.checked("outdoor", -60.0, 60.0)
    kept, count = absurd.within(-60.0, 60.0)
    assert (count, kept.values.tolist()) == (1, pytest.approx([10.0, HOLE, HOLE], nan_ok=True))
    assert kept.checked("outdoor", -60.0, 60.0) is kept
