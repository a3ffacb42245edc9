"""The same questions, put to scipy by other formulations: dense, switch by switch, one loop per coefficient."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from controller.planning.site import Battery, Floats, Site


def battery_cost(site: Site, one: Battery, worth: float, *, modes: tuple[bool, ...] | None = None) -> float:
    """Least cost with one battery, its energy eliminated (a sum, no state); `modes`: which way it may go in each step."""
    n, h = site.horizon.steps, site.horizon.hours
    charge, discharge, imports, exports, curtailed = (slice(i * n, (i + 1) * n) for i in range(5))
    cost = np.zeros(5 * n)
    given, taken = one.charge_efficiency * h, h / one.discharge_efficiency
    cost[imports], cost[exports] = site.import_per_kwh * h, -site.export_per_kwh * h
    cost[charge] = -worth * given
    cost[discharge] = (one.wear_per_kwh + site.profit_per_kwh) * h + worth * taken
    balance, stored = np.zeros((n, 5 * n)), np.zeros((n, 5 * n))
    for t in range(n):
        for block, sign in ((imports, 1), (exports, -1), (charge, -1), (discharge, 1), (curtailed, -1)):
            balance[t, block.start + t] = sign
        for earlier in range(t + 1):
            stored[t, charge.start + earlier] = given
            stored[t, discharge.start + earlier] = -taken
    bounds = [(0.0, one.charge_max_w / 1e3)] * n + [(0.0, one.discharge_max_w / 1e3)] * n
    bounds += [(0.0, each / 1e3) for each in site.import_max_w] + [(0.0, each / 1e3) for each in site.export_max_w]
    bounds += [(0.0, each / 1e3 if site.may_curtail else 0.0) for each in site.pv_w]
    for t, may_charge in enumerate(modes or ()):
        bounds[(n if may_charge else 0) + t] = (0.0, 0.0)
    room = np.full(n, (one.most_wh - one.stored_wh) / 1e3)
    left = np.full(n, (one.stored_wh - one.least_wh) / 1e3)
    found = linprog(
        cost,
        np.vstack([stored, -stored]),
        np.concatenate([room, left]),
        balance,
        (site.load_w - site.pv_w) / 1e3,
        bounds,
    )
    return float(found.fun) - worth * one.stored_wh / 1e3 if found.success else np.inf


def best_of_modes(site: Site, one: Battery, worth: float) -> float:
    """The same without a way to do both at once: every choice of modes, one after the other."""
    return min(
        battery_cost(site, one, worth, modes=modes) for modes in product((True, False), repeat=site.horizon.steps)
    )


def on_off_plans(steps: int, least_on: int, least_off: int, *, was_on: bool, since: int) -> Iterator[tuple[int, ...]]:
    """Every way to be on and off that keeps the least times, but for what is cut off by the end."""
    for plan in product((0, 1), repeat=steps):
        if _keeps(plan, least_on, least_off, was_on, since):
            yield plan


def _keeps(plan: tuple[int, ...], least_on: int, least_off: int, was_on: bool, since: int) -> bool:
    state, lasted = int(was_on), since
    for now in plan:
        if now != state:
            if lasted < (least_on if state else least_off):
                return False
            state, lasted = now, 0
        lasted += 1
    return True


def cheapest(plans: Iterator[tuple[int, ...]], cost: Callable[[tuple[int, ...]], float]) -> float:
    """The least there is."""
    return min(cost(plan) for plan in plans)


def car_cost(site: Site, leaves: int, needs_wh: float, worth: float) -> float:
    """The site's one car that is there all the time, nothing or from its least power on: scipy's milp, its energy eliminated."""
    n, h, car = site.horizon.steps, site.horizon.hours, site.cars[0]
    kwh = car.efficiency * h
    # power, on, imports, exports
    cost = np.concatenate([np.full(n, -worth * kwh), np.zeros(n), site.import_per_kwh * h, -site.export_per_kwh * h])
    eye, none = np.eye(n), np.zeros((n, n))
    rest = (site.load_w - site.pv_w) / 1e3
    before = np.where(np.arange(n) < leaves, kwh, 0.0)
    constraints = [
        LinearConstraint(np.hstack([-eye, none, eye, -eye]), rest, rest),
        LinearConstraint(np.hstack([eye, -car.charge_least_w / 1e3 * eye, none, none]), 0.0, np.inf),
        LinearConstraint(np.hstack([eye, -car.charge_max_w / 1e3 * eye, none, none]), -np.inf, 0.0),
        LinearConstraint(np.concatenate([before, np.zeros(3 * n)]), needs_wh / 1e3, np.inf),
        LinearConstraint(np.concatenate([np.full(n, kwh), np.zeros(3 * n)]), -np.inf, car.capacity_wh / 1e3),
    ]
    whole = np.concatenate([np.zeros(n), np.ones(n), np.zeros(2 * n)])
    upper: Floats = np.concatenate([np.full(n, car.charge_max_w / 1e3), np.ones(n), np.full(2 * n, 1e3)])
    found = milp(
        cost, integrality=whole, bounds=Bounds(0.0, upper), constraints=constraints, options={"mip_rel_gap": 0.0}
    )
    return float(found.fun)
