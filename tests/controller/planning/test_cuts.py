"""The rows that count steps: no whole plan is cut off, by every pattern tried, and the relaxed problem comes nearer."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from controller.planning.model import Model, model
from controller.planning.site import Comfort, Heater, House, Site, Tank
from controller.planning.solver import Solver
from controller.thermal.models import TankModel
from tests.controller.planning.sites import HOUSE, bare, full

STEPS = 5
SMALL_TANK = TankModel(300_000.0, 3.0, 20.0)


def site(seed: int, *, cools: bool) -> Site:
    """A tank of two elements and a house with a pump: what is given and wanted is drawn, and at times out of reach."""
    random = np.random.default_rng(seed)
    least_c = random.uniform(44.0, 50.0, STEPS)
    elements = tuple(
        Heater(f"element{i}", full(STEPS, 1.0), full(STEPS, most_w), most_w, 1800.0 * (i + 1), 1800.0)
        for i, most_w in enumerate((1_000.0, 1_500.0))
    )
    water = Comfort(least_c, full(STEPS, 90.0))
    tank = Tank("boiler", SMALL_TANK, 50.0, water, elements, random.uniform(0.0, 1_500.0, STEPS))
    sign, outdoor_c = (-1.0, 35.0) if cools else (1.0, 0.0)
    pump = Heater("pump", sign * random.uniform(2.0, 4.0, STEPS), random.uniform(1_500.0, 2_500.0, STEPS), 700.0)
    air = Comfort(full(STEPS, 20.0), full(STEPS, 25.0))
    house = House("living", HOUSE, 22.5, 22.5, air, (pump,), random.uniform(0.0, 500.0, STEPS))
    base = bare(STEPS, 1800.0, load_w=300.0)
    return replace(
        base, import_per_kwh=random.uniform(0.1, 0.5, STEPS), outdoor_c=full(STEPS, outdoor_c), tanks=(tank,),
        houses=(house,),
    )  # fmt: skip


def solved(of: Model, *, cut: bool) -> Solver:
    solver = Solver()
    solver.load(of.arrays, of.shape)
    if not cut:
        solver.free(of.cuts)
    return solver


@pytest.mark.parametrize("cools", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_pattern_costs_more_with_the_rows(seed: int, cools: bool) -> None:
    of = model(site(seed, cools=cools), STEPS)
    assert of.cuts.size > 2
    cut, free = solved(of, cut=True), solved(of, cut=False)
    for warming in of.heaters:
        for pattern in product((0.0, 1.0), repeat=STEPS):
            on = np.array(pattern)
            costs = []
            for solver in (cut, free):
                # The other machines take part as they would, in whole steps of their own.
                for other in of.heaters:
                    held = on if other is warming else np.roll(on, 1)
                    solver.fix(other.on, held, held)
                costs.append(solver.below(np.inf))
            assert costs[0] == pytest.approx(costs[1], abs=1e-6) or costs == [np.inf, np.inf]


def test_the_relaxed_problem_comes_nearer() -> None:
    gained = []
    for seed in range(6):
        of = model(site(seed, cools=seed % 2 == 1), STEPS)
        gained.append(solved(of, cut=True).solve().objective - solved(of, cut=False).solve().objective)
    assert min(gained) >= -1e-7
    assert max(gained) > 0.01


def test_an_element_that_has_to_run_before_a_bound_is_counted_whole() -> None:
    """1 kW for a half-hour warms 300 kJ/K by 6 K less what the wall takes; 3 K are missing: one step, not half of one."""
    element = Heater("element", full(2, 1.0), full(2, 1_000.0), 1_000.0)
    comfort = Comfort(full(2, 48.0), full(2, 90.0))
    tank = Tank("boiler", SMALL_TANK, 46.0, comfort, (element,), full(2, 0.0))
    of = model(replace(bare(2, 1800.0), tanks=(tank,)), 2)
    relaxed = solved(of, cut=True).solve()
    assert relaxed.x[of.heaters[0].on].sum() == pytest.approx(1.0)
    assert solved(of, cut=False).solve().x[of.heaters[0].on].sum() < 0.7


def test_a_store_with_a_machine_that_needs_no_switch_is_not_counted() -> None:
    plain = Heater("plain", full(STEPS, 1.0), full(STEPS, 1_000.0))
    base = site(0, cools=False)
    tank = replace(base.tanks[0], heaters=(*base.tanks[0].heaters, plain))
    assert not model(replace(base, houses=(), tanks=(tank,)), STEPS).cuts.size


def test_a_strong_step_long_ago_counts_for_what_it_brings() -> None:
    """2 kW in the first half-hour bring what a bound in the second needs, where only 0.5 kW are left: one step is enough."""
    element = Heater("element", full(2, 1.0), np.array([2_000.0, 500.0]), 500.0)
    comfort = Comfort(np.array([40.0, 50.0]), full(2, 90.0))
    tank = Tank("boiler", SMALL_TANK, 45.0, comfort, (element,), full(2, 0.0))
    of = model(replace(bare(2, 1800.0), tanks=(tank,)), 2)
    first = np.array([1.0, 0.0])
    cut, free = solved(of, cut=True), solved(of, cut=False)
    for solver in (cut, free):
        solver.fix(of.heaters[0].on, first, first)
    assert cut.below(np.inf) == pytest.approx(free.below(np.inf))
