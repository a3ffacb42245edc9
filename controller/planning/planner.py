"""The planner: a site in, the cheapest plan out, by HiGHS kept warm between calls.

First the relaxed problem; where devices are on or off, that solution made whole (the plan to fall back to), then branch and
bound from there within what is left of the budget; last the relaxed problem with every switch held, for its duals.
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from controller.planning.check import check
from controller.planning.model import Model, Switch, burning, gates, model, pays_to_burn, switches
from controller.planning.nudging import Pattern, nudged
from controller.planning.plan import Made, Plan
from controller.planning.problem import Index
from controller.planning.reading import course, plan, worth
from controller.planning.site import Bools, Floats, Horizon, Site
from controller.planning.solver import Solution, Solver, SolverFailed

__all__ = ["Planner", "SolverFailed"]

# Of the money that flows: docs/decisions/0038 says why not less.
GAP = 2e-3
# A gap worth less than this much energy a day, at the mean price, is no money: a kettle boiled once.
KETTLE_KWH = 0.1
# Relaxed problems that moving switches may take, times their steps: some tenths of a second.
EFFORT = 12_000
# Of the budget, what branch and bound may take; the rest is for the relaxed problems around it.
WHOLE_SHARE = 0.8
# The relaxed problem gets this much more than the budget, however small: without it there is no plan at all.
RELAXED_S = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class _Last:
    """The last plan's switches by name: from which step on, and their states."""

    horizon: Horizon
    switches: dict[str, tuple[int, Bools]]


