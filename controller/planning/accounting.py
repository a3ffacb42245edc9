"""What a plan costs and which bounds it breaks, reckoned from its series alone: the same for every way a plan is made."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from controller.planning.heat import Steps, bounds_at_edges, steps_of
from controller.planning.plan import Cost, Violation
from controller.planning.site import Car, Commitment, Floats, House, Site, Tank
from controller.planning.worth import Broken, of_battery, of_car, of_store

# Less than this is rounding: Wh, and K h.
NEAR_WH, NEAR_KH = 1.0, 1e-3


def deviation(site: Site, grid_w: Floats) -> float:
    """What is paid for energy that was promised and did not flow, or flowed without; same steps add up."""
    groups: dict[tuple[int, int], list[Commitment]] = {}
    for each in site.commitments:
        groups.setdefault((each.first, each.last), []).append(each)
    total = 0.0
    for (first, last), members in groups.items():
        end = min(last, site.horizon.steps)
        asked_wh = sum(each.energy_wh for each in members) * (end - first) / (last - first)
        off_wh = abs(float(grid_w[first:end].sum()) * site.horizon.hours - asked_wh)
        total += off_wh / 1000.0 * max(each.deviation_per_kwh for each in members)
    return total


def energy(site: Site, grid_w: Floats) -> float:
    """What the supplier is paid, less what is fed in."""
    prices = np.where(grid_w >= 0, site.import_per_kwh, site.export_per_kwh)
    return float(np.dot(prices, grid_w)) * site.horizon.hours / 1000.0


def wear(site: Site, power_w: Mapping[str, Floats]) -> float:
    """What taking energy out of the batteries costs."""
    hours = site.horizon.hours / 1000.0
    return sum(each.wear_per_kwh * float(np.maximum(-power_w[each.name], 0.0).sum()) * hours for each in site.batteries)


def liked(site: Site, temperature_c: Mapping[str, Floats]) -> float:
    """The owner's price of what is off the liked temperatures."""
    total = 0.0
    for each in site.stores:
        if each.comfort.liked_c is not None:
            off = np.abs(temperature_c[each.name][1:] - each.comfort.liked_c)
            total += each.comfort.price_per_kh * float(off.sum()) * site.horizon.hours
    return total


def kept(site: Site, stored_wh: Mapping[str, Floats], ends_c: Mapping[str, Floats]) -> float:
    """What is worth something at the end, beyond what was there in the beginning; `ends_c`: each store's masses."""

    def more_kwh(name: str) -> float:
        return float(stored_wh[name][-1] - stored_wh[name][0]) / 1000.0

    total = sum(of_battery(site, each) * more_kwh(each.name) for each in site.batteries)
    total += sum(of_car(site, each.efficiency) * more_kwh(each.name) for each in site.cars)
    for each in site.stores:
        steps = steps_of(each, site.horizon, site.outdoor_c)
        total += float(np.dot(of_store(site, each, steps), ends_c[each.name] - steps.begins_c))
    return total


def violations(
    site: Site, grid_w: Floats, stored_wh: Mapping[str, Floats], temperature_c: Mapping[str, Floats],
    runs_missing: Mapping[str, float], elsewhere_wh: Mapping[str, float],
) -> tuple[Violation, ...]:  # fmt: skip
    """What could not be kept: the connection point, departures, runs and temperatures. `runs_missing`: steps not run."""
    found = [*_of_grid(site, grid_w), *(bad for each in site.cars for bad in _of_car(each, stored_wh[each.name]))]
    found += [
        Violation(each.name, "trip", min(trip.returns for trip in each.trips), elsewhere_wh[each.name], "Wh")
        for each in site.cars
        if elsewhere_wh.get(each.name, 0.0) > NEAR_WH
    ]
    for each in site.appliances:
        missing_wh = runs_missing.get(each.name, 0.0) * each.power_w * site.horizon.hours
        if missing_wh > NEAR_WH:
            found.append(Violation(each.name, "run", each.last, missing_wh, "Wh"))
    for store in site.stores:
        found += _of_store(store, temperature_c[store.name], site.horizon.hours)
    return tuple(found)


def _of_grid(site: Site, grid_w: Floats) -> Iterator[Violation]:
    for bound, over_w in (("import", grid_w - site.import_max_w), ("export", -grid_w - site.export_max_w)):
        yield from _sum("site", bound, np.maximum(over_w, 0.0) * site.horizon.hours, NEAR_WH, "Wh")


def _of_car(car: Car, stored_wh: Floats) -> Iterator[Violation]:
    for trip in car.trips:
        if 0 <= trip.leaves < stored_wh.size and trip.needs_wh - stored_wh[trip.leaves] > NEAR_WH:
            yield Violation(car.name, "departure", trip.leaves, float(trip.needs_wh - stored_wh[trip.leaves]), "Wh")


def _of_store(store: House | Tank, edges_c: Floats, hours: float) -> Iterable[Violation]:
    least_c, most_c = bounds_at_edges(store.comfort.least_c, store.comfort.most_c)
    cold, hot = np.maximum(least_c - edges_c[1:], 0.0), np.maximum(edges_c[1:] - most_c, 0.0)
    yield from _sum(store.name, "least", cold * hours, NEAR_KH, "K h")
    yield from _sum(store.name, "most", hot * hours, NEAR_KH, "K h")


def _sum(name: str, bound: str, off: Floats, near: float, unit: str) -> Iterator[Violation]:
    if off.sum() > near:
        yield Violation(name, bound, int(np.argmax(off > near / 10.0 / off.size)), float(off.sum()), unit)


def unmet(price: Broken, found: Iterable[Violation], held: Mapping[str, Steps]) -> float:
    """What the plan puts on broken bounds."""
    total = 0.0
    for each in found:
        if each.unit == "K h":
            total += price.per_kh(held[each.name]) * each.amount
        else:
            per_kwh = price.grid_per_kwh if each.name == "site" else price.owner_per_kwh
            total += per_kwh * each.amount / 1000.0
    return total


def cost(
    site: Site, price: Broken, held: Mapping[str, Steps], grid_w: Floats, power_w: Mapping[str, Floats],
    stored_wh: Mapping[str, Floats], temperature_c: Mapping[str, Floats], ends_c: Mapping[str, Floats],
    found: Iterable[Violation],
) -> Cost:  # fmt: skip
    """Every part of it."""
    return Cost(
        energy(site, grid_w),
        wear(site, power_w),
        deviation(site, grid_w),
        liked(site, temperature_c),
        unmet(price, found, held),
        kept(site, stored_wh, ends_c),
    )
