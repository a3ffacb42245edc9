"""Worlds for tests, and a home seen through the registers of its devices."""

import struct
from collections.abc import Mapping
from typing import Any

from protocols.ports import Table
from sim_hardware.devices.sunspec import SunSpecImage
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard, planned
from sim_hardware.world.views import Shown
from sim_hardware.world.world import World

FULL: Mapping[str, Any] = {
    "name": "home",
    "spread": 0.2,
    "pv": {},
    "battery": {},
    "house": {},
    "heat_pump": {},
    "water_heater": {},
    "ev": {},
    "plug_w": 60.0,
    "meter": {"push": "p1"},
    "load": {"metered": True},
}


def config(*homes: Mapping[str, Any], **tables: Mapping[str, Any]) -> WorldConfig:
    """A world of these `[[home]]` blocks; other tables by name."""
    world = {"name": "test", "start": "2026-03-01T10:00:00Z", **tables.pop("world", {})}
    return WorldConfig.model_validate({"world": world, "home": list(homes), **tables})


def world(*homes: Mapping[str, Any], count: int | None = None, shard: Shard | None = None, seed: int = 1) -> World:
    """A world of these blocks, `count` homes in all."""
    made = config(*homes)
    return World(made, planned(made, count, shard), seed)


class Seen:
    """One home through its registers; raw numbers, so that signs and units are those of the wire."""

    def __init__(self, of: World, name: str = "home-1") -> None:
        self.images = of.homes[name].images

    def meter(self, device: str, address: int) -> float:
        """An input register pair of an SDM630."""
        words = self.images[device].read(Table.INPUT, address, 2)
        (value,) = struct.unpack(">f", struct.pack(">HH", *words))
        return float(value)

    def sunspec(self, device: str) -> SunSpecImage:
        """The image with the addresses of its points."""
        shown = self.images[device]
        assert isinstance(shown, Shown)
        assert isinstance(shown.image, SunSpecImage)
        return shown.image

    def write(self, device: str, model: int, name: str, *words: int) -> None:
        """Write a point and those behind it."""
        self.images[device].write(self.sunspec(device).address(model, name), words)
