"""The electric side of the problem: connection point, sun, batteries, cars, appliances, commitments."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from controller.planning.problem import Index, Problem
from controller.planning.site import Appliance, Battery, Bools, Car, Commitment, Floats, Site
from controller.planning.switching import IDLE, SLACK, Dwell, dwell, on_columns
from controller.planning.worth import Broken, of_battery, of_car

NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Columns of the connection point and the sun, in kW; `balance`: imports - exports - curtailed - devices = load - sun."""

    imports: Index
    exports: Index
    over_import: Index
    over_export: Index
    curtailed: Index
    balance: Index
    gate: Index  # 1: may import, 0: may export, in the steps of `gated` only
    gated: Index


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A battery's columns; `rows` keep its energy. `gate`: 1 may charge, 0 may discharge, in the steps of `gated` only."""

    battery: Battery
    charge: Index
    discharge: Index
    energy: Index
    rows: Index
    gate: Index
    gated: Index


@dataclass(frozen=True, slots=True, eq=False)
class Charged:
    """A car's columns: power and energy; what it lacks when it leaves (`missing`), and on the way (`elsewhere`)."""

    car: Car
    power: Index
    energy: Index
    rows: Index
    on: Index
    missing: Index
    elsewhere: Index


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """An appliance: its share of each step from `first` on, the first of them whole; `missing` steps."""

    appliance: Appliance
    first: int
    share: Index
    on: Index
    held: Dwell
    missing: Index


@dataclass(frozen=True, slots=True, eq=False)
class Promise:
    """Commitments of the same steps: the energy they add up to, what is too little and too much (kWh), and their row."""

    members: tuple[Commitment, ...]
    first: int
    last: int
    energy_kwh: float
    price_per_kwh: float
    less: Index
    more: Index
    row: Index


def grid(problem: Problem, site: Site, price: Broken) -> Grid:
    """Import and export apart; both at once would pay where export earns more than import costs: a gate there."""
    n, h = site.horizon.steps, site.horizon.hours
    most_in, most_out = site.import_max_w / 1000.0, _export_most_w(site) / 1000.0
    imports = problem.columns(n, 0.0, most_in, site.import_per_kwh * h)
    exports = problem.columns(n, 0.0, most_out, -site.export_per_kwh * h)
    over_import = problem.columns(n, cost=(price.grid_per_kwh + site.import_per_kwh) * h)
    over_export = problem.columns(n, cost=(price.grid_per_kwh - site.export_per_kwh) * h)
    curtailed = problem.columns(n, 0.0, (site.pv_w if site.may_curtail else 0.0 * site.pv_w) / 1000.0)
    balance = problem.rows(n, *(((site.load_w - site.pv_w) / 1000.0,) * 2))
    for columns, sign in ((imports, 1.0), (over_import, 1.0), (exports, -1.0), (over_export, -1.0), (curtailed, -1.0)):
        problem.put(balance, columns, sign)
    gated = np.flatnonzero(site.export_per_kwh > site.import_per_kwh)
    reach = _reach_kw(site)[gated]
    gate = gated_pair(problem, imports[gated], exports[gated], np.minimum(most_in[gated], reach),
                      np.minimum(most_out[gated], reach))  # fmt: skip
    return Grid(imports, exports, over_import, over_export, curtailed, balance, gate, gated)


def _export_most_w(site: Site) -> Floats:
    """What may be fed in: where that costs money, no more than nobody can help. A battery would be emptied into the grid to be
    paid for filling it again: nobody means that, but a contract may.
    """
    over_w = -site.load_w if site.may_curtail else site.pv_w - site.load_w
    dear = site.export_per_kwh < 0
    for each in site.commitments:
        dear[max(each.first, 0) : each.last] = False
    return np.where(dear, np.minimum(site.export_max_w, np.maximum(over_w, 0.0)), site.export_max_w)


def _reach_kw(site: Site) -> Floats:
    """More than all devices together could move, for bounds that may be infinite."""
    devices = sum(each.charge_max_w + each.discharge_max_w for each in site.batteries)
    devices += sum(each.charge_max_w for each in site.cars) + sum(each.power_w for each in site.appliances)
    heat = sum((heater.most_w for store in site.stores for heater in store.heaters), 0.0 * site.pv_w)
    return (site.pv_w + site.load_w + heat + devices) / 1000.0 + 1.0


def gated_pair(problem: Problem, one: Index, other: Index, one_max: Floats, other_max: Floats) -> Index:
    """Columns of 0 or 1 so that only one of each pair may be more than nothing."""
    gate = problem.columns(one.size, 0.0, 1.0, whole=True)
    opens, shuts = problem.rows(one.size, -np.inf, 0.0), problem.rows(one.size, -np.inf, other_max)
    problem.put(opens, one, 1.0)
    problem.put(opens, gate, -one_max)
    problem.put(shuts, other, 1.0)
    problem.put(shuts, gate, other_max)
    return gate


def battery(problem: Problem, site: Site, one: Battery, balance: Index, burns: Bools) -> Stored:
    """Energy kept row by row; where `burns` says that losing energy would pay, only one way at a time."""
    n, h = site.horizon.steps, site.horizon.hours
    least, most = min(one.least_wh, one.stored_wh) / 1000.0, max(one.most_wh, one.stored_wh) / 1000.0
    most_in, most_out = one.charge_max_w / 1000.0, one.discharge_max_w / 1000.0
    charge = problem.columns(n, 0.0, most_in)
    discharge = problem.columns(n, 0.0, most_out, (one.wear_per_kwh + site.profit_per_kwh) * h)
    worth = np.zeros(n)
    worth[-1] = -of_battery(site, one)
    energy = problem.columns(n, least, most, worth)
    begins = np.zeros(n)
    begins[0] = one.stored_wh / 1000.0
    rows = problem.rows(n, begins, begins)
    problem.put(rows, energy, 1.0)
    problem.put(rows[1:], energy[:-1], -1.0)
    problem.put(rows, charge, -h * one.charge_efficiency)
    problem.put(rows, discharge, h / one.discharge_efficiency)
    problem.put(balance, charge, -1.0)
    problem.put(balance, discharge, 1.0)
    gated = np.flatnonzero(burns)
    ends = np.full(gated.size, most_in), np.full(gated.size, most_out)
    gate = gated_pair(problem, charge[gated], discharge[gated], *ends)
    return Stored(one, charge, discharge, energy, rows, gate, gated)


