"""A configuration on the wires of a simulated home; the example with everything, and the world that has all of it."""

import tomllib
from pathlib import Path

import pytest

from firmware_py.cli.sim_twin import Wires, twin
from firmware_py.config import load
from sim_hardware.world.config import devices_of, load_world
from sim_hardware.world.faces import MODELS, UNITS

EXAMPLES = Path(__file__).parents[2] / "examples"
WIRES = Wires("tcp://127.0.0.1:6000", "mqtt://127.0.0.1:1883", "twin-state")
WITH_WIRES = ("device", "charger", "relay", "heat_pump", "thermometer")


def test_the_example_with_everything_is_good_as_it_stands() -> None:
    home = load(EXAMPLES / "home-full.toml").home
    assert [each.name for each in home.thermometer] == ["room-probe", "tank-probe", "outside"]
    assert (len(home.loads), len(home.device)) == (5, 3)


def test_a_twin_differs_in_its_wires_only(tmp_path: Path) -> None:
    text = (EXAMPLES / "home-full.toml").read_text()
    path = tmp_path / "twin.toml"
    path.write_text(twin(text, WIRES))
    load(path)
    was, now = tomllib.loads(text), tomllib.loads(path.read_text())
    for kind in WITH_WIRES:
        for before, after in zip(was[kind], now[kind], strict=True):
            assert after.pop("url") == WIRES.url
            after.pop("unit")
            before.pop("url")
            before.pop("unit", None)
    was["mqtt"]["url"], was["node"]["state_dir"] = WIRES.broker, WIRES.state_dir
    assert now == was


def test_the_world_has_every_device_of_the_example_at_its_unit() -> None:
    (part,) = load_world(EXAMPLES / "worlds" / "full-home.toml").home
    there = {UNITS[device] for device in devices_of(part) if device in UNITS}
    now = tomllib.loads(twin((EXAMPLES / "home-full.toml").read_text(), WIRES))
    assert {each["unit"] for kind in WITH_WIRES for each in now[kind]} == there
    models = {UNITS[device]: model for device, model in MODELS.items()} | {UNITS["pv"]: "sunspec-inverter"}
    for kind in ("device", "charger", "thermometer"):
        for each in now[kind]:
            assert each["model"] == models[each["unit"]]


def test_a_device_that_no_world_has_is_named() -> None:
    with pytest.raises(ValueError, match="line 2: device 'cellar': allowed are grid, load, pv"):
        twin('[[device]]\nname = "cellar"\n', WIRES)
