"""What the planner saves: `python -m bench.home_energy [--blocks 6] [--days 5] [--risk 0.5] [--known] [--profile H0-A]`.

A home with PV, battery, car, heat pump and water heater lives through blocks of days spread over a year of real profiles
(`bench.home_year`), three times on the same data: as perfect foresight would have it (one relaxed problem over the whole block: a
lower bound nobody can reach), by the plain rules (self-consumption, charge at once, thermostats), and by the node's own forecasts,
plans and orders, planned anew each quarter-hour. Prices are known as a day-ahead market tells them: to the end of the day, from
13:00 on to the end of the next. `--known`: the same, forecasts being the truth, which shows what the forecasts cost.

What is stored at the end is worth the same to all three: what the planner says of the block's own end, where every horizon ends.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import partial
from typing import Final

import msgspec
import numpy as np

from bench.home_year import QUARTERS, Year, moment, year
from bench.machine import machine
from bench.plant import Plant
from controller.forecasting import forecasters
from controller.forecasting.series import Series
from controller.forecasting.sun import Place
from controller.planning.heat import of_house, of_tank
from controller.planning.orders import Orders
from controller.planning.plan import Plan
from controller.planning.planner import Planner
from controller.planning.rules import rules
from controller.planning.site import Battery, Car, Comfort, Floats, Heater, Horizon, House, Site, Tank, Trip
from controller.planning.steering import orders
from controller.planning.worth import of_battery, of_car, of_store
from controller.thermal.models import HouseModel, TankModel

STEP_S: Final = 900.0
AHEAD: Final = 2 * QUARTERS
# A step of the plant: loads that run for part of a quarter-hour do so in thirds.
PARTS: Final = 3
HISTORY_DAYS: Final = 42
PLACE: Final = Place(51.0, 10.0)
MODEL: Final = HouseModel(160.0, 3.0e6, 30.0e6, 1500.0, gain_w=300.0)
TANK_MODEL: Final = TankModel(200 * 4180.0, 1.7)
LEAVES, RETURNS, USES_WH, NEEDS_WH = 30, 70, 8_000.0, 30_000.0  # 07:30, 17:30 on weekdays
LIMITS: Final = 17_250.0, 10_000.0
HOUSE_C, WATER_C = (20.0, 24.0), (45.0, 65.0)
SWITCHED_LEAST_W: Final = 700.0


@dataclass(slots=True, eq=False)
class State:
    """What the home holds."""

    battery_wh: float = 5_000.0
    car_wh: float = 30_000.0
    house_c: Floats = field(default_factory=lambda: np.array([21.0, 21.0]))
    water_c: float = 52.0


@dataclass(frozen=True, slots=True)
class Result:
    """Of one block: money of each way (what is stored at the end taken off), comfort lost, and how long a plan took."""

    first: int
    perfect: float
    by_rules: float
    planned: float
    off_kh: float
    rules_off_kh: float
    missed_wh: float
    solve_s: tuple[float, ...]

    @property
    def captured(self) -> float:
        """The share of the possible saving."""
        return (self.by_rules - self.planned) / (self.by_rules - self.perfect)


def bounds(of_c: tuple[float, float], steps: int) -> Comfort:
    """The same at all times."""
    return Comfort(np.full(steps, of_c[0]), np.full(steps, of_c[1]))


def draws(first: int, quarters: int) -> tuple[Floats, Floats]:
    """Hot water as heat (W): what is expected of each quarter-hour, and what was drawn, some times a day."""
    place = (np.arange(first, first + quarters) % QUARTERS) / 4.0
    shape = np.exp(-(((place - 7.0) / 1.0) ** 2)) + 0.8 * np.exp(-(((place - 20.0) / 1.5) ** 2)) + 0.05
    expected = shape / shape.mean() * 230.0
    drawn = np.random.default_rng(first).poisson(expected / 1200.0) * 1200.0
    return expected, drawn.astype(np.float64)


def trips(first: int, quarters: int, parts: int) -> tuple[np.ndarray, tuple[Trip, ...]]:
    """When the car is plugged in, and its journeys of weekdays, from quarter `first` of the year on, in steps."""
    home, journeys = np.ones(quarters, dtype=np.bool_), list[Trip]()
    for day in range(first // QUARTERS - 1, (first + quarters) // QUARTERS + 1):
        if moment(day * QUARTERS).weekday() >= 5:
            continue
        leaves, returns = day * QUARTERS + LEAVES - first, day * QUARTERS + RETURNS - first
        home[max(leaves, 0) : max(returns, 0)] = False
        if leaves < quarters and returns > 0:
            journeys.append(Trip(leaves * parts, min(returns, quarters) * parts, NEEDS_WH, USES_WH))
    return np.repeat(home, parts), tuple(journeys)


def site(first: int, quarters: int, state: State, known: Sequence[Floats], parts: int = 1) -> Site:
    """The site from quarter `first` on, each quarter in so many steps; `known`: load, PV, temperature, prices, draw."""
    load_w, pv_w, outdoor_c, buys, sells, draw_w = (np.repeat(each, parts) for each in known)
    steps = quarters * parts
    horizon = Horizon(moment(first), STEP_S / parts, steps)
    cop = np.clip(3.5 + 0.07 * (outdoor_c - 7.0), 1.8, 5.5)
    pump = Heater("pump", cop, np.full(steps, 2500.0), least_w=SWITCHED_LEAST_W)
    element = Heater("boiler", np.ones(steps), np.full(steps, 2000.0), least_w=2000.0)
    house = House("house", MODEL, *state.house_c, bounds(HOUSE_C, steps), (pump,), np.zeros(steps))
    tank = Tank("water", TANK_MODEL, state.water_c, bounds(WATER_C, steps), (element,), draw_w)
    home, journeys = trips(first, quarters, parts)
    car = Car("car", state.car_wh, 60_000.0, 4140.0, 11_040.0, home, journeys)
    battery = Battery("battery", state.battery_wh, 500.0, 10_000.0, 5000.0, 5000.0, wear_per_kwh=0.02)
    import_w, export_w = (np.full(steps, limit) for limit in LIMITS)
    return Site(
        horizon, buys, sells, import_w, export_w, load_w, pv_w, outdoor_c,
        batteries=(battery,), cars=(car,), houses=(house,), tanks=(tank,),
    )  # fmt: skip


def truth(of: Year, first: int, steps: int) -> list[Floats]:
    """What really comes."""
    there = slice(first, first + steps)
    _, drawn = draws(first, steps)
    return [
        of.load_w[there],
        of.pv_w[there],
        of.outdoor_c[there],
        of.import_per_kwh[there],
        of.export_per_kwh[there],
        drawn,
    ]


def expected(of: Year, first: int, steps: int, risk: float) -> list[Floats]:
    """What the node expects, from what it has measured and been told."""
    past, horizon = slice(first - HISTORY_DAYS * QUARTERS, first), Horizon(moment(first), STEP_S, steps)
    load, pv, air = (Series(moment(past.start), STEP_S, values[past]) for values in (of.load_w, of.pv_w, of.outdoor_c))
    ahead = forecasters.outdoor(air, horizon)
    known_to = (first // QUARTERS + (2 if first % QUARTERS >= 52 else 1)) * QUARTERS
    prices = []
    for told in (of.import_per_kwh, of.export_per_kwh):
        later = np.arange(first, first + steps)
        later = np.where(later < known_to, later, known_to - QUARTERS + (later - known_to) % QUARTERS)
        prices.append(told[later])
    return [
        forecasters.load(load, horizon, UTC).at(risk),
        forecasters.pv(pv, horizon, PLACE, rated_w=5000.0).at(1.0 - risk),
        ahead.median,
        *prices,
        draws(first, steps)[0],
    ]


def state(plant: Plant) -> State:
    """What the home holds now."""
    stored_wh, masses_c = plant.stored_wh, plant.masses_c
    return State(stored_wh["battery"], stored_wh["car"], masses_c["house"].copy(), float(masses_c["water"][0]))


def kept(told: Orders, now: State) -> Orders:
    """The orders as thermostats let them through: the owner's bounds go before what is planned."""
    wants = dict(told.wants_w)
    if now.house_c[0] < HOUSE_C[0] + 0.05:
        wants["pump"] = max(wants["pump"], 1500.0)
    elif now.house_c[0] > HOUSE_C[1]:
        wants["pump"] = 0.0
    if now.water_c < WATER_C[0] + 0.5:
        wants["boiler"] = 2000.0
    elif now.water_c > WATER_C[1] - 1.0:
        wants["boiler"] = 0.0
    return msgspec.structs.replace(told, wants_w=wants)


