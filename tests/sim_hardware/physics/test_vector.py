"""Many homes at once are what each would be alone."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from sim_hardware.physics.battery import BatteryStore
from sim_hardware.physics.ev import Ev, EvParams, Trip
from sim_hardware.physics.pv import PvPlant, Sun
from sim_hardware.physics.thermal.heat_pump import HeatPump, HeatPumpParams
from sim_hardware.physics.thermal.house import House, HouseParams
from sim_hardware.physics.thermal.water_heater import WaterHeater, WaterHeaterParams
from sim_hardware.physics.vector import Floats
from sim_hardware.physics.vector.electric import Batteries, Evs, PvPlants
from sim_hardware.physics.vector.heat import HeatPumps, Houses, WaterHeaters

N = 8
RANDOM = np.random.default_rng(5)


def _some(least: float, most: float) -> Floats:
    return RANDOM.uniform(least, most, N)


def _same(ours: Floats, theirs: Sequence[float], within: float = 1e-9) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=within, atol=within)


@pytest.mark.parametrize("shared", [True, False])
def test_houses_and_heat_pumps(shared: bool) -> None:
    """Through frost, thaw and limits; the two are coupled, so a slip of either shows in both."""
    ua, ca, cm, hm = _some(100, 250), _some(1e6, 4e6), _some(1e7, 4e7), _some(1e3, 2e3)
    heat_w, cop, setpoint_c = _some(5e3, 12e3), _some(3, 4), _some(19, 22)
    p = HeatPumpParams(frost_s=1_200.0, defrost_s=120.0, least_on_s=300.0)
    houses = Houses(N, 10.0, envelope_w_per_k=ua, air_j_per_k=ca, mass_j_per_k=cm, coupling_w_per_k=hm)
    pumps = HeatPumps(N, 10.0, params=p, heat_w=heat_w, cop=cop, setpoint_c=setpoint_c)
    alone = [
        House(
            HouseParams(envelope_w_per_k=ua[i], air_j_per_k=ca[i], mass_j_per_k=cm[i], coupling_w_per_k=hm[i]),
            air_c=20.0,
        )
        for i in range(N)
    ]
    single = [
        HeatPump(
            HeatPumpParams(heat_w=heat_w[i], cop=cop[i], frost_s=1_200.0, defrost_s=120.0, least_on_s=300.0),
            setpoint_c=setpoint_c[i],
        )
        for i in range(N)
    ]
    gain_w, switched, thawed = _some(0, 800), 0, False
    for step in range(1200):
        outdoor_c = 4.0 + 8.0 * np.sin(step / 150.0) + (0.0 if shared else np.linspace(-2, 2, N))
        pumps.most_power_w = 900.0 if 700 < step < 760 else 300.0 if 760 <= step < 800 else None
        was = pumps.is_on.copy()
        pumps.after(houses.air_c, float(outdoor_c) if shared else outdoor_c)
        houses.after(float(outdoor_c) if shared else outdoor_c, pumps.heat_w, gain_w)
        switched += int((was != pumps.is_on).sum())
        for i, (house, pump) in enumerate(zip(alone, single, strict=True)):
            house.outdoor_c = float(np.broadcast_to(outdoor_c, N)[i])
            pump.most_power_w = pumps.most_power_w
            pump.after(10.0, house.air_c, house.outdoor_c)
            house.air_gain_w, house.mass_gain_w = pump.heat_w, gain_w[i]
            house.after(10.0)
            thawed |= pump.is_defrosting
        _same(pumps.heat_w, [pump.heat_w for pump in single], 1e-6)
        _same(pumps.power_w, [pump.power_w for pump in single], 1e-6)
    _same(houses.air_c, [house.air_c for house in alone])
    _same(houses.mass_c, [house.mass_c for house in alone])
    assert switched > N
    assert thawed


def test_water_heaters() -> None:
    volume_l, loss, mixing, setpoint_c = _some(80, 300), _some(1, 3), _some(0.5, 20), _some(45, 60)
    tanks = WaterHeaters(
        N, 5.0, volume_l=volume_l, loss_w_per_k=loss, element_w=2_000.0, mixing_w_per_k=mixing, setpoint_c=setpoint_c
    )
    alone = [
        WaterHeater(
            WaterHeaterParams(volume_l=volume_l[i], loss_w_per_k=loss[i], mixing_w_per_k=mixing[i]),
            setpoint_c=setpoint_c[i],
        )
        for i in range(N)
    ]
    switched = 0
    for step in range(2000):
        rows = np.array([i for i in range(N) if (step // 40 + 3 * i) % 7 == 0], dtype=np.intp)
        litres = np.array([0.02 + 0.01 * row for row in rows])
        tanks.is_blocked = np.arange(N) % 2 == 0 if 1000 < step < 1200 else None
        tanks.room_c = 18.0 if step < 500 else 8.0
        was = tanks.power_w.copy()
        tanks.after(rows, litres)
        switched += int((was != tanks.power_w).sum())
        for i, tank in enumerate(alone):
            tank.room_c = tanks.room_c
            tank.draw_l_per_s = 0.02 + 0.01 * i if i in rows else 0.0
            tank.is_blocked = tanks.is_blocked is not None and bool(tanks.is_blocked[i])
            tank.after(5.0)
        _same(tanks.power_w, [tank.power_w for tank in alone])
    _same(tanks.upper_c, [tank.upper_c for tank in alone], 1e-8)
    _same(tanks.lower_c, [tank.lower_c for tank in alone], 1e-8)
    assert switched > 2 * N


def test_pv_plants() -> None:
    peak_w = _some(3e3, 10e3)
    plants = PvPlants(N, 1.0, peak_w=peak_w, rating_w=5_000.0, lag_s=2.0)
    alone = [PvPlant(Sun(Random(1), 0.0), peak_w=peak_w[i], rating_w=5_000.0, lag_s=2.0) for i in range(N)]
    for step in range(300):
        irradiance_w_m2 = 1_000.0 * abs(np.sin(step / 20.0))
        plants.limit_w = 2_000.0 if 100 < step < 200 else None
        plants.after(irradiance_w_m2)
        for plant in alone:
            plant.sun.hold_w_m2 = irradiance_w_m2  # type: ignore[attr-defined] # a Sun, made above
            plant.limit_w = plants.limit_w
            plant.after(1.0)
        _same(plants.power_w, [plant.power_w for plant in alone])


def test_batteries() -> None:
    capacity_wh, soc = _some(500, 3_000), _some(0.1, 0.9)
    batteries = Batteries(N, 10.0, capacity_wh=capacity_wh, rating_w=3_000.0, soc=soc, lag_s=5.0)
    alone = [BatteryStore(capacity_wh=capacity_wh[i], rating_w=3_000.0, soc=soc[i], lag_s=5.0) for i in range(N)]
    for step in range(1500):
        if step % 100 == 0:
            batteries.request_w[:] = _some(-4e3, 4e3)
        batteries.after()
        for i, store in enumerate(alone):
            store.request_w = batteries.request_w[i]
            store.after(10.0)
        _same(batteries.power_w, [store.power_w for store in alone], 1e-6)
        _same(batteries.stored_wh, [store.stored_wh for store in alone])
    assert min(batteries.stored_wh / capacity_wh) < 0.06 or max(batteries.stored_wh / capacity_wh) > 0.99


def test_cars() -> None:
    leave_s, arrive_s, energy_wh = np.floor(_some(6, 9) * 3600), np.floor(_some(15, 20) * 3600), _some(3e3, 30e3)
    p = EvParams()
    cars = Evs(N, 30.0, params=p, leave_s=leave_s, arrive_s=arrive_s, energy_wh=energy_wh, day_s=60_000.0, soc=0.3)
    trips = [Trip(leave_s[i], arrive_s[i], energy_wh[i]) for i in range(N)]
    alone = [Ev(lambda trip=trip: trip, p, day_s=60_000.0, soc=0.3) for trip in trips]  # type: ignore[misc]
    for step in range(4000):
        cars.limit_a = 8.0 if 3000 < step < 3500 else 4.0 if 3500 <= step < 3600 else None
        cars.after(230.0)
        for car in alone:
            car.limit_a = cars.limit_a
            car.after(30.0)
        _same(cars.power_w, [car.power_w for car in alone], 1e-6)
        assert cars.is_home.tolist() == [car.is_home for car in alone]
    _same(cars.stored_wh, [car.stored_wh for car in alone])


def test_homes_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="mass_j_per_k of home 1 is -2; it must be more than 0"):
        Houses(2, 1.0, envelope_w_per_k=1.0, air_j_per_k=1.0, mass_j_per_k=np.array([1.0, -2.0]), coupling_w_per_k=1.0)
    with pytest.raises(ValueError, match=r"peak_w has shape \(3,\); it must be one number or \(2,\)"):
        PvPlants(2, 1.0, peak_w=np.ones(3), rating_w=1.0)
    with pytest.raises(ValueError, match="soc of home 1 is nan"):
        Batteries(2, 1.0, capacity_wh=1.0, rating_w=1.0, soc=np.array([0.5, np.nan]))
    with pytest.raises(ValueError, match="arrive_s of home 0 is 5; it must be at least leave_s 9"):
        Evs(1, 1.0, params=EvParams(), leave_s=np.array([9.0]), arrive_s=np.array([5.0]), energy_wh=1.0)
