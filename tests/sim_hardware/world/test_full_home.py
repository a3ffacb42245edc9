"""What a home of a world has beside meter, PV and battery: a charging point, probes, a cooler, a pump behind contacts."""

import copy

import numpy as np
import pytest

from drivers.chargers.go_e import GoE
from drivers.thermometers import r4dcb08
from protocols.mistakes import Mistake
from protocols.ports import Plug, Table
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.household import COOLING, OUTSIDE, POOL, ROOM, TANK, WATER
from sim_hardware.physics.vector import Floats
from sim_hardware.virtual_time import run_virtual
from sim_hardware.world.block import LOAD
from sim_hardware.world.config import WorldConfig, _parts
from sim_hardware.world.world import World
from tests.sim_hardware.world.homes import config, world

NIGHT = {"start": "2026-03-01T01:00:00Z", "step_s": 10.0}
HOUSE = {"heat_pump": {}, "house": {"air_c": 20.0}}


def load_w(homes: World) -> Floats:
    return np.asarray(homes.meters.power[0, LOAD].sum(axis=1))


def close(homes: World, *contacts: int, home: str = "home-1") -> None:
    homes.homes[home].images["relays"].write(4, [sum(1 << contact for contact in contacts)])


def at_night(*blocks: dict[str, object]) -> World:
    return World(config(*blocks, world=NIGHT))


def test_a_charging_point_tells_its_own_car_and_no_other() -> None:
    async def main() -> None:
        homes = at_night({"count": 2, "ev": {"soc_percent": 30, "most_a": 16}})
        first, second = (GoE(MemoryBus({1: homes.homes[f"home-{n}"].images["charger"]}), 1) for n in (1, 2))
        await first.probe()
        homes.after(20.0)
        before_w = load_w(homes)
        await first.allow(6.0, 60.0)
        homes.after(20.0)
        volts = homes.meters.voltage_v.mean(axis=1)
        values = await first.read()
        assert values["power_w"] == pytest.approx(3 * 6 * volts[0], abs=10.0)
        assert before_w[0] - load_w(homes)[0] == pytest.approx(3 * 10 * volts[0], rel=0.02)
        assert (await second.read())["current_l1_a"] == pytest.approx(16.0, abs=0.1)
        await first.allow(0.0, 60.0)
        homes.after(20.0)
        assert await first.plug() is Plug.CONNECTED
        assert (await first.read())["power_w"] == 0.0
        assert await second.plug() is Plug.CHARGING

    run_virtual(main(), horizon_s=100)


def test_the_charging_point_counts_what_the_car_took() -> None:
    async def main() -> None:
        homes = at_night({"ev": {"soc_percent": 30}})
        point = GoE(MemoryBus({1: homes.homes["home-1"].images["charger"]}), 1)
        cars = homes.blocks[0].cars
        assert cars is not None
        before_wh = cars.evs.stored_wh.copy()
        homes.after(3600.0)
        taken_wh = float((cars.evs.stored_wh - before_wh)[0]) / cars.evs.params.efficiency
        assert (await point.read())["energy_import_wh"] == pytest.approx(taken_wh, abs=100.0)  # a tenth of a kWh
        assert taken_wh > 9_000.0

    run_virtual(main(), horizon_s=100)


def test_a_car_that_is_gone_leaves_an_empty_socket() -> None:
    homes = World(config({"ev": {}}, world={"start": "2026-03-02T11:00:00Z", "step_s": 10.0}))
    homes.after(10.0)
    assert homes.homes["home-1"].images["charger"].read(Table.INPUT, 100, 1) == [1]


def test_probes_feel_room_tank_and_weather() -> None:
    async def main() -> None:
        homes = at_night({**HOUSE, "water_heater": {}, "thermometers": True})
        homes.after(7200.0)
        bus, block = MemoryBus({1: homes.homes["home-1"].images["thermometers"]}), homes.blocks[0]
        assert block.heating is not None
        assert block.tanks is not None
        tank = block.tanks.heaters
        true_c = {
            ROOM: float(block.heating.houses.air_c[0]),
            TANK: float(tank.upper_c[0] + tank.lower_c[0]) / 2.0,
            OUTSIDE: homes.weather.outdoor_c,
        }
        for channel, celsius in true_c.items():
            felt = await r4dcb08.TYPE.build(bus, 1, channel).read()
            assert felt["temperature_c"] == pytest.approx(celsius, abs=0.0821)
        assert len({round(value) for value in true_c.values()}) == 3

    run_virtual(main(), horizon_s=100)