def stored(whole: Site, state: State) -> float:
    """What the home holds at the end is worth."""
    (house,), (tank,), horizon = whole.houses, whole.tanks, whole.horizon
    heat = of_store(whole, house, of_house(house, horizon, whole.outdoor_c)) @ state.house_c
    water = of_store(whole, tank, of_tank(tank, horizon)) @ np.array([state.water_c])
    battery, car = of_battery(whole, whole.batteries[0]), of_car(whole, whole.cars[0].efficiency)
    return float(heat + water) + (battery * state.battery_wh + car * state.car_wh) / 1000.0


def _end(whole: Site, plan: Plan) -> State:
    """Where a plan leaves the home, the mass of the house included."""
    (house,), horizon = whole.houses, whole.horizon
    heat_kw = plan.power_w["pump"] * house.heaters[0].heat_per_w / 1000.0
    masses_c = of_house(house, horizon, whole.outdoor_c).play(heat_kw)[:, -1]
    battery_wh, car_wh = (float(plan.stored_wh[name][-1]) for name in ("battery", "car"))
    return State(battery_wh, car_wh, masses_c, float(plan.temperature_c["water"][-1]))


def lived(of: Year, first: int, quarters: int, risk: float, *, known: bool) -> tuple[Plant, tuple[float, ...]]:
    """The block by forecasts, plans and orders."""
    comes = truth(of, first, quarters)
    plant, planner, solve_s = Plant(site(first, quarters, State(), comes, PARTS)), Planner(), list[float]()
    for quarter in range(quarters):
        ahead = min(AHEAD, quarters - quarter)
        seen = [each[quarter : quarter + ahead] for each in comes]
        here = site(first + quarter, ahead, state(plant), seen if known else expected(of, first + quarter, ahead, risk))
        plan = planner.plan(here, 2.0, 4 * 3600.0)
        solve_s.append(plan.solve_s)
        for part in range(PARTS):
            at = moment(first + quarter) + timedelta(seconds=STEP_S / PARTS * part)
            plant.follow(kept(orders(plan, here, at, np.inf), state(plant)))
    return plant, tuple(solve_s)


