"""What a running node is measured by: wrapped buses and journal, a loop that knows when its timers were due, one hook.

The node itself is not touched: unmeasured, none of this exists. Sources, all in microseconds of the monotonic clock:

    cycle.late              how long after its absolute deadline the cycle's timer fired
    cycle.done              the same for the end of that cycle
    cycle.gap               the end of one cycle to the end of the next; over two periods is an overrun. A cycle that begins
                            at once, its deadline missed or a contract come in, has no timer and shows here only
    <device>.late           as cycle.late, for the poller of a device
    <device>.read, .write   a request to its reply, as the node sees it: waiting for a shared line is in it
    <device>.command        a lease promised, the first act on a decision, to the write confirmed by reading it back
    <device>.loop           that confirmation to the first reading of the site's meter that shows it
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVarTuple
from weakref import WeakKeyDictionary, WeakSet

from controller.cycle import Role
from controller.lease import Lease
from firmware_py.compose import World
from firmware_py.config import HomeConfig
from firmware_py.hil.histogram import Histogram
from firmware_py.home.node import HomeNode
from firmware_py.home.output import lease_key
from protocols.faults import Fault
from protocols.ports import Journal, RegisterBus, Table
from protocols.readings import Reading

Ts = TypeVarTuple("Ts")
Task = asyncio.Task[Any]
# A smaller step of a setpoint cannot be told from a kettle.
STEP_LEAST_W: Final = 300.0
# The share of a step that the meter must show: above the noise, and before a device with a lag has come all the way.
_SHOWN: Final = 0.5
# A step that the meter has not shown by then is counted as lost.
PATIENCE_S: Final = 30.0


class Timed(asyncio.BaseEventLoop):
    """A part of an event loop: it tells `fired(task, due_s)` when a timer goes off that a task has set."""

    fired: Callable[[Task, float], None] | None = None

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As the base class does, with a look at the clock when it goes off."""
        task, fired = asyncio.current_task(self), self.fired
        if task is None or fired is None:
            return super().call_at(when, callback, *args, context=context)

        def timed() -> None:
            fired(task, when)
            callback(*args)

        return super().call_at(when, timed, context=context)


class TimedLoop(Timed, asyncio.SelectorEventLoop):
    """The ordinary event loop with timers that tell."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A setpoint's step that the meter has not shown yet."""

    change_w: float
    before_w: float
    confirmed_s: float


