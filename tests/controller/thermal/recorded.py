"""Recorded weeks of a house and a tank, made by the simulated hardware's own physics and read by an ordinary sensor."""

import itertools

import numpy as np
from numpy.typing import NDArray

from controller.thermal.fit_house import HouseRecord
from controller.thermal.fit_tank import TankRecord
from sim_hardware.physics.thermal import curves
from sim_hardware.physics.thermal.heat_pump import HeatPump, HeatPumpParams
from sim_hardware.physics.thermal.house import TERRACE, House, HouseParams
from sim_hardware.physics.thermal.water_heater import WaterHeater, WaterHeaterParams

Floats = NDArray[np.float64]

TRUE_GAIN_W = 300.0


def weather(days: int, dt_s: float, rng: np.random.Generator) -> Floats:
    """Winter: a daily wave on days that wander by a few kelvin."""
    t = np.arange(int(days * 86_400 / dt_s)) * dt_s
    level_c = np.interp(t / 86_400, np.arange(days + 1), 4.0 + np.cumsum(rng.normal(0.0, 2.0, days + 1)))
    return np.clip(level_c - 3.0 * np.cos(2 * np.pi * (t / 86_400 - 0.17)), -15.0, 14.0)


def house_record(
    seed: int,
    days: int = 10,
    *,
    step_s: float = 900.0,
    params: HouseParams = TERRACE,
    night_c: float = 17.5,
    noise_k: float = 0.05,
    is_mean: bool = True,
    believed_cop: bool = False,
    dt_s: float = 150.0,
) -> HouseRecord:
    """The thermostat goes down at night; the sensor shows whole tenths of a kelvin."""
    rng = np.random.default_rng(seed)
    outdoor_c = weather(days, dt_s, rng)
    house, pump = House(params, air_c=20.0, mass_c=19.5), HeatPump(HeatPumpParams())
    room_c, heat_w, power_w = (np.empty_like(outdoor_c) for _ in range(3))
    for k, out_c in enumerate(outdoor_c):
        pump.setpoint_c = 20.5 if 6 <= k * dt_s / 3600 % 24 < 22 else night_c
        pump.after(dt_s, house.air_c, float(out_c))
        house.outdoor_c, house.air_gain_w = float(out_c), pump.heat_w + TRUE_GAIN_W
        before_c = house.air_c
        house.after(dt_s)
        room_c[k] = 0.5 * (before_c + house.air_c) if is_mean else house.air_c
        heat_w[k], power_w[k] = pump.heat_w, pump.power_w
    shown_c = np.round(room_c + rng.normal(0.0, noise_k, len(room_c)), 1)
    per = round(step_s / dt_s)
    if believed_cop:
        # As a data sheet has it: at 2 degC and below with its defrosting (EN 14511), of the rest nothing.
        cop = pump.params.cop / curves.heating_input(outdoor_c) * np.interp(outdoor_c, [3.0, 7.0], [0.82, 1.0])
        heat_w = (power_w - pump.params.standby_w) * cop
    room = shown_c.reshape(-1, per).mean(axis=1) if is_mean else shown_c[per - 1 :: per]
    return HouseRecord(
        step_s, room, outdoor_c.reshape(-1, per).mean(axis=1), heat_w.reshape(-1, per).mean(axis=1), None, is_mean
    )


# litres at an hour of the day, near which they are drawn on most days
DRAWS = ((6.5, 40.0), (7.2, 30.0), (12.5, 8.0), (18.5, 15.0), (20.0, 45.0), (22.0, 5.0))


def tank_record(
    seed: int, days: int = 14, *, step_s: float = 900.0, is_mean: bool = True, params: WaterHeaterParams | None = None
) -> tuple[TankRecord, Floats]:
    """What the sensor in the lower half shows, and the heat that was truly drawn in each step."""
    rng, dt_s, tank = np.random.default_rng(seed), 60.0, WaterHeater(params)
    litres = np.zeros(round(days * 86_400 / dt_s))
    for day, (hour, litre) in itertools.product(range(days), DRAWS):
        first, lasts = round((day * 24 + hour + rng.normal(0.0, 0.4)) * 60), max(2, round(litre / 6))
        if rng.random() < 0.85:
            litres[first : first + lasts] += litre * rng.uniform(0.6, 1.4) / lasts
    water_c, heat_w, drawn_w = (np.empty_like(litres) for _ in range(3))
    for k, litre in enumerate(litres):
        before_c, upper_c = tank.lower_c, tank.upper_c
        tank.draw_l_per_s = float(litre) / dt_s
        tank.after(dt_s)
        water_c[k] = 0.5 * (before_c + tank.lower_c) if is_mean else tank.lower_c
        heat_w[k] = tank.power_w
        drawn_w[k] = litre * 4_178.0 * (0.5 * (upper_c + tank.upper_c) - tank.inlet_c) / dt_s
    shown_c, per = np.round(water_c + rng.normal(0.0, 0.05, len(water_c)), 1), round(step_s / dt_s)
    water = shown_c.reshape(-1, per).mean(axis=1) if is_mean else shown_c[per - 1 :: per]
    record = TankRecord(step_s, water, heat_w.reshape(-1, per).mean(axis=1), is_mean=is_mean)
    return record, drawn_w.reshape(-1, per).mean(axis=1)
