"""Homes on a network: powers in, voltages out, copies, single phases, islands."""

import math

import numpy as np
import pytest

from sim_hardware.physics.network import NoSolution, PowerFlow
from sim_hardware.world.networked import Networked
from sim_hardware.world.plan import Shard, planned
from sim_hardware.world.world import World
from tests.sim_hardware.world.networks import STILL, even_w, supply_of_world, world_of

STREET = {"kind": "street"}
ISLAND = {"rating_va": 100e3, "inertia_s": 3.0, "droop_pu": 0.04, "damping_pu": 1.5}
OWN = {
    "kind": "own",
    "source_bus": "bar",
    "bus": [{"name": "bar"}, {"name": "end"}],
    "line": [{"name": "l", "from_bus": "bar", "to_bus": "end", "length_m": 200.0}],
}


def test_voltage_falls_along_the_street_by_ohm() -> None:
    """One home of 3 kW at the end: 13 A through transformer, 600 m of 0.208 + j0.080 and 15 m of 0.642 + j0.083 ohm/km."""
    supply = supply_of_world(world_of(STREET, 4))
    power_w = np.zeros((4, 3))
    power_w[3] = 1000.0
    supply.after(1.0, power_w, np.zeros((4, 3)))
    r_transformer = 0.01425 * 400.0**2 / 400e3
    r_ohm = r_transformer + 0.208 * 0.6 + 0.642 * 0.015
    drop_v = r_ohm * 1000.0 / 230.0
    assert 230.0 - supply.voltage_v[3] == pytest.approx(drop_v, rel=0.02)
    assert 230.0 - supply.voltage_v[0] == pytest.approx((r_transformer + 0.208 * 0.15) * 1000.0 / 230.0, rel=0.05)


def test_the_current_of_one_phase_comes_back_through_the_fourth_conductor() -> None:
    """(2 R1 + R0) / 3 with R0 = 4 R1 is twice the resistance of one conductor; the transformer's star adds no more."""
    supply, power_w = supply_of_world(world_of(STREET, [{"count": 4, "phase": "L1"}])), np.zeros((4, 3))
    power_w[3, 0] = 1000.0
    before_v = supply.voltage_v[3, 0]
    supply.after(1.0, power_w, np.zeros((4, 3)))
    r_ohm = 0.01425 * 400.0**2 / 400e3 + 2.0 * (0.208 * 0.6 + 0.642 * 0.015)
    assert before_v - supply.voltage_v[3, 0] == pytest.approx(r_ohm * 1000.0 / 230.0, rel=0.02)


def test_without_load_homes_see_the_grid_whatever_their_level() -> None:
    feeder = {"kind": "own", "source_bus": "a", "bus": [{"name": "a", "voltage_v": 416.0}]}
    supply = supply_of_world(world_of(feeder, [{"bus": "a"}]))
    assert supply.voltage_v == pytest.approx(np.full((1, 3), 230.0))


def test_it_is_the_power_flow_of_its_feeder() -> None:
    supply = supply_of_world(world_of(STREET, 3))
    power_w = np.array([[4e3, 0.0, -2e3], [1e3, 1e3, 1e3], [-3e3, 2e3, 500.0]])
    supply.after(1.0, power_w, 0.3 * power_w)
    power = PowerFlow(supply.network.feeder)
    power.set_source(230.0 * math.sqrt(3.0) / 400.0)
    flow = power.solve(power_w, 0.3 * power_w)
    assert supply.voltage_v == pytest.approx(power.at_sites(flow.voltage_v), rel=1e-9)
    assert supply.drawn_w == pytest.approx(flow.source_w.sum())


def test_energy_is_kept() -> None:
    """What the grid gives is what homes draw, the iron losses and what heats the cables, by their currents."""
    supply = supply_of_world(world_of(STREET, 6))
    supply.after(1.0, even_w(6, 5e3), np.zeros((6, 3)))
    feeder, flow = supply.network.feeder, supply.flow
    cables_w = sum(
        (flow.line_a[row] ** 2).sum() * line.cable.r1_ohm_per_km * line.length_m / 1e3  # type: ignore[union-attr]
        for row, line in enumerate(feeder.lines)
    )
    transformer_w = supply.drawn_w - flow.transformer_w.sum()
    assert flow.transformer_w.sum() == pytest.approx(30e3 + cables_w, rel=1e-4)
    copper_w = 0.01425 * 400e3 * (30e3 / 400e3) ** 2
    assert transformer_w == pytest.approx(1350.0 + copper_w, rel=0.02)


def test_copies_are_feeders_of_their_own_and_the_last_may_be_cut() -> None:
    config = world_of(STREET, 3)
    many, power_w = supply_of_world(config, 8), np.zeros((8, 3))
    power_w[3:6] = 2000.0
    power_w[6:] = -1000.0
    many.after(1.0, power_w, 0.1 * power_w)
    assert many.copies == 3
    for copy in range(3):
        one, own_w = supply_of_world(config), np.zeros((3, 3))
        rows = power_w[3 * copy : 3 * copy + 3]
        own_w[: len(rows)] = rows
        one.after(1.0, own_w, 0.1 * own_w)
        assert many.voltage_v[3 * copy : 3 * copy + 3] == pytest.approx(one.voltage_v[: len(rows)], rel=1e-8)


