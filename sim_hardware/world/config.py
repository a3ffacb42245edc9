"""The world file: one TOML file, every mistake reported at once. `WorldConfig.model_json_schema()` is for editors."""

import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from protocols.mistakes import Mistake, mistakes_of, shown
from sim_hardware.fault_script import FaultScript, RandomFaults
from sim_hardware.world.feeder_part import FeederPart, StationPart
from sim_hardware.world.feeders import feeder_mistakes
from sim_hardware.world.parts import (
    ContractsPart,
    GridPart,
    HomePart,
    IslandPart,
    NodePart,
    Part,
    WeatherPart,
    WorldPart,
)


class WorldConfig(Part):
    """A whole world."""

    world: WorldPart
    weather: WeatherPart = WeatherPart()
    grid: GridPart = GridPart()
    feeder: FeederPart = FeederPart()
    island: IslandPart | None = None
    node: NodePart = NodePart()
    contracts: ContractsPart | None = None
    home: Annotated[tuple[HomePart, ...], Field(min_length=1)]
    station: tuple[StationPart, ...] = ()
    fault: tuple[dict[str, Any], ...] = ()
    random_faults: dict[str, Any] | None = None


class WorldError(ValueError):
    """A world that cannot be, with every mistake in it."""

    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        super().__init__(f"{path}: {len(mistakes)} mistakes: " + "; ".join(map(str, mistakes)))
        self.path, self.mistakes = path, mistakes


def load_world(path: Path) -> WorldConfig:
    """Read and check a world file; WorldError holds every mistake."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        wrong = Mistake("file", repr(str(path)), f"a readable TOML file is needed: {error}")
        raise WorldError(path, [wrong]) from error
    try:
        config = WorldConfig.model_validate(raw)
    except ValidationError as error:
        raise WorldError(path, mistakes_of(WorldConfig, error)) from error
    if mistakes := [*_twice(config), *_parts(config), *_times(config), *_network(config), *_faults(config)]:
        raise WorldError(path, mistakes)
    return config


def devices_of(block: HomePart) -> tuple[str, ...]:
    """The devices of a home of this block that have a face, by name; `node` is the home node's own clock."""
    has = {
        "grid": True,
        "load": block.load.metered,
        "pv": block.pv is not None,
        "battery": block.battery is not None,
        "relays": _has_contacts(block),
        "charger": block.ev is not None,
        "thermometers": block.thermometers,
        "push": block.meter.push is not None,
        "plug": block.plug_w is not None,
        "node": True,
    }
    return tuple(name for name, there in has.items() if there)


def _has_contacts(block: HomePart) -> bool:
    pump, heater, cooler = block.heat_pump, block.water_heater, block.air_conditioner
    return (
        (pump is not None and pump.sg_ready)
        or (heater is not None and heater.relay)
        or (cooler is not None and cooler.relay)
        or block.pool_pump is not None
    )


def expanded(rows: tuple[dict[str, Any], ...], names: list[str]) -> list[dict[str, Any]]:
    """Fault rows with the wildcards * and ? of their device replaced by each device they fit."""
    out = []
    for row in rows:
        device = row.get("device")
        fits = [name for name in names if isinstance(device, str) and fnmatchcase(name, device)]
        out += [{**row, "device": name} for name in fits] or [row]
    return out


def _chance(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """`[random_faults]` with the wildcards of its devices replaced."""
    devices = row.get("devices")
    if not isinstance(devices, list):
        return row
    return {**row, "devices": [each["device"] for each in expanded(tuple({"device": it} for it in devices), names)]}


def device_ids(config: WorldConfig) -> list[str]:
    """Every device of the world as faults call it: `home-1/pv`, and stations by their own name."""
    homes = [
        f"{block.name}-{number}/{device}"
        for block in config.home
        for number in range(1, block.count + 1)
        for device in devices_of(block)
    ]
    return homes + [station.name for station in config.station]


def _twice(config: WorldConfig) -> Iterator[Mistake]:
    for key, names in (("home", [b.name for b in config.home]), ("station", [s.name for s in config.station])):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Mistake(f"{key}.{index}.name", shown(name), "stands twice; names must differ")


def _parts(config: WorldConfig) -> Iterator[Mistake]:
    for index, block in enumerate(config.home):
        heater = block.water_heater
        if block.air_conditioner is not None and block.heat_pump is None:
            yield Mistake(f"home.{index}.air_conditioner", "…", "needs home.heat_pump: it cools the house of that")
        if heater is not None and heater.enables and not heater.relay:
            yield Mistake(
                f"home.{index}.water_heater.enables", shown(True), "needs relay = true: the contact that enables"
            )


def _times(config: WorldConfig) -> Iterator[Mistake]:
    lease_s, cycle_s = config.node.lease_s, config.node.cycle_s
    if lease_s is not None and lease_s < 4.0 * cycle_s:
        yield Mistake("node.lease_s", shown(lease_s), f"at least {4.0 * cycle_s:g}, four of node.cycle_s, is allowed")


def _network(config: WorldConfig) -> Iterator[Mistake]:
    yield from feeder_mistakes(config.feeder, config.home, config.station)
    if config.island is not None and config.feeder.kind == "alone":
        yield Mistake("island", "…", "needs a network: feeder.kind street, ieee-european-lv, cigre-lv, cigre-mv or own")
    for key in sorted({"r_ohm", "x_ohm"} & config.grid.model_fields_set):
        if config.feeder.kind != "alone":
            value = shown(getattr(config.grid, key))
            yield Mistake(f"grid.{key}", value, f"for feeder.kind alone; {config.feeder.kind} has its own lines")


def _faults(config: WorldConfig) -> Iterator[Mistake]:
    names = device_ids(config)
    try:
        FaultScript.from_data(expanded(config.fault, names), names)
    except ValueError as error:
        yield from (Mistake("fault", "…", line) for line in str(error).splitlines())
    if config.random_faults is not None:
        try:
            RandomFaults.from_data(_chance(config.random_faults, names), names)
        except ValueError as error:
            yield Mistake("random_faults", "…", str(error))
