"""From the facts of a node to the site that is planned: what there is, in which state, within which bounds. Pure.

What is not known is left out and said in `notes`: a plan for the rest is better than none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf

import numpy as np

from controller.book import Entry
from controller.devices import DeviceView
from controller.flexibility import with_reserve
from controller.limits.allowed import Allowed
from controller.limits.envelope import View
from controller.planning.site import Appliance, Battery, Floats, Horizon, Site
from controller.thermal.models import HouseModel, TankModel
from firmware_py.home.planning.cars import CarFacts, car_of
from firmware_py.home.planning.commitments import commitments, reserves
from firmware_py.home.planning.envelopes import bounds
from firmware_py.home.planning.hours import Now, spans, step_now, steps_of
from firmware_py.home.planning.settings import BatterySet, HomeSet, PlanSet, RunSet
from firmware_py.home.planning.stores import house_of, tank_of


@dataclass(frozen=True, slots=True)
class Switched:
    """Whether a load is on, and for how long it has been so."""

    is_on: bool = False
    since_s: float = inf


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """The node as it stands. `temperature_c` by sensor (absent: not known), `mass_c` by room, `models` by room and tank as learnt;
    `hot_at`: when each tank was hot enough against legionella last; `ran_s`: how long each run has run in its present window.
    """

    now: Now
    views: Mapping[str, DeviceView] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    held: tuple[Allowed, ...] = ()
    envelopes: tuple[View, ...] = ()
    temperature_c: Mapping[str, float] = field(default_factory=dict)
    mass_c: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, HouseModel | TankModel] = field(default_factory=dict)
    hot_at: Mapping[str, datetime] = field(default_factory=dict)
    cars: Mapping[str, CarFacts] = field(default_factory=dict)
    ran_s: Mapping[str, float] = field(default_factory=dict)
    switched: Mapping[str, Switched] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is expected of the horizon, at the owner's risk; `draw_w` by tank; `margin_w`: by how much load and sun may be off (None or endless: nobody
    knows).
    """

    load_w: Floats
    pv_w: Floats
    outdoor_c: Floats
    import_per_kwh: Floats
    export_per_kwh: Floats
    draw_w: Mapping[str, Floats] = field(default_factory=dict)
    margin_w: Floats | None = None
    notes: tuple[str, ...] = ()


def horizon_at(plan: PlanSet, utc: datetime) -> Horizon:
    """The steps of a plan that is made now; the first has begun already."""
    return Horizon(step_now(utc, plan.step_s), plan.step_s, plan.steps)


def site_of(home: HomeSet, plan: PlanSet, facts: Facts, expected: Expected) -> Site:
    """The site to be planned; its horizon is that of `expected`."""
    horizon, notes = horizon_at(plan, facts.now.utc), list(expected.notes)
    import_max_w, export_max_w = bounds(horizon, facts.now, home.site_w, facts.held, facts.envelopes)
    net_w = expected.load_w - expected.pv_w
    batteries = [_battery(each, facts, notes) for each in home.batteries if plan.may(each.name)]
    houses = [house_of(room, home, plan, facts, expected, horizon, notes) for room in home.rooms]
    tanks = [tank_of(tank, home, plan, facts, expected, horizon, notes) for tank in home.tanks]
    cars = [car_of(car, home.zone, facts, horizon, notes) for car in home.cars if plan.may(car.charger)]
    runs = [each for run in home.runs if plan.may(run.relay) for each in _runs(run, home, facts, horizon, notes)]
    site = Site(
        horizon=horizon,
        import_per_kwh=expected.import_per_kwh,
        export_per_kwh=expected.export_per_kwh,
        import_max_w=import_max_w,
        export_max_w=export_max_w,
        load_w=expected.load_w,
        pv_w=expected.pv_w,
        outdoor_c=expected.outdoor_c,
        may_curtail=any(plan.may(name) for name in home.pv),
        batteries=tuple(each for each in batteries if each is not None),
        cars=tuple(each for each in cars if each is not None),
        houses=tuple(each for each in houses if each is not None),
        tanks=tuple(each for each in tanks if each is not None),
        appliances=tuple(runs),
        commitments=commitments(facts.entries, facts.now, horizon, net_w, plan.deviation_per_kwh),
        profit_per_kwh=plan.profit_per_kwh,
        notes=tuple(dict.fromkeys(notes)),
    )
    margin_w = expected.margin_w
    return site if margin_w is None or not np.isfinite(margin_w).all() else _reserved(site, facts, margin_w)


def _reserved(site: Site, facts: Facts, margin_w: Floats) -> Site:
    """With the reserve of what was bought: a plan on the forecast alone would spend before the window what was counted on."""
    for first, last, sign in reserves(facts.entries, facts.now, site.horizon):
        site = with_reserve(site, first, last, sign, margin_w)
        most_w, begin = float(margin_w[first:last].max()), site.horizon.moment(first)
        note = f"{most_w:.0f} W of load {'less' if sign > 0 else 'more'} than forecast from {begin:%H:%M} UTC, for a contract"
        site = replace(site, notes=(*site.notes, note))
    return site


def _battery(battery: BatterySet, facts: Facts, notes: list[str]) -> Battery | None:
    view = facts.views.get(battery.name)
    ratings, soc_percent = (None, None) if view is None else (view.ratings, view.soc_percent)
    told_wh = None if ratings is None else ratings.energy_wh
    energy_wh = battery.capacity_wh if told_wh is None else told_wh
    if ratings is None or soc_percent is None or energy_wh is None:
        missing = "what it stores" if ratings is not None and soc_percent is not None else "its state"
        notes.append(f"{battery.name}: {missing} is not known, it is left out")
        return None
    stored_wh = energy_wh * soc_percent / 100.0
    return Battery(
        name=battery.name,
        stored_wh=stored_wh,
        least_wh=min(energy_wh * battery.least_percent / 100.0, stored_wh),
        most_wh=energy_wh,
        charge_max_w=ratings.consume_max_w,
        discharge_max_w=ratings.produce_max_w,
        charge_efficiency=battery.efficiency,
        discharge_efficiency=battery.efficiency,
        wear_per_kwh=battery.wear_per_kwh,
    )


def _runs(run: RunSet, home: HomeSet, facts: Facts, horizon: Horizon, notes: list[str]) -> list[Appliance]:
    """A run in each window that ends within the horizon; of the present one what is left of it, and still fits."""
    found: list[Appliance] = []
    switched = facts.switched.get(run.relay, Switched())
    for span in spans(home.zone, run.hours, facts.now.utc, horizon.moment(horizon.steps)):
        first, last = steps_of(horizon, span)
        is_open = span.holds(facts.now.utc)
        left_s = run.run_s - (facts.ran_s.get(run.relay, 0.0) if is_open else 0.0)
        if span.end > horizon.moment(horizon.steps) or left_s <= 0.0 or last <= first:
            continue
        room_s = (last - first) * horizon.step_s
        if left_s > room_s + horizon.step_s:  # a device that begins its step a minute late is no news
            notes.append(
                f"{run.relay}: {(left_s - room_s) / 60.0:.0f} min of its run do not fit into its window any more"
            )
        left_s = min(left_s, room_s)
        # A plan knows a device by its name; the days after the first have another one.
        name = run.relay if not found else f"{run.relay}+{len(found)}"
        is_on = switched.is_on and not found
        since_s = switched.since_s if not found else inf
        times = (run.least_on_s, run.least_off_s)
        found.append(Appliance(name, run.power_w, left_s, first, last, *times, is_on, float(np.minimum(since_s, 1e9))))
    return found
