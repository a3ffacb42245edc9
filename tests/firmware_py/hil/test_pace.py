"""The wall clock of a step lock, on a clock that is moved by hand: an overrun is counted with its size, never hidden."""

import re

import pytest

from firmware_py.hil.pace import Pace


class Wall:
    """A wall clock that moves when told to, or slept on."""

    def __init__(self) -> None:
        self.now, self.oversleep_s = 100.0, 0.0

    def now_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + self.oversleep_s


def run(pace: Pace, wall: Wall, *work_s: float) -> list[tuple[int, int, int]]:
    told = []
    for seconds in work_s:
        pace.begin()
        wall.now += seconds
        timing = pace.end()
        assert timing.overrun == (timing.overrun_us > 0)
        told.append((timing.took_us, timing.late_us, timing.overrun_us))
    return told


def test_as_fast_as_it_goes_each_step_has_its_deadline() -> None:
    wall = Wall()
    pace = Pace(1.0, 0.010, None, wall.now_s, wall.sleep)
    assert run(pace, wall, 0.004, 0.010, 0.025, 0.001) == [
        (4000, 0, 0),
        (10_000, 0, 0),
        (25_000, 0, 15_000),
        (1000, 0, 0),
    ]
    assert (pace.took.count, pace.took.overruns, pace.took.overrun_worst_us) == (4, 1, 15_000)
    assert pace.histograms == [pace.took]


def test_paced_steps_begin_at_absolute_instants() -> None:
    wall = Wall()
    pace = Pace(1.0, 0.1, 10.0, wall.now_s, wall.sleep)
    begun = []
    for _ in range(5):
        pace.begin()
        begun.append(wall.now)
        wall.now += 0.03
        pace.end()
    assert begun == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4])


def test_waking_up_late_is_counted_and_does_not_add_up() -> None:
    wall = Wall()
    wall.oversleep_s = 0.002
    pace = Pace(0.1, 0.1, 1.0, wall.now_s, wall.sleep)
    assert run(pace, wall, 0.01, 0.01, 0.01) == [(10_000, 0, 0), (10_000, 2000, 0), (10_000, 2000, 0)]
    assert pace.histograms == [pace.took, pace.late]
    assert (pace.late.count, pace.late.most_us) == (3, 2000)


def test_time_that_one_step_lost_is_missing_to_the_next() -> None:
    """250 ms in a grid of 100 ms: the two after it begin late; the second of them is in time again."""
    wall = Wall()
    pace = Pace(0.1, 0.1, 1.0, wall.now_s, wall.sleep)
    assert run(pace, wall, 0.25, 0.01, 0.01, 0.01) == [
        (250_000, 0, 150_000),
        (10_000, 150_000, 60_000),
        (10_000, 60_000, 0),
        (10_000, 0, 0),
    ]
    assert (pace.took.overruns, pace.took.overrun_worst_us) == (2, 150_000)


@pytest.mark.parametrize(
    ("deadline_s", "speed", "said"),
    [(0.0, None, "deadline 0"), (-1.0, 1.0, "deadline -1"), (1.0, 0.0, "speed 0"), (1.0, float("inf"), "speed inf")],
)
def test_what_is_no_deadline_or_speed_is_refused(deadline_s: float, speed: float | None, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{said}: more than 0 is allowed")):
        Pace(1.0, deadline_s, speed)
