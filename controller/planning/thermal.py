"""The heat side of the problem: houses and tanks as stores with soft bounds, and the machines that warm or cool them."""

from dataclasses import dataclass

import numpy as np

from controller.planning.electric import NONE, semi_continuous
from controller.planning.heat import Steps, bounds_at_edges
from controller.planning.problem import Index, Problem
from controller.planning.site import Floats, Heater, House, Site, Tank
from controller.planning.switching import Dwell, dwell, on_columns
from controller.planning.worth import Broken, of_store

# A need this little above a whole number of steps would have a coefficient too large to be worth it.
LEAST_PART = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Warmed:
    """A store: a row of columns for each mass (°C at the end of each step), the rows that keep them, what is out of bounds."""

    store: House | Tank
    steps: Steps
    masses: tuple[Index, ...]
    rows: tuple[Index, ...]
    cold: Index
    hot: Index


@dataclass(frozen=True, slots=True, eq=False)
class Warming:
    """A heater's power (kW) in each step, and whether it is on in the exact ones (empty: it needs no switch)."""

    heater: Heater
    power: Index
    on: Index
    held: Dwell


def store(problem: Problem, site: Site, one: House | Tank, steps: Steps, price: Broken) -> Warmed:
    """What its masses do by themselves, its bounds as prices, and what is liked."""
    n, h = site.horizon.steps, site.horizon.hours
    worth = of_store(site, one, steps)
    given = steps.given.copy()
    given[0] += steps.keeps @ steps.begins_c
    masses, rows = [], []
    for mass in range(steps.begins_c.size):
        cost = np.zeros(n)
        cost[-1] = -worth[mass]
        masses.append(problem.columns(n, -np.inf, np.inf, cost))
        rows.append(problem.rows(n, given[:, mass], given[:, mass]))
        problem.put(rows[mass], masses[mass], 1.0)
    for to, row in enumerate(rows):
        for of, column in enumerate(masses):
            problem.put(row[1:], column[:-1], -steps.keeps[to, of])
    least_c, most_c = bounds_at_edges(one.comfort.least_c, one.comfort.most_c)
    cold, hot = problem.columns(n, cost=price.per_kh(steps) * h), problem.columns(n, cost=price.per_kh(steps) * h)
    for slack, sign, least, most in ((cold, 1.0, least_c, np.inf), (hot, -1.0, -np.inf, most_c)):
        bounded = problem.rows(n, least, most)
        problem.put(bounded, masses[0], 1.0)
        problem.put(bounded, slack, sign)
    _liked(problem, site, one, masses[0])
    return Warmed(one, steps, tuple(masses), tuple(rows), cold, hot)


def _liked(problem: Problem, site: Site, one: House | Tank, air: Index) -> None:
    """What is off the liked temperature, at the owner's price."""
    liked_c, n = one.comfort.liked_c, site.horizon.steps
    if liked_c is None or one.comfort.price_per_kh <= 0:
        return
    cost = one.comfort.price_per_kh * site.horizon.hours
    rows = problem.rows(n, liked_c, liked_c)
    problem.put(rows, air, 1.0)
    problem.put(rows, problem.columns(n, cost=cost), 1.0)
    problem.put(rows, problem.columns(n, cost=cost), -1.0)


def heater(problem: Problem, site: Site, one: Heater, warmed: Warmed, balance: Index, exact: int) -> Warming:
    """Power into heat by its COP. What it is held to by its least times holds behind the exact steps as well."""
    n = site.horizon.steps
    held = dwell(one, site.horizon.step_s)
    most = one.most_w / 1000.0
    least = np.minimum(one.least_w / 1000.0, most)
    step = np.arange(n)
    forced, barred = (step < held.held_on) & (most > 0), step < held.held_off
    power = problem.columns(n, np.where(forced, least, 0.0), np.where(barred, 0.0, most))
    problem.put(balance, power, -1.0)
    for mass, row in enumerate(warmed.rows):
        problem.put(row, power, -warmed.steps.by_kw[mass] * one.heat_per_w)
    if one.least_w <= 0 and not held.binds:
        return Warming(one, power, NONE, held)
    on = on_columns(problem, held, 0, exact)
    semi_continuous(problem, power[:exact], on, least[:exact], most[:exact])
    return Warming(one, power, on, held)


def counted(problem: Problem, warmed: Warmed, machines: list[Warming], exact: int) -> Index:
    """Rows that cut no whole solution: so many steps on until a bound needs them, in whole numbers; what is short is paid.

    With b the steps of full heat a bound needs, f = b - floor(b) and s what is short in the same measure, on + s >= b holds
    for every solution, and for a whole one on + s / f >= ceil(b): the mixed-integer rounding inequality.
    """
    powers = [each.heater.heat_per_w[:exact] * each.heater.most_w[:exact] / 1000.0 for each in machines]
    sign = 1.0 if all(np.all(each >= 0) for each in powers) else -1.0
    full_kw = np.max([sign * each for each in powers], axis=0, initial=0.0)
    if any(not each.on.size for each in machines) or not full_kw.any() or min(map(np.min, powers)) * sign < 0:
        return NONE
    least_c, most_c = bounds_at_edges(warmed.store.comfort.least_c, warmed.store.comfort.most_c)
    bound_c, short = (least_c, warmed.cold) if sign > 0 else (most_c, warmed.hot)
    needs_k = sign * (bound_c[:exact] - warmed.steps.play(np.zeros(exact))[0, 1:])
    per_step_k = _most_k(warmed.steps, full_kw)
    needs = np.where(per_step_k > 0, needs_k / np.where(per_step_k > 0, per_step_k, 1.0), 0.0)
    part = needs - np.floor(needs)
    at = np.flatnonzero((needs > 0) & (part > LEAST_PART))
    rows = problem.rows(at.size, np.ceil(needs[at]), np.inf)
    problem.put(rows, short[at], 1.0 / (per_step_k * part)[at])
    for each in machines:
        for row, step in zip(rows, at, strict=True):
            problem.put(row, each.on[: step + 1], 1.0)
    return rows


def _most_k(steps: Steps, full_kw: Floats) -> Floats:
    """By how much one step of full heat, the best placed so far, warms the air at the end of each step."""
    left_k, state = np.empty(full_kw.size), steps.by_kw
    for step in range(full_kw.size):
        left_k[step] = state[0]
        state = steps.keeps @ state
    return np.array([np.max(left_k[step::-1] * full_kw[: step + 1]) for step in range(full_kw.size)])
