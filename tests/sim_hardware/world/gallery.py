"""The worlds of the gallery, and all that can be read in one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from protocols.ports import Table
from sim_hardware.devices.image import LaidOut, RegisterImage
from sim_hardware.physics.feeder import SequenceCable
from sim_hardware.world.config import WorldConfig, load_world
from sim_hardware.world.networked import Networked
from sim_hardware.world.world import World

EXAMPLES: Final = Path(__file__).parents[3] / "examples"
# These need pandapower, which takes seconds to import.
SLOW: Final = ("ieee-european-lv", "cigre-lv", "cigre-mv")
FILES: Final = (EXAMPLES / "one-home.toml", *sorted((EXAMPLES / "worlds").glob("*.toml")))


def marked(files: tuple[Path, ...]) -> list[object]:
    """A parameter for each file, with the mark it needs."""
    return [pytest.param(file, marks=_marks(load_world(file).feeder.kind), id=file.stem) for file in files]


def _marks(kind: str) -> list[pytest.MarkDecorator]:
    if kind in SLOW:
        return [pytest.mark.oracle]
    return [pytest.mark.slow] if kind == "street" else []


def gallery(file: Path, *, step_s: float, seed: int | None = None) -> World:
    """A world of the gallery, in steps of another length."""
    config = load_world(file)
    changed = config.world.model_copy(update={"step_s": step_s})
    return World(config.model_copy(update={"world": changed}), seed=seed)


def images_of(world: World) -> Iterator[tuple[str, RegisterImage]]:
    """Every device on Modbus."""
    for name, home in world.homes.items():
        for device, image in home.images.items():
            yield f"{name}/{device}", image
    if world.stations is not None:
        yield from world.stations.images.items()


def hash_of(world: World) -> str:
    """Of every register of every device."""
    seen = hashlib.sha256()
    for name, image in images_of(world):
        assert isinstance(image, LaidOut), name
        for table in (Table.INPUT, Table.HOLDING):
            for value in image.layout(table):
                seen.update(repr((name, image.read(table, value.address, value.shape.words))).encode())
    return seen.hexdigest()


def supply_of(world: World) -> Networked:
    """Its network."""
    assert isinstance(world.supply, Networked)
    return world.supply


def losses_w(supply: Networked) -> tuple[float, float]:
    """The least and the most that lines and transformers can lose at these currents.

    A line loses I^2 R1 per phase in balance, and never more than I^2 R0 where R0 is larger; a transformer its iron and
    copper losses, the latter by its loading, half as much again for unbalance.
    """
    feeder, flow = supply.network.feeder, supply.flow
    least_w = most_w = 0.0
    for row, line in enumerate(feeder.lines):
        square = float(np.square(flow.line_a[row]).sum()) * line.length_m / 1e3
        cable = line.cable
        assert isinstance(cable, SequenceCable)
        least_w += square * cable.r1_ohm_per_km
        most_w += square * max(cable.r1_ohm_per_km, cable.r0_ohm_per_km)
    for row, each in enumerate(feeder.transformers):
        copper_w = each.copper_loss_w * float(flow.transformer_loading[row]) ** 2
        # Iron losses go with the voltage squared, and a tap moves that by up to 15 %.
        least_w, most_w = least_w + 0.75 * (each.iron_loss_w + copper_w), most_w + 1.5 * (each.iron_loss_w + copper_w)
    return least_w, most_w


def config_of(name: str) -> WorldConfig:
    """A world of the gallery by its name."""
    return load_world(EXAMPLES / "worlds" / f"{name}.toml")
