"""Homes to plan for: battery, car, heat pump on a house of two masses, water heater and sun, on days drawn from a seed."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from controller.planning.site import Battery, Bools, Car, Comfort, Floats, Heater, Horizon, House, Site, Tank, Trip
from controller.thermal.models import HouseModel, TankModel

START: Final = datetime(2026, 3, 10, tzinfo=UTC)
# GridLAB-D's default house in SI (UA 573.19, Ca 1059.28, Cm 4293.81, Hm 9138.92 in Btu, degF, h).
HOUSE: Final = HouseModel(302.4, 2.0117e6, 8.1545e6, 4821.0, 300.0)
# 200 l of water.
TANK: Final = TankModel(837_000.0, 2.0, 18.0)


def home(seed: int, hours: int = 24, step_s: float = 900.0) -> Site:
    """A day drawn from the seed, from an hour drawn as well; prices as of a day-ahead market with fixed pay for export."""
    random = np.random.default_rng(seed)
    steps = round(hours * 3600 / step_s)
    begins = seed * 7 % 24
    clock = np.asarray((begins + np.arange(steps) * step_s / 3600.0) % 24.0, np.float64)
    spot = 0.09 + 0.05 * np.cos((clock - 19.0) / 12 * np.pi) + 0.04 * np.cos((clock - 8.0) / 6 * np.pi)
    spot = spot * random.uniform(0.3, 1.6) + 0.01 * random.standard_normal(steps)
    sun = np.maximum(np.sin((clock - 6.0) / 12 * np.pi), 0.0) ** 1.5 * random.uniform(500.0, 8000.0)
    cloud = np.clip(1 - 0.6 * random.random(steps), 0.0, 1.0)
    load = 350.0 + 900.0 * np.exp(-((clock - 19.0) ** 2) / 4) + 500.0 * np.exp(-((clock - 7.5) ** 2) / 2)
    load = load * random.uniform(0.6, 1.6) + np.abs(random.normal(0.0, 150.0, steps))
    outdoor = random.uniform(-5.0, 14.0) + 4.0 * np.cos((clock - 15.0) / 12 * np.pi)
    night = (clock < 6) | (clock >= 22)
    comfort = Comfort(np.where(night, 18.5, 20.0), np.full(steps, 23.0), np.full(steps, 21.0), 0.02)
    cop = np.interp(outdoor, [-7.0, 2.0, 7.0], [2.6, 3.4, 4.2])
    pump = Heater("heat_pump", cop, np.full(steps, 3_000.0), 800.0, 1200.0, 900.0)
    element = Heater("element", np.full(steps, 1.0), np.full(steps, 2_000.0), 2_000.0, 600.0, 300.0)
    draws = np.where((np.abs(clock - 7.0) < 0.5) | (np.abs(clock - 20.0) < 0.5), 2_500.0, 40.0)
    hot = Comfort(np.full(steps, 45.0), np.full(steps, 65.0))
    return Site(
        Horizon(START + timedelta(hours=begins), step_s, steps), spot + 0.16, np.full(steps, 0.08), np.full(steps, 17_000.0), np.full(steps, 10_000.0), load,
        sun * cloud, outdoor,
        batteries=(
            Battery("battery", float(random.uniform(500.0, 10_000.0)), 500.0, 10_000.0, 5_000.0, 5_000.0, wear_per_kwh=0.02),
        ),
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
