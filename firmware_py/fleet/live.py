"""A fleet in real time or faster, at a broker of this process or a real one."""

import asyncio
import resource
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live as LiveLine
from rich.text import Text

from firmware_py.compose import mqtt_uplink
from firmware_py.config import Loaded
from firmware_py.fleet.nodes import Login
from firmware_py.fleet.stage import Fleet, Play, Plug, in_memory
from firmware_py.fleet.summary import Part, Summary, summary
from firmware_py.fleet.virtual import Run
from firmware_py.mqtt import MqttUplink
from firmware_py.supervise import ended
from sim_hardware.memory_broker import MemoryBroker
from sim_hardware.paced_time import run_paced
from sim_hardware.world.faces import Where, serve_world
from sim_hardware.world.plan import planned
from sim_hardware.world.unit_faces import serve_units
from sim_hardware.world.world import World

# A node that starts finds its broker and probes its devices; all at once they would make each other late.
RAMP_S_PER_HOME: Final = 0.010
STATUS_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Live:
    """How fast, the broker (None: one in this process), and where the devices answer on Modbus TCP (None: nowhere).

    `ports`: a port for each home from this one on; `units`: few ports, a unit id for each home.
    """

    speed: float = 1.0
    login: Login | None = None
    ports: tuple[str, int] | None = None
    units: tuple[str, int] | None = None


def run_fleet_live(run: Run, live: Live) -> Summary:
    """One shard in this process until its time is over or a signal ends it; OSError where a port is taken."""
    _allow_all_files()
    began_s = time.monotonic()
    part = run_paced(_main(run, live), live.speed)
    told = {
        "world": run.config.world.name,
        "shard": f"{run.shard.index}/{run.shard.count}",
        "seed": run.config.world.seed,
        "mode": "real-time" if live.speed == 1.0 else f"speed {live.speed:g}",
        "jobs": 1,
    }
    return summary(part, told, time.monotonic() - began_s, hashed=False)


async def _main(run: Run, live: Live) -> Part:
    stopping = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    config, rss_bytes = run.config, _rss_bytes()
    if live.speed == 1.0:  # the wall's time has a date already
        config = config.model_copy(update={"world": config.world.model_copy(update={"start": datetime.now(UTC)})})
    world = World(config, planned(config, run.homes, run.shard))
    ramp_s = max(len(world.homes) * RAMP_S_PER_HOME, config.node.cycle_s) * live.speed
    plug = in_memory(MemoryBroker()) if live.login is None else _real(live.login)
    fleet = Fleet(world, plug, Play(run.for_s, ramp_s=ramp_s, state_dir=run.state_dir))
    async with AsyncExitStack() as stack:
        if live.ports is not None:
            await stack.enter_async_context(serve_world(world, Where(*live.ports)))
        if live.units is not None:
            await stack.enter_async_context(serve_units(world, *live.units))
        part = await _played(fleet, stopping, live.speed)
    return replace(part, rss_bytes=_rss_bytes() - rss_bytes)


async def _played(fleet: Fleet, stopping: asyncio.Event, speed: float) -> Part:
    around = [asyncio.create_task(_stop(fleet, stopping)), asyncio.create_task(_tell(fleet, speed))]
    try:
        return await fleet.run()
    finally:
        await ended(*around)


async def _stop(fleet: Fleet, stopping: asyncio.Event) -> None:
    await stopping.wait()
    fleet.stop()


def _real(login: Login) -> Plug:
    uplinks: list[MqttUplink] = []

    def uplink_of(loaded: Loaded) -> MqttUplink:
        uplinks.append(mqtt_uplink(loaded))
        return uplinks[-1]

    def wire_bytes() -> int:
        return sum(each.traffic.sent_bytes + each.traffic.received_bytes for each in uplinks)

    return Plug(login, uplink_of, wire_bytes=wire_bytes)


async def _tell(fleet: Fleet, speed: float) -> None:
    """How it goes, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return
    with LiveLine(console=console, auto_refresh=False, transient=True) as line:
        while True:
            line.update(Text(fleet.told()), refresh=True)
            await asyncio.sleep(STATUS_S * speed)


def _allow_all_files() -> None:
    """Each home holds a connection or more: use as many files as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _rss_bytes() -> int:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
