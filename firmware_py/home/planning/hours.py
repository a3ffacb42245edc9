"""Local hours as UTC: the one place where a day may have 23 or 25 hours.

A time of day that the clocks leave out counts as an hour later, one that comes twice as the first of the two: a car is then
rather ready too early. Pure.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple

import msgspec

from controller.planning.site import Horizon

EVERY_DAY = frozenset(range(7))


class Span(NamedTuple):
    """From a moment to another, UTC."""

    begin: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it, the end not counted."""
        return self.begin <= moment < self.end


class Now(msgspec.Struct, frozen=True):
    """One moment on both clocks."""

    now_s: float
    utc: datetime

    def utc_at(self, at_s: float) -> datetime:
        """The wall time of a monotonic moment."""
        return self.utc + timedelta(seconds=at_s - self.now_s)

    def s_at(self, moment: datetime) -> float:
        """The monotonic moment of a wall time."""
        return self.now_s + (moment - self.utc).total_seconds()


def at_local(day: datetime, at: time, zone: tzinfo) -> datetime:
    """A local time of day of the (local) day of `day`, as UTC."""
    return datetime.combine(day.date(), at, zone).astimezone(UTC)


def spans(
    zone: tzinfo, hours: tuple[time, time], since: datetime, until: datetime, days: Collection[int] = EVERY_DAY
) -> Iterator[Span]:
    """Each span from the first time of day to the next of the second (a whole day where they are the same) that has a part
    between two moments, in order; `days` (Monday is 0) are those on which it begins.
    """
    begin, end = hours
    day = since.astimezone(zone) - timedelta(days=2)
    last = until.astimezone(zone) + timedelta(days=1)
    while day.date() <= last.date():
        ends_on = day if end > begin else day + timedelta(days=1)
        span = Span(at_local(day, begin, zone), at_local(ends_on, end, zone))
        if day.weekday() in days and span.begin < until and span.end > since:
            yield span
        day += timedelta(days=1)


def steps_of(horizon: Horizon, span: Span) -> tuple[int, int]:
    """The whole steps of the horizon that lie in a span, from the first to the last (not counted)."""
    step_s = timedelta(seconds=horizon.step_s)
    first = -((horizon.start - span.begin) // step_s)
    last = (span.end - horizon.start) // step_s
    first, last = max(first, 0), min(last, horizon.steps)
    return first, max(first, last)


def step_now(utc: datetime, step_s: float) -> datetime:
    """Where the step of UTC began in which a moment lies; steps are counted from midnight."""
    midnight = utc.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (utc - midnight) // timedelta(seconds=step_s) * timedelta(seconds=step_s)
