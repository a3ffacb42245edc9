"""`busbar home` and `busbar check`: a home node from its configuration file."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivers.links import Buses
from drivers.modbus.audience import Through, directly
from firmware_py.cli.options import BAD_INPUT, FAULT, stop
from firmware_py.clock import SystemClock
from firmware_py.compose import World, home_node, mqtt_uplink
from firmware_py.compose_loads import BusOf
from firmware_py.config import ConfigError, HomeConfig, Loaded, load
from firmware_py.guardian import Guardian, StateLock
from firmware_py.journal import JOURNAL_FILE, SqliteJournal
from firmware_py.proxy.node import SharedBuses, proxies
from firmware_py.watchdog import watchdog
from protocols.faults import Fault

if TYPE_CHECKING:
    from firmware_py.hil.probe import Probe

ConfigPath = Annotated[Path, typer.Argument(help="The node's TOML file.", metavar="CONFIG.toml")]


def check(config: ConfigPath) -> None:
    """Check a configuration: every mistake at once, each with key, value and what is allowed; exit code 2."""
    loaded = loaded_or_stop(config)
    home = loaded.home
    parts = [(device.name, device.model) for device in home.device]
    parts += [(charger.name, charger.model) for charger in home.charger]
    parts += [(drive.name, drive.model) for drive in home.switchgear]
    parts += [(each.name, "relay") for each in home.relay]
    parts += [(each.name, each.model or "SG-Ready") for each in home.heat_pump]
    parts += [(each.name, each.model) for each in home.thermometer]
    parts += [(each.name, "room") for each in home.room] + [(each.name, "tank") for each in home.tank]
    devices = ", ".join(f"{name} ({kind})" for name, kind in parts)
    print(
        f"{config}: good. Node {loaded.home.node.id} with {devices}; {len(loaded.keys)} trusted keys.{_planned(home)}"
    )


def _planned(home: HomeConfig) -> str:
    """What is planned, in a few words."""
    plan = home.plan
    return "" if plan is None else f" Plans {plan.horizon_h:g} h in steps of {plan.step_s / 60:g} min."


def run(
    config: ConfigPath,
    record: Annotated[
        Path | None, typer.Option(help="Record the wire traffic of every device into this folder, serials masked.")
    ] = None,
) -> None:
    """Run a home node until it is told to stop (SIGTERM or Ctrl-C); it lets go of every device first."""
    loaded = loaded_or_stop(config)
    asyncio.run(daemon(config, loaded, record=record))


def loaded_or_stop(path: Path) -> Loaded:
    """A configuration, or the end of the command with all of its mistakes."""
    try:
        return load(path)
    except ConfigError as error:
        lines = "\n".join(f"  {mistake}" for mistake in error.mistakes)
        stop(f"{path}: {len(error.mistakes)} mistake(s)\n{lines}", BAD_INPUT)


async def daemon(
    path: Path,
    loaded: Loaded,
    probe: "Probe | None" = None,
    for_s: float | None = None,
    record: Path | None = None,
) -> None:
    """The whole daemon until it is told to stop or its time is over; a probe measures it, and without one nothing does."""
    state_dir = loaded.home.node.state_dir
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        stop(f"node.state_dir {str(state_dir)!r}: cannot be made: {error.strerror}", BAD_INPUT)
    lock = StateLock(state_dir)
    try:
        await lock.take()
    except Fault as fault:
        stop(str(fault), FAULT)
    try:
        with _recorded(loaded, record) as through_of:
            await _guarded(path, loaded, probe, for_s, Buses(through_of))
    finally:
        lock.free()


@contextlib.contextmanager
def _recorded(loaded: Loaded, folder: Path | None) -> Iterator[Callable[[str], Through]]:
    """Who listens in on the lines of the node: nobody, or a record for each."""
    if folder is None:
        yield lambda url: directly
        return
    from firmware_py.home.recorder import recorders

    with contextlib.ExitStack() as files:
        try:
            through_of = files.enter_context(recorders(loaded.home, folder))
        except OSError as error:
            stop(f"--record {str(folder)!r}: {error.strerror}", BAD_INPUT)
        yield through_of


async def _guarded(path: Path, loaded: Loaded, probe: "Probe | None", for_s: float | None, buses: Buses) -> None:
    journal = SqliteJournal(loaded.home.node.state_dir / JOURNAL_FILE)
    shared = SharedBuses(buses.get)
    bus_of: BusOf = shared if loaded.home.proxy else buses.get
    world = World(SystemClock(), journal, mqtt_uplink(loaded), bus_of, watchdog(), buses.stream)
    node = home_node(loaded, world if probe is None else probe.world(world))
    if probe is not None:
        probe.watch(node)
    guardian = await Guardian.start(path)
    running, loop = asyncio.create_task(node.run()), asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, running.cancel)
    if for_s is not None:
        loop.call_later(for_s, running.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            async with proxies(loaded.home, shared):
                await running
        await guardian.dismiss()
    finally:
        await buses.close()
        await journal.close()
