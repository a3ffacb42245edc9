"""`busbar fleet`: the real home node in every home of a world."""

import logging
import math
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, Json, parse_duration, stop
from firmware_py.cli.worlds import told, world_config
from firmware_py.fleet.live import Live, run_fleet_live
from firmware_py.fleet.summary import Summary
from firmware_py.fleet.virtual import Run, run_fleet_virtual
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard, planned


def fleet(
    world: Annotated[Path, typer.Argument(help="The world file.")],
    homes: Annotated[
        int | None, typer.Option(help="How many homes in all; more than the file has: copies of it.")
    ] = None,
    shard: Annotated[str, typer.Option(help="Part i of n of the fleet, such as 2/8.")] = "1/1",
    real_time: Annotated[bool, typer.Option("--real-time", help="Run as fast as the clock.")] = False,
    speed: Annotated[float | None, typer.Option(help="Run so many times faster than the clock.")] = None,
    virtual: Annotated[
        str | None, typer.Option(help="Play this much virtual time, such as 24h, as fast as can be.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Replaces the seed of the file.")] = None,
    cycle: Annotated[str | None, typer.Option(help="Replaces the nodes' cycle of the file, such as 10s.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes on virtual time; absent: one per core.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="A folder that keeps the nodes' journals; absent: in memory.")
    ] = None,
    broker: Annotated[str | None, typer.Option(help="A real broker, mqtt://host:port; absent: one inside.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: at Ctrl-C.")] = None,
    as_json: Json = False,
) -> None:
    """Run a fleet: on virtual time, in real time, or so many times faster."""
    config = _config(world, seed, cycle)
    part = _shard(config, homes, shard)
    logging.getLogger("busbar").setLevel(logging.ERROR)  # a simulated fault is no news on the terminal
    with told(world):
        if virtual is not None:
            run = Run(config, homes, part, parse_duration(virtual), state)
            end = run_fleet_virtual(run, _jobs(run, jobs))
        else:
            for_s = parse_duration(for_) if for_ is not None else math.inf
            end = run_fleet_live(Run(config, homes, part, for_s, state), Live(speed or 1.0, broker))
    print(msgspec.json.encode(end).decode() if as_json else _told(end))


def _config(path: Path, seed: int | None, cycle: str | None) -> WorldConfig:
    config = world_config(path, seed)
    if cycle is None:
        return config
    return config.model_copy(update={"node": config.node.model_copy(update={"cycle_s": parse_duration(cycle)})})


def _shard(config: WorldConfig, homes: int | None, text: str) -> Shard:
    try:
        shard = Shard.from_text(text)
        planned(config, homes, shard)
    except ValueError as error:
        stop(str(error), BAD_INPUT)
    return shard


def _jobs(run: Run, asked: int | None) -> int:
    """As asked; else one per core, and never more than there are homes or feeders to deal out."""
    if asked is not None:
        return asked
    jobs = os.cpu_count() or 1
    while jobs > 1:
        try:
            planned(
                run.config, run.homes, Shard(run.shard.index + (jobs - 1) * run.shard.count, run.shard.count * jobs)
            )
        except ValueError:
            jobs -= 1
        else:
            return jobs
    return 1


def _told(told: Summary) -> str:
    lines = [f"{name}: {value}" for name, value in msgspec.to_builtins(told).items()]
    return "\n".join(lines)
