"""The house as a battery: how far it can leave its plan, found by planning it with the change as a commitment.

A change is offered where the plan with it keeps comfort, envelope and contracts as well as without, the change being met in every
interval, for the load that is forecast and for loads that are off by the margin either way. Its cost is that of
the whole horizon with the change less without, so the rebound is in it. Blind (no plan can be made) nothing is offered.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import numpy as np

from controller.planning.plan import Plan
from controller.planning.planner import SolverFailed
from controller.planning.site import Commitment, Floats, House, Site, Tank
from protocols.flexibility import EquivalentStore, Level, Offer
from protocols.outlook import PRICE_MOST_PER_KWH

# The name of the asked change among the site's commitments; a contract's own name has no blank.
NAME = "asked change"
INTERVAL_S = 900
# Windows after now: (start, length) in hours, on whole intervals. The first begins with the next interval: the present one runs.
WINDOWS_H = ((0.25, 0.25), (0.25, 1.0), (0.25, 4.0), (6.0, 1.0), (12.0, 1.0), (18.0, 1.0))
# What is met to within this is met: contracts are kept to 100 W, and the rest of it is for the 1 s loop.
MET_W = 20.0
# This share of a limit of the connection point is not sold: the 1 s loop keeps off it while devices move in steps.
EDGE = 0.02
# A smaller change is not worth a contract, and the search ends within this share of the largest.
LEAST_W, NEAR = 100.0, 0.03
# Windows that end sooner are checked with whole switches all along: a heater of 2 kW is no heater of 500 W.
NEAR_S = 4.5 * 3600.0
# The change comes before every price there is, and behind comfort, envelope and fuse (planning/worth.py).
_OVER_PRICES = 10.0
_WORSE_WH, _WORSE_KH = 5.0, 0.02


class Plans(Protocol):
    """Who makes plans; `controller.planning.planner.Planner` does."""

    def plan(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """The cheapest plan found."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """How offers are looked for: time for each plan, how far ahead switches are whole, and the windows."""

    budget_s: float = 0.5
    exact_s: float = 3600.0
    windows_h: tuple[tuple[float, float], ...] = WINDOWS_H


def offers(
    plans: Plans, site: Site, margin_w: Floats, nominated: Plan | None = None, search: Search | None = None
) -> tuple[Offer, ...]:
    """What the site can do in each window that lies in the horizon. `margin_w`: by how much the load may be off, each step,
    either way (a magnitude, by the owner's risk). `nominated`: the plan in force that changes count from.
    """
    return tuple(each_offer(plans, site, margin_w, nominated, search))


def each_offer(
    plans: Plans, site: Site, margin_w: Floats, nominated: Plan | None = None, search: Search | None = None
) -> Iterator[Offer]:
    """As `offers`, one by one as they are found, for who has only so much time."""
    try:
        desk = _Desk(plans, site, margin_w, nominated, search or Search())
    except SolverFailed:
        return
    for first, last in windows(site, desk.search):
        yield desk.offer(first, last)


def windows(site: Site, search: Search) -> Iterable[tuple[int, int]]:
    """First and last step (not counted) of each window that lies in the horizon, on whole intervals of the clock."""
    per = max(1, round(INTERVAL_S / site.horizon.step_s))
    late_s = site.horizon.start.timestamp() % INTERVAL_S
    skip = round((INTERVAL_S - late_s) / site.horizon.step_s) if late_s > 0 else 0
    for start_h, length_h in search.windows_h:
        first = skip + round((start_h * 3600.0 - (INTERVAL_S if skip else 0)) / INTERVAL_S) * per
        last = first + round(length_h * 3600.0 / INTERVAL_S) * per
        if last <= site.horizon.steps:
            yield first, last


def with_reserve(site: Site, first: int, last: int, sign: float, margin_w: Floats) -> Site:
    """The site whose load is off by the margin against a change of this sign, from `first` to `last` (not counted).

    An offer that was bought is to be planned so until it is over, all but the present step: a plan on the forecast alone would
    spend before the window what the offer had counted on.
    """
    load_w = site.load_w.copy()
    load_w[first:last] -= sign * margin_w[first:last]
    return replace(site, load_w=load_w)


class _Desk:
    """One site, its plan without a change, and the search from there."""

    def __init__(self, plans: Plans, site: Site, margin_w: Floats, nominated: Plan | None, search: Search) -> None:
        self._plans, self._site, self._margin_w, self.search = plans, site, margin_w, search
        self._free = self._planned(site, search.exact_s)
        self._grid_w = (self._free if nominated is None else nominated).grid_w
        prices = np.abs(np.concatenate([site.import_per_kwh, site.export_per_kwh]))
        beside = [each.deviation_per_kwh for each in site.commitments]
        self._price = min(_OVER_PRICES * max(0.1, float(prices.max()), *beside), PRICE_MOST_PER_KWH)
        self._per = max(1, round(INTERVAL_S / site.horizon.step_s))

    def offer(self, first: int, last: int) -> Offer:
        """The largest change each way, and what it costs."""
        up_w, up = self._way(first, last, 1.0)
        down_w, down = self._way(first, last, -1.0)
        horizon = self._site.horizon
        return Offer(
            horizon.moment(first), horizon.moment(last), round(self._per * horizon.step_s),
            tuple(round(float(w), 1) for w in self._baseline_w(first, last)), up_w, down_w, (*up, *down),
        )  # fmt: skip

    def _way(self, first: int, last: int, sign: float) -> tuple[float, tuple[Level, ...]]:
        most_w = largest(lambda w: self._reach(first, last, sign * w), self._most_w(first, last, sign))
        # The load may be off the other way as well, and devices switch: what fails then is tried smaller.
        while most_w >= LEAST_W and not self._is_kept(first, last, sign * most_w):
            most_w *= 0.8
        if most_w < LEAST_W:
            return 0.0, ()
        most_w = float(np.floor(most_w))
        levels = [self._level(first, last, sign * w) for w in (most_w, 0.5 * most_w)]
        return most_w, tuple(level for level in levels if level is not None)

    def _most_w(self, first: int, last: int, sign: float) -> float:
        """What the connection point leaves in the tightest step."""
        part, grid_w = slice(first, last), self._grid_w[first:last]
        site, near = self._site, 1.0 - EDGE
        left_w = near * site.import_max_w[part] - grid_w if sign > 0 else near * site.export_max_w[part] + grid_w
        # Without a limit: more than any house has, so that the devices decide.
        return float(np.clip(left_w, 0.0, 1e5).min())

    def _reach(self, first: int, last: int, change_w: float) -> float:
        """The part of a change that can be had when the load is off to the worse side: all of it, or the mean that is left."""
        try:
            made, asked = self._asked(first, last, change_w, -float(np.sign(change_w)), self.search.exact_s)
        except SolverFailed:
            return 0.0
        if self._is_met(made, asked):
            return abs(change_w)
        had_w = np.array([self._mean_w(made, each) for each in asked]) - self._baseline_w(first, last)
        return float(np.clip(np.sign(change_w) * had_w.mean(), 0.0, abs(change_w) * (1.0 - NEAR)))

    def _is_kept(self, first: int, last: int, change_w: float) -> bool:
        """Whether a change is met whatever the load does, with every switch of a window that is near made whole."""
        end_s = last * self._site.horizon.step_s
        exact_s = (
            max(self.search.exact_s, end_s) if 0.0 < self.search.exact_s < end_s <= NEAR_S else self.search.exact_s
        )
        sign = float(np.sign(change_w))
        try:
            return all(self._is_met(*self._asked(first, last, change_w, off, exact_s)) for off in (-sign, sign, 0.0))
        except SolverFailed:
            return False

    def _level(self, first: int, last: int, change_w: float) -> Level | None:
        try:
            made, asked = self._asked(first, last, change_w, 0.0, self.search.exact_s)
        except SolverFailed:
            return None
        if not self._is_met(made, asked):
            return None
        cost = max(0.0, float(_cost(made) - _cost(self._free) - self._missed_cost(made, asked)))
        kwh = abs(change_w) * (last - first) * self._site.horizon.hours / 1000.0
        return Level(change_w, round(cost, 4), round(cost / kwh + self._site.profit_per_kwh, 4))

    # Plans with a change

    def _asked(
        self, first: int, last: int, change_w: float, off: float, exact_s: float
    ) -> tuple[Plan, list[Commitment]]:
        """The plan with the change where the load is `off` margins off in the window, and what was asked of it."""
        site, hours = self._site, self._site.horizon.hours
        asked = [
            Commitment(NAME, step, step + self._per, (baseline_w + change_w) * self._per * hours, self._price)
            for step, baseline_w in zip(range(first, last, self._per), self._baseline_w(first, last), strict=True)
        ]
        # Those of the very same steps add up, and the plan that is changed holds the others already.
        beside = [replace(each, energy_wh=each.energy_wh - self._other_wh(each)) for each in asked]
        changed = replace(site, commitments=(*site.commitments, *beside))
        return self._planned(with_reserve(changed, first, last, -off, self._margin_w), exact_s), asked

    def _planned(self, site: Site, exact_s: float) -> Plan:
        return self._plans.plan(site, self.search.budget_s, exact_s)

    def _other_wh(self, asked: Commitment) -> float:
        same = (asked.first, asked.last)
        return sum(each.energy_wh for each in self._site.commitments if (each.first, each.last) == same)

    def _baseline_w(self, first: int, last: int) -> Floats:
        return np.asarray(self._grid_w[first:last].reshape(-1, self._per).mean(axis=1))

    def _mean_w(self, made: Plan, each: Commitment) -> float:
        return float(made.grid_w[each.first : each.last].mean())

    def _missed_w(self, made: Plan, each: Commitment) -> float:
        return abs(self._mean_w(made, each) - each.energy_wh / ((each.last - each.first) * self._site.horizon.hours))

    def _missed_cost(self, made: Plan, asked: list[Commitment]) -> float:
        """What the plan counts for the little that it left unmet."""
        hours = self._per * self._site.horizon.hours / 1000.0
        return sum(self._missed_w(made, each) for each in asked) * hours * self._price

    def _is_met(self, made: Plan, asked: list[Commitment]) -> bool:
        """Every interval to within `MET_W`, and nothing else worse than without: comfort, envelope, other contracts."""
        if max(self._missed_w(made, each) for each in asked) > MET_W:
            return False
        allowed = self._free.cost.deviation + self._missed_cost(made, asked) + 1e-3
        return made.cost.deviation <= allowed and not _worse(made, self._free)


def _cost(made: Plan) -> float:
    """Money and comfort, less what is still there at the end."""
    return made.cost.total + made.cost.comfort - made.cost.kept


def _worse(made: Plan, free: Plan) -> bool:
    """Whether a bound is broken by more than without the change."""
    before: dict[tuple[str, str], float] = {}
    for each in free.violations:
        before[each.name, each.bound] = before.get((each.name, each.bound), 0.0) + each.amount
    after: dict[tuple[str, str, str], float] = {}
    for each in made.violations:
        after[each.name, each.bound, each.unit] = after.get((each.name, each.bound, each.unit), 0.0) + each.amount
    return any(
        amount > before.get((name, bound), 0.0) + (_WORSE_WH if unit == "Wh" else _WORSE_KH)
        for (name, bound, unit), amount in after.items()
    )


def largest(reach: Callable[[float], float], most: float) -> float:
    """The largest value that is reached whole, to within 3 %. `reach` tells what part of a value was had in the mean, and no
    value above that can be had all the time.
    """
    had = reach(most)
    if had >= most:
        return most
    low, high, trial = 0.0, had, had
    while high - low > max(NEAR * high, LEAST_W / 4.0):
        had = reach(trial)
        if had >= trial:
            low = trial
        else:
            high = max(low, min(trial, had))
        trial = 0.5 * (low + high)
    return low


# The equivalent store


def equivalent(site: Site, plan: Plan) -> EquivalentStore:
    """All stores as one. Heat counts as the electricity that would make it, and no more can be done without than is planned."""
    parts = [(each.most_wh - each.stored_wh) / each.charge_efficiency for each in site.batteries]
    parts_down = [(each.stored_wh - each.least_wh) * each.discharge_efficiency for each in site.batteries]
    leaks = [0.0] * len(parts)
    for car in site.cars:
        if car.may_charge[0]:
            parts.append((car.capacity_wh - car.stored_wh) / car.efficiency)
            parts_down.append(0.0)
            leaks.append(0.0)
    for store in site.stores:
        if store.heaters:
            up_wh, down_wh, leaks_per_h = _of_heat(store, site, plan)
            parts.append(up_wh)
            parts_down.append(down_wh)
            leaks.append(leaks_per_h)
    ups, downs = np.maximum(np.array(parts), 0.0), np.maximum(np.array(parts_down), 0.0)
    room = ups + downs
    leak = float(np.average(leaks, weights=room)) if room.sum() > 0.0 else 0.0
    return EquivalentStore(round(float(ups.sum()), 1), round(float(downs.sum()), 1), leak)


def _of_heat(store: House | Tank, site: Site, plan: Plan) -> tuple[float, float, float]:
    """Up and down in Wh of electricity, and the share that leaks in an hour."""
    first, comfort = store.heaters[0], store.comfort
    if isinstance(store, House):
        held_j, loss_w, now_c = (
            store.model.air_j_per_k + store.model.mass_j_per_k,
            store.model.envelope_w_per_k,
            store.air_c,
        )
    else:
        held_j, loss_w, now_c = store.model.heat_j_per_k, store.model.loss_w_per_k, store.water_c
    ratio = float(first.heat_per_w[0])
    warmer_k, colder_k = comfort.most_c[0] - now_c, now_c - comfort.least_c[0]
    up_k, down_k = (warmer_k, colder_k) if ratio > 0.0 else (colder_k, warmer_k)
    wh_per_k = held_j / 3600.0 / abs(ratio) if ratio != 0.0 else 0.0
    planned_wh = sum(float(plan.power_w[each.name].sum()) for each in store.heaters) * site.horizon.hours
    return up_k * wh_per_k, min(down_k * wh_per_k, planned_wh), loss_w / held_j * 3600.0


def good_until(site: Site) -> timedelta:
    """How long after its start a message may be bought from: until the first window begins."""
    return timedelta(seconds=INTERVAL_S - site.horizon.start.timestamp() % INTERVAL_S)
