"""What is wrong with a site, all of it at once: each message names the thing, its value and what is allowed."""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from controller.planning.site import (
    Appliance,
    Battery,
    Car,
    Comfort,
    Commitment,
    Floats,
    Heater,
    House,
    Site,
    Tank,
)
from protocols.outlook import PRICE_MOST_PER_KWH as PRICE_MOST

# What a house, a store or the world can have.
COLDEST_C, HOTTEST_C = -60.0, 150.0
STEPS_MOST = 10_000


def check(site: Site) -> list[str]:
    """Everything that is wrong; empty: nothing."""
    horizon = site.horizon
    if not (0 < horizon.step_s <= 86_400 and 0 < horizon.steps <= STEPS_MOST):
        return [f"horizon: {horizon.steps} steps of {horizon.step_s} s, allowed are 1 to {STEPS_MOST} of 0 to 86400 s"]
    if horizon.start.tzinfo is None:
        return [f"horizon: starts {horizon.start} without a zone, allowed is UTC"]
    n = horizon.steps
    found = [
        _series(n, "import_per_kwh", site.import_per_kwh, -PRICE_MOST, PRICE_MOST),
        _series(n, "export_per_kwh", site.export_per_kwh, -PRICE_MOST, PRICE_MOST),
        _series(n, "import_max_w", site.import_max_w, 0.0, np.inf, endless=True),
        _series(n, "export_max_w", site.export_max_w, 0.0, np.inf, endless=True),
        _series(n, "load_w", site.load_w, -np.inf, np.inf),
        _series(n, "pv_w", site.pv_w, 0.0, np.inf),
        _series(n, "outdoor_c", site.outdoor_c, COLDEST_C, HOTTEST_C),
        _number("profit_per_kwh", site.profit_per_kwh, 0.0, PRICE_MOST),
        _names(site),
        *(_battery(each) for each in site.batteries),
        *(_car(n, each) for each in site.cars),
        *(_store(n, each) for each in site.stores),
        *(_appliance(site, each) for each in site.appliances),
        *(_commitment(n, each) for each in site.commitments),
    ]
    return list(chain.from_iterable(found))


def _number(name: str, value: float, least: float, most: float) -> Iterator[str]:
    if not (np.isfinite(value) and least <= value <= most):
        yield f"{name}: {value}, allowed is {least} to {most}"


def _series(n: int, name: str, values: Floats, least: float, most: float, *, endless: bool = False) -> Iterator[str]:
    if values.shape != (n,):
        yield f"{name}: {values.size} values, allowed is one for each of the {n} steps"
        return
    bad = np.isnan(values) | (values < least) | (values > most) | (np.isinf(values) & (not endless))
    if bad.any():
        step = int(np.argmax(bad))
        yield f"{name}: {values[step]} in step {step} (wrong in {int(bad.sum())}), allowed is {least} to {most}"


def _names(site: Site) -> Iterator[str]:
    keeps = [each.name for each in site.batteries] + [each.name for each in site.cars]
    devices = keeps + [each.name for each in site.appliances]
    devices += [heater.name for store in site.stores for heater in store.heaters]
    for names in (devices, keeps + [each.name for each in site.stores]):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"name {name}: given {names.count(name)} times, allowed is once"


def _battery(one: Battery) -> Iterator[str]:
    name = one.name
    yield from _number(f"{name} stored_wh", one.stored_wh, 0.0, np.inf)
    yield from _number(f"{name} most_wh", one.most_wh, 0.0, np.inf)
    yield from _number(f"{name} least_wh", one.least_wh, 0.0, one.most_wh)
    yield from _number(f"{name} charge_max_w", one.charge_max_w, 0.0, np.inf)
    yield from _number(f"{name} discharge_max_w", one.discharge_max_w, 0.0, np.inf)
    yield from _number(f"{name} charge_efficiency", one.charge_efficiency, 0.01, 1.0)
    yield from _number(f"{name} discharge_efficiency", one.discharge_efficiency, 0.01, 1.0)
    yield from _number(f"{name} wear_per_kwh", one.wear_per_kwh, 0.0, PRICE_MOST)


def _car(n: int, one: Car) -> Iterator[str]:
    name = one.name
    yield from _number(f"{name} stored_wh", one.stored_wh, 0.0, np.inf)
    yield from _number(f"{name} capacity_wh", one.capacity_wh, 0.0, np.inf)
    yield from _number(f"{name} charge_max_w", one.charge_max_w, 0.0, np.inf)
    yield from _number(f"{name} charge_least_w", one.charge_least_w, 0.0, one.charge_max_w)
    yield from _number(f"{name} efficiency", one.efficiency, 0.01, 1.0)
    if one.may_charge.shape != (n,):
        yield f"{name} may_charge: {one.may_charge.size} values, allowed is one for each of the {n} steps"
    back = -np.inf
    for trip in sorted(one.trips, key=lambda each: each.leaves):
        where = f"{name} trip from step {trip.leaves} to {trip.returns}"
        yield from _number(f"{where} needs_wh", trip.needs_wh, 0.0, one.capacity_wh)
        yield from _number(f"{where} uses_wh", trip.uses_wh, 0.0, np.inf)
        if not trip.leaves < trip.returns:
            yield f"{where}: allowed is to return in a later step"
        if trip.leaves < back:
            yield f"{where}: allowed is to leave from step {back:.0f} on, when the car is back"
        back = trip.returns


