"""How the nodes of a fleet are configured: with the car and the probes of their home, where it has them."""

from typing import Any

import pytest

from firmware_py.fleet.nodes import Login, configured, issuer_key
from firmware_py.fleet.virtual import Run, play_virtual
from protocols.signing import public_part
from sim_hardware.household import OUTSIDE, ROOM, TANK
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard
from sim_hardware.world.world import World

EVERYTHING: dict[str, Any] = {
    "heat_pump": {},
    "house": {},
    "water_heater": {},
    "ev": {"phases": 1, "most_a": 32},
    "thermometers": True,
    "pv": {},
}


def world_of(home: dict[str, Any]) -> WorldConfig:
    world = {"name": "test", "start": "2026-03-01T01:00:00Z"}
    return WorldConfig.model_validate({"world": world, "node": {"cycle_s": 10.0, "interval_s": 300}, "home": [home]})


@pytest.mark.parametrize(
    ("home", "chargers", "channels"),
    [
        (EVERYTHING, ["charger"], {"outside": OUTSIDE, "room-probe": ROOM, "tank-probe": TANK}),
        ({"thermometers": True}, [], {"outside": OUTSIDE}),
        ({"ev": {}}, ["charger"], {}),
        ({}, [], {}),
    ],
)
def test_a_node_has_what_its_home_has(home: dict[str, Any], chargers: list[str], channels: dict[str, int]) -> None:
    config = world_of(home)
    devices, key = World(config).homes["home-1"], public_part(issuer_key(1))
    found = configured(devices, config.home[0], config.node, Login("mqtt://broker"), key).home
    assert [each.name for each in found.charger] == chargers
    assert {each.name: each.channel for each in found.thermometer} == channels


def test_a_car_is_left_at_its_most() -> None:
    config = world_of(EVERYTHING)
    devices, key = World(config).homes["home-1"], public_part(issuer_key(1))
    (charger,) = configured(devices, config.home[0], config.node, Login("mqtt://broker"), key).home.charger
    assert (charger.use.value, charger.phases, charger.current_max_a) == ("always", 1, 32.0)
    played = play_virtual(Run(config, 1, Shard(), 300.0))
    assert played.cycles > 0
