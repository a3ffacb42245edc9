"""A fleet in real time or faster, at a broker of this process or a real one."""

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from firmware_py.compose import mqtt_uplink
from firmware_py.fleet.stage import Fleet, Play, Plug, in_memory
from firmware_py.fleet.summary import Part, Summary, summary
from firmware_py.fleet.virtual import Run
from sim_hardware.memory_broker import MemoryBroker
from sim_hardware.paced_time import run_paced
from sim_hardware.world.plan import planned
from sim_hardware.world.world import World


@dataclass(frozen=True, slots=True)
class Live:
    """How fast, and the broker (None: one in this process)."""

    speed: float = 1.0
    broker: str | None = None


def run_fleet_live(run: Run, live: Live) -> Summary:
    """One shard in this process until its time is over or a signal ends it."""
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
    config = run.config
    if live.speed == 1.0:  # the wall's time has a date already
        config = config.model_copy(update={"world": config.world.model_copy(update={"start": datetime.now(UTC)})})
    world = World(config, planned(config, run.homes, run.shard))
    plug = in_memory(MemoryBroker()) if live.broker is None else Plug(live.broker, mqtt_uplink)
    fleet = Fleet(world, plug, Play(run.for_s, spread=1.0, state_dir=run.state_dir))
    playing = asyncio.create_task(fleet.run())
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, fleet.stop)
    return await playing
