"""Surplus without hunting: passing clouds and a sun at the edge of a step, by the asymmetric dead band and the symmetric rule."""

from itertools import pairwise
from random import Random

import pytest

from controller.loads import Terms
from firmware_py.compose_loads import LOWER_W, RAISE_W
from tests.controller.house import House, Machine, car, params

HOUR_S = 3600
SYMMETRIC = car()
DEAD_BAND = car(raise_w=RAISE_W, lower_w=LOWER_W)


def passing_clouds(seed: int) -> list[float]:
    """A sun that rises from 5 to 9 kW; 20 to 240 s of it, then 10 to 120 s of a cloud that lets 20 to 80 % through; 60 W of
    noise.
    """
    random, over_w = Random(seed), list[float]()
    while len(over_w) < HOUR_S:
        for share, seconds in ((1.0, random.randint(20, 240)), (random.uniform(0.2, 0.8), random.randint(10, 120))):
            sun_w = 5000.0 + 4000.0 * len(over_w) / HOUR_S
            over_w += [sun_w * share + random.gauss(0.0, 60.0) for _ in range(seconds)]
    return over_w[:HOUR_S]


def at_the_edge(seed: int) -> list[float]:
    """8 A on three phases are 5520 W; so much and a little more is over, with the noise of meter and volts."""
    random = Random(seed)
    return [5600.0 + random.gauss(0.0, 60.0) for _ in range(HOUR_S)]


def told(terms: Terms, over_w: list[float]) -> list[float]:
    """What the car was told in each second, from the second minute on."""
    machine = Machine(terms)
    home = House(params(), {"car": machine})
    seen = []
    for each_w in over_w:
        home.base_w = (-each_w / 3, -each_w / 3, -each_w / 3)
        home.second()
        seen.append(machine.told_w or 0.0)
    return seen[60:]


def changes(seen: list[float]) -> int:
    return sum(early != late for early, late in pairwise(seen))


def switches(seen: list[float]) -> int:
    return sum((early == 0.0) is not (late == 0.0) for early, late in pairwise(seen))


def test_clouds_switch_a_car_as_often_as_its_times_allow_and_change_it_less_than_the_symmetric_rule() -> None:
    """300 s on and 300 s off: 12 switches an hour at most, whatever the sky does; and fewer changes of the current."""
    clouds = passing_clouds(3)
    symmetric, dead_band = told(SYMMETRIC, clouds), told(DEAD_BAND, clouds)
    assert 0 < switches(dead_band) <= 12
    assert changes(dead_band) <= 0.85 * changes(symmetric)


def test_at_the_edge_of_a_step_the_symmetric_rule_hunts_and_the_dead_band_does_not() -> None:
    edge = at_the_edge(1)
    assert changes(told(SYMMETRIC, edge)) > 100
    assert changes(told(DEAD_BAND, edge)) <= 12


@pytest.mark.parametrize(("over_w", "told_w"), [(4185.0, 0.0), (4195.0, 4140.0), (4875.0, 4140.0), (4885.0, 4830.0)])
def test_a_rise_needs_the_margin_beyond_its_step(over_w: float, told_w: float) -> None:
    """50 W beyond 4140 W, and beyond 4830 W."""
    assert told(DEAD_BAND, [over_w] * 70)[-1] == told_w


@pytest.mark.parametrize(("over_w", "told_w"), [(4740.0, 4830.0), (4720.0, 4140.0)])
def test_a_fall_needs_an_import_of_more_than_its_margin(over_w: float, told_w: float) -> None:
    assert told(DEAD_BAND, [4900.0] * 60 + [over_w] * 30)[-1] == told_w


def test_a_gap_between_clouds_raises_no_higher_than_the_mean_of_the_wait() -> None:
    """Nine seconds of 5000 W and one of 11000 W: 5000 W were there for the car, not 11000 W."""
    assert told(DEAD_BAND, [0.0] * 60 + [5000.0] * 10 + [11_000.0] + [5000.0])[-1] == 4830.0