def test_a_home_without_a_house_has_the_weather_only() -> None:
    homes = at_night({"thermometers": True})
    homes.after(10.0)
    words = homes.homes["home-1"].images["thermometers"].read(Table.HOLDING, 0, 3)
    assert [word == 0x8000 for word in words] == [True, True, False]


def test_a_frozen_board_of_probes_is_a_picture() -> None:
    homes = at_night({**HOUSE, "thermometers": True})
    homes.after(10.0)
    image = homes.homes["home-1"].images["thermometers"]
    picture = copy.deepcopy(image)
    before = picture.read(Table.HOLDING, 0, 3)
    homes.after(6 * 3600.0)
    assert picture.read(Table.HOLDING, 0, 3) == before != image.read(Table.HOLDING, 0, 3)


def test_a_frozen_charging_point_is_a_picture() -> None:
    homes = at_night({"ev": {"soc_percent": 30}})
    homes.after(10.0)
    image = homes.homes["home-1"].images["charger"]
    picture = copy.deepcopy(image)
    homes.after(3600.0)
    assert picture.read(Table.INPUT, 128, 2) == [0, 0]
    assert image.read(Table.INPUT, 128, 2)[1] > 80


def test_the_cooler_runs_behind_its_contact_and_cools() -> None:
    warm = {**HOUSE, "house": {"air_c": 27.0}, "air_conditioner": {"setpoint_c": 22.0}, "thermometers": True}
    homes = World(config({**warm, "count": 2}, world=NIGHT, weather={"outdoor_c": 30.0}))
    homes.after(600.0)
    before_w = load_w(homes)
    close(homes, COOLING)
    homes.after(1800.0)
    heating = homes.blocks[0].heating
    assert heating is not None
    assert load_w(homes)[0] - before_w[0] > 1_000.0
    assert heating.houses.air_c[0] < heating.houses.air_c[1] - 0.5


def test_the_pump_runs_behind_its_contact() -> None:
    homes = at_night({"count": 2, "pool_pump": {"power_w": 2000}})
    homes.after(10.0)
    before_w = load_w(homes)
    close(homes, POOL, home="home-2")
    homes.after(10.0)
    assert load_w(homes) - before_w == pytest.approx([0.0, 2000.0], abs=400.0)


@pytest.mark.parametrize("enables", [False, True])
def test_a_contact_blocks_or_enables_the_water_heater(enables: bool) -> None:
    homes = at_night({"water_heater": {"element_w": 3000, "setpoint_c": 60, "enables": enables}})
    tanks = homes.blocks[0].tanks
    assert tanks is not None
    tanks.heaters.set(80.0)
    for closed in (False, True, False):
        close(homes, *([WATER] if closed else []))
        homes.after(20.0)
        assert bool(tanks.heaters.power_w[0] > 0.0) is (closed is enables), f"closed: {closed}"


def test_what_cannot_be_is_said() -> None:
    def said(**block: object) -> list[Mistake]:
        return list(_parts(WorldConfig.model_validate({"world": {"name": "test"}, "home": [block]})))

    assert [mistake.key for mistake in said(air_conditioner={})] == ["home.0.air_conditioner"]
    assert [mistake.key for mistake in said(water_heater={"relay": False, "enables": True})] == [
        "home.0.water_heater.enables"
    ]
    assert said(air_conditioner={}, heat_pump={}, water_heater={"enables": True}) == []


def test_energy_still_balances() -> None:
    everything = {
        **HOUSE,
        "pv": {},
        "battery": {},
        "water_heater": {},
        "air_conditioner": {},
        "pool_pump": {},
        "ev": {},
    }
    homes = world({**everything, "thermometers": True, "count": 3})
    close(homes, POOL, COOLING)
    homes.after(60.0)
    power = homes.meters.power[0]
    assert power[0] == pytest.approx(power[1:].sum(axis=0))