def _comfort(n: int, name: str, one: Comfort) -> Iterator[str]:
    wrong = [*_series(n, f"{name} least_c", one.least_c, COLDEST_C, HOTTEST_C)]
    wrong += _series(n, f"{name} most_c", one.most_c, COLDEST_C, HOTTEST_C)
    wrong += _number(f"{name} price_per_kh", one.price_per_kh, 0.0, PRICE_MOST)
    if one.liked_c is not None:
        wrong += _series(n, f"{name} liked_c", one.liked_c, COLDEST_C, HOTTEST_C)
    yield from wrong
    if wrong:
        return
    yield from _ordered(f"{name} least_c", one.least_c, f"{name} most_c", one.most_c)
    if one.liked_c is not None:
        yield from _ordered(f"{name} least_c", one.least_c, f"{name} liked_c", one.liked_c)
        yield from _ordered(f"{name} liked_c", one.liked_c, f"{name} most_c", one.most_c)


def _ordered(low: str, lower: Floats, high: str, upper: Floats) -> Iterator[str]:
    apart = lower > upper
    if apart.any():
        step = int(np.argmax(apart))
        yield f"{low}: {lower[step]} in step {step}, allowed is {high} ({upper[step]}) at most"


def _store(n: int, one: House | Tank) -> Iterator[str]:
    name, model = one.name, one.model
    if isinstance(one, House):
        yield from _number(f"{name} air_c", one.air_c, COLDEST_C, HOTTEST_C)
        yield from _number(f"{name} mass_c", one.mass_c, COLDEST_C, HOTTEST_C)
        yield from _series(n, f"{name} heat_w", one.heat_w, -np.inf, np.inf)
        yield from _positive(name, model, ("air_j_per_k", "mass_j_per_k"), ("envelope_w_per_k", "coupling_w_per_k"))
    else:
        yield from _number(f"{name} water_c", one.water_c, COLDEST_C, HOTTEST_C)
        yield from _series(n, f"{name} draw_w", one.draw_w, -np.inf, np.inf)
        yield from _positive(name, model, ("heat_j_per_k",), ("loss_w_per_k",))
    yield from _comfort(n, name, one.comfort)
    for heater in one.heaters:
        yield from _heater(n, heater)


def _positive(name: str, model: object, above: tuple[str, ...], not_below: tuple[str, ...]) -> Iterator[str]:
    for key in above:
        yield from _number(f"{name} {key}", getattr(model, key), 1.0, 1e12)
    for key in not_below:
        yield from _number(f"{name} {key}", getattr(model, key), 0.0, 1e9)


def _heater(n: int, one: Heater) -> Iterator[str]:
    name = one.name
    yield from _series(n, f"{name} heat_per_w", one.heat_per_w, -20.0, 20.0)
    yield from _series(n, f"{name} most_w", one.most_w, 0.0, np.inf)
    yield from _number(f"{name} least_w", one.least_w, 0.0, float(np.max(one.most_w, initial=0.0)))
    yield from _dwell(name, one)


def _dwell(name: str, one: Heater | Appliance) -> Iterator[str]:
    yield from _number(f"{name} least_on_s", one.least_on_s, 0.0, 86_400.0)
    yield from _number(f"{name} least_off_s", one.least_off_s, 0.0, 86_400.0)
    if not one.since_s >= 0:  # nor NaN; endless is fine
        yield f"{name} since_s: {one.since_s}, allowed is 0 or more"


def _appliance(site: Site, one: Appliance) -> Iterator[str]:
    name, n = one.name, site.horizon.steps
    yield from _number(f"{name} power_w", one.power_w, 0.0, np.inf)
    yield from _dwell(name, one)
    if not one.first < one.last or one.last <= 0 or one.first >= n:
        yield f"{name} window: step {one.first} to {one.last}, allowed is at least one of the {n} steps"
        return
    window_s = (one.last - max(one.first, 0)) * site.horizon.step_s
    yield from _number(f"{name} run_s", one.run_s, 0.0, window_s)


def _commitment(n: int, one: Commitment) -> Iterator[str]:
    name = f"contract {one.contract}"
    if not 0 <= one.first < one.last or one.first >= n:
        yield f"{name}: step {one.first} to {one.last}, allowed is 0 <= first < last, first below {n}"
    yield from _number(f"{name} energy_wh", one.energy_wh, -np.inf, np.inf)
    yield from _number(f"{name} deviation_per_kwh", one.deviation_per_kwh, 0.0, PRICE_MOST)
