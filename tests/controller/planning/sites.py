"""Sites to plan for: small ones to check by hand, and a whole home of varied days."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from controller.planning.site import (
    Appliance,
    Battery,
    Bools,
    Car,
    Comfort,
    Floats,
    Heater,
    Horizon,
    House,
    Site,
    Tank,
    Trip,
)
from controller.thermal.models import HouseModel, TankModel

START = datetime(2026, 3, 10, tzinfo=UTC)


def horizon(steps: int, step_s: float = 3600.0) -> Horizon:
    return Horizon(START, step_s, steps)


def full(steps: int, value: float) -> Floats:
    return np.full(steps, value)


def bare(steps: int, step_s: float = 3600.0, *, load_w: float = 0.0, buys: float = 0.3, sells: float = 0.08) -> Site:
    """A connection point of 10 kW both ways, one price each way, no sun, no devices."""
    return Site(
        horizon(steps, step_s), full(steps, buys), full(steps, sells), full(steps, 10_000.0), full(steps, 10_000.0),
        full(steps, load_w), full(steps, 0.0), full(steps, 5.0),
    )  # fmt: skip


BATTERY = Battery("battery", 2_000.0, 500.0, 10_000.0, 5_000.0, 5_000.0, 0.95, 0.95, 0.02)
# GridLAB-D's default house in SI (facts: UA 573.19, Ca 1059.28, Cm 4293.81, Hm 9138.92 Btu, degF, h).
HOUSE = HouseModel(302.4, 2.0117e6, 8.1545e6, 4821.0, 300.0)
TANK = TankModel(837_000.0, 2.0, 18.0)


def house(steps: int, *, least_w: float = 600.0, most_w: float = 2_000.0, cop: float = 3.5) -> House:
    comfort = Comfort(full(steps, 20.0), full(steps, 23.0), full(steps, 21.0), 0.02)
    pump = Heater("heat_pump", full(steps, cop), full(steps, most_w), least_w, 1200.0, 1200.0)
    return House("living", HOUSE, 21.0, 21.0, comfort, (pump,), full(steps, 0.0))


def tank(steps: int, draw_w: Floats | None = None) -> Tank:
    comfort = Comfort(full(steps, 45.0), full(steps, 65.0))
    element = Heater("element", full(steps, 1.0), full(steps, 2_000.0), 2_000.0, 600.0, 300.0)
    return Tank("boiler", TANK, 55.0, comfort, (element,), full(steps, 150.0) if draw_w is None else draw_w)


def home(seed: int, hours: int = 24, step_s: float = 900.0) -> Site:
    """Battery, car, heat pump, water heater and sun on a day drawn from the seed; prices as of a day-ahead market."""
    random = np.random.default_rng(seed)
    steps = round(hours * 3600 / step_s)
    hour = np.arange(steps) * step_s / 3600.0
    clock = np.asarray(hour % 24.0, np.float64)
    spot = 0.09 + 0.05 * np.cos((clock - 19.0) / 12 * np.pi) + 0.04 * np.cos((clock - 8.0) / 6 * np.pi)
    spot = spot * random.uniform(0.3, 1.6) + 0.01 * random.standard_normal(steps)
    sun = np.maximum(np.sin((clock - 6.0) / 12 * np.pi), 0.0) ** 1.5 * random.uniform(500.0, 8000.0)
    cloud = np.clip(1 - 0.6 * random.random(steps), 0.0, 1.0)
    load = 350.0 + 900.0 * np.exp(-((clock - 19.0) ** 2) / 4) + 500.0 * np.exp(-((clock - 7.5) ** 2) / 2)
    load = load * random.uniform(0.6, 1.6) + np.abs(random.normal(0.0, 150.0, steps))
    outdoor = random.uniform(-5.0, 14.0) + 4.0 * np.cos((clock - 15.0) / 12 * np.pi)
    night = (clock < 6) | (clock >= 22)
    comfort = Comfort(np.where(night, 18.5, 20.0), full(steps, 23.0), full(steps, 21.0), 0.02)
    cop = np.interp(outdoor, [-7.0, 2.0, 7.0], [2.6, 3.4, 4.2])
    pump = Heater("heat_pump", cop, full(steps, 3_000.0), 800.0, 1200.0, 900.0)
    element = Heater("element", full(steps, 1.0), full(steps, 2_000.0), 2_000.0, 600.0, 300.0)
    draws = np.where((np.abs(clock - 7.0) < 0.5) | (np.abs(clock - 20.0) < 0.5), 2_500.0, 40.0)
    hot = Comfort(full(steps, 45.0), full(steps, 65.0))
    return Site(
        horizon(steps, step_s), spot + 0.16, full(steps, 0.08), full(steps, 17_000.0), full(steps, 10_000.0), load,
        sun * cloud, outdoor,
        batteries=(replace(BATTERY, stored_wh=float(random.uniform(500.0, 10_000.0))),),
        cars=(_car(random, steps, step_s, clock),),
        houses=(House("living", HOUSE, 20.5, 20.5, comfort, (pump,), 0.3 * sun),),
        tanks=(Tank("boiler", TANK, float(random.uniform(46.0, 60.0)), hot, (element,), draws),),
    )  # fmt: skip


def _car(random: np.random.Generator, steps: int, step_s: float, clock: Floats) -> Car:
    away: Bools = (clock >= 7.5) & (clock < 17.5)
    leaves = np.flatnonzero(np.diff(away.astype(int)) == 1) + 1
    length, needs = round(36_000 / step_s), float(random.uniform(15_000.0, 35_000.0))
    trips = tuple(Trip(int(step), int(step) + length, needs, 9_000.0) for step in leaves)
    return Car("car", float(random.uniform(8_000.0, 15_000.0)), 50_000.0, 1_380.0, 11_000.0, ~away, trips)


def dishwasher(first: int, last: int, run_s: float = 7200.0) -> Appliance:
    return Appliance("dishwasher", 1_000.0, run_s, first, last, run_s)
