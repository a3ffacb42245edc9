"""The plain rules, looked ahead: what a site does that looks at nothing but now. The fallback, and what a plan is measured by.

A battery takes what is over and covers the load. A car charges at once and with all it can until it has what its next trip
needs. A thermostat keeps what is liked (else a little above the least that is allowed), with a hysteresis. An appliance runs as
soon as it may. Where the connection point has no room, cars and then heaters go without; the sun is limited by what cannot go out.
"""

from dataclasses import dataclass, field

import numpy as np

from controller.planning.heat import Steps, steps_of
from controller.planning.plan import Made, Plan
from controller.planning.reading import Course, Worth, plan
from controller.planning.site import Appliance, Battery, Bools, Car, Floats, Heater, House, Site, Tank
from controller.planning.switching import SLACK, Dwell, dwell

# How far below what is liked a store may fall before it is warmed, K.
HOUSE_BAND_K, TANK_BAND_K = 0.5, 5.0


def rules(site: Site) -> Plan:
    """What the plain rules would do over the horizon, and cost."""
    played = _Played(site)
    for step in range(site.horizon.steps):
        _step(played, step)
    zeros = np.zeros(site.horizon.steps)
    value = np.where(played.grid_w >= 0, site.import_per_kwh, site.export_per_kwh)
    stored = {each.name: zeros for each in (*site.batteries, *site.cars, *site.stores)}
    return plan(site, played.course(), Worth(value, stored), Made.RULES)


@dataclass(slots=True, eq=False)
class _Switch:
    """A device that is on or off and keeps its least times, in steps."""

    held: Dwell
    is_on: bool
    since: int

    def may(self, wants: bool, step: int) -> bool:
        """What it does where this is wanted."""
        bound = step < (self.held.held_on if self.is_on else self.held.held_off)
        bound = bound or self.since < (self.held.on_steps if self.is_on else self.held.off_steps)
        return self.is_on if bound else wants

    def does(self, is_on: bool) -> None:
        """A step has passed so."""
        self.since = self.since + 1 if is_on == self.is_on else 1
        self.is_on = is_on


@dataclass(slots=True, eq=False)
class _Played:
    """What has happened so far; series are filled step by step."""

    site: Site
    power_w: dict[str, Floats] = field(init=False)
    stored_wh: dict[str, Floats] = field(init=False)
    masses_c: dict[str, Floats] = field(init=False)
    held: dict[str, Steps] = field(init=False)
    switches: dict[str, _Switch] = field(init=False)
    grid_w: Floats = field(init=False)
    curtailed_w: Floats = field(init=False)
    elsewhere_wh: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        site, n = self.site, self.site.horizon.steps
        heaters = [heater for store in site.stores for heater in store.heaters]
        stores = {each.name: each.stored_wh for each in site.batteries} | {
            each.name: each.stored_wh for each in site.cars
        }
        names = [*stores, *(each.name for each in site.appliances), *(each.name for each in heaters)]
        self.power_w = {name: np.zeros(n) for name in names}
        self.stored_wh = {name: _edges(n, stored_wh) for name, stored_wh in stores.items()}
        self.held = {each.name: steps_of(each, site.horizon, site.outdoor_c) for each in site.stores}
        self.masses_c = {name: _edges(n, steps.begins_c) for name, steps in self.held.items()}
        switched: list[Heater | Appliance] = [*heaters, *site.appliances]
        self.switches = {each.name: _Switch(dwell(each, site.horizon.step_s), each.is_on, 1 << 30) for each in switched}
        self.grid_w, self.curtailed_w = np.zeros(n), np.zeros(n)
        self.elsewhere_wh = {each.name: 0.0 for each in site.cars}

    def course(self) -> Course:
        """All of it."""
        is_on: dict[str, Bools] = {name: self.power_w[name] > 0 for name in self.switches}
        missing = {each.name: _steps_left(self, each, self.site.horizon.steps) for each in self.site.appliances}
        return Course(
            self.power_w, self.stored_wh, self.masses_c, is_on, self.grid_w, self.curtailed_w, missing, self.elsewhere_wh
        )  # fmt: skip


def _edges(n: int, begins: Floats | float) -> Floats:
    edges = np.zeros((*np.shape(begins), n + 1))
    edges[..., 0] = begins
    return edges


def _step(played: _Played, step: int) -> None:
    site = played.site
    for appliance in site.appliances:
        _run(played, appliance, step)
    for store in site.stores:
        _thermostat(played, store, step)
    for car in site.cars:
        played.power_w[car.name][step] = _car_w(played, car, step)
    _make_room(played, step)
    for car in site.cars:
        _drive(played, car, step)
    for store in site.stores:
        _warm(played, store, step)
    rest_w = _loads_w(played, step) - site.pv_w[step]
    for battery in site.batteries:
        rest_w += _follow(played, battery, rest_w, step)
    if site.may_curtail:
        played.curtailed_w[step] = min(max(-rest_w - site.export_max_w[step], 0.0), site.pv_w[step])
    played.grid_w[step] = rest_w + played.curtailed_w[step]


def _loads_w(played: _Played, step: int) -> float:
    batteries = {each.name for each in played.site.batteries}
    moved = sum(float(power[step]) for name, power in played.power_w.items() if name not in batteries)
    return float(played.site.load_w[step]) + moved


def _steps_left(played: _Played, one: Appliance, step: int) -> float:
    needs = int(np.ceil(one.run_s / played.site.horizon.step_s - SLACK))
    beyond = max(0, one.last - played.site.horizon.steps) if step == played.site.horizon.steps else 0
    return max(0.0, float(needs - np.count_nonzero(played.power_w[one.name][:step]) - beyond))


