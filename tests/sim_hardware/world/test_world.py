"""A world's physics and devices: alone or among many, through registers, in balance."""

import copy
import math

import numpy as np
import pytest

from protocols.ports import Table
from sim_hardware.faults import FaultyImage, Word
from sim_hardware.physics.grid import VoltageCollapse, terminal_voltage_v
from sim_hardware.virtual_time import run_virtual
from sim_hardware.world.block import BATTERY, GRID, LOAD, PV
from sim_hardware.world.plan import Shard
from sim_hardware.world.world import World
from tests.sim_hardware.world.homes import FULL, Seen, config, world

VOLTAGE_L1, POWER, IMPORTED_KWH, EXPORTED_KWH = 0x0000, 0x0034, 0x0048, 0x004A
WATTS = 1  # model 704, WSetMod


def everything(of: World, name: str) -> tuple[object, ...]:
    """All registers of all devices of a home, as they are now."""
    seen = Seen(of, name)
    meters = [seen.images[each].read(Table.INPUT, 0, 0x50) for each in ("grid", "load")]
    maps = []
    for device in ("pv", "battery"):
        image = seen.sunspec(device)
        maps.append(seen.images[device].read(Table.HOLDING, image.address(1, "Mn"), 64))
        model = 103 if device == "pv" else 701
        maps.append(seen.images[device].read(Table.HOLDING, image.address(model, "A"), 40))
    return (*meters, *maps, seen.images["relays"].read(Table.HOLDING, 0, 6))


def test_a_home_is_the_same_alone_and_among_many() -> None:
    alone, many = world(FULL), world(FULL, {**FULL, "name": "other", "count": 7}, count=60)
    for each in (alone, many):
        each.after(900.0)
    assert everything(alone, "home-1") == everything(many, "home-1")


def test_a_home_is_the_same_in_any_shard() -> None:
    whole, part = world(FULL, count=9), world(FULL, count=9, shard=Shard(2, 3))
    for each in (whole, part):
        each.after(900.0)
    assert list(part.homes) == ["home-2", "home-5", "home-8"]
    for name in part.homes:
        assert everything(whole, name) == everything(part, name)


def test_the_seed_decides() -> None:
    one, same, other = world(FULL), world(FULL), world(FULL, seed=2)
    for each in (one, same, other):
        each.after(600.0)
    assert everything(one, "home-1") == everything(same, "home-1") != everything(other, "home-1")


def test_copies_differ_by_their_spread_and_no_more() -> None:
    homes = world({"spread": 0.2, "battery": {"rating_w": 1000.0}}, count=200)
    ratings = [
        Seen(homes, name)
        .images["battery"]
        .read(Table.HOLDING, Seen(homes, name).sunspec("battery").address(702, "WMaxRtg"), 1)[0]
        for name in homes.homes
    ]
    assert 800 <= min(ratings) < 850
    assert 1150 < max(ratings) <= 1200


def test_power_and_energy_balance_at_every_home() -> None:
    homes = world(FULL, count=20)
    energy_wh = np.zeros((20, 3))
    for _ in range(600):
        homes.after(1.0)
        power_w = homes.meters.power[0]
        np.testing.assert_allclose(power_w[GRID], power_w[LOAD] + power_w[PV] + power_w[BATTERY], atol=1e-9)
        energy_wh += power_w[GRID] / 3600.0
    taken, given = homes.meters.energy_wh[:, 0, GRID]
    np.testing.assert_allclose(taken - given, energy_wh, atol=1e-9)
    assert (taken >= 0.0).all()
    assert (given >= 0.0).all()


def test_the_meter_shows_what_flows() -> None:
    homes = world(FULL)
    homes.after(5.0)
    first = Seen(homes).meter("grid", IMPORTED_KWH) - Seen(homes).meter("grid", EXPORTED_KWH)
    flowed_wh = 0.0
    for _ in range(900):
        homes.after(1.0)
        flowed_wh += Seen(homes).meter("grid", POWER) / 3600.0
    last = Seen(homes).meter("grid", IMPORTED_KWH) - Seen(homes).meter("grid", EXPORTED_KWH)
    assert 1000.0 * (last - first) == pytest.approx(flowed_wh, abs=0.2)


def test_the_voltage_is_what_the_impedance_leaves() -> None:
    homes = world(FULL, count=3)
    homes.after(60.0)
    own = homes.config.grid
    for row in range(3):
        for phase in range(3):
            power = homes.meters.power[:, GRID, row, phase]
            shown_v = homes.meters.voltage_v[row, phase]
            # The source behind the impedance, from the voltage shown, and back by the scalar formula.
            current = np.conj(complex(*power) / shown_v)
            source_v = abs(shown_v + current * complex(own.r_ohm, own.x_ohm))
            assert terminal_voltage_v(source_v, own.r_ohm, own.x_ohm, *power) == pytest.approx(shown_v, abs=1e-9)
            assert 215.0 < shown_v < 250.0


