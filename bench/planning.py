"""How long a plan takes and what re-planning costs: `python -m bench.planning [--days N] [--loop N]`.

A home with battery, car, heat pump on a house of two masses, water heater and sun (bench/homes.py), each day another one. Printed:
seconds of one core and of the wall's clock for a whole call of the planner, problem and reading included; the most memory;
and, on `--loop` days, what re-planning each quarter of an hour costs against one plan of 60 s with every switch of the day
whole, on the same forecast. What a car misses is paid at the planner's own price of a broken bound.
"""

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from bench.homes import home
from bench.machine import machine
from bench.plant import Plant
from controller.planning.accounting import kept
from controller.planning.plan import Plan
from controller.planning.planner import Planner
from controller.planning.rules import rules
from controller.planning.steering import orders
from controller.planning.worth import broken

EXACT_S: Final = 4 * 3600.0
# What a plan may take, by the wall's clock: what is to be reached for the hardest case.
BUDGET_S: Final = 2.0
REFERENCE_S: Final = 60.0
# Hours, seconds of a step, seconds of whole switches, what is to be reached in seconds (none is stated for 48 h).
CASES: Final = (
    (24, 900.0, 0.0, 0.05),
    (24, 900.0, EXACT_S, 0.6),
    (24, 300.0, 0.0, 0.2),
    (24, 300.0, EXACT_S, 2.0),
    (48, 900.0, 0.0, None),
    (48, 900.0, EXACT_S, None),
    (48, 300.0, 0.0, None),
    (48, 300.0, EXACT_S, None),
)


@dataclass(frozen=True)
class Loop:
    """A day closed in a loop, and what it cost beside the plan of 60 s and the plain rules."""

    closed: float
    reference: float
    rules: float
    bill: float
    outside_kh: float
    missing_wh: float
    gap: float

    @property
    def over(self) -> float:
        """By how much the loop is dearer, of the reference's bill."""
        return (self.closed - self.reference) / abs(self.bill)


def whole_cost(plan: Plan) -> float:
    """Everything the plan was made cheap in."""
    return plan.cost.total + plan.cost.comfort + plan.cost.unmet - plan.cost.kept


def times(days: int, hours: int, step_s: float, exact_s: float) -> tuple[list[float], list[float], list[Plan]]:
    """Seconds of a core and of the wall's clock for a plan of each day, and the plans."""
    planner, spent, waited, made = Planner(), list[float](), list[float](), list[Plan]()
    for seed in range(days):
        site = home(seed, hours, step_s)
        began, since = time.process_time(), time.perf_counter()
        made.append(planner.plan(site, BUDGET_S, exact_s))
        spent.append(time.process_time() - began)
        waited.append(time.perf_counter() - since)
    return spent, waited, made


def rolling(days: int, hours: int, step_s: float) -> list[float]:
    """Seconds of a core for a plan a step later than the last one, on a kept solver."""
    spent = list[float]()
    for seed in range(days):
        plant, planner = Plant(home(seed, hours + 24, step_s)), Planner()
        steps = round(hours * 3600 / step_s)
        for turn in range(5):
            site = plant.ahead(steps)
            began = time.process_time()
            plan = planner.plan(site, 10.0, 0.0)
            if turn > 0:
                spent.append(time.process_time() - began)
            plant.follow(orders(plan, site, site.horizon.start, 0.0))
    return spent


def loop(seed: int) -> Loop:
    """Day one of two in a closed loop, day two as its last plan says (relaxed, as it is in the reference)."""
    truth, planner = home(seed, 48), Planner()
    steps, day = truth.horizon.steps, truth.horizon.steps // 2
    reference = Planner().plan(truth, REFERENCE_S, 86_400.0)
    plant = Plant(truth)
    while plant.now < day:
        site = plant.ahead(steps)
        plan = planner.plan(site, 10.0, EXACT_S)
        plant.follow(orders(plan, site, site.horizon.start + timedelta(seconds=1), 0.0))
    rest = planner.plan(plant.ahead(steps), 10.0, 0.0)
    begins, held = _kept(plant), plant.bill
    missing = broken(truth, list(plant.held.values())).owner_per_kwh * held.missing_wh / 1000.0
    closed = held.energy + held.wear + held.comfort + missing + whole_cost(rest) - begins
    return Loop(
        closed, whole_cost(reference), whole_cost(rules(truth)), reference.cost.total, held.outside_kh, held.missing_wh,
        reference.gap,
    )  # fmt: skip


def _kept(plant: Plant) -> float:
    """What the stores hold more after the first day than in the beginning, at the end's worth: the last plan begins with it."""
    stored_wh = {name: np.array([began, now]) for name, began, now in _stored(plant)}
    return kept(plant.truth, stored_wh, plant.masses_c)


def _stored(plant: Plant) -> list[tuple[str, float, float]]:
    began = {each.name: each.stored_wh for each in plant.truth.batteries}
    began |= {each.name: each.stored_wh for each in plant.truth.cars}
    return [(name, began[name], now) for name, now in plant.stored_wh.items()]


def say(name: str, spent: list[float], goal: float | None, beside: str = "") -> None:
    """One line of figures."""
    half, most = np.percentile(spent, [50, 99])
    aim = "" if goal is None else f", to be reached {goal} s"
    print(f"  {name}: p50 {half:.3f} s, p99 {most:.3f} s, max {max(spent):.3f} s ({len(spent)} plans{aim}){beside}")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.planning", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--loop", type=int, default=6, help="days in a closed loop, two minutes each")
    chosen = parser.parse_args(arguments)
    print(f"  {machine()}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for hours, step_s, exact_s, goal in CASES:
        days = chosen.days if goal is not None else max(1, chosen.days // 3)
        spent, waited, plans = times(days, hours, step_s, exact_s)
        made = [plan.made for plan in plans]
        kinds = ", ".join(f"{made.count(kind)} {kind}" for kind in sorted(set(made)))
        kinds += f"; wall p50 {np.median(waited):.3f} s, max {max(waited):.3f} s; gap at most"
        kinds += f" {100 * max(plan.gap for plan in plans):.2f} %"
        switches = f"switches whole for {exact_s / 3600:.0f} h" if exact_s else "relaxed"
        say(f"{hours} h at {step_s / 60:.0f} min, {switches}", spent, goal, f": {kinds}")
    for hours, step_s in ((24, 900.0), (24, 300.0)):
        say(f"{hours} h at {step_s / 60:.0f} min, relaxed, a step after the last", rolling(6, hours, step_s), None)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  memory: {after / 1024:.0f} MB at most, {(after - before) / 1024:.0f} MB more than before the first plan")
    found = []
    for seed in range(chosen.loop):
        found.append(loop(seed))
        each = found[-1]
        print(
            f"  loop of day {seed}: {each.closed:.3f}, plan of {REFERENCE_S:.0f} s {each.reference:.3f} (gap"
            f" {100 * each.gap:.2f} %), rules {each.rules:.3f}, bill {each.bill:.2f}: {100 * each.over:+.2f} %;"
            f" {each.outside_kh:.3f} K h outside, {each.missing_wh:.0f} Wh missing"
        )
        sys.stdout.flush()
    if found:
        total = sum(each.closed - each.reference for each in found) / sum(abs(each.bill) for each in found)
        print(f"  closed loop: {100 * total:+.2f} % of the bill on {len(found)} days (to be reached: within 2 %)")


if __name__ == "__main__":
    main()
