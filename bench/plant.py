"""A site that follows orders: what its devices do in a step, by what truly is (load, sun, draws), not by what was planned.

Only for closed loops of planning: batteries follow 0 W at the connection point inside their bands, loads draw what is wanted.
"""

from dataclasses import dataclass, replace

from controller.planning.heat import steps_of
from controller.planning.orders import Orders
from controller.planning.site import Battery, Comfort, Floats, Heater, Horizon, House, Site, Tank, Trip
from controller.wishes import Band


@dataclass(slots=True)
class Bill:
    """What was paid, what was worn, what was off: money, and K h outside the bounds."""

    energy: float = 0.0
    wear: float = 0.0
    comfort: float = 0.0
    outside_kh: float = 0.0
    missing_wh: float = 0.0


class Plant:
    """The true site over a whole time, and the state in which it is now."""

    def __init__(self, truth: Site) -> None:
        self.truth, self.now, self.bill = truth, 0, Bill()
        self.stored_wh = {each.name: each.stored_wh for each in truth.batteries}
        self.stored_wh |= {each.name: each.stored_wh for each in truth.cars}
        self.held = {each.name: steps_of(each, truth.horizon, truth.outdoor_c) for each in truth.stores}
        self.masses_c = {name: steps.begins_c for name, steps in self.held.items()}
        heaters = [heater for store in truth.stores for heater in store.heaters]
        self.is_on = {each.name: each.is_on for each in heaters}
        self.since_s = {each.name: each.since_s for each in heaters}

    def ahead(self, steps: int) -> Site:
        """What is to be planned for from now on: the truth, with the state of now."""
        truth, at = self.truth, slice(self.now, min(self.now + steps, self.truth.horizon.steps))
        n = at.stop - at.start
        horizon = Horizon(truth.horizon.moment(self.now), truth.horizon.step_s, n)
        return replace(
            truth,
            horizon=horizon,
            **{name: getattr(truth, name)[at] for name in SERIES},
            batteries=tuple(replace(each, stored_wh=self.stored_wh[each.name]) for each in truth.batteries),
            cars=tuple(
                replace(each, stored_wh=self.stored_wh[each.name], may_charge=each.may_charge[at],
                        trips=tuple(_trips(each.trips, self.now, n)))
                for each in truth.cars
            ),
            houses=tuple(self._house(each, at) for each in truth.houses),
            tanks=tuple(self._tank(each, at) for each in truth.tanks),
        )  # fmt: skip

    def _heaters(self, store: House | Tank, at: slice) -> tuple[Heater, ...]:
        return tuple(
            replace(each, heat_per_w=each.heat_per_w[at], most_w=each.most_w[at], is_on=self.is_on[each.name],
                    since_s=self.since_s[each.name])
            for each in store.heaters
        )  # fmt: skip

    def _house(self, one: House, at: slice) -> House:
        air_c, mass_c = self.masses_c[one.name]
        comfort = _comfort(one, at)
        return replace(one, air_c=air_c, mass_c=mass_c, comfort=comfort, heat_w=one.heat_w[at],
                       heaters=self._heaters(one, at))  # fmt: skip

    def _tank(self, one: Tank, at: slice) -> Tank:
        comfort = _comfort(one, at)
        return replace(one, water_c=self.masses_c[one.name][0], comfort=comfort, draw_w=one.draw_w[at],
                       heaters=self._heaters(one, at))  # fmt: skip

    def follow(self, orders: Orders) -> None:
        """One step by these orders."""
        truth, step, hours = self.truth, self.now, self.truth.horizon.hours
        rest_w = float(truth.load_w[step] - truth.pv_w[step])
        for car in truth.cars:
            power_w = orders.wants_w.get(car.name, 0.0) if car.may_charge[step] else 0.0
            room_w = (car.capacity_wh - self.stored_wh[car.name]) / car.efficiency / hours
            power_w = min(power_w, max(room_w, 0.0))
            self.stored_wh[car.name] += power_w * car.efficiency * hours
            rest_w += power_w
        for store in truth.stores:
            rest_w += self._warm(store, orders)
        for battery in truth.batteries:
            rest_w += self._battery(battery, orders.bands.get(battery.name, Band()), rest_w)
        lowest_w = max(-float(truth.export_max_w[step]), orders.least_site_w)
        if truth.may_curtail and rest_w < lowest_w:
            rest_w = min(lowest_w, rest_w + float(truth.pv_w[step]))
        price = truth.import_per_kwh[step] if rest_w >= 0 else truth.export_per_kwh[step]
        self.bill.energy += float(price) * rest_w * hours / 1000.0
        self._drive()
        self.now += 1

    def _drive(self) -> None:
        for car in self.truth.cars:
            for trip in car.trips:
                if trip.leaves == self.now + 1:
                    self.bill.missing_wh += max(0.0, trip.needs_wh - self.stored_wh[car.name])
                if trip.returns == self.now + 1:
                    self.stored_wh[car.name] = max(0.0, self.stored_wh[car.name] - trip.uses_wh)

    def _warm(self, store: House | Tank, orders: Orders) -> float:
        held, step, step_s = self.held[store.name], self.now, self.truth.horizon.step_s
        total_w = heat_kw = 0.0
        for heater in store.heaters:
            power_w = orders.wants_w.get(heater.name, 0.0)
            on = power_w > 0
            self.since_s[heater.name] = step_s + (self.since_s[heater.name] if on == self.is_on[heater.name] else 0.0)
            self.is_on[heater.name] = on
            total_w += power_w
            heat_kw += power_w * float(heater.heat_per_w[step]) / 1000.0
        masses_c = held.keeps @ self.masses_c[store.name] + held.by_kw * heat_kw + held.given[step]
        self.masses_c[store.name] = masses_c
        self._off(store, float(masses_c[0]))
        return total_w

    def _off(self, store: House | Tank, now_c: float) -> None:
        comfort, step, hours = store.comfort, self.now, self.truth.horizon.hours
        out_k = max(float(comfort.least_c[step]) - now_c, now_c - float(comfort.most_c[step]), 0.0)
        self.bill.outside_kh += out_k * hours
        if comfort.liked_c is not None:
            self.bill.comfort += comfort.price_per_kh * abs(now_c - float(comfort.liked_c[step])) * hours

    def _battery(self, one: Battery, band: Band, rest_w: float) -> float:
        hours, stored_wh = self.truth.horizon.hours, self.stored_wh[one.name]
        room_w = max(0.0, one.most_wh - stored_wh) / one.charge_efficiency / hours
        left_w = max(0.0, stored_wh - one.least_wh) * one.discharge_efficiency / hours
        reach = Band(-min(one.discharge_max_w, left_w), min(one.charge_max_w, room_w))
        power_w = reach.nearest(band.nearest(-rest_w))
        change_w = power_w * one.charge_efficiency if power_w > 0 else power_w / one.discharge_efficiency
        self.stored_wh[one.name] = stored_wh + change_w * hours
        self.bill.wear += one.wear_per_kwh * max(-power_w, 0.0) * hours / 1000.0
        return power_w


SERIES = (
    "import_per_kwh",
    "export_per_kwh",
    "import_max_w",
    "export_max_w",
    "load_w",
    "pv_w",
    "outdoor_c",
)


def _comfort(store: House | Tank, at: slice) -> Comfort:
    one = store.comfort
    liked_c: Floats | None = None if one.liked_c is None else one.liked_c[at]
    return replace(one, least_c=one.least_c[at], most_c=one.most_c[at], liked_c=liked_c)


def _trips(trips: tuple[Trip, ...], now: int, n: int) -> list[Trip]:
    moved = [replace(each, leaves=each.leaves - now, returns=each.returns - now) for each in trips]
    return [each for each in moved if each.returns > 0 and each.leaves < n]
