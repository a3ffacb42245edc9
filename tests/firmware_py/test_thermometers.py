"""`[[thermometer]]`: what may stand there, every mistake at once, and a node that polls it."""

import re
from pathlib import Path

import pytest

from firmware_py.config import ConfigError, load

HEAD = """
[node]
id = "home-1"
state_dir = "state"
[mqtt]
url = "mqtt://broker.example"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
"""
ROOM = '[[thermometer]]\nname = "room"\nmodel = "r4dcb08"\nurl = "serial:///dev/ttyUSB0?baud=9600"\nunit = 20\n'
TANK = ROOM.replace("room", "tank") + "channel = 1\n"
WIRE = '[[thermometer]]\nname = "outside"\nmodel = "w1-therm"\nurl = "file:///sys/bus/w1/devices/28-000005e2fdc3"\n'


def mistakes(folder: Path, text: str) -> list[str]:
    path = folder / "home.toml"
    path.write_text(HEAD + text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_probes_of_both_kinds(tmp_path: Path) -> None:
    path = tmp_path / "home.toml"
    path.write_text(HEAD + ROOM + TANK + WIRE)
    room, tank, outside = load(path).home.thermometer
    assert (room.unit, room.channel, tank.channel, outside.model) == (20, 0, 1, "w1-therm")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ROOM.replace("r4dcb08", "r4dcb80"), r"model = \"r4dcb80\".*did you mean r4dcb08"),
        (TANK.replace("channel = 1", "channel = 8"), r"thermometer\.0\.channel = 8: 0 to 7 is allowed for r4dcb08"),
        (
            ROOM + TANK.replace("channel = 1", "channel = 0"),
            r"thermometer\.1\.channel = 0: is the probe of thermometer\.0",
        ),
        (ROOM.replace('"room"', '"grid"'), r"thermometer\.0\.name = \"grid\": stands twice"),
        (ROOM.replace("baud=9600", "baud=19200"), r"thermometer\.0\.url.*one line has one setting"),
        (WIRE.replace("file:///sys/bus/w1/devices/28-000005e2fdc3", "tcp://box"), r"url = \"tcp://box\": file:///sys"),
        (WIRE.replace("w1-therm", "r4dcb08"), r"thermometer\.0\.url.*r4dcb08 stands on a line"),
        (WIRE.replace("28-000005e2fdc3", "28-5"), r"thermometer\.0\.url.*28-0123456789ab"),
        (WIRE + "channel = 1\n", r"thermometer\.0\.channel = 1: w1-therm has none"),
        (ROOM + "chanel = 1\n", r"thermometer\.0\.chanel = 1: unknown key; did you mean channel"),
        (ROOM.replace("unit = 20", "unit = 0"), r"thermometer\.0\.unit = 0"),
    ],
)
def test_each_mistake_is_said(tmp_path: Path, text: str, says: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(re.search(says, line) for line in found), found
