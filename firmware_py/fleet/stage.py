"""A world with its nodes, its head-end and its faults, on whatever loop runs: virtual or real time."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from firmware_py.compose import announcements
from firmware_py.config import Loaded
from firmware_py.fleet.garbage import collected_after
from firmware_py.fleet.head_end import SUBSCRIPTIONS, HeadEnd
from firmware_py.fleet.journals import Heard, journal_of
from firmware_py.fleet.lateness import Lateness, Published, Stepped, Watched
from firmware_py.fleet.nodes import Ground, Login, configured, issuer_key, node_of
from firmware_py.fleet.summary import Part, Rated
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
GOLDEN: Final = 0.6180339887498949
AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Plug:
    """How nodes and head-end reach the broker; `login` is what their configuration says. `head_end` None: there is none.

    `wire_bytes` tells the bytes on the nodes' connections so far, both ways; 0 where there are none.
    """

    login: Login
    uplink_of: Callable[[Loaded], Uplink]
    head_end: Uplink | None = None
    wire_bytes: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class Play:
    """How long, the time over which the nodes start one after the other, and where their journals are kept."""

    for_s: float
    ramp_s: float = 0.0
    state_dir: Path | None = None


def in_memory(broker: MemoryBroker) -> Plug:
    """Nodes and head-end at a broker in this process."""

    def uplink_of(loaded: Loaded) -> Uplink:
        topics = Topics(loaded.home.node.id)
        online, offline = announcements(topics)
        will, birth = (offline.topic, offline.payload), (online.topic, online.payload)
        return MemoryUplink(broker, topics.node, topics.inbound, will, birth, latency_s=0.0)

    return Plug(Login("mqtt://memory.sim"), uplink_of, MemoryUplink(broker, "head-end", SUBSCRIPTIONS, latency_s=0.0))


class _Mark(NamedTuple):
    """Where a fleet stood at a moment of its time."""

    time_s: float
    cpu_s: float
    payload_bytes: int
    wire_bytes: int


class _Stopped(Exception):
    """Somebody ended the play early."""


class Fleet:
    """A fleet on the running loop."""

    def __init__(self, world: World, plug: Plug, play: Play, tape: Tape | None = None) -> None:
        self.world, self.nodes = world, dict[str, HomeNode]()
        self._plug, self._play, self._tape = plug, play, tape
        self._loop, self._start = asyncio.get_running_loop(), world.utc()
        self._key, self._cycle_s = issuer_key(world.seed), world.config.node.cycle_s
        self._step_s = max(world.step_s, self._cycle_s)
        self._late, self._late_readings = Lateness(self._cycle_s), Lateness(self._cycle_s)
        self._late_steps, self._published = Lateness(self._step_s), Published()
        self._journals: list[SqliteJournal] = []
        self._head_end = HeadEnd(plug.head_end, VirtualClock(self._start)) if plug.head_end is not None else None
        self._ending = asyncio.Event()
        for home in world.homes:
            self._add(home)

    def _add(self, name: str) -> None:
        home, part = self.world.homes[name], self.world.part_of(name)
        loaded = configured(home, part, self.world.config.node, self._plug.login, public_part(self._key))
        clock, sqlite = VirtualClock(self._start), journal_of(name, self._play.state_dir)
        self._journals.append(sqlite)
        clock_jumps(self.world.faults[f"{name}/node"], clock)
        journal: Journal = sqlite if self._tape is None else Heard(sqlite, name, self._tape)
        ground = Ground(clock, journal, self._uplink(loaded), self._late.watch())
        self.nodes[name] = node_of(home, loaded, self.world.faults, ground)

    def _uplink(self, loaded: Loaded) -> Uplink:
        """A tape hears everything itself, and on virtual time nothing is late."""
        uplink = self._plug.uplink_of(loaded)
        return Watched(uplink, self._published, self._late_readings.watch()) if self._tape is None else uplink

    async def run(self) -> Part:
        """Play to the end; whatever ends a node or the physics ends it."""
        with collected_after(self._play.ramp_s):
            return await self._run()

    async def _run(self) -> Part:
        began, rss_bytes = self._mark(), _peak_rss_bytes()
        self._rated = began
        ramping = self._loop.call_later(self._play.ramp_s, self._ramped)
        around = [asyncio.create_task(each) for each in self._surroundings()]
        nodes = [asyncio.create_task(self._node(*each), name=each[1]) for each in enumerate(self.nodes)]
        try:
            # It ends between two steps: what falls on the last instant would be in or out by chance.
            for_s = self._play.for_s - self.world.step_s / 4
            await self._until(for_s, [*around, *nodes])
        finally:
            ramping.cancel()
            played = self._mark()
            await _ended_in_turn(nodes)
            await ended(*around)
            for journal in self._journals:
                await journal.close()
        return self._part(began, played, _peak_rss_bytes() - rss_bytes)

    def stop(self) -> None:
        """End it early."""
        self._ending.set()

    def told(self) -> str:
        """How it goes, in a line."""
        up = sum(node.parts.uplink.is_up for node in self.nodes.values())
        cycles = sum(node.figures.cycles for node in self.nodes.values())
        return (
            f"{len(self.nodes)} homes, {up} at the broker, {cycles} cycles, {self._late.missed} missed, "
            f"worst {max(self._late.worst_s, self._late_readings.worst_s):.2f} s late"
        )

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
        steps = Stepped(self.world, self._late_steps.watch())
        await asyncio.sleep(self._step_s - self.world.step_s / 2)
        steps.after(self._step_s)
        await tick(steps, self._step_s)

    async def _faults(self, script: FaultScript) -> None:
        await script.play(self.world.faults)

    async def _node(self, number: int, name: str) -> None:
        # By multiples of the golden ratio, so that starts spread evenly over the ramp and over the cycle as well.
        place = number + number * GOLDEN % 1.0
        await asyncio.sleep(self._play.ramp_s * place / len(self.nodes))
        await self.nodes[name].run()

    def _mark(self) -> _Mark:
        payload_bytes = self._published.payload_bytes if self._tape is None else self._tape.payload_bytes
        return _Mark(self._loop.time(), time.process_time(), payload_bytes, self._plug.wire_bytes())

    def _ramped(self) -> None:
        """All nodes have been started: from here on count the rates per home."""
        self._rated = self._mark()

    def _part(self, began: _Mark, played: _Mark, rss_bytes: int) -> Part:
        nodes, end, tape = self.nodes.values(), self._head_end, self._tape
        published = Counter[str]()
        for node in nodes:
            for topic, count in node.parts.outbox.published.items():
                published[topic.split("/")[3]] += count
        return Part(
            homes=len(self.nodes),
            time_s=played.time_s - began.time_s,
            cpu_s=played.cpu_s - began.cpu_s,
            rated=_rated(self._rated, played),
            rss_bytes=rss_bytes,
            hash_sum=tape.total if tape is not None else 0,
            cycles=sum(node.figures.cycles for node in nodes),
            setpoints=sum(output.writes for node in nodes for output in node.parts.outputs.values()),
            missed_cycles=self._late.missed,
            worst_late_s=self._late.worst_s,
            worst_reading_late_s=self._late_readings.worst_s,
            worst_step_late_s=self._late_steps.worst_s,
            worst_publish_s=self._published.worst_s,
            payload_bytes=self._mark().payload_bytes,
            messages=published,
            records=Counter(end.kept) if end is not None else Counter(),
            contracts=Counter(end.outcomes) if end is not None else Counter(),
            faults=_seen(self.world),
        )


async def _ended_in_turn(nodes: Sequence[asyncio.Task[None]]) -> None:
    """End nodes a few at a time: each must let go of its devices within its time."""
    for first in range(0, len(nodes), AT_ONCE):
        await ended(*nodes[first : first + AT_ONCE])


def _rated(began: _Mark, end: _Mark) -> Rated:
    return Rated(
        end.time_s - began.time_s,
        end.cpu_s - began.cpu_s,
        end.payload_bytes - began.payload_bytes,
        end.wire_bytes - began.wire_bytes,
    )


def _seen(world: World) -> Counter[str]:
    seen = Counter[str]()
    for faults in world.faults.values():
        seen.update({word.value: count for word, count in faults.seen.items() if count})
    return seen


def _peak_rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
