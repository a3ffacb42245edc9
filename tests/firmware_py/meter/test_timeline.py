"""Windows tile on the wall's clock, whatever reading jitters and whatever the sample clock is off."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_py.meter.timeline import STEP_US, Stretch, Timeline


@given(st.lists(st.integers(-300_000, 300_000), min_size=1, max_size=100))
def test_windows_tile_and_time_goes_on(jitters: list[int]) -> None:
    line, before = Timeline(), None
    for number, jitter in enumerate(jitters):
        stretch = line.stretch(200_000, 10**15 + number * 200_000 + jitter)
        assert stretch.end_us > stretch.begin_us
        assert stretch.set_us == 0
        if before is not None:
            assert stretch.begin_us == before.end_us
        before = stretch


def test_a_sample_clock_that_is_off_is_evened_out() -> None:
    """200 ppm: the stretches last as long as the windows truly did, not as long as they say."""
    line, true_us = Timeline(), 200_040
    ends = [line.stretch(200_000, number * true_us).end_us for number in range(1, 2001)]
    assert abs((ends[-1] - ends[1000]) - 999 * true_us) <= 1
    assert abs(ends[-1] - 2000 * true_us) < 1000


def test_a_clock_that_was_set_is_followed_and_told() -> None:
    line = Timeline()
    line.stretch(200_000, 1_000_000)
    assert line.stretch(200_000, 1_200_000 + STEP_US + 1) == Stretch(2_000_001, 2_200_001, STEP_US + 1)
    assert line.stretch(200_000, 2_400_001) == Stretch(2_200_001, 2_400_001)
    assert line.stretch(200_000, 500_000).set_us == -2_100_001
