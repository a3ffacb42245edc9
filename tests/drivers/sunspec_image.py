"""Register images of SunSpec devices, laid out by pysunspec2's model files and encoded by pysunspec2's own functions."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import sunspec2
from sunspec2 import mb

from protocols.ports import Table
from tests.drivers.memory_bus import MemoryBus

MODELS = Path(sunspec2.__file__).parent / "models" / "json"

Values = Mapping[str, int | str]


@cache
def points(model: int) -> dict[str, tuple[int, dict[str, Any]]]:
    """Point name to offset and definition; in groups, `group.point`."""

    def walk(group: dict[str, Any], prefix: str, offset: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
        for point in group["points"]:
            yield prefix + point["name"], offset, point
            offset += point["size"]
        for inner in group.get("groups", ()):
            found = list(walk(inner, inner["name"] + ".", offset))
            yield from found
            offset += sum(point["size"] for _, _, point in found)

    group = json.loads((MODELS / f"model_{model}.json").read_text())["group"]
    return {name: (offset, point) for name, offset, point in walk(group, "", 0)}


def encoded(point: dict[str, Any], value: int | str | None) -> list[int]:
    kind, size = point["type"], 2 * point["size"]
    if value is None:
        raw = mb.create_unimpl_value(kind, len=size)
    elif isinstance(value, str):
        raw = mb.str_to_data(value, size)
    else:
        raw = mb.point_type_info[kind].to_data(value)
    return [int.from_bytes(bytes(raw[at : at + 2]), "big") for at in range(0, len(raw), 2)]


class Image:
    """A chain of models on a bus; whatever gets no value is "not implemented"."""

    def __init__(self, models: Mapping[int, Values], base: int = 40000) -> None:
        self.bus = MemoryBus()
        self.places: dict[int, int] = {}
        self.bus.fill(base, (0x5375, 0x6E53))
        address = base + 2
        for model, values in models.items():
            self.places[model] = address
            address = self._lay_out(model, values, address)
        self.bus.fill(address, (0xFFFF, 0))
        self.end = address

    def _lay_out(self, model: int, values: Values, address: int) -> int:
        length: int = sum(point["size"] for _, point in points(model).values()) - 2
        known = {"ID": model, "L": length, **values}
        for name, (offset, point) in points(model).items():
            self.bus.fill(address + offset, encoded(point, known.get(name)))
        return address + 2 + length

    def register(self, model: int, name: str) -> int:
        return self.places[model] + points(model)[name][0]

    def raw(self, model: int, name: str) -> int:
        offset, point = points(model)[name]
        registers = self.bus.tables[Table.HOLDING]
        words = [registers[self.places[model] + offset + place] for place in range(point["size"])]
        data = b"".join(word.to_bytes(2, "big") for word in words)
        return int(mb.point_type_info[point["type"]].data_to(data))

    def put(self, model: int, **values: int) -> None:
        for name, value in values.items():
            offset, point = points(model)[name]
            self.bus.fill(self.places[model] + offset, encoded(point, value))

    def written(self) -> list[tuple[int, str]]:
        """The points at which the writes began, in order."""
        names = {
            self.places[model] + offset: (model, name)
            for model in self.places
            for name, (offset, _) in points(model).items()
        }
        return [names[address] for address, _ in self.bus.writes]
