"""A home node in step lock: the real daemon and simulated devices on time that is granted step by step.

Nothing here knows the wall clock. Frames come in, outcomes go out; the same frames give the same outcomes.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from controller.devices import Role
from firmware_py.compose import World, announcements, home_node, inbound
from firmware_py.config import DeviceConfig, HomeConfig, Loaded
from firmware_py.hil.frames import BadFrame, Frame, Inbound, Outcome, Written
from firmware_py.hil.witness import Witness
from firmware_py.home.node import HomeNode
from firmware_py.home.output import Output
from firmware_py.journal import SqliteJournal
from protocols.topics import Topics
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.foreign import BadValue, ForeignHome, insist_takeable
from sim_hardware.home import STEP_S
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.serve import tick
from sim_hardware.stepped_loop import SteppedLoop
from sim_hardware.virtual_time import VirtualClock

# A step of a day of virtual time would still be answered, but no lab means it.
STEP_LEAST_S, STEP_MOST_S = 1e-3, 3600.0
START: Final = datetime(2026, 6, 21, 10, 0, tzinfo=UTC)
_PARTS: Final = {"sunspec-inverter": "pv", "sunspec-battery": "battery", "sdm630": "load"}


class BadPlan(ValueError):
    """A session that cannot be: the message names the key, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a session depends on besides its frames."""

    loaded: Loaded
    step_s: float
    seed: int = 1
    start: datetime = START
    journal: Path | None = None  # a new file to look at afterwards; None: in memory

    def __post_init__(self) -> None:
        if not STEP_LEAST_S <= self.step_s <= STEP_MOST_S:
            raise BadPlan(f"step {self.step_s:g} s: {STEP_LEAST_S:g} to {STEP_MOST_S:g} s is allowed")
        parts_of(self.loaded.home)


def parts_of(home: HomeConfig) -> dict[str, str]:
    """Which part of the simulated home each configured device is; BadPlan where there is none, or two are one part."""
    parts: dict[str, str] = {}
    for device in home.device:
        part = "grid" if device.name == home.site.meter else _PARTS.get(device.model, "")
        if not part:
            raise BadPlan(f"device {device.name}: model {device.model}: allowed are {', '.join(_PARTS)}")
        if part in parts.values():
            raise BadPlan(f"device {device.name}: model {device.model}: the simulated home has one {part} only")
        parts[device.name] = part
    return parts


class LockStep:
    """A session: `step` answers one frame after the other; `close` lets the node end in order.

    A context manager. What escapes from the node's own tasks is a bug and is raised from `step`.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._number = 0
        self._loop = SteppedLoop()
        self._loop.finish(self._begin())

    def __enter__(self) -> Self:
        """The session itself: it has begun."""
        return self

    def __exit__(self, *error: object) -> None:
        """End it, whatever happened."""
        self.close()

    async def _begin(self) -> None:
        plan, config = self.plan, self.plan.loaded.home
        # Parts of equal length, so that the physics stands exactly at the end of every step.
        part_s = plan.step_s / math.ceil(plan.step_s / STEP_S - 1e-9)
        self._home = ForeignHome(plan.seed, step_s=part_s)
        self._topics, self._broker, self._witness = Topics(config.node.id), MemoryBroker(), Witness()
        self._broker.connect(self._witness)
        self._journal = SqliteJournal(plan.journal or Path(":memory:"), _inline)
        buses = _buses(config, self._home)
        world = World(
            VirtualClock(plan.start),
            self._witness.journal(self._journal),
            self._uplink(),
            lambda url, timeout_s: self._witness.bus(url, buses[url]),
        )
        self._node: HomeNode = home_node(plan.loaded, world)
        self._told = dict.fromkeys(self._node.parts.outputs, 0)
        # Physics first: at one instant the devices change before they are asked.
        self._tasks = [
            asyncio.create_task(tick(self._home, part_s), name="physics"),
            asyncio.create_task(self._node.run(), name="node"),
        ]

    def _uplink(self) -> MemoryUplink:
        online, offline = announcements(self._topics)
        will, birth = (offline.topic, offline.payload), (online.topic, online.payload)
        return MemoryUplink(self._broker, self._topics.node, inbound(self.plan.loaded.home), will, birth)

    def insist_next(self, frame: Frame) -> None:
        """BadFrame where this frame cannot be the next step; nothing has happened then."""
        due = self._number + 1
        if frame.step != due:
            raise BadFrame(f"step {frame.step}: step {due} is due")
        due_s = due * self.plan.step_s
        if not abs(frame.t_s - due_s) <= 1e-6 * self.plan.step_s:
            raise BadFrame(f"t_s {frame.t_s:g}: step {due} of {self.plan.step_s:g} s is at {due_s:g} s")
        for message in frame.messages:
            if message.topic not in (allowed := inbound(self.plan.loaded.home)):
                raise BadFrame(f"topic {message.topic!r}: allowed are {', '.join(allowed)}")
        try:
            for name, value in frame.values.items():
                insist_takeable(name, value)
        except BadValue as bad:
            raise BadFrame(str(bad)) from bad

    def step(self, frame: Frame) -> Outcome:
        """Take the values, run everything that is due until the end of the step, and say what came of it."""
        self.insist_next(frame)
        self._number = frame.step
        self._home.take(frame.values)
        self._deliver(frame.messages)
        until_s = frame.step * self.plan.step_s
        self._loop.advance(until_s)
        self._insist_all_run()
        return Outcome(frame.step, until_s, self._written(), self._home.give(), self._witness.digest)

    def close(self) -> str:
        """Stop the node in order, as SIGTERM does; the digest of everything that ever left it."""
        if not self._loop.is_closed():
            try:
                self._loop.finish(self._end())
                self._loop.finish(self._loop.shutdown_asyncgens())
            finally:
                self._loop.close()
        return self._witness.digest

    async def _end(self) -> None:
        physics, node = self._tasks
        try:
            for task in (node, physics):  # the devices live on while the node lets go of them
                task.cancel()
                await asyncio.wait([task])
        finally:
            await self._journal.close()
        for task in self._tasks:
            if not task.cancelled():
                task.result()

    def _deliver(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            self._broker.publish(message.topic, message.payload.encode())

    def _insist_all_run(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    def _written(self) -> list[Written]:
        found = []
        for name, output in self._node.parts.outputs.items():
            if writes := output.writes - self._told[name]:
                setpoint_w = output.held.value_w if output.held is not None else None
                found.append(Written(name, setpoint_w, self._readback_w(output), writes))
                self._told[name] = output.writes
        return found

    def _readback_w(self, output: Output) -> float | None:
        return self._home.plant.limit_w if output.role is Role.PRODUCER else self._home.store.request_w


def _buses(config: HomeConfig, home: ForeignHome) -> dict[str, MemoryBus]:
    """A bus in memory for each line of the configuration, with the devices on it."""
    parts, lines = parts_of(config), dict[str, list[DeviceConfig]]()
    for device in config.device:
        lines.setdefault(device.url, []).append(device)
    return {
        url: MemoryBus(
            {device.unit: home.images[parts[device.name]] for device in devices},
            {device.unit: home.faults[parts[device.name]] for device in devices},
            name=url,
            timeout_s=devices[0].timeout_s,
        )
        for url, devices in lines.items()
    }


async def _inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    """The journal's work here and now: a thread would end at another virtual instant in each run."""
    return work(*args)