def test_homes_find_their_bus_in_any_order_and_shard() -> None:
    """World orders homes by block; shard 2/2 has the second copy only."""
    config = world_of(STREET, [{"name": "a", "count": 2}, {"name": "b", "count": 2}])
    plans = planned(config, 8, Shard(2, 2))
    shuffled = [plans[row] for row in (3, 0, 2, 1)]
    supply, power_w = Networked(config, shuffled), np.zeros((4, 3))
    power_w[0] = 3000.0  # b-4: house-4
    supply.after(1.0, power_w, np.zeros((4, 3)))
    assert supply.voltage_v[:, 0].argsort().tolist() == [0, 2, 3, 1]
    assert [plan.name for plan in shuffled] == ["b-4", "a-3", "b-3", "a-4"]


def test_a_home_with_one_phase_has_all_its_wires_on_it() -> None:
    supply = supply_of_world(world_of(STREET, [{"name": "one", "phase": "L2"}, {"name": "three"}]))
    power_w = np.array([[500.0, 2000.0, -100.0], [100.0, 100.0, 100.0]])
    supply.after(1.0, power_w, np.zeros((2, 3)))
    row = [line.name for line in supply.network.feeder.lines].index("service-1")
    assert supply.flow.line_w[row] == pytest.approx([0.0, 2400.0, 0.0], abs=5.0)
    assert np.ptp(supply.voltage_v[0]) == 0.0
    assert supply.voltage_v[0, 0] < supply.voltage_v[1, 0] - 0.5, "it stands on L2, which sags"
    assert np.ptp(supply.voltage_v[1]) > 0.5


def test_the_grid_above_wanders_and_is_what_homes_see_without_load() -> None:
    grid = STILL | {"voltage_v": 238.0, "voltage_wander_v": 2.0, "frequency_wander_hz": 0.03}
    supply, nothing = supply_of_world(world_of(STREET, 2, grid=grid)), np.zeros((2, 3))
    assert supply.voltage_v == pytest.approx(np.full((2, 3), 238.0), rel=2e-4)
    seen_v, seen_hz = [], []
    for _ in range(200):
        supply.after(30.0, nothing, nothing)
        seen_v.append(supply.voltage_v[0, 0])
        seen_hz.append(supply.frequency_hz)
    assert 1.0 < np.std(seen_v) < 4.0
    assert 0.015 < np.std(seen_hz) < 0.06


def test_it_is_solved_as_often_as_it_says() -> None:
    supply, nothing = supply_of_world(world_of(STREET | {"every_s": 5.0}, 2)), np.zeros((2, 3))
    loaded, solved = even_w(2, 9e3), []
    supply.after(1.0, nothing, nothing)
    before_v = supply.voltage_v[1, 0]
    for _ in range(4):
        supply.after(1.0, loaded, nothing)
        solved.append(supply.voltage_v[1, 0] != before_v)
    supply.after(1.0, loaded, nothing)
    assert solved == [False] * 4
    assert supply.voltage_v[1, 0] < before_v - 1.0


def test_the_first_step_is_solved_however_rarely_the_rest() -> None:
    supply = supply_of_world(world_of(STREET | {"every_s": 900.0}, 2))
    supply.after(1.0, even_w(2, 9e3), np.zeros((2, 3)))
    assert supply.drawn_w > 18e3


def test_what_cannot_be_carried_is_named() -> None:
    supply = supply_of_world(world_of(STREET, 3), 6)
    power_w = even_w(6, 1e3)
    power_w[4] = 1e6
    words = (
        r"feeder street, copy 2: 3.002e\+06 W and 0 var in all .* at 230 V; most asks home-5 on bus house-2: 3e\+06 W"
    )
    with pytest.raises(NoSolution, match=words):
        supply.after(1.0, power_w, np.zeros((6, 3)))


# Islands


def test_an_island_rests_where_droop_and_damping_meet_its_net_power() -> None:
    """Kundur 11.1: deviation = -P / (1/R + D) per unit of the rating; P counts losses and what is dispatched."""
    supply = supply_of_world(world_of(OWN, [{"count": 4, "bus": "end"}], island=ISLAND | {"dispatch_w": 5e3}))
    power_w = even_w(4, 5e3)
    for _ in range(200):
        supply.after(0.5, power_w, np.zeros((4, 3)))
    net_w = supply.flow.source_w.sum() - 5e3
    assert 15e3 < net_w < 15.5e3
    assert supply.frequency_hz == pytest.approx(50.0 * (1.0 - net_w / 100e3 / (1.0 / 0.04 + 1.5)), abs=1e-6)


def test_the_voltage_of_an_island_stands_still() -> None:
    grid = STILL | {"voltage_wander_v": 5.0}
    supply = supply_of_world(world_of(OWN, [{"count": 1, "bus": "end"}], island=ISLAND, grid=grid))
    before_v = supply.voltage_v.copy()
    supply.after(600.0, np.zeros((1, 3)), np.zeros((1, 3)))
    assert supply.voltage_v == pytest.approx(before_v)


def test_an_island_is_not_copied() -> None:
    config = world_of(OWN, [{"count": 2, "bus": "end"}], island=ISLAND)
    with pytest.raises(ValueError, match="homes 3: an island is not copied; at most 2 are allowed"):
        supply_of_world(config, 3)


def test_a_world_hangs_on_its_network() -> None:
    """The meters of the homes see what the network leaves, and its frequency."""
    homes = [{"count": 2, "bus": "end", "load": {"year_wh": 5e7}}]
    world = World(world_of(OWN, homes, island=ISLAND))
    world.after(60.0)
    assert isinstance(world.supply, Networked)
    assert world.meters.voltage_v == pytest.approx(world.supply.voltage_v)
    assert world.meters.frequency_hz == world.supply.frequency_hz < 50.0
    assert world.supply.drawn_w == pytest.approx(world.meters.power[0, 0].sum(), rel=0.05)