class Probe:
    """Measures one node: build it in `world`, then name it with `watch`; `histograms` are the result."""

    def __init__(self, config: HomeConfig, loop: Timed) -> None:
        self._config, self._loop = config, loop
        self._names = {(device.url, device.unit): device.name for device in config.device}
        self._leases = {lease_key(device.name): device.name for device in config.device}
        self._sources: dict[str, Histogram] = {}
        self._owners: WeakKeyDictionary[Task, str] = WeakKeyDictionary()
        self._writers: WeakSet[Task] = WeakSet()
        self._promised_s: dict[str, float] = {}
        self._held: dict[str, Lease] = {}
        self._steps: dict[str, _Step] = {}
        self._sites: deque[Reading] = deque(maxlen=8)
        self._cycle_due_s: float | None = None
        self._finished_s: float | None = None
        self._node: HomeNode | None = None
        loop.fired = self._fired

    @property
    def histograms(self) -> list[Histogram]:
        """Everything measured so far, by source."""
        return [self._sources[name] for name in sorted(self._sources)]

    def world(self, world: World) -> World:
        """The same world, measured."""

        def finished_cycle() -> None:
            world.finished_cycle()
            self._finished_cycle()

        def bus_of(url: str, timeout_s: float) -> RegisterBus:
            return _Bus(self, url, world.bus_of(url, timeout_s))

        return replace(world, journal=_Journal(self, world.journal), bus_of=bus_of, finished_cycle=finished_cycle)

    def watch(self, node: HomeNode) -> None:
        """The node that was built in this world."""
        self._node = node

    def _count(self, name: str, seconds: float, deadline_s: float | None = None) -> None:
        self._source(name, deadline_s).add_s(seconds)

    def _source(self, name: str, deadline_s: float | None = None) -> Histogram:
        if name not in self._sources:
            self._sources[name] = Histogram(name, None if deadline_s is None else round(deadline_s * 1e6))
        return self._sources[name]

    # Timers. Whose task is whose is learnt from what it does: who reads a device polls it, who promises a lease writes.

    def _fired(self, task: Task, due_s: float) -> None:
        name = self._owners.get(task)
        if name is None:
            return
        if name == "cycle":
            self._cycle_due_s = due_s
        self._count(f"{name}.late", self._loop.time() - due_s, self._config.node.cycle_s)

    @contextmanager
    def asked(self, url: str, unit: int, what: str) -> Iterator[None]:
        """A request is under way; one that fails is counted as lost."""
        name, task, began_s = self._names[url, unit], asyncio.current_task(), self._loop.time()
        if what == "read" and task is not None and task not in self._writers:
            self._owners.setdefault(task, name)
        try:
            yield
        except Fault:
            self._source(f"{name}.{what}").lost += 1
            raise
        self._count(f"{name}.{what}", self._loop.time() - began_s)

    def keeps(self, key: str, value: bytes) -> None:
        """A record is about to be kept; that of a lease is the first act on a decision."""
        task = asyncio.current_task()
        if key in self._leases and value and task is not None:
            self._promised_s[self._leases[key]] = self._loop.time()
            self._writers.add(task)

    # Once a cycle: what became of the writes, and whether the meter shows them.

    def _finished_cycle(self) -> None:
        now_s, task, cycle_s = self._loop.time(), asyncio.current_task(), self._config.node.cycle_s
        if task is not None:
            self._owners.setdefault(task, "cycle")
        if self._finished_s is not None:
            self._count("cycle.gap", now_s - self._finished_s, 2 * cycle_s)
        self._finished_s = now_s
        if self._cycle_due_s is not None:
            self._count("cycle.done", now_s - self._cycle_due_s, cycle_s)
            self._cycle_due_s = None
        if self._node is not None:
            self._look(self._node)

    def _look(self, node: HomeNode) -> None:
        site = node.parts.pollers[self._config.site.meter].latest
        if site is not None and (not self._sites or self._sites[-1].seq != site.seq):
            self._sites.append(site)
        for name, output in node.parts.outputs.items():
            held, before = output.held, self._held.get(name)
            if held is None:
                self._held.pop(name, None)
            elif before is None or held.written_s > before.written_s:
                self._held[name] = held
                self._confirmed(name, held, before if output.role is Role.FOLLOWER else None)
            self._shown(name)

    def _confirmed(self, name: str, held: Lease, before: Lease | None) -> None:
        promised_s = self._promised_s.get(name, held.written_s)
        if promised_s >= held.written_s:  # the next one is under way already
            return
        self._count(f"{name}.command", held.written_s - promised_s)
        change_w = held.value_w - before.value_w if before is not None else 0.0
        known = [each for each in self._sites if each.received_s <= promised_s]
        site_w = known[-1].value("power_w") if known else None
        if site_w is not None and abs(change_w) >= STEP_LEAST_W:
            self._steps[name] = _Step(change_w, site_w, held.written_s)

    def _shown(self, name: str) -> None:
        step = self._steps.get(name)
        if step is None or not self._sites or (site_w := self._sites[-1].value("power_w")) is None:
            return
        after_s = self._sites[-1].received_s - step.confirmed_s
        if after_s > 0 and (site_w - step.before_w) / step.change_w >= _SHOWN:
            self._count(f"{name}.loop", after_s)
            del self._steps[name]
        elif after_s > PATIENCE_S:
            self._source(f"{name}.loop").lost += 1
            del self._steps[name]


class _Bus:
    def __init__(self, probe: Probe, url: str, bus: RegisterBus) -> None:
        self._probe, self._url, self._bus = probe, url, bus
        self.close = bus.close

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        with self._probe.asked(self._url, unit, "read"):
            return await self._bus.read(unit, table, address, count)

    async def write(self, unit: int, address: int, words: Sequence[int]) -> None:
        with self._probe.asked(self._url, unit, "write"):
            await self._bus.write(unit, address, words)


class _Journal:
    def __init__(self, probe: Probe, journal: Journal) -> None:
        self._probe, self._journal = probe, journal
        self.append, self.pending, self.kept = journal.append, journal.pending, journal.kept
        self.acknowledge, self.kept_under, self.keep_all = journal.acknowledge, journal.kept_under, journal.keep_all

    async def keep(self, key: str, value: bytes) -> None:
        self._probe.keeps(key, value)
        await self._journal.keep(key, value)
