"""The home node: a group of tasks round the cycle freeze -> decide -> command -> observe.

Whatever ends it, the outputs are let go first, then the link is told. One dead device never stops it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf

import msgspec

from controller.book import Entry
from controller.cycle import Decision, Inputs, Memory, Params, decide
from controller.devices import DeviceView, Role
from controller.gauge import Sample
from controller.health import Health
from controller.items import Item, cut_off, item_of
from controller.limits.allowed import Allowed
from controller.observe import Facts, observe_open, observe_over
from firmware_py.home.contracts import ContractDesk
from firmware_py.home.diary import Diary
from firmware_py.home.limits import LimitDesk, wishes
from firmware_py.home.loads import LoadDevice
from firmware_py.home.outbox import Outbox
from firmware_py.home.outlook import OutlookDesk
from firmware_py.home.output import Output
from firmware_py.home.poller import Poller
from firmware_py.home.register import Register
from firmware_py.home.report import Explained, Reporter
from firmware_py.home.view import HomeView, Plain
from firmware_py.supervise import roused
from protocols.contracts import Dispatch
from protocols.faults import Fault, Refused
from protocols.messages import Durable, Why
from protocols.ports import Clock, Message, Uplink
from protocols.readings import Reading
from protocols.topics import Topics

_log = logging.getLogger("busbar.node")
# Letting go of a device at the end must not hang on a dead one: its lease ends by itself anyway.
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How the node is set: the site's meter, the cycle, how old a reading may be, the least charge of each battery.

    `metered_by`: the device that measures a load.
    `draw`: a number from 0 to 1 for a contract, always the same one: where in its random start it begins here.
    """

    topics: Topics
    site_meter: str
    cycle_s: float
    stale_s: float
    params: Params
    soc_least_percent: Mapping[str, float] = field(default_factory=dict)
    metered_by: Mapping[str, str] = field(default_factory=dict)
    draw: Callable[[str], float] = lambda contract: 0.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root hands over."""

    pollers: Mapping[str, Poller]
    outputs: Mapping[str, Output]
    desk: ContractDesk
    outbox: Outbox
    reporter: Reporter
    uplink: Uplink
    clock: Clock
    register: Register
    limits: LimitDesk
    diary: Diary
    finished_cycle: Callable[[], None] = lambda: None
    outlook: OutlookDesk | None = None
    home: HomeView = field(default_factory=Plain)


@dataclass(slots=True)
class Figures:
    """What a node counts about itself."""

    cycles: int = 0
    worst_cycle_s: float = 0.0


class HomeNode:
    """The controller of a site; `parts` are there to be looked at."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.parts, self.figures = parts, Figures()
        self._settings, self._clock = settings, parts.clock
        self._memory = Memory()
        self._wake = asyncio.Event()
        self._link_lost_at_s: float | None = None
        self._site_told: Reading | None = None
        self._decided: Explained | None = None

    @property
    def why(self) -> Why | None:
        """The newest explanation; None before the first cycle."""
        return None if self._decided is None else self.parts.reporter.explanation(self._decided)

    async def run(self) -> None:
        """Run until cancelled."""
        parts = self.parts
        for output in parts.outputs.values():
            await output.recall()
        await parts.desk.recall()
        await parts.limits.recall()
        if parts.outlook is not None:
            await parts.outlook.recall()
        await parts.register.recall()
        await parts.home.recall()
        self._memory = Memory(of_tracking=parts.register.tracked)
        async with parts.outbox.sending():
            try:
                await self._control()
            finally:
                await self._end()

    async def _control(self) -> None:
        runs: list[Coroutine[None, None, None]] = [self._inbox(), self._cycles(), self.parts.limits.run(self._wake.set)]
        runs += [self.parts.diary.run(), self.parts.home.run()]
        runs += [poller.run() for poller in self.parts.pollers.values()]
        runs += [output.run() for output in self.parts.outputs.values()]
        async with asyncio.TaskGroup() as group:
            for run in runs:
                group.create_task(run)

    async def _end(self) -> None:
        """Let every device go, say so, and leave; each within its time."""
        unreached = []
        for output in self.parts.outputs.values():
            try:
                async with asyncio.timeout(_END_S):
                    await output.release()
            except (Fault, TimeoutError) as fault:
                _log.warning("%s could not be let go, its lease ends by itself: %s", output.name, fault)
                unreached.append(output.name)
        but = f", but {', '.join(unreached)} could not be reached: the lease ends by itself" if unreached else ""
        self.parts.limits.history.close()
        self.parts.reporter.happened("node", "stopped", f"outputs were let go{but}")
        self.parts.reporter.status(online=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self.parts.outbox.flush()

    async def _inbox(self) -> None:
        async for message in self.parts.uplink.messages():
            if message.topic == self._settings.topics.contract_in:
                if await self.parts.desk.receive(message):
                    self._wake.set()
            elif message.topic == self._settings.topics.limit_in:
                if await self.parts.limits.receive(message):
                    self._wake.set()
            elif message.topic == self._settings.topics.outlook_in and self.parts.outlook is not None:
                await self.parts.outlook.receive(message)
            else:
                await self._durable(message)

    async def _durable(self, message: Message) -> None:
        try:
            if message.topic != self._settings.topics.durable or message.retained:
                raise Refused("topic", "not a topic of this node, or retained")
            word = msgspec.json.decode(message.payload, type=Durable)
            await self.parts.outbox.acknowledge(word.stream, word.up_to)
        except (Fault, msgspec.DecodeError, UnicodeDecodeError) as error:
            self.parts.reporter.happened("inbox", "refused", f"{message.topic[:128]}: {error}")

    async def _cycles(self) -> None:
        """A cycle at each absolute deadline, half a period after the polls, and at once when something is new."""
        next_s = self._clock.now_s() + self._settings.cycle_s / 2
        while True:
            await roused(self._wake, next_s - self._clock.now_s())
            await self._cycle()
            if self._clock.now_s() >= next_s:
                next_s = max(next_s + self._settings.cycle_s, self._clock.now_s())

    async def _cycle(self) -> None:
        began_s = self._clock.now_s()
        await self.parts.desk.tick()
        await self.parts.limits.tend(began_s)
        inputs, limits = self._freeze(began_s)
        self._memory, decision = decide(self._settings.params, self._memory, inputs)
        await self._command(decision)
        if self.parts.register.differs(self._memory.of_tracking):
            await self.parts.register.keep(self._memory.of_tracking)
        self.figures.worst_cycle_s = max(self.figures.worst_cycle_s, self._clock.now_s() - began_s)
        self.parts.limits.history.follow(limits, began_s)
        self.parts.limits.history.measure(self._site(), self._settings.stale_s)
        await self._observe(decision, inputs)
        self.parts.reporter.tick()
        self.parts.home.follow(inputs, limits)
        self._decided = Explained(decision, inputs, limits, self._ages_s(began_s))
        self.parts.reporter.explain(self._decided)
        self.parts.diary.note(self._decided)
        self.figures.cycles += 1
        self.parts.finished_cycle()

    def _freeze(self, now_s: float) -> tuple[Inputs, tuple[Allowed, ...]]:
        entry = self.parts.desk.book.in_force(now_s)
        site = self._site()
        age_s = site.age_s(now_s) if site is not None else float("inf")
        site_w = site.value("power_w") if site is not None and age_s <= self._settings.stale_s else None
        views = tuple(self._view(output, now_s) for output in self.parts.outputs.values())
        lost_s = self._link_lost_s(now_s)
        allowed = self.parts.limits.allowed(now_s, lost_s)
        inputs = Inputs(
            now_s,
            site_w,
            age_s,
            views,
            contract=None if entry is None else self._begun(entry, now_s),
            link_lost_s=lost_s,
            contract_end_s=inf if entry is None else entry.end_s,
            items=self._items(now_s, lost_s),
            limits=wishes(allowed, now_s + self._settings.stale_s),
            sample=None if site is None or site_w is None else _sample(site, site_w),
            orders=self.parts.home.orders(now_s),
            stores=self.parts.home.stores(now_s),
            cars=self.parts.home.cars(now_s),
            phases_a=() if self._settings.params.phases is None or site_w is None else phases_a(site),
        )
        return inputs, allowed

    def _ages_s(self, now_s: float) -> dict[str, float | None]:
        latest = {name: poller.latest for name, poller in self.parts.pollers.items()}
        return {name: None if reading is None else reading.age_s(now_s) for name, reading in latest.items()}

    def _begun(self, entry: Entry, now_s: float) -> Dispatch | None:
        """The dispatch, once its random start is over."""
        contract = entry.contract
        if not isinstance(contract, Dispatch):
            return None
        late_s = contract.random_start_s * self._settings.draw(contract.id) if contract.random_start_s > 0.0 else 0.0
        return contract if now_s >= entry.start_s + late_s else None

    def _items(self, now_s: float, lost_s: float | None) -> tuple[Item, ...]:
        """The contracts on energy that have begun, until they are out of the book."""
        items: list[Item] = []
        for entry in self.parts.desk.book.entries:
            if entry.start_s > now_s:
                break
            if not entry.binds:
                continue
            why = cut_off(entry.contract.hold_s, self._settings.params.dispatch.hold_s, lost_s)
            item = item_of(entry, now_s, "cut off" if why else "")
            if item is not None:
                items.append(item)
        return tuple(items)

    def _fresh(self, name: str, now_s: float) -> Reading | None:
        """The newest reading of a device; None where it is too old or the device is not there."""
        poller = self.parts.pollers[name]
        old = poller.latest is None or poller.latest.age_s(now_s) > self._settings.stale_s
        return None if old or poller.health.state is Health.OFFLINE else poller.latest

    def _site(self) -> Reading | None:
        """The newest reading that tells the site's power; one without it leaves the one before to grow old."""
        latest = self.parts.pollers[self._settings.site_meter].latest
        if latest is not None and latest.value("power_w") is not None:
            self._site_told = latest
        return self._site_told

    def _link_lost_s(self, now_s: float) -> float | None:
        if self.parts.uplink.is_up:
            self._link_lost_at_s = None
            return None
        if self._link_lost_at_s is None:
            self._link_lost_at_s = now_s
        return now_s - self._link_lost_at_s

    def _view(self, output: Output, now_s: float) -> DeviceView:
        poller = self.parts.pollers[output.name]
        reading = self._fresh(output.name, now_s)
        if output.load is not None:
            return self._load_view(output.load, output.name, reading, now_s)
        held = output.held
        limited = output.role is Role.PRODUCER and held is not None and not held.lapsed(now_s)
        return DeviceView(
            name=output.name,
            role=output.role,
            ratings=poller.nameplate.ratings if poller.nameplate is not None else None,
            power_w=reading.value("power_w") if reading is not None else None,
            soc_percent=reading.value("soc_percent") if reading is not None else None,
            limited_to_w=held.value_w if limited and held is not None else None,
            falls_back=output.falls_back,
            told_w=output.wanted_w,
            soc_least_percent=self._settings.soc_least_percent.get(output.name, 0.0),
        )

    def _load_view(self, load: LoadDevice, name: str, reading: Reading | None, now_s: float) -> DeviceView:
        meter = self._settings.metered_by.get(name)
        metered = None if meter is None else self._fresh(meter, now_s)
        metered_w = None if metered is None else metered.value("power_w")
        power_w = None if reading is None else load.power_w(reading.values, metered_w)
        told_w = self.parts.outputs[name].wanted_w
        return DeviceView(name, Role.LOAD, None, power_w, told_w=told_w, terms=load.terms, is_ready=load.is_ready)

    async def _command(self, decision: Decision) -> None:
        """Tell every output and wait for the quick ones; a slow device goes on in its own task."""
        for name, value_w in decision.commands.items():
            self.parts.outputs[name].command(value_w)
        if all(output.is_settled for output in self.parts.outputs.values()):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.cycle_s / 2):
                for output in self.parts.outputs.values():
                    await output.settled()

    async def _observe(self, decision: Decision, inputs: Inputs) -> None:
        entries = self.parts.desk.book.entries
        if not entries:
            return
        facts = self._facts(inputs)
        setpoints = {name: output.wanted_w for name, output in self.parts.outputs.items()}
        for entry in entries:
            if entry.is_over(inputs.now_s):
                await self.parts.desk.advance(
                    entry.id, partial(observe_over, decision=decision, facts=facts), setpoints
                )
            elif entry.binds and entry.is_open(inputs.now_s) and facts.concerns(entry):
                step = partial(observe_open, decision=decision, facts=facts)
                await self.parts.desk.advance(entry.id, step, setpoints)

    def _facts(self, inputs: Inputs) -> Facts:
        site, now_s = self._site(), self._clock.now_s()
        lost_s, hold_s, of_tracking = (
            inputs.link_lost_s,
            self._settings.params.dispatch.hold_s,
            self._memory.of_tracking,
        )
        entries = self.parts.desk.book.entries if lost_s is not None else ()
        return Facts(
            now_s=now_s,
            applied=all(output.applied() for output in self.parts.outputs.values()),
            site_w=site.value("power_w") if site is not None else None,
            measured_s=site.measured_s if site is not None else now_s,
            gap_s=self._settings.stale_s,
            rest=self._settings.params.rest,
            dispatch=inputs.contract.id if inputs.contract is not None else "",
            cut_off={entry.id: cut_off(entry.contract.hold_s, hold_s, lost_s) for entry in entries},
            running=of_tracking.runs.keys(),
            tallies=of_tracking.tallies,
        )


def phases_a(site: Reading | None) -> tuple[float | None, ...]:
    """The currents by phase, import positive. Most meters tell magnitudes: the power of the phase tells the direction."""
    return () if site is None else tuple(_current_a(site, phase) for phase in ("l1", "l2", "l3"))


def _current_a(site: Reading, phase: str) -> float | None:
    """Unknown direction counts as import; a phase without a current is reckoned by its power."""
    current_a, power_w = site.value(f"current_{phase}_a"), site.value(f"power_{phase}_w")
    if current_a is None:
        voltage_v = site.value(f"voltage_{phase}_v")
        if power_w is None or voltage_v is None or voltage_v <= 0.0:
            return None
        return power_w / voltage_v
    return -abs(current_a) if power_w is not None and power_w < 0.0 else abs(current_a)


def _sample(site: Reading, power_w: float) -> Sample:
    counters = site.value("energy_import_wh"), site.value("energy_export_wh")
    return Sample(site.measured_s, power_w, *counters, serial=site.serial)
