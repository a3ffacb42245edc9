"""What one home costs on virtual time: `PYTHONPATH=. python -m bench.one_home [seconds] [--day] [--profile]`.

The real node of a home with a meter, an inverter and a battery at a cycle of 1 s, with its journal, against simulated
devices, a broker in memory and a head-end that acknowledges. CPU time per virtual second, the least of several runs, and
how often asyncio calls something; `--day` plays 24 hours, `--profile` says where the time goes.
"""

import argparse
import asyncio
import cProfile
import platform
import pstats
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firmware_py.compose import World, announcements, home_node
from firmware_py.config import HomeConfig, Loaded
from firmware_py.home.node import HomeNode
from firmware_py.journal import SqliteJournal
from protocols.messages import Durable, Journalled, encode
from protocols.ports import Message
from protocols.topics import Topics
from sim_hardware.home import SimHome
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.serve import MEMORY_URLS, memory_buses, ticking
from sim_hardware.virtual_time import VirtualClock, VirtualLoop

MODELS = {"grid": "sdm630", "pv": "sunspec-inverter", "battery": "sunspec-battery"}
TOPICS = Topics("home-1")
DAY_S = 86_400.0
# The first seconds probe the devices; a run counts behind them.
WARM_UP_S = 20.0
RUNS = 6


class HeadEnd:
    """A client of the broker (`memory_broker.Client`) that hears everything and acknowledges what is journalled."""

    client_id = "head-end"
    subscriptions = ("busbar/1/+/#",)
    will = None

    def __init__(self, broker: MemoryBroker) -> None:
        self.heard = 0
        self._broker, self._loop = broker, asyncio.get_running_loop()
        broker.connect(self)

    def deliver(self, message: Message) -> None:
        """Count it; acknowledge a record once the broker is done with it."""
        self.heard += 1
        if message.topic in (TOPICS.interval, TOPICS.backfill, TOPICS.ack):
            item = msgspec.json.decode(message.payload, type=Journalled)
            word = encode(Durable(item.stream, item.seq))
            self._loop.call_soon(self._broker.publish, TOPICS.durable, word)

    def dropped(self) -> None:
        """The broker is never stopped here."""


class CountingLoop(VirtualLoop):
    """Counts what asyncio is asked to call."""

    handles = 0

    def call_soon(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
        """As the base class, counted."""
        self.handles += 1
        return super().call_soon(*args, **kwargs)

    def call_at(self, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        """As the base class, counted."""
        self.handles += 1
        return super().call_at(*args, **kwargs)


@dataclass(frozen=True)
class Cost:
    """What `seconds` of virtual time took."""

    seconds: float
    cpu_s: float
    handles: int
    heard: int
    cycles: int


def config() -> HomeConfig:
    """The home."""
    devices = [{"name": name, "model": model, "url": MEMORY_URLS[name]} for name, model in MODELS.items()]
    return HomeConfig.model_validate(
        {
            "node": {"id": TOPICS.node, "state_dir": "."},
            "mqtt": {"url": "mqtt://broker"},
            "site": {"meter": "grid", "import_limit_w": 17_000.0, "export_limit_w": 10_000.0},
            "device": devices,
        }
    )


def build(home: SimHome, broker: MemoryBroker) -> HomeNode:
    """The node in a world of memory."""
    online, offline = announcements(TOPICS)
    will, birth = (offline.topic, offline.payload), (online.topic, online.payload)
    uplink = MemoryUplink(broker, TOPICS.node, TOPICS.inbound, will, birth, latency_s=0.0)
    buses, journal = memory_buses(home, latency_s=0.0), SqliteJournal(Path(":memory:"), inline)
    world = World(VirtualClock(), journal, uplink, lambda url, timeout_s: buses[url])
    return home_node(Loaded(config(), {}, {}, None), world)


async def inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    """Do it here and now."""
    return work(*args)


async def play(seconds: float) -> Cost:
    """Let a home live so long."""
    loop = asyncio.get_running_loop()
    home, broker = SimHome(1, step_s=1.0), MemoryBroker()
    head_end = HeadEnd(broker)
    async with AsyncExitStack() as stack:
        # Steps fall between the polls, so that all devices of a poll are seen at one state of the home.
        await asyncio.sleep(0.25)
        await stack.enter_async_context(ticking(home, 1.0))
        await asyncio.sleep(0.25)
        node = build(home, broker)
        running = asyncio.create_task(node.run(), name="node")
        await asyncio.sleep(WARM_UP_S)
        began_s, handles = time.process_time(), getattr(loop, "handles", 0)
        heard, cycles = head_end.heard, node.figures.cycles
        await asyncio.sleep(seconds)
        cpu_s = time.process_time() - began_s
        handles = getattr(loop, "handles", 0) - handles
        cost = Cost(seconds, cpu_s, handles, head_end.heard - heard, node.figures.cycles - cycles)
        if running.done():
            running.result()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return cost


def run(seconds: float, kind: type[VirtualLoop] = VirtualLoop) -> Cost:
    """Play on a loop of its own."""
    loop = kind(seconds + 3600.0)
    try:
        return loop.run_until_complete(play(seconds))
    finally:
        loop.close()


def report(cost: Cost) -> None:
    """Say what it cost."""
    per_s = cost.cpu_s / cost.seconds
    print(f"  {per_s * 1e3:.3f} ms CPU a virtual second; {per_s * DAY_S:.1f} s for 24 hours")


def count(cost: Cost) -> None:
    """Say what happened; counting costs time, so this run's is not told."""
    print(
        f"  a virtual second: {cost.handles / cost.seconds:.1f} asyncio handles, {cost.heard / cost.seconds:.2f} messages,"
        f" {cost.cycles / cost.seconds:.2f} cycles"
    )


def profile(seconds: float) -> None:
    """Where the time goes, by the functions' own time."""
    profiler = cProfile.Profile()
    profiler.runcall(run, seconds)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(60)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.one_home", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=500.0, help="virtual seconds of each run")
    parser.add_argument("--day", action="store_true", help="play 24 hours as well")
    parser.add_argument("--profile", action="store_true", help="profile one run instead")
    chosen = parser.parse_args(arguments)
    if chosen.profile:
        profile(chosen.seconds)
        return
    print(f"one home, 3 devices, cycle of 1 s; {platform.machine()}, Python {platform.python_version()}")
    report(min((run(chosen.seconds) for _ in range(RUNS)), key=lambda cost: cost.cpu_s))
    count(run(chosen.seconds, CountingLoop))
    if chosen.day:
        began_s = time.monotonic()
        report(run(DAY_S))
        print(f"  24 hours, really run: {time.monotonic() - began_s:.1f} s of wall time")


if __name__ == "__main__":
    main()
