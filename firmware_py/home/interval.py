"""Interval readings: what flowed and the means, per device and UTC-aligned interval. Pure; time comes in as values.

Consecutive intervals tile: the register at the end of one is the register at the start of the next, so no energy is
lost between two polls. A register that falls is left out and named, never turned into a difference.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from protocols.contracts import utc_text
from protocols.messages import ClockStatus, Counter, Interval
from protocols.readings import Reading

_REGISTERS: Final = ("energy_import_wh", "energy_export_wh")
_GOOD_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks."""

    now_s: float
    utc: datetime
    clock: ClockStatus


@dataclass(slots=True)
class _Open:
    start: datetime
    end: datetime
    end_s: float
    readings: int = 0
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    replaced: str = ""


class IntervalMeter:
    """Gathers the readings of one device into intervals of `length_s`; `poll_s` tells how many to expect."""

    def __init__(self, device: str, length_s: float, poll_s: float) -> None:
        self.device, self._length_s, self._poll_s = device, length_s, poll_s
        self._serial = ""
        self._open: _Open | None = None
        self._begun = False

    def add(self, reading: Reading, moment: Moment) -> list[Interval]:
        """Take in a reading; the intervals that it closes."""
        closed = self.tick(moment)
        open_ = self._opened(moment, None)
        if open_.first and reading.serial != self._serial:
            open_.replaced = f"unit {self._serial or '(no serial)'} was replaced by {reading.serial or '(no serial)'}"
        self._serial = reading.serial
        open_.readings += 1
        for name, value in reading.values.items():
            if value is None:
                continue
            if name in _REGISTERS:
                open_.first.setdefault(name, value)
                open_.last[name] = value
            else:
                total, count = open_.sums.get(name, (0.0, 0))
                open_.sums[name] = (total + value, count + 1)
        return closed

    def tick(self, moment: Moment) -> list[Interval]:
        """Close the interval whose end has passed, with or without readings."""
        if self._open is None or moment.now_s < self._open.end_s:
            return []
        done, self._open = self._open, None
        whole = self._begun
        self._begun = True
        self._opened(moment, done)
        # The first interval after a start began in the middle; its share of readings says so.
        return [self._closed(done, moment.clock)] if whole or done.readings else []

    def _opened(self, moment: Moment, before: _Open | None) -> _Open:
        if self._open is None:
            start, end = aligned(moment.utc, self._length_s)
            end_s = moment.now_s + (end - moment.utc).total_seconds()
            self._open = _Open(start, end, end_s)
            if before is not None:
                self._open.first.update(before.last)
                self._open.last.update(before.last)
        return self._open

    def _closed(self, done: _Open, clock: ClockStatus) -> Interval:
        expected = round(self._length_s / self._poll_s)
        notes = [
            f"{name} fell from {first:g} to {done.last[name]:g}"
            for name, first in done.first.items()
            if done.last[name] < first
        ]
        counters = [
            Counter(self._serial, name, first, done.last[name])
            for name, first in done.first.items()
            if done.last[name] >= first
        ]
        if done.replaced:
            notes, counters = [done.replaced, *notes], []
        good = not notes and done.readings >= _GOOD_SHARE * expected
        means = {name: total / count for name, (total, count) in done.sums.items()}
        return Interval(
            device=self.device,
            start=utc_text(done.start),
            end=utc_text(done.end),
            clock=clock,
            quality="good" if good else "incomplete",
            readings=done.readings,
            expected=expected,
            means=means,
            counters=counters,
            note="; ".join(notes),
        )


def aligned(utc: datetime, length_s: float) -> tuple[datetime, datetime]:
    """The interval of this length, counted from midnight UTC, in which the moment lies."""
    midnight = utc.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    index = (utc - midnight) // timedelta(seconds=length_s)
    start = midnight + index * timedelta(seconds=length_s)
    return start, min(start + timedelta(seconds=length_s), midnight + timedelta(days=1))