def test_more_than_a_connection_carries_names_the_home() -> None:
    homes = world({"count": 2})
    with pytest.raises(VoltageCollapse, match="home-2: 100000 W on L3"):
        homes.supply.after(1.0, np.array([[0.0] * 3, [0.0, 0.0, 1e5]]), np.zeros((2, 3)))


def test_a_battery_follows_its_registers_and_reverts_when_nobody_renews() -> None:
    homes = world({"battery": {"soc_percent": 50}})
    seen = Seen(homes)
    seen.write("battery", 704, "WSetRvrt", 0, 0)
    seen.write("battery", 704, "WSetEnaRvrt", 0, 0, 60)
    seen.write("battery", 704, "WSetEna", 1, WATTS, 0, 2000)
    homes.after(30.0)
    assert homes.meters.power[0, BATTERY].sum() == pytest.approx(-2000.0, abs=1e-6)
    homes.after(45.0)  # and nobody has looked meanwhile
    assert homes.meters.power[0, BATTERY].sum() == pytest.approx(0.0, abs=1e-3)


def test_the_charge_is_what_went_in_by_the_closed_form() -> None:
    homes = world({"battery": {"soc_percent": 50, "capacity_wh": 10_000, "round_trip": 0.81, "lag_s": 0}})
    seen = Seen(homes)
    seen.write("battery", 704, "WSetEna", 1, WATTS, 0xFFFF, 0x10000 - 3000)
    homes.after(3600.0)
    (charge,) = seen.images["battery"].read(Table.HOLDING, seen.sunspec("battery").address(713, "SoC"), 1)
    assert charge / 10.0 == pytest.approx(50.0 + 100.0 * 3000.0 * 0.9 / 10_000.0, abs=0.06)


def test_an_inverter_follows_its_limit() -> None:
    homes = world({"pv": {"rating_w": 5000.0, "peak_w": 5000.0}})
    seen = Seen(homes)
    homes.after(30.0)
    assert homes.meters.power[0, PV].sum() < -600.0, "a March morning should give more than that"
    seen.write("pv", 704, "WMaxLimPctEna", 1, 100)  # 10.0 %
    homes.after(30.0)
    assert homes.meters.power[0, PV].sum() == pytest.approx(-500.0, abs=0.5)


def test_an_inverter_of_7xx_acts_by_itself() -> None:
    homes = world({"pv": {"inverter": "7xx"}}, {"name": "plain", "pv": {}})
    homes.after(400.0)  # it waits to enter service
    assert homes.meters.power[0, PV, 0].sum() < -600.0
    assert homes.meters.power[0, PV, 1].sum() < -600.0
    seen = Seen(homes)
    (shown_w,) = seen.images["pv"].read(Table.HOLDING, seen.sunspec("pv").address(701, "W"), 1)
    assert shown_w == pytest.approx(-homes.meters.power[0, PV, 0].sum(), abs=1.0)


def test_sg_ready_contacts_block_the_heat_pump() -> None:
    homes = world({"heat_pump": {"setpoint_c": 25.0}, "house": {"air_c": 15.0}})
    board = homes.homes["home-1"].images["relays"]
    homes.after(120.0)
    running_w = homes.meters.power[0, LOAD].sum()
    board.write(4, [0b01])  # the first contact closed: blocked
    homes.after(120.0)
    assert homes.meters.power[0, LOAD].sum() < running_w - 1000.0
    board.write(4, [0b00])
    homes.after(1200.0)  # its minimum time off
    assert homes.meters.power[0, LOAD].sum() > 1500.0


def test_the_third_contact_blocks_the_water_heater() -> None:
    homes = world({"water_heater": {"setpoint_c": 60.0, "element_w": 2500.0}})
    heaters = homes.blocks[0].tanks
    assert heaters is not None
    heaters.heaters.set(80.0)
    homes.after(2.0)
    assert homes.meters.power[0, LOAD].sum() > 2500.0
    homes.homes["home-1"].images["relays"].write(4, [0b100])
    homes.after(2.0)
    assert homes.meters.power[0, LOAD].sum() < 2500.0


