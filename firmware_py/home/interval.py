"""Interval readings: what flowed and the means, per device and UTC-aligned interval. Pure; time comes in as values.

Consecutive intervals tile: the register at the end of one is the register at the start of the next, so no energy is
lost between two polls. A register that falls is left out and named, never turned into a difference.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from protocols.contracts import utc_text
from protocols.messages import ClockStatus, Counter, Interval
from protocols.quantities import QUANTITIES
from protocols.readings import Measurement, Reading

_REGISTERS: Final = ("energy_import_wh", "energy_export_wh")
_GOOD_SHARE: Final = 0.9
_POWER_MOST_W: Final = QUANTITIES["power_w"].most


class Moment(msgspec.Struct, frozen=True):
    """One moment on both clocks."""

    now_s: float
    utc: datetime
    clock: ClockStatus

    def utc_text(self, then_s: float) -> str:
        """The wall time of another moment, for a message."""
        return utc_text(self.utc + timedelta(seconds=then_s - self.now_s))


@dataclass(slots=True)
class _Open:
    """An interval being filled: sums and counts of what is averaged, first and last value of what counts up."""

    start: datetime
    end: datetime
    end_s: float
    readings: int = 0
    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def average(self, values: Measurement) -> None:
        sums, counts = self.sums, self.counts
        for name, value in values.items():
            if value is not None:
                sums[name] += value
                counts[name] += 1

    def means(self) -> dict[str, float]:
        return {name: total / self.counts[name] for name, total in self.sums.items() if name not in _REGISTERS}

    def count(self, name: str, value: float, most_wh: float) -> None:
        before = self.last.get(name, value)
        if value < before:
            self.broken.setdefault(name, f"{name} fell from {before:g} to {value:g}")
        elif value - before > most_wh:
            self.broken.setdefault(name, f"{name} rose from {before:g} to {value:g}, more than any device can")
        self.first.setdefault(name, value)
        self.last[name] = value

    def replace(self, old: str, new: str) -> None:
        """Another unit counts from here on: no register of this interval can be a difference."""
        note = f"unit {old or '(no serial)'} was replaced by {new or '(no serial)'}"
        self.broken = dict.fromkeys(self.first, note)
        self.last.clear()

    def counters(self, serial: str) -> list[Counter]:
        whole = (name for name in self.first if name not in self.broken)
        return [Counter(serial, name, self.first[name], self.last[name]) for name in whole]


class IntervalMeter:
    """Gathers the readings of one device into intervals of `length_s`; `poll_s` tells how many to expect."""

    def __init__(self, device: str, length_s: float, poll_s: float) -> None:
        self.device, self._length_s, self._poll_s = device, length_s, poll_s
        self._serial, self._measured_s = "", 0.0
        self._open: _Open | None = None

    def add(self, reading: Reading, moment: Moment) -> list[Interval]:
        """Take in a reading; the intervals that it closes."""
        closed = self.tick(moment)
        open_ = self._open = self._open or self._opened(moment)
        if open_.first and reading.serial != self._serial:
            open_.replace(self._serial, reading.serial)
        # A second at least: the registers of large meters count in steps.
        most_wh = _POWER_MOST_W * max(reading.measured_s - self._measured_s, 1.0) / 3600
        self._serial, self._measured_s = reading.serial, reading.measured_s
        open_.readings += 1
        open_.average(reading.values)
        for register in _REGISTERS:
            if (value := reading.value(register)) is not None:
                open_.count(register, value, most_wh)
        return closed

    def tick(self, moment: Moment) -> list[Interval]:
        """Close the interval whose end has passed, with or without readings."""
        done = self._open
        if done is None or moment.now_s < done.end_s:
            return []
        self._open = self._opened(moment)
        self._open.first, self._open.last = dict(done.last), dict(done.last)
        return [self._closed(done, moment.clock)]

    def _opened(self, moment: Moment) -> _Open:
        start, end = aligned(moment.utc, self._length_s)
        return _Open(start, end, moment.now_s + (end - moment.utc).total_seconds())

    def _closed(self, done: _Open, clock: ClockStatus) -> Interval:
        expected = round((done.end - done.start).total_seconds() / self._poll_s)
        notes = list(dict.fromkeys(done.broken.values()))
        return Interval(
            device=self.device,
            start=utc_text(done.start),
            end=utc_text(done.end),
            clock=clock,
            quality="good" if not notes and done.readings >= _GOOD_SHARE * expected else "incomplete",
            readings=done.readings,
            expected=expected,
            means=done.means(),
            counters=done.counters(self._serial),
            note="; ".join(notes),
        )


def aligned(utc: datetime, length_s: float) -> tuple[datetime, datetime]:
    """The interval of this length, counted from midnight UTC, in which the moment lies."""
    midnight = utc.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    index = (utc - midnight) // timedelta(seconds=length_s)
    start = midnight + index * timedelta(seconds=length_s)
    return start, min(start + timedelta(seconds=length_s), midnight + timedelta(days=1))
