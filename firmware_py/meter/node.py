"""A running meter: samples in, registers kept, readings, intervals and events out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from firmware_py.home.outbox import Outbox
from firmware_py.home.report import Reporter, clock_status
from firmware_py.meter.calibration import Corrector
from firmware_py.meter.device import Device
from firmware_py.meter.keeper import Keeper
from firmware_py.meter.measure import Event, Found, Measuring, Summary, Values, Window
from firmware_py.meter.registers import (
    DIRECTIONS,
    KINDS,
    TOTAL,
    Flow,
    ProfileEntry,
    Registers,
    register_name,
    register_values,
    shown_mwh,
)
from firmware_py.meter.tariff import us_of, utc_of
from firmware_py.meter.timeline import Timeline
from firmware_py.supervise import Backoff
from protocols.contracts import utc_text
from protocols.evidence import INTERVAL
from protocols.faults import Fault, Refused
from protocols.messages import Counter, Durable, Interval, Maximum, encode
from protocols.ports import Clock, Message, Uplink
from protocols.readings import Quality, Reading
from protocols.samples import Samples, SampleSource
from protocols.topics import Topics

DEVICE: Final = "meter"
_log = logging.getLogger("busbar.meter")
_END_S: Final = 5.0
# An interval of which so much was measured is good.
_GOOD_RATIO: Final = 0.9


@dataclass(frozen=True, slots=True)
class Settings:
    """How the meter is set."""

    topics: Topics
    serial: str
    publish_s: float
    digits: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root hands over; `offload` runs the numbers in a thread, inline on virtual time."""

    source: SampleSource
    corrector: Callable[[], Corrector]
    measuring: Callable[[float], Measuring]  # by the wall's time of the first sample, s since 1970
    keeper: Keeper
    device: Device
    outbox: Outbox
    reporter: Reporter
    uplink: Uplink
    clock: Clock
    servers: tuple[Callable[[], Coroutine[None, None, None]], ...] = ()
    offload: Callable[..., Awaitable[Any]] = asyncio.to_thread
    finished_window: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Stream:
    """The samples since the source last (re)started."""

    corrector: Corrector
    measuring: Measuring
    timeline: Timeline = field(default_factory=Timeline)
    fed: int = 0


