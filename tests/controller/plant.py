"""A home that does what is planned for its first step, while its load is not what was forecast."""

from dataclasses import replace

import numpy as np

from controller.flexibility import with_reserve
from controller.planning.plan import Plan
from controller.planning.planner import Planner
from controller.planning.site import Car, Comfort, Commitment, Floats, Heater, Horizon, House, Site, Tank
from controller.thermal import exact_step
from protocols.flexibility import Offer

# Of a missed kWh: far above every price of energy.
PRICE = 3.0


def called(
    site: Site, offer: Offer, change_w: float, error_w: Floats, margin_w: Floats, exact_s: float = 0.0
) -> tuple[float, float]:
    """By how much the worst interval missed the change (W), and the worst kelvin outside of comfort, called step by step.

    `error_w`: what the load of each step is above its forecast; known in the step, as the 1 s loop knows it.
    """
    first, per = site.horizon.step_of(offer.start), round(offer.interval_s / site.horizon.step_s)
    asked = tuple(
        Commitment("called", first + k * per, first + (k + 1) * per, (w + change_w) * offer.interval_s / 3600.0, PRICE)
        for k, w in enumerate(offer.baseline_w)
    )
    last, planner, seen_w, cold_k = site.horizon.step_of(offer.end), Planner(), [], 0.0
    site = replace(site, commitments=(*site.commitments, *asked))
    for step in range(last):
        begins = max(1, first - step)
        ready = with_reserve(site, begins, last - step, float(np.sign(change_w)), margin_w[step:])
        ready.load_w[0] = site.load_w[0] + error_w[step]
        made = planner.plan(ready, 2.0, exact_s)
        seen_w.append(float(made.grid_w[0]))
        site = after(site, made)
        cold_k = max(cold_k, *(_outside_k(store, site) for store in site.stores), 0.0)
    means_w = np.array(seen_w[first:]).reshape(-1, per).mean(axis=1)
    return float(np.abs(means_w - np.array(offer.baseline_w) - change_w).max()), cold_k


def _outside_k(store: House | Tank, site: Site) -> float:
    now_c = store.air_c if isinstance(store, House) else store.water_c
    return float(max(store.comfort.least_c[0] - now_c, now_c - store.comfort.most_c[0]))


def after(site: Site, made: Plan) -> Site:
    """The site a step later."""
    horizon = Horizon(site.horizon.moment(1), site.horizon.step_s, site.horizon.steps - 1)
    series = ("import_per_kwh", "export_per_kwh", "import_max_w", "export_max_w", "load_w", "pv_w", "outdoor_c")
    return replace(
        site,
        horizon=horizon,
        **{name: getattr(site, name)[1:] for name in series},
        batteries=tuple(replace(one, stored_wh=float(made.stored_wh[one.name][1])) for one in site.batteries),
        cars=tuple(_driven(one, made) for one in site.cars),
        houses=tuple(_warmed(one, site, made) for one in site.houses),
        tanks=tuple(_heated(one, site, made) for one in site.tanks),
        commitments=tuple(
            replace(one, first=one.first - 1, last=one.last - 1) for one in site.commitments if one.first > 0
        ),
    )


def _driven(car: Car, made: Plan) -> Car:
    trips = tuple(replace(one, leaves=one.leaves - 1, returns=one.returns - 1) for one in car.trips if one.returns > 0)
    return replace(car, stored_wh=float(made.stored_wh[car.name][1]), may_charge=car.may_charge[1:], trips=trips)


def _warmed(house: House, site: Site, made: Plan) -> House:
    step = exact_step.of_house(house.model, site.horizon.step_s)
    heat_w = house.heat_w[0] + house.model.gain_w + _heat_w(house.heaters, made)
    air_c, mass_c = step.keep @ [house.air_c, house.mass_c] + step.by @ [site.outdoor_c[0], heat_w]
    return replace(
        house, air_c=float(air_c), mass_c=float(mass_c), comfort=_later(house.comfort), heat_w=house.heat_w[1:],
        heaters=_switched(house.heaters, site, made),
    )  # fmt: skip


def _heated(tank: Tank, site: Site, made: Plan) -> Tank:
    step = exact_step.of_tank(tank.model, site.horizon.step_s)
    water_c = step.keep @ [tank.water_c] + step.by @ [tank.model.room_c, _heat_w(tank.heaters, made) - tank.draw_w[0]]
    return replace(
        tank, water_c=float(water_c[0]), comfort=_later(tank.comfort), draw_w=tank.draw_w[1:],
        heaters=_switched(tank.heaters, site, made),
    )  # fmt: skip


def _heat_w(heaters: tuple[Heater, ...], made: Plan) -> float:
    return sum(float(made.power_w[one.name][0] * one.heat_per_w[0]) for one in heaters)


def _later(comfort: Comfort) -> Comfort:
    liked_c = None if comfort.liked_c is None else comfort.liked_c[1:]
    return replace(comfort, least_c=comfort.least_c[1:], most_c=comfort.most_c[1:], liked_c=liked_c)


def _switched(heaters: tuple[Heater, ...], site: Site, made: Plan) -> tuple[Heater, ...]:
    def one(heater: Heater) -> Heater:
        on = bool(made.power_w[heater.name][0] > 1.0)
        since_s = site.horizon.step_s + (heater.since_s if on == heater.is_on else 0.0)
        return replace(heater, is_on=on, since_s=since_s, heat_per_w=heater.heat_per_w[1:], most_w=heater.most_w[1:])

    return tuple(one(heater) for heater in heaters)
