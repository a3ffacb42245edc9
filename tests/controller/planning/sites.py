"""Sites to plan for: small ones to check by hand, and a whole home of varied days."""

from datetime import UTC, datetime

import numpy as np

from controller.planning.site import (
    Appliance,
    Battery,
    Comfort,
    Floats,
    Heater,
    Horizon,
    House,
    Site,
    Tank,
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


def dishwasher(first: int, last: int, run_s: float = 7200.0) -> Appliance:
    return Appliance("dishwasher", 1_000.0, run_s, first, last, run_s)
