"""Every world of the gallery loads and lives an hour: voltages that can be, energy kept, frequency as the textbook has it."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

from sim_hardware.physics.network import Floats
from sim_hardware.world.config import device_ids, load_world
from sim_hardware.world.plan import planned
from sim_hardware.world.script import fault_script
from sim_hardware.world.world import World
from tests.sim_hardware.world.gallery import FILES, SLOW, config_of, gallery, hash_of, losses_w, marked, supply_of

HOUR_S, DAY_S = 3600.0, 86_400.0
STEP_S = 4.0
NETWORKS = tuple(file for file in FILES if load_world(file).feeder.kind != "alone")


def test_the_gallery_is_whole() -> None:
    assert {file.stem for file in FILES} == {
        "one-home", "street-30", "european-lv-55", "cigre-mv-three-zones", "islanded-campus", "full-home"
    }  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_says_who_lives_there_and_what_goes_wrong(file: Path) -> None:
    config = load_world(file)
    homes = {
        "one-home": 1,
        "street-30": 30,
        "european-lv-55": 55,
        "cigre-mv-three-zones": 30,
        "islanded-campus": 24,
        "full-home": 1,
    }
    assert sum(block.count for block in config.home) == homes[file.stem]
    assert config.world.name == file.stem


@pytest.mark.parametrize("file", marked(FILES))
def test_an_hour_of_plausible_voltages(file: Path) -> None:
    """EN 50160: within 10 % of 230 V; our worlds are not to show what no operator would leave standing."""
    world, least_v, most_v = gallery(file, step_s=STEP_S), math.inf, 0.0
    for _ in range(round(HOUR_S / STEP_S)):
        world.after(STEP_S)
        least_v, most_v = min(least_v, world.meters.voltage_v.min()), max(most_v, world.meters.voltage_v.max())
        assert 49.5 < world.meters.frequency_hz < 50.5
    assert 207.0 < least_v < most_v < 253.0
    assert most_v - least_v > 0.5, "something happens"


@pytest.mark.parametrize("file", marked(NETWORKS))
def test_what_the_grid_gives_is_drawn_or_lost(file: Path) -> None:
    """Over the hour, by the meters of the homes; losses between bounds that follow from the currents."""
    world = gallery(file, step_s=STEP_S)
    supply, hours = supply_of(world), STEP_S / HOUR_S
    grid_wh = least_wh = most_wh = 0.0
    for _ in range(round(HOUR_S / STEP_S)):
        world.after(STEP_S)
        least_w, most_w = losses_w(supply)
        grid_wh, least_wh, most_wh = (
            grid_wh + supply.drawn_w * hours,
            least_wh + least_w * hours,
            most_wh + most_w * hours,
        )
    taken, given = world.meters.energy_wh[:, 0, 0].sum(axis=(1, 2))
    stated_wh = supply.network.stated_w.sum()  # for an hour
    lost_wh = grid_wh - (taken - given) - stated_wh
    accuracy_wh = 1e-6 * abs(stated_wh)
    assert 0.98 * least_wh - accuracy_wh < lost_wh < most_wh + accuracy_wh
    assert taken > 0.0


@pytest.mark.parametrize("file", marked(FILES))
def test_a_seed_decides_every_register(file: Path) -> None:
    def ten_minutes(seed: int | None) -> str:
        world = gallery(file, step_s=STEP_S, seed=seed)
        world.after(600.0)
        return hash_of(world)

    assert ten_minutes(None) == ten_minutes(None)
    assert ten_minutes(None) != ten_minutes(4711)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_faults_are_drawn_from_the_seed(file: Path) -> None:
    config = load_world(file)
    other = config.model_copy(update={"world": config.world.model_copy(update={"seed": 4711})})
    names = device_ids(config)
    drawn = fault_script(config, names, DAY_S)
    assert drawn == fault_script(config, names, DAY_S)
    assert (drawn == fault_script(other, names, DAY_S)) == (config.random_faults is None)
    assert drawn.events or file.stem in ("one-home", "full-home")


def test_the_campus_rests_where_droop_and_damping_meet_a_load_step() -> None:
    """Kundur 11.1, in closed form from the file's own numbers; the network's losses count."""
    file = next(file for file in FILES if file.stem == "islanded-campus")
    island = load_world(file).island
    assert island is not None
    world = gallery(file, step_s=0.5)
    world.after(60.0)
    supply, (power_w, reactive_var) = supply_of(world), world.meters.power[:, 0].copy()
    before_hz, seen_hz = supply.frequency_hz, []
    power_w[0] += 40e3 / 3.0  # a big machine in a lab
    for _ in range(240):
        supply.after(0.25, power_w, reactive_var)
        seen_hz.append(supply.frequency_hz)
    net_pu = (supply.drawn_w - island.dispatch_w) / island.rating_va
    assert seen_hz[-1] == pytest.approx(50.0 * (1.0 - net_pu / (1.0 / island.droop_pu + island.damping_pu)), abs=1e-6)
    assert min(seen_hz) < seen_hz[-1] - 0.01 < before_hz, "it swings below before it rests"
    assert seen_hz[-1] == pytest.approx(before_hz - 50.0 * 40e3 / 250e3 / 26.0, abs=0.15)


def test_a_fleet_of_300_is_ten_streets() -> None:
    """The copies draw their own homes; every tenth street is not the first again."""
    config = config_of("street-30")
    world = World(config, planned(config, 300))
    world.after(3.0)
    supply = supply_of(world)
    assert supply.copies == 10
    assert len(np.unique(supply.flow.source_w.sum(axis=1).round(3))) == 10
    assert supply.drawn_w == pytest.approx(supply.flow.source_w.sum())


@pytest.mark.oracle
def test_a_snapshot_of_the_street_is_as_pandapower_has_it() -> None:
    """Built there from its own standard types, with the powers of minute ten, even over the phases."""
    world = gallery(next(file for file in FILES if file.stem == "street-30"), step_s=STEP_S)
    world.after(600.0)
    even = world.meters.power[:, 0].mean(axis=2, keepdims=True).repeat(3, axis=2)
    supply = supply_of(world)
    supply.after(STEP_S, *even)
    volts, grid_w = _pandapower(world, even)
    assert supply.voltage_v.mean(axis=1) == pytest.approx(volts, rel=2e-6)
    assert supply.drawn_w == pytest.approx(grid_w, abs=20.0)


def _pandapower(world: World, power: Floats) -> tuple[list[float], float]:
    """Phase voltages at the homes, and what the grid gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandapower

        part, net = world.config.feeder, pandapower.create_empty_network()
        mv, bar = pandapower.create_bus(net, 20.0), pandapower.create_bus(net, 0.4)
        pandapower.create_ext_grid(net, mv, vm_pu=supply_of(world)._source_pu())
        pandapower.create_transformer(net, mv, bar, "0.25 MVA 20/0.4 kV")
        places, before = {}, bar
        for number in range(1, 31):
            joint, house = pandapower.create_bus(net, 0.4), pandapower.create_bus(net, 0.4)
            pandapower.create_line(net, before, joint, part.length_m / 30e3, "NAYY 4x150 SE")
            pandapower.create_line(net, joint, house, part.service_m / 1e3, "NAYY 4x50 SE")
            places[f"house-{number}"], before = house, joint
        buses = [places[place.bus] for place in supply_of(world).network.places]
        for bus, watts, var in zip(buses, power[0].sum(axis=1), power[1].sum(axis=1), strict=True):
            pandapower.create_load(net, bus, watts / 1e6, var / 1e6)
        pandapower.runpp(net, trafo_model="pi", calculate_voltage_angles=True, tolerance_mva=1e-10, numba=False)
        volts = [float(net.res_bus.vm_pu[bus]) * 400.0 / math.sqrt(3.0) for bus in buses]
        return volts, float(net.res_ext_grid.p_mw[0]) * 1e6


def test_the_slow_ones_are_those_of_pandapower() -> None:
    assert {load_world(file).feeder.kind for file in FILES} == {
        "alone",
        "street",
        "own",
        "ieee-european-lv",
        "cigre-mv",
    }
    assert set(SLOW) >= {"ieee-european-lv", "cigre-mv"}