class MeterNode:
    """The meter; `values` are those of the newest window."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.parts = parts
        self.values: Values = {}
        self._lasting: dict[str, float | None] = {}
        self._faults: tuple[str, ...] = ()
        self._settings, self._clock = settings, parts.clock
        self._seq = 0
        self._publish_s: float | None = None

    @property
    def shown(self) -> Registers:
        """The registers as everybody may see them: durable ones."""
        return self.parts.keeper.shown

    def told(self) -> dict[str, float | None]:
        """The newest values and the durable registers, by quantity name."""
        registers = register_values(self.shown, self._settings.digits)
        return {**self.values, **self._lasting, **registers, **self._demand()}

    def month(self) -> str:
        """The local month now, such as 2026-11."""
        return self.parts.keeper.settings.calendar.month(us_of(self._clock.utc()))

    def _demand(self) -> dict[str, float | None]:
        """The maximum demand of this month in each direction, W; none was measured yet: None."""
        month = self.month()
        peaks = [self.shown.peaks.get((direction, month)) for direction in DIRECTIONS]
        return {
            f"demand_{direction}_max_w": None if peak is None else round(peak.power_w, 3)
            for direction, peak in zip(DIRECTIONS, peaks, strict=True)
        }

    async def run(self) -> None:
        """Run until cancelled."""
        await self.parts.device.recall()
        await self.parts.keeper.recall()
        async with self.parts.outbox.sending():
            try:
                await self._work()
            finally:
                await self._end()

    async def _work(self) -> None:
        runs: list[Coroutine[None, None, None]] = [self._measure(), self.parts.keeper.run(), self._inbox()]
        runs += [serve() for serve in self.parts.servers]
        runs += self.parts.device.runs(self.parts.uplink, self._settings.topics.event)
        async with asyncio.TaskGroup() as group:
            for run in runs:
                group.create_task(run)

    async def _end(self) -> None:
        """Keep the registers, say goodbye, let go of the converter; each within its time."""
        self.parts.reporter.status(online=False)
        device, outbox = self.parts.device, self.parts.outbox
        for last in (self.parts.keeper.save, device.ended, self.parts.source.close, outbox.flush):
            try:
                async with asyncio.timeout(_END_S):
                    await last()
            except (Fault, TimeoutError) as fault:
                _log.warning("at the end: %s: %s", type(fault).__name__, fault)

    async def _measure(self) -> None:
        """Measure for ever; a source that fails is started anew, after longer and longer waits."""
        waits, attempt = Backoff(first_s=0.5, most_s=30.0), 0
        while True:
            stream: _Stream | None = None
            try:
                self.parts.device.parts.input.restarted()
                while True:
                    raw = await self.parts.source.read()
                    self.parts.device.parts.input.samples(raw.shape[1], self._clock.now_s())
                    stream = stream or self._begun(raw)
                    await self._block(stream, raw)
                    attempt = 0
            except Fault as fault:
                self.values, self._lasting = {}, {}
                self.parts.reporter.happened("input", "failed", str(fault))
            await asyncio.sleep(waits.wait_s(attempt))
            attempt += 1

    def _begun(self, raw: Samples) -> _Stream:
        """A stream that began with these samples, which have just come in."""
        corrector = self.parts.corrector()
        behind_s = (raw.shape[1] - corrector.lag) / self.parts.source.fs_hz
        return _Stream(corrector, self.parts.measuring(self._clock.utc().timestamp() - behind_s))

    async def _block(self, stream: _Stream, raw: Samples) -> None:
        read_us, read_s = us_of(self._clock.utc()), self._clock.now_s()
        corrected = stream.corrector.corrected(raw)
        stream.fed += corrected.shape[1]
        behind = stream.fed + stream.corrector.lag
        fs_hz = self.parts.source.fs_hz
        told: list[Found] = await self.parts.offload(stream.measuring.feed, corrected)
        for found in told:
            match found:
                case Event():
                    self._tell(found)
                case Summary():
                    if not found.kind.startswith("aggregate"):
                        self._lasting.update(found.values)
                case Window():
                    age_s = (behind - found.end) / fs_hz
                    self._window(stream, found, read_us - round(age_s * 1e6), read_s - age_s)
                    await self.parts.device.window(found)

    def _window(self, stream: _Stream, window: Window, end_us: int, end_s: float) -> None:
        """Count what flowed, and publish when it is time; `end_us` and `end_s` are when it ended by both clocks."""
        duration_us = round((window.end - window.begin) / self.parts.source.fs_hz * 1e6)
        stretch = stream.timeline.stretch(duration_us, end_us)
        self.values = window.values
        # By the clock on the wall, not by the converter's, which may be off.
        longer = (stretch.end_us - stretch.begin_us) / duration_us
        if window.active_j is not None:
            reactive_vars = 0.0 if window.reactive_vars is None else window.reactive_vars * longer
            self.parts.keeper.count(Flow(stretch.begin_us, stretch.end_us, window.active_j * longer, reactive_vars))
        self._suspect(window)
        self._publish(end_s)
        self.parts.finished_window()

    def _suspect(self, window: Window) -> None:
        """Say what is wrong with the input, when that changes; the figures alone do not count as a change."""
        faults = tuple(sorted({f"{fault.kind} {fault.channel or 'all'}" for fault in window.faults}))
        if faults != self._faults:
            said = ", ".join(map(str, window.faults)) or "nothing is wrong any more"
            self.parts.reporter.happened("input", "faulty" if faults else "good", said)
        self._faults = faults

    def _publish(self, end_s: float) -> None:
        if self._publish_s is not None and end_s < self._publish_s:
            return
        due_s = end_s if self._publish_s is None else self._publish_s
        self._publish_s = max(due_s + self._settings.publish_s, end_s)
        self._seq += 1
        quality = Quality.SUSPECT if self._faults else Quality.GOOD
        reading = Reading(DEVICE, self._seq, end_s, self._clock.now_s(), self.told(), quality, self._settings.serial)
        self.parts.reporter.reading(reading)
        self.parts.reporter.tick()

    def _tell(self, event: Event) -> None:
        said = ", ".join(f"{name} {value:g}" for name, value in event.values.items() if value is not None)
        self.parts.reporter.happened(f"voltage {' '.join(event.phases)}".strip(), event.kind, said)

    async def record(self, entry: ProfileEntry) -> None:
        """Keep a closed period of the load profile as an interval reading; returns once it is durable."""
        await self.parts.outbox.store(INTERVAL, encode(self.interval(entry)))
        signed = self.parts.device.parts.signed
        if signed is not None:
            await signed.sign(entry)

    def interval(self, entry: ProfileEntry) -> Interval:
        """A period as an interval reading: every register at both ends, by the durable counts."""
        was_set = self.parts.device.parts.discipline.was_set_within
        digits, seconds = self._settings.digits, (entry.end_us - entry.begin_us) // 1_000_000
        counters = [
            Counter(
                self._settings.serial,
                register_name(kind, tariff),
                shown_mwh(count - entry.added[kind, tariff], digits) / 1000,
                shown_mwh(count, digits) / 1000,
            )
            for (kind, tariff), count in sorted(entry.counts.items())
        ]
        flowed = {kind: shown_mwh(entry.added.get((kind, TOTAL), 0), 12) / 1000 for kind in KINDS}
        return Interval(
            device=DEVICE,
            start=utc_text(utc_of(entry.begin_us)),
            end=utc_text(utc_of(entry.end_us)),
            clock=clock_status(self._clock),
            quality="good" if entry.measured_ratio >= _GOOD_RATIO else "incomplete",
            readings=round(entry.measured_ratio * seconds),
            expected=seconds,
            means={"power_w": (flowed["import"] - flowed["export"]) * 3600 / seconds},
            counters=counters,
            note="the clock was set within" if was_set(entry.begin_us, entry.end_us) else "",
            maxima=self._maxima(entry),
        )

    def _maxima(self, entry: ProfileEntry) -> list[Maximum]:
        """The demand of the month in which the period began, as far as it is known."""
        month = self.parts.keeper.settings.calendar.month(entry.begin_us)
        peaks = self.shown.peaks
        return [
            Maximum(direction, month, round(peak.power_w, 3), utc_text(utc_of(peak.end_us)))
            for direction in DIRECTIONS
            if (peak := peaks.get((direction, month))) is not None
        ]

    async def _inbox(self) -> None:
        async for message in self.parts.uplink.messages():
            if message.topic == self._settings.topics.command_in:
                await self.parts.device.parts.desk.receive(message)
            else:
                await self._durable(message)

    async def _durable(self, message: Message) -> None:
        try:
            if message.topic != self._settings.topics.durable or message.retained:
                raise Refused("topic", "not a topic of a meter, or retained")
            word = msgspec.json.decode(message.payload, type=Durable)
            await self.parts.outbox.acknowledge(word.stream, word.up_to)
        except (Fault, msgspec.DecodeError, UnicodeDecodeError) as error:
            self.parts.reporter.happened("inbox", "refused", f"{message.topic[:128]}: {error}")
