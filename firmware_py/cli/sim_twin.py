"""A configuration on the wires of a simulated home: the same text, with other addresses."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sim_hardware.world.faces import UNITS

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\]\s]+)\s*\]")
_KEY: Final = re.compile(r"\s*(\w+)\s*=\s*")
# Which of the home's devices a table is about, where it is not its name that says so.
_OF_KIND: Final = {
    "charger": "charger",
    "relay": "relays",
    "heat_pump": "relays",
    "thermometer": "thermometers",
}


@dataclass(frozen=True, slots=True)
class Wires:
    """The port of the home (as `busbar sim world --port` gives it), the broker, and where the node keeps its state."""

    url: str
    broker: str
    state_dir: str


def twin(text: str, wires: Wires) -> str:
    """The configuration with its wires exchanged, comments and all; ValueError for a device that no simulated home has."""
    return "\n".join(_lines(text, wires)) + "\n"


def _lines(text: str, wires: Wires) -> Iterator[str]:
    kind, device = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header is not None:
            kind, device = header[2], _OF_KIND.get(header[2], "")
        name = "" if key is None else key[1]
        if kind == "device" and name == "name":
            device = line.partition('"')[2].partition('"')[0]
            if device not in UNITS:
                raise ValueError(f"line {number}: device {device!r}: allowed are {', '.join(UNITS)}, those of a world")
        if (kind, name) == ("mqtt", "url"):
            yield f"url = {json.dumps(wires.broker)}"
        elif (kind, name) == ("node", "state_dir"):
            yield f"state_dir = {json.dumps(wires.state_dir)}"
        elif device in UNITS and name == "url":
            yield f"url = {json.dumps(wires.url)}"
            yield f"unit = {UNITS[device]}"
        elif not (device in UNITS and name == "unit"):
            yield line
