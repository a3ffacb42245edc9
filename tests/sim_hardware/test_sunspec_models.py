"""Our hand-written SunSpec layouts against SunSpec's own model files, as pysunspec2 ships them."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from sim_hardware.devices import sunspec_models
from sim_hardware.devices.sunspec import Model

MODELS = [value for value in vars(sunspec_models).values() if isinstance(value, Model)]
Row = tuple[str, int, str, int, str | None, bool, tuple[int, ...]]


def official(model: int) -> dict[str, Any]:
    text = files("sunspec2").joinpath(f"models/json/model_{model}.json").read_text(encoding="utf-8")
    group: dict[str, Any] = json.loads(text)["group"]
    return group


def rows(group: dict[str, Any], prefix: str = "", offset: int = 0) -> Iterator[Row]:
    for point in group["points"]:
        symbols = tuple(symbol["value"] for symbol in point.get("symbols", ()))
        writable = point.get("access") == "RW"
        yield prefix + point["name"], offset, point["type"], point["size"], point.get("sf"), writable, symbols
        offset += point["size"]
    for inner in group.get("groups", ()):
        yield from rows(inner, inner["name"] + ".", offset)
        offset += sum(point["size"] for point in inner["points"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.id))
def test_layout_is_sunspecs(model: Model) -> None:
    ours = [(p.name, model.offsets[p.name], p.kind.name, p.size, p.scale, p.writable, p.symbols) for p in model.points]
    assert ours == [row for row in rows(official(model.id)) if row[0] not in ("ID", "L")]
    assert model.length == ours[-1][1] + ours[-1][3] - 2


def test_every_model_of_the_issue_is_there() -> None:
    assert {model.id for model in MODELS} == {1, 103, 120, 121, 123, 701, 702, 704, 713}
