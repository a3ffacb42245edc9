"""`busbar fleet`: the real home node in every home of a world."""

import logging
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from firmware_py.cli.options import BAD_INPUT, FAULT, Json, stop
from firmware_py.cli.worlds import told, world_config
from firmware_py.config import broker_address
from firmware_py.durations import duration_s
from firmware_py.fleet.live import Live, run_fleet_live
from firmware_py.fleet.nodes import Login
from firmware_py.fleet.summary import Summary
from firmware_py.fleet.virtual import Run, run_fleet_virtual
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard, planned

SPEED_MOST: Final = 1000.0
PORTS: Final = 65_536
CYCLE_S: Final = (0.1, 60.0)


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
    broker: Annotated[
        str | None, typer.Option(help="A real broker, mqtt:// or mqtts://host[:port]; absent: one inside.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="User name of all nodes at the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with their password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Whose certificates an mqtts:// broker may show.")] = None,
    modbus: Annotated[
        str | None, typer.Option(help="host:port; the devices on Modbus TCP, a port for each home from this one on.")
    ] = None,
    modbus_units: Annotated[
        str | None, typer.Option(help="host:port; a port for each kind of device, a unit id for each home.")
    ] = None,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this time; absent: at Ctrl-C.")] = None,
    as_json: Json = False,
) -> None:
    """Run a fleet: on virtual time, in real time, or so many times faster; without a word as the world file says."""
    only_live = {
        "--broker": broker,
        "--username": username,
        "--password-file": password_file,
        "--ca-file": ca_file,
        "--modbus": modbus,
        "--modbus-units": modbus_units,
        "--for": for_,
    }
    _one_mode({"--virtual": virtual, "--real-time": real_time or None, "--speed": speed})
    if virtual is not None:
        _without(only_live, "--virtual runs without wires and for the time it is given")
    else:
        _without({"--jobs": jobs}, "a fleet in real time is one process; run shards beside each other")
    config = _config(world, seed, cycle)
    pace, part = _pace(config, speed, real_time=real_time), _shard(config, homes, shard)
    login = _login(broker, username, password_file, ca_file)
    ports, units = _address("--modbus", modbus), _address("--modbus-units", modbus_units)
    logging.getLogger("busbar").setLevel(logging.ERROR)  # a simulated fault is no news on the terminal
    with told(world):
        if virtual is not None:
            run = Run(config, homes, part, _duration("--virtual", virtual), state)
            end = _virtual(run, _jobs(run, jobs))
        else:
            run = Run(config, homes, part, _duration("--for", for_), state)
            end = _live(run, Live(pace, login, ports, units))
    print(msgspec.json.encode(end).decode() if as_json else _told(end))


def _one_mode(modes: Mapping[str, object]) -> None:
    chosen = [name for name, value in modes.items() if value is not None]
    if len(chosen) > 1:
        stop(f"{' and '.join(chosen)} exclude each other: one of them is allowed", BAD_INPUT)


def _without(options: Mapping[str, object], why: str) -> None:
    for name, value in options.items():
        if value is not None:
            stop(f"{name} {value}: not allowed here: {why}", BAD_INPUT)


def _pace(config: WorldConfig, speed: float | None, *, real_time: bool) -> float:
    if speed is None:
        return 1.0 if real_time else config.world.speed
    if not 0.0 < speed <= SPEED_MOST:
        stop(f"--speed {speed:g}: above 0 and up to {SPEED_MOST:g} is allowed", BAD_INPUT)
    return speed


def _duration(option: str, text: str | None) -> float:
    if text is None:
        return math.inf
    try:
        return duration_s(text)
    except ValueError as error:
        stop(f"{option} {text}: {error}", BAD_INPUT)


def _address(option: str, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < PORTS:
        stop(f"{option} {text}: host:port is allowed, such as 127.0.0.1:5020", BAD_INPUT)
    return host.strip("[]"), int(port)


def _login(broker: str | None, username: str | None, password_file: Path | None, ca_file: Path | None) -> Login | None:
    if broker is None:
        why = "it needs --broker"
        _without({"--username": username, "--password-file": password_file, "--ca-file": ca_file}, why)
        return None
    try:
        tls = broker_address(broker)[2]
    except ValueError as error:
        stop(f"--broker {broker}: {error}", BAD_INPUT)
    if password_file is not None and username is None:
        stop(f"--password-file {password_file}: it needs --username", BAD_INPUT)
    if ca_file is not None and not tls:
        stop(f"--ca-file {ca_file}: it needs a --broker of mqtts://", BAD_INPUT)
    if ca_file is not None:
        _text("--ca-file", ca_file)
    password = None if password_file is None else _text("--password-file", password_file).rstrip("\n")
    return Login(broker, username, password, ca_file)


def _text(option: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        stop(f"{option} {path}: a readable file is needed: {error}", BAD_INPUT)


def _virtual(run: Run, jobs: int) -> Summary:
    try:
        return run_fleet_virtual(run, jobs)
    except Exception:
        print(
            f"busbar: failed with seed {run.config.world.seed}; --seed {run.config.world.seed} plays it again",
            file=sys.stderr,
        )
        raise


def _live(run: Run, live: Live) -> Summary:
    try:
        return run_fleet_live(run, live)
    except OSError as error:  # the broker's are waited out; what is left are ports of --modbus
        stop(f"a port cannot be opened: {error}", FAULT)


def _config(path: Path, seed: int | None, cycle: str | None) -> WorldConfig:
    config = world_config(path, seed)
    if cycle is None:
        return config
    cycle_s = _duration("--cycle", cycle)
    if not CYCLE_S[0] <= cycle_s <= CYCLE_S[1]:
        stop(f"--cycle {cycle}: {CYCLE_S[0]:g} to {CYCLE_S[1]:g} s is allowed", BAD_INPUT)
    return config.model_copy(update={"node": config.node.model_copy(update={"cycle_s": cycle_s})})


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