class Planner:
    """Keeps the solver warm: a site of the same shape as the last one starts from its basis."""

    def __init__(self) -> None:
        self._solver = Solver()
        self._last: _Last | None = None

    def plan(self, site: Site, budget_s: float = 5.0, exact_s: float = 4 * 3600.0) -> Plan:
        """The cheapest plan found within the budget; switches are whole in the first `exact_s`, shares of a step behind.

        ValueError names all that is wrong with the site, SolverFailed what HiGHS said. A site that cannot keep its bounds
        gets the least violation, listed in the plan.
        """
        if wrong := check(site):
            raise ValueError("; ".join(wrong))
        began_s = self._solver.spent_s
        exact = min(site.horizon.steps, round(exact_s / site.horizon.step_s))
        burns = pays_to_burn(site)
        of = model(site, exact, burns)
        found, made, gap = self._solved(of, budget_s)
        while (again := burning(of, found.x)).any():
            if not (again & ~burns).any():
                raise SolverFailed(f"batteries charge and discharge at once in {int(again.sum())} gated steps")
            burns = burns | again
            of = model(site, exact, burns)
            found, made, gap = self._solved(of, budget_s - (self._solver.spent_s - began_s))
        on = {each.name: (each.first, found.x[each.columns] > 0.5) for each in switches(of, found.x)}
        self._last = _Last(site.horizon, on)
        of_contract = self._of_contract(of, found.objective)
        return plan(
            site, course(of, found.x), worth(of, found.duals), made, of_contract=of_contract,
            solve_s=self._solver.spent_s - began_s, gap=gap,
        )  # fmt: skip

    def _solved(self, of: Model, budget_s: float) -> tuple[Solution, Made, float]:
        """The solution with every switch held, how it came about, and how much better the best could be."""
        solver, began_s = self._solver, self._solver.spent_s
        solver.load(of.arrays, of.shape)
        relaxed = solver.solve(keep=True, limit_s=max(budget_s, 0.0) + RELAXED_S)
        if not of.arrays.whole.size:
            return relaxed, Made.OPTIMAL, 0.0
        solver.free(of.cuts)
        allowed = _allowed(of, relaxed.x)
        start = self._start(of, relaxed, allowed, EFFORT // of.site.horizon.steps if budget_s > 0 else 0)
        if start.objective - relaxed.objective <= allowed:
            return start, Made.OPTIMAL, _gap(of, start, relaxed.objective)
        left_s = budget_s - (solver.spent_s - began_s)
        whole = solver.whole(of.arrays, start.x, left_s * WHOLE_SHARE, allowed) if left_s > 0 else None
        bound = relaxed.objective if whole is None else max(relaxed.objective, whole.bound)
        if whole is None or (whole.in_time and whole.objective >= start.objective - 1e-9):
            return start, Made.ROUNDED, _gap(of, start, bound)
        best = self._held(of.arrays.whole, np.round(whole.x[of.arrays.whole]))
        return best, Made.IN_TIME if whole.in_time else Made.OPTIMAL, _gap(of, best, bound)

    def _start(self, of: Model, relaxed: Solution, allowed: float, tries: int) -> Solution:
        """The best of the relaxed plan made whole, the last plan's switches carried on, and all off; and what moves make of it."""
        each, (gate, stands) = tuple(switches(of, relaxed.x)), gates(of, relaxed.x)
        columns = np.concatenate([gate, *(switch.columns for switch in each)])

        def cost(pattern: Pattern, limit: float) -> float:
            values = np.concatenate([stands, *pattern])
            self._solver.fix(columns, values, values)
            return self._solver.below(limit)

        best, on = inf, tuple(switch.least() for switch in each)
        for pattern in (tuple(switch.whole() for switch in each), self._carried_on(of, each)):
            found = cost(pattern, best)
            if found < best:
                best, on = found, pattern
        on = nudged(each, on, cost, best, relaxed.objective + allowed, tries)
        return self._held(columns, np.concatenate([stands, *on]))

    def _carried_on(self, of: Model, each: tuple[Switch, ...]) -> Pattern:
        """The last plan's switches as far as they go, the relaxed plan's behind."""
        return tuple(switch.whole(self._shares(of.site.horizon, switch)) for switch in each)

    def _shares(self, now: Horizon, switch: Switch) -> Floats:
        shares, last = switch.shares.copy(), self._last
        if last is not None and last.horizon.step_s == now.step_s and switch.name in last.switches:
            first, on = last.switches[switch.name]
            later = round((now.start - last.horizon.start).total_seconds() / now.step_s)
            old = np.arange(shares.size) + switch.first + later - first
            known = (old >= 0) & (old < on.size)
            shares[known] = on[old[known]]
        return shares

    def _held(self, columns: Index, values: Floats) -> Solution:
        """The problem with its switches held."""
        self._solver.fix(columns, values, values)
        return self._solver.solve()

    def _of_contract(self, of: Model, objective: float) -> dict[str, float]:
        """What each commitment costs: this plan's objective less that of the best without it, the switches as they are."""
        result: dict[str, float] = {}
        for promise in of.promises:
            row, hours = int(promise.row[0]), (promise.last - promise.first)
            for each in promise.members:
                share = each.energy_wh / 1000.0 * hours / (each.last - each.first)
                rest = promise.energy_kwh - share
                alone = len(promise.members) == 1
                self._solver.bound_row(row, -np.inf if alone else rest, np.inf if alone else rest)
                cost = objective - self._solver.solve().objective
                result[each.contract] = result.get(each.contract, 0.0) + cost
            self._solver.bound_row(row, promise.energy_kwh, promise.energy_kwh)
        return result


def _allowed(of: Model, x: Floats) -> float:
    """The gap that is no money."""
    horizon = of.site.horizon
    kettles = float(np.abs(of.site.import_per_kwh).mean()) * KETTLE_KWH * horizon.steps * horizon.hours / 24.0
    return max(kettles, GAP * _money(of, x))


def _money(of: Model, x: Floats) -> float:
    """What flows through the meter in money, both ways: what a gap is measured by, for a bill may be near nothing."""
    columns = np.concatenate([of.grid.imports, of.grid.exports])
    return float(np.abs(of.arrays.cost[columns]) @ x[columns])


def _gap(of: Model, found: Solution, bound: float) -> float:
    """How much cheaper the best could be at most, of the money at stake."""
    return max(0.0, found.objective - bound) / max(_money(of, found.x), 1e-3)
