"""What has flowed, by counters of any coarseness and by power, against what truly did."""

from random import Random

import pytest

from controller.gauge import Gauge, Sample, between, read

GAP_S = 5.0


def truly(step_wh: float | None, seconds: int, seed: int, bias_w: float = 0.0) -> tuple[Gauge, float, float]:
    """A meter read each second, whose counters (if any) move in steps; what it says, and what flowed since the start."""
    random, gauge = Random(seed), None
    came_wh = went_wh = 0.0
    first_wh = 0.0
    for second in range(seconds):
        power_w = 1500.0 + 800.0 * ((second // 90) % 3 - 2) + random.gauss(0.0, 30.0)
        came_wh += max(power_w, 0.0) / 3600.0
        went_wh += max(-power_w, 0.0) / 3600.0
        counters: tuple[float | None, float | None] = (None, None)
        if step_wh is not None:
            counters = (came_wh // step_wh * step_wh + 5e6, went_wh // step_wh * step_wh + 5e6)
        read_w = power_w + bias_w + random.gauss(0.0, 20.0)
        gauge = read(gauge, Sample(float(second), read_w, *counters), GAP_S)
        if second == 0:
            first_wh = gauge.energy_wh - came_wh + went_wh
    assert gauge is not None
    return gauge, came_wh - went_wh, first_wh


@pytest.mark.parametrize("step_wh", [None, 0.001, 0.1, 1.0, 10.0, 100.0])
def test_the_energy_is_within_a_step_of_counters_or_as_good_as_the_power(step_wh: float | None, seed: int) -> None:
    gauge, flowed_wh, first_wh = truly(step_wh, 1800, seed)
    assert gauge.energy_wh - first_wh == pytest.approx(flowed_wh, abs=3.0)
    if step_wh is not None:
        assert gauge.step_wh == pytest.approx(step_wh, rel=0.01, abs=0.05)


def test_counters_correct_a_power_that_is_wrong() -> None:
    """200 W too much for half an hour would be 100 Wh."""
    gauge, flowed_wh, first_wh = truly(1.0, 1800, 1, bias_w=200.0)
    assert gauge.energy_wh - first_wh == pytest.approx(flowed_wh, abs=3.0)


def fed(*samples: Sample) -> Gauge:
    gauge = None
    for sample in samples:
        gauge = read(gauge, sample, GAP_S)
    assert gauge is not None
    return gauge


def test_a_gap_is_bridged_by_fine_counters_and_guessed_by_coarse_ones() -> None:
    """During the gap 50 Wh flowed, which the powers before and behind it do not show."""
    fine = fed(Sample(0, 360, 100, 0), Sample(1, 360, 100.1, 0), Sample(2, 360, 100.2, 0), Sample(102, 360, 150.2, 0))
    assert fine.energy_wh == pytest.approx(150.2)
    assert fine.guessed_s == 0.0
    coarse = fed(Sample(0, 3.6e5, 100, 0), Sample(1, 3.6e5, 200, 0), Sample(2, 3.6e5, 300, 0), Sample(102, 360, 400, 0))
    assert coarse.guessed_s == 100.0


@pytest.mark.parametrize(
    "after",
    [
        Sample(2, 360, 50.0, 0.0),  # fell
        Sample(2, 360, 9e9, 0.0),  # leapt
        Sample(2, 360, 70000.0, 0.0, "other"),  # another unit
        Sample(2, 360),  # does not say
    ],
)
def test_a_counter_that_falls_leaps_or_is_anothers_adds_nothing_of_its_own(after: Sample) -> None:
    before = fed(Sample(0, 360, 100, 0), Sample(1, 360, 100.1, 0))
    gauge = read(before, after, GAP_S)
    assert gauge.energy_wh == pytest.approx(before.energy_wh + 0.1)
    assert read(gauge, Sample(3, 360, 50.1, 0.0), GAP_S).energy_wh == pytest.approx(before.energy_wh + 0.2)


def test_an_old_sample_again_changes_nothing() -> None:
    gauge = fed(Sample(0, 360, 100, 0), Sample(1, 360, 100.1, 0))
    assert read(gauge, Sample(1, 9999, 200, 0), GAP_S) is gauge


def test_a_mark_between_two_lies_on_the_line() -> None:
    before, after = fed(Sample(0, 360, 100, 0)), fed(Sample(10, 360, 101, 0))
    assert between(before.mark, after.mark, 2.5).energy_wh == pytest.approx(100.25)
    assert before.ahead(10.0).energy_wh == pytest.approx(101.0)