def test_a_frozen_meter_stands_still_while_the_world_goes_on() -> None:
    async def main() -> None:
        homes = world(FULL)
        homes.after(10.0)
        meter, faults = FaultyImage(homes.homes["home-1"].images["grid"], homes.faults["home-1/grid"]), homes.faults
        inverter = FaultyImage(homes.homes["home-1"].images["pv"], faults["home-1/pv"])
        before = meter.read(Table.INPUT, 0, 80), inverter.read(Table.HOLDING, 40_000, 120)
        for device in ("grid", "pv"):
            faults[f"home-1/{device}"].begin(Word.FREEZE)
        homes.after(300.0)
        assert (meter.read(Table.INPUT, 0, 80), inverter.read(Table.HOLDING, 40_000, 120)) == before
        for device in ("grid", "pv"):
            faults[f"home-1/{device}"].end(Word.FREEZE)
        assert meter.read(Table.INPUT, 0, 80) != before[0]
        assert inverter.read(Table.HOLDING, 40_000, 120) != before[1]

    run_virtual(main(), horizon_s=1.0)


def test_freezing_one_device_does_not_copy_the_world() -> None:
    homes = world(FULL, count=50)
    frozen = copy.deepcopy(homes.homes["home-1"].images["battery"])
    arrays = [each for each in _reachable(frozen) if isinstance(each, np.ndarray)]
    assert arrays == []


def _reachable(thing: object) -> list[object]:
    """Everything that hangs on it through attributes, lists and dictionaries."""
    found, ahead, seen = [], [thing], set[int]()
    while ahead:
        each = ahead.pop()
        if id(each) in seen or isinstance(each, type):
            continue
        seen.add(id(each))
        found.append(each)
        if isinstance(each, dict):
            ahead += each.values()
        elif isinstance(each, list | tuple | set | frozenset):
            ahead += each
        else:
            ahead += getattr(each, "__dict__", {}).values()
            ahead += [getattr(each, slot) for slot in getattr(type(each), "__slots__", ()) if hasattr(each, slot)]
            ahead += [each.__self__] if hasattr(each, "__self__") else []
    return found


def test_a_push_meter_counts_the_balance_of_the_phases() -> None:
    homes = world(FULL)
    homes.after(600.0)
    push = homes.homes["home-1"].push
    assert push is not None
    reading, net_wh = push.meter.reading(), 0.0
    taken, given = homes.meters.energy_wh[:, 0, GRID, 0].sum(axis=1)
    net_wh = taken - given
    assert reading.import_wh - reading.export_wh == pytest.approx(net_wh, abs=1e-6)
    assert reading.utc == homes.utc()


def test_a_plug_draws_until_it_is_switched_off() -> None:
    homes = world({"plug_w": 75.0}, {"name": "bare"})
    homes.after(1.0)
    plug = homes.homes["home-1"].plug
    assert plug is not None
    with_plug_w = homes.meters.power[0, LOAD, 0].sum()
    plug.is_on = False
    homes.after(1.0)
    assert with_plug_w - homes.meters.power[0, LOAD, 0].sum() == pytest.approx(75.0, abs=1.0)


def test_time_is_given_in_whole_steps_and_nothing_is_lost() -> None:
    homes = world(FULL)
    start = homes.utc()
    for _ in range(7):
        homes.after(0.3)
    assert (homes.utc() - start).total_seconds() == 2.0
    homes.after(0.9)
    assert (homes.utc() - start).total_seconds() == 3.0


@pytest.mark.slow
def test_profiles_are_simbenchs_and_sum_to_the_year() -> None:
    made = config(
        {"load": {"profile": "H0-A", "year_wh": 4.0e6}}, world={"step_s": 60.0, "start": "2026-01-01T00:00:00Z"}
    )
    homes = World(made)
    homes.after(0.5 * 86_400.0)
    half_a_day_wh = homes.meters.energy_wh[0, 0, LOAD].sum()
    assert half_a_day_wh == pytest.approx(_simbench_half_a_day_wh("H0-A", 4.0e6), rel=1e-9)


def _simbench_half_a_day_wh(name: str, year_wh: float) -> float:
    """The same from SimBench's own table, read in another way."""
    import csv
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("simbench")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "networks/1-complete_data-mixed-all-0-sw/LoadProfile.csv"
    with path.open() as lines:
        values = [float(row[f"{name}_pload"]) for row in csv.DictReader(lines, delimiter=";")]
    return year_wh * sum(values[:48]) / sum(values) * len(values) / (8760.0 * 4.0)


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"profile 'Z9': allowed are appliances, .*H0"):
        world({"load": {"profile": "Z9"}})


def test_cars_come_and_go_day_by_day() -> None:
    made = config({"count": 20, "ev": {}}, world={"step_s": 60.0, "start": "2026-03-02T00:00:00Z"})
    homes = World(made)
    cars = homes.blocks[0].cars
    assert cars is not None
    away = []
    for _ in range(3):
        homes.after(12 * 3600.0)
        away.append(20 - int(cars.evs.is_home.sum()))
        homes.after(12 * 3600.0)
        assert cars.evs.is_home.all(), "everybody sleeps at home"
    assert away == [20, 20, 20]
    assert math.isfinite(float(cars.evs.stored_wh.sum()))