def car(problem: Problem, site: Site, one: Car, balance: Index, price: Broken, exact: int) -> Charged:
    """Nothing, or from its least power on in the exact steps; trips take energy on their return."""
    n, h = site.horizon.steps, site.horizon.hours
    power = problem.columns(n, 0.0, np.where(one.may_charge, one.charge_max_w / 1000.0, 0.0))
    worth = np.zeros(n)
    worth[-1] = -of_car(site, one.efficiency)
    most = max(one.capacity_wh, one.stored_wh) / 1000.0
    energy = problem.columns(n, 0.0, most, worth)
    changes = np.zeros(n)
    changes[0] = one.stored_wh / 1000.0
    back = [trip for trip in one.trips if 0 < trip.returns <= n]
    for trip in back:
        changes[trip.returns - 1] -= trip.uses_wh / 1000.0
    rows = problem.rows(n, changes, changes)
    problem.put(rows, energy, 1.0)
    problem.put(rows[1:], energy[:-1], -1.0)
    problem.put(rows, power, -h * one.efficiency)
    problem.put(balance, power, -1.0)
    elsewhere = problem.columns(len(back), cost=price.owner_per_kwh)
    problem.put(rows[[trip.returns - 1 for trip in back]], elsewhere, -1.0)
    leaving = [trip for trip in one.trips if 0 < trip.leaves <= n]
    needs = np.array([trip.needs_wh / 1000.0 for trip in leaving])
    missing = problem.columns(len(leaving), cost=price.owner_per_kwh)
    leave = problem.rows(len(leaving), needs, np.inf)
    problem.put(leave, energy[[trip.leaves - 1 for trip in leaving]], 1.0)
    problem.put(leave, missing, 1.0)
    on = NONE
    if one.charge_least_w > 0:
        on = on_columns(problem, IDLE, 0, exact)
        semi_continuous(problem, power[:exact], on, one.charge_least_w / 1000.0, one.charge_max_w / 1000.0)
    return Charged(one, power, energy, rows, on, missing, elsewhere)


def semi_continuous(problem: Problem, power: Index, on: Index, least: float | Floats, most: float | Floats) -> None:
    """least * on <= power <= most * on."""
    below, above = problem.rows(on.size, 0.0, np.inf), problem.rows(on.size, -np.inf, 0.0)
    for rows, bound in ((below, least), (above, most)):
        problem.put(rows, power, 1.0)
        problem.put(rows, on, -np.asarray(bound))


def appliance(problem: Problem, site: Site, one: Appliance, balance: Index, price: Broken, exact: int) -> Run:
    """As many whole steps as its run lasts, within its window; what the window leaves beyond the horizon may wait."""
    n, h, step_s = site.horizon.steps, site.horizon.hours, site.horizon.step_s
    needs = int(np.ceil(one.run_s / step_s - SLACK))
    first, last = max(0, one.first), min(n, one.last)
    held = dwell(one, step_s)
    count, whole = max(0, last - first), max(0, min(exact, last) - first)
    on = on_columns(problem, held, first, whole, one.last if one.last <= exact else 1 << 30)
    share = np.concatenate([on, problem.columns(max(0, count - whole), 0.0, 1.0)])
    problem.put(balance[first : first + count], share, -one.power_w / 1000.0)
    owed = max(0, needs - max(0, one.last - n))
    most = max(needs, held.held_on, held.on_steps if needs > 0 else 0)
    missing = problem.columns(1, cost=price.owner_per_kwh * max(one.power_w / 1000.0 * h, 0.1))
    total = problem.rows(2, [owed, -np.inf], [np.inf, most])
    problem.put(total[:, None], share[None, :], 1.0)
    problem.put(total[:1], missing, 1.0)
    return Run(one, first, share, on, held, missing)


def promises(problem: Problem, site: Site, at: Grid) -> list[Promise]:
    """What is asked of the connection point over some steps; beyond the horizon only the part within is looked at."""
    by_steps = sorted(site.commitments, key=lambda each: (each.first, each.last))
    groups = groupby(by_steps, key=lambda each: (each.first, each.last))
    return [_promise(problem, site, at, tuple(members)) for _, members in groups]


def _promise(problem: Problem, site: Site, at: Grid, members: Sequence[Commitment]) -> Promise:
    first, last = members[0].first, members[0].last
    end, h = min(last, site.horizon.steps), site.horizon.hours
    energy = sum(each.energy_wh for each in members) / 1000.0 * (end - first) / (last - first)
    price = max(each.deviation_per_kwh for each in members)
    less, more = problem.columns(1, cost=price), problem.columns(1, cost=price)
    row = problem.rows(1, energy, energy)
    steps = slice(first, end)
    for columns, sign in ((at.imports, h), (at.over_import, h), (at.exports, -h), (at.over_export, -h)):
        problem.put(row, columns[steps], sign)
    problem.put(row, less, 1.0)
    problem.put(row, more, -1.0)
    return Promise(tuple(members), first, end, energy, price, less, more, row)