def _run(played: _Played, one: Appliance, step: int) -> None:
    switch = played.switches[one.name]
    inside = one.first <= step < one.last
    runs = inside and switch.may(_steps_left(played, one, step) > 0, step)
    switch.does(runs)
    played.power_w[one.name][step] = one.power_w if runs else 0.0


def _thermostat(played: _Played, store: House | Tank, step: int) -> None:
    """On where the store would fall below its band by the step's end, at the power that brings it to what is liked."""
    held, comfort, masses_c = played.held[store.name], store.comfort, played.masses_c[store.name][:, step]
    free_c = float((held.keeps @ masses_c + held.given[step])[0])
    later = min(step + 1, played.site.horizon.steps - 1)
    least_c = max(float(comfort.least_c[step]), float(comfort.least_c[later]))
    most_c = max(min(float(comfort.most_c[step]), float(comfort.most_c[later])), least_c)
    width_k = min(HOUSE_BAND_K if isinstance(store, House) else TANK_BAND_K, (most_c - least_c) / 2)
    wanted_c = least_c + width_k if comfort.liked_c is None else float(comfort.liked_c[step])
    wanted_c = min(max(wanted_c, least_c + width_k), most_c - width_k)
    for heater in store.heaters:
        per_w = float(held.by_kw[0]) / 1000.0 * float(heater.heat_per_w[step])
        switch, at_w = played.switches[heater.name], 0.0
        sign = np.sign(per_w)
        edge_c = wanted_c if switch.is_on else wanted_c - sign * width_k
        wants = per_w != 0 and sign * (edge_c - free_c) > 0
        most_w = float(heater.most_w[step])
        if switch.may(bool(wants), step) and most_w > 0:
            needs_w = (wanted_c - free_c) / per_w if per_w != 0 else 0.0
            at_w = min(max(needs_w, heater.least_w), most_w)
        switch.does(at_w > 0)
        played.power_w[heater.name][step] = at_w
        free_c += per_w * at_w


def _car_w(played: _Played, car: Car, step: int) -> float:
    """All it can until it holds what its next trip needs."""
    ahead = [trip for trip in car.trips if trip.leaves > step]
    if not ahead or not car.may_charge[step]:
        return 0.0
    needs_wh = min(ahead, key=lambda trip: trip.leaves).needs_wh - played.stored_wh[car.name][step]
    if needs_wh <= 0:
        return 0.0
    power_w = min(needs_wh / car.efficiency / played.site.horizon.hours, car.charge_max_w)
    return max(float(power_w), car.charge_least_w)


def _make_room(played: _Played, step: int) -> None:
    """Cars, then heaters that may stop, go without where the batteries cannot keep the import down."""
    site, hours = played.site, played.site.horizon.hours
    helps_w = sum(_discharge_max_w(played, each, step, hours) for each in site.batteries)
    over_w = _loads_w(played, step) - site.pv_w[step] - helps_w - site.import_max_w[step]
    for car in site.cars:
        had_w = float(played.power_w[car.name][step])
        if over_w > 0 and had_w > 0:
            left_w = had_w - over_w
            played.power_w[car.name][step] = left_w = left_w if left_w >= car.charge_least_w else 0.0
            over_w -= had_w - left_w
    for store in site.stores:
        for heater in store.heaters:
            switch, had_w = played.switches[heater.name], float(played.power_w[heater.name][step])
            if over_w > 0 and had_w > 0 and step >= switch.held.held_on and switch.since >= switch.held.on_steps:
                played.power_w[heater.name][step] = 0.0
                switch.is_on, switch.since = False, 1
                over_w -= had_w


def _discharge_max_w(played: _Played, one: Battery, step: int, hours: float) -> float:
    left_wh = max(0.0, float(played.stored_wh[one.name][step]) - one.least_wh)
    return min(one.discharge_max_w, left_wh * one.discharge_efficiency / hours)


def _follow(played: _Played, one: Battery, rest_w: float, step: int) -> float:
    """Take what is over, give what is missing."""
    hours, stored = played.site.horizon.hours, played.stored_wh[one.name]
    room_wh = max(0.0, one.most_wh - float(stored[step]))
    most_w = min(one.charge_max_w, room_wh / one.charge_efficiency / hours)
    power_w = min(max(-rest_w, -_discharge_max_w(played, one, step, hours)), most_w)
    change = power_w * one.charge_efficiency if power_w > 0 else power_w / one.discharge_efficiency
    stored[step + 1] = stored[step] + change * hours
    played.power_w[one.name][step] = power_w
    return power_w


def _drive(played: _Played, car: Car, step: int) -> None:
    stored, power = played.stored_wh[car.name], played.power_w[car.name]
    room_wh = max(0.0, car.capacity_wh - float(stored[step]))
    power[step] = min(float(power[step]), room_wh / car.efficiency / played.site.horizon.hours)
    stored[step + 1] = stored[step] + power[step] * car.efficiency * played.site.horizon.hours
    for trip in car.trips:
        if trip.returns == step + 1:
            short_wh = max(0.0, trip.uses_wh - float(stored[step + 1]))
            played.elsewhere_wh[car.name] += short_wh
            stored[step + 1] += short_wh - trip.uses_wh


def _warm(played: _Played, store: House | Tank, step: int) -> None:
    held, masses = played.held[store.name], played.masses_c[store.name]
    heat_kw = sum(
        float(played.power_w[each.name][step]) * float(each.heat_per_w[step]) for each in store.heaters
    ) / 1000.0  # fmt: skip
    masses[:, step + 1] = held.keeps @ masses[:, step] + held.by_kw * heat_kw + held.given[step]