def block(first: int, days: int, risk: float, known: bool, profile: str, plant_name: str) -> Result:
    """One block of days, three times."""
    of, steps = year(profile, plant_name), days * QUARTERS
    whole = site(first, steps, State(), truth(of, first, steps))
    best, plain = Planner().plan(whole, 60.0, 0.0), rules(whole)
    ends = [_end(whole, plan) for plan in (best, plain)]
    plant, solve_s = lived(of, first, steps, risk, known=known)
    money = [best.cost.total, plain.cost.total, plant.bill.energy + plant.bill.wear]
    money = [each - stored(whole, end) for each, end in zip(money, [*ends, state(plant)], strict=True)]
    off = sum(each.amount for each in plain.violations if each.unit == "K h")
    return Result(first, *money, plant.bill.outside_kh, off, plant.bill.missing_wh, solve_s)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.home_energy", description=__doc__)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--risk", type=float, default=0.5)
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--profile", default="H0-A")
    parser.add_argument("--plant", default="PV3")
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args(arguments)
    print(machine())
    firsts = [QUARTERS * round(45 + each * (366 - 60) / chosen.blocks) for each in range(chosen.blocks)]
    began_s = time.monotonic()
    play = partial(
        block, days=chosen.days, risk=chosen.risk, known=chosen.known, profile=chosen.profile, plant_name=chosen.plant
    )
    with ProcessPoolExecutor(chosen.jobs) as pool:
        results = list(pool.map(play, firsts))
    print("  from        perfect   rules   planned  captured  off K h (rules)  car short Wh   plan p50/p99 s")
    for each in results:
        took = np.percentile(each.solve_s, (50, 99))
        print(
            f"  {moment(each.first):%Y-%m-%d} {each.perfect:9.2f} {each.by_rules:8.2f} {each.planned:8.2f}"
            f" {100 * each.captured:7.1f} % {each.off_kh:7.2f} ({each.rules_off_kh:.2f}) {each.missed_wh:10.0f}"
            f"      {took[0]:.3f} / {took[1]:.3f}"
        )
    best, plain, planned = (sum(getattr(each, name) for each in results) for name in ("perfect", "by_rules", "planned"))
    share = (plain - planned) / (plain - best)
    print(
        f"  all {len(results) * chosen.days} days: {best:.2f}, {plain:.2f}, {planned:.2f}: {100 * share:.1f} % of the possible saving"
    )
    print(f"  {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
