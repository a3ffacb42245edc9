"""Small worlds with a network, for tests."""

from pathlib import Path
from typing import Any

import numpy as np

from sim_hardware.physics.network import Floats
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.networked import Networked
from sim_hardware.world.plan import planned

STILL = {"voltage_wander_v": 0.0, "frequency_wander_hz": 0.0, "voltage_v": 230.0}


def world_of(feeder: dict[str, Any], homes: int | list[dict[str, Any]] = 4, **tables: Any) -> WorldConfig:
    """A world with a grid that stands still."""
    home = [{"count": homes}] if isinstance(homes, int) else homes
    return WorldConfig.model_validate({"world": {"name": "w"}, "grid": STILL, "feeder": feeder, "home": home} | tables)


def supply_of_world(config: WorldConfig, homes: int | None = None) -> Networked:
    """Its supply, with all homes."""
    return Networked(config, planned(config, homes))


def even_w(homes: int, power_w: float) -> Floats:
    """The same power on each phase of each home."""
    return np.full((homes, 3), power_w / 3.0)


def written(path: Path, text: str) -> Path:
    """A world file with this text after its name."""
    path.write_text('[world]\nname = "w"\n' + text, encoding="utf-8")
    return path
