"""A world with its nodes, its head-end and its faults, on whatever loop runs: virtual or real time."""

import asyncio
import gc
import resource
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from firmware_py.compose import announcements
from firmware_py.config import Loaded
from firmware_py.fleet.head_end import SUBSCRIPTIONS, HeadEnd
from firmware_py.fleet.journals import Heard, journal_of
from firmware_py.fleet.nodes import Ground, configured, issuer_key, node_of
from firmware_py.fleet.summary import Part
from firmware_py.fleet.tape import Tape
from firmware_py.home.node import HomeNode
from firmware_py.journal import SqliteJournal
from firmware_py.supervise import ended
from protocols.ports import Journal, Uplink
from protocols.signing import public_part
from protocols.topics import Topics
from sim_hardware.fault_script import FaultScript, clock_jumps
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.serve import tick
from sim_hardware.virtual_time import VirtualClock
from sim_hardware.world.script import fault_script
from sim_hardware.world.world import World

KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Plug:
    """How nodes and head-end reach the broker; `url` is what their configuration says. `head_end` None: there is none."""

    url: str
    uplink_of: Callable[[Loaded], Uplink]
    head_end: Uplink | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """How long, how far the nodes' starts are spread over a cycle (0 to 1), and where their journals are kept."""

    for_s: float
    spread: float = 0.0
    state_dir: Path | None = None


def in_memory(broker: MemoryBroker) -> Plug:
    """Nodes and head-end at a broker in this process."""

    def uplink_of(loaded: Loaded) -> Uplink:
        topics = Topics(loaded.home.node.id)
        online, offline = announcements(topics)
        will, birth = (offline.topic, offline.payload), (online.topic, online.payload)
        return MemoryUplink(broker, topics.node, topics.inbound, will, birth, latency_s=0.0)

    return Plug("mqtt://memory.sim", uplink_of, MemoryUplink(broker, "head-end", SUBSCRIPTIONS, latency_s=0.0))


class _Stopped(Exception):
    """Somebody ended the play early."""


class Fleet:
    """A fleet on the running loop."""

    def __init__(self, world: World, plug: Plug, play: Play, tape: Tape | None = None) -> None:
        self.world, self.nodes, self.worst_late_s = world, dict[str, HomeNode](), 0.0
        self._plug, self._play, self._tape = plug, play, tape
        self._loop, self._start = asyncio.get_running_loop(), world.utc()
        self._key, self._cycle_s = issuer_key(world.seed), world.config.node.cycle_s
        self._journals: list[SqliteJournal] = []
        self._head_end = HeadEnd(plug.head_end, VirtualClock(self._start)) if plug.head_end is not None else None
        self._ending = asyncio.Event()
        for home in world.homes:
            self._add(home)

    def _add(self, name: str) -> None:
        home, part = self.world.homes[name], self.world.part_of(name)
        loaded = configured(home, part, self.world.config.node, self._plug.url, public_part(self._key))
        clock, sqlite = VirtualClock(self._start), journal_of(name, self._play.state_dir)
        self._journals.append(sqlite)
        clock_jumps(self.world.faults[f"{name}/node"], clock)
        journal: Journal = sqlite if self._tape is None else Heard(sqlite, name, self._tape)
        ground = Ground(clock, journal, self._plug.uplink_of(loaded), self._watched())
        self.nodes[name] = node_of(home, loaded, self.world.faults, ground)

    def _watched(self) -> Callable[[], None]:
        """Notes by how much each cycle of a node comes later than one period after the one before."""
        last_s: float | None = None

        def finished() -> None:
            nonlocal last_s
            now_s = self._loop.time()
            if last_s is not None:
                self.worst_late_s = max(self.worst_late_s, now_s - last_s - self._cycle_s)
            last_s = now_s

        return finished

    async def run(self) -> Part:
        """Play to the end; whatever ends a node or the physics ends it."""
        _settle_garbage()
        cpu_s, began_s, rss = time.process_time(), self._loop.time(), _peak_rss_bytes()
        around = [asyncio.create_task(each) for each in self._surroundings()]
        nodes = [asyncio.create_task(self._node(name), name=name) for name in self.nodes]
        try:
            # It ends between two steps: what falls on the last instant would be in or out by chance.
            for_s = self._play.for_s - self.world.step_s / 4
            await self._until(for_s, [*around, *nodes])
        finally:
            await ended(*nodes)
            await ended(*around)
            for journal in self._journals:
                await journal.close()
        return self._part(self._loop.time() - began_s, time.process_time() - cpu_s, _peak_rss_bytes() - rss)

    def stop(self) -> None:
        """End it early."""
        self._ending.set()

    async def _until(self, for_s: float, tasks: list[asyncio.Task[None]]) -> None:
        """Return when the time is over or it is to stop; raise what has ended a task."""
        stopping = asyncio.create_task(self._stopped())
        try:
            done, _ = await asyncio.wait([stopping, *tasks], timeout=for_s, return_when=asyncio.FIRST_EXCEPTION)
            for task in done - {stopping}:
                task.result()
        finally:
            await ended(stopping)

    async def _stopped(self) -> None:
        await self._ending.wait()
        raise _Stopped

    def _surroundings(self) -> list[Coroutine[Any, Any, None]]:
        script = fault_script(self.world.config, list(self.world.faults), self._play.for_s)
        runs: list[Coroutine[Any, Any, None]] = [self._physics(), self._faults(script)]
        if self._head_end is not None and self._plug.head_end is not None:
            runs += [self._plug.head_end.run(), self._head_end.run()]
            if (contracts := self.world.config.contracts) is not None:
                runs.append(self._head_end.send_contracts(list(self.nodes), contracts, self._key, self.world.seed))
        return runs

    async def _physics(self) -> None:
        """Steps fall between the polls, so that a poll sees one state of the world; nobody looks in between."""
        every_s = max(self.world.step_s, self._cycle_s)
        await asyncio.sleep(every_s - self.world.step_s / 2)
        self.world.after(every_s)
        await tick(self.world, every_s)

    async def _faults(self, script: FaultScript) -> None:
        await script.play(self.world.faults)

    async def _node(self, name: str) -> None:
        random = Random(f"{self.world.seed} {name} start")
        await asyncio.sleep(random.uniform(0.0, self._play.spread * self._cycle_s))
        await self.nodes[name].run()

    def _part(self, time_s: float, cpu_s: float, rss_bytes: int) -> Part:
        nodes, end, tape = self.nodes.values(), self._head_end, self._tape
        published = Counter[str]()
        for node in nodes:
            for topic, count in node.parts.outbox.published.items():
                published[topic.split("/")[3]] += count
        return Part(
            homes=len(self.nodes),
            time_s=time_s,
            cpu_s=cpu_s,
            rss_bytes=rss_bytes,
            hash_sum=tape.total if tape is not None else 0,
            cycles=sum(node.figures.cycles for node in nodes),
            setpoints=sum(output.writes for node in nodes for output in node.parts.outputs.values()),
            worst_late_s=self.worst_late_s,
            payload_bytes=tape.payload_bytes if tape is not None else 0,
            messages=published,
            records=Counter(end.kept) if end is not None else Counter(),
            contracts=Counter(end.outcomes) if end is not None else Counter(),
            faults=_seen(self.world),
        )


def _settle_garbage() -> None:
    """What has been built stays to the end: looking through it for garbage again and again costs a twentieth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _seen(world: World) -> Counter[str]:
    seen = Counter[str]()
    for faults in world.faults.values():
        seen.update({word.value: count for word, count in faults.seen.items() if count})
    return seen


def _peak_rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
