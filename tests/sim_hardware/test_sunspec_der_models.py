"""Our layouts of the grid functions against SunSpec's own model files, as pysunspec2 ships them, curve by curve."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sim_hardware.devices import sunspec_der_models
from sim_hardware.devices.sunspec import Model
from sim_hardware.devices.sunspec_der_models import POINTS, SETS
from tests.sim_hardware.test_sunspec_models import Row, official

MODELS = [value for value in vars(sunspec_der_models).values() if isinstance(value, Model)]


def rows(group: dict[str, Any], counts: Mapping[str, int], prefix: str = "", offset: int = 0) -> Iterator[Row]:
    """Every point with its offset, groups as often as they are counted."""
    for point in group["points"]:
        symbols = tuple(symbol["value"] for symbol in point.get("symbols", ()))
        writable = point.get("access") == "RW"
        yield prefix + point["name"], offset, point["type"], point["size"], point.get("sf"), writable, symbols
        offset += point["size"]
    for inner in group.get("groups", ()):
        for number in range(1, counts[inner["count"]] + 1) if "count" in inner else [""]:
            row: Row | None = None
            for row in rows(inner, counts, f"{prefix}{inner['name']}{number}.", offset):
                yield row
            assert row is not None
            offset = row[1] + row[3]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.id))
def test_layout_is_sunspecs(model: Model) -> None:
    counts = dict.fromkeys(("NCrv", "NCrvSet", "NCtl"), SETS) | {"NPt": POINTS.get(model.id, 0)}
    ours = [(p.name, model.offsets[p.name], p.kind.name, p.size, p.scale, p.writable, p.symbols) for p in model.points]
    assert ours == [row for row in rows(official(model.id), counts) if row[0] not in ("ID", "L")]
    assert model.length == ours[-1][1] + ours[-1][3] - 2


def test_every_model_of_the_functions_is_there() -> None:
    assert {model.id for model in MODELS} == {703, *range(705, 713)}
