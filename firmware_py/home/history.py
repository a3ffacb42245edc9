"""The history of a home: quarter-hour means of named series, gathered cycle by cycle, kept on disk by UTC day for 60 days.

A quarter-hour of which less than half was seen is a hole. So is one in which the clock was set, and nothing is gathered before
the clock was synchronised once: a wrong value teaches, a hole does not.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Final

import numpy as np

from controller.forecasting.series import COVERAGE, QUARTER_S, Series
from controller.planning.site import Floats
from protocols.faults import StoreFailed
from protocols.ports import Clock, Journal

LOAD: Final = "load"
PV: Final = "pv"
OUTDOOR: Final = "outdoor"
DAYS: Final = 60
_QUARTERS: Final = 96
_PREFIX: Final = "history/"
# Beyond it a value is a fault, whatever it measures: powers in W and temperatures in degC alike.
_MOST: Final = 1e7
# A value holds until the next one, but no longer than this.
_HOLDS_S: Final = 120.0
# Two clocks that part by more than this between two cycles have not drifted: one was set.
_SET_S: Final = 1.0
_RETRY_S: Final = 60.0
_log = logging.getLogger("busbar.history")


@dataclass(frozen=True, slots=True)
class Closed:
    """A quarter-hour that is over, and the means of what was seen of it long enough."""

    start: datetime
    means: Mapping[str, float]


@dataclass(slots=True)
class _Open:
    start: datetime
    sums: dict[str, float] = field(default_factory=dict)
    covered_s: dict[str, float] = field(default_factory=dict)

    def add(self, values: Mapping[str, float], lasted_s: float) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * lasted_s
            self.covered_s[name] = self.covered_s.get(name, 0.0) + lasted_s

    def means(self) -> dict[str, float]:
        least_s = COVERAGE * QUARTER_S
        return {name: self.sums[name] / lasted_s for name, lasted_s in self.covered_s.items() if lasted_s >= least_s}


@dataclass(frozen=True, slots=True)
class _Seen:
    now_s: float
    utc: datetime
    values: Mapping[str, float]


class History:
    """Gathers, keeps and gives back. `feed` and `series` never wait; `run` writes."""

    def __init__(self, clock: Clock, journal: Journal, days: int = DAYS) -> None:
        self._clock, self._journal, self._days = clock, journal, days
        self._kept: dict[str, dict[date, Floats]] = {}
        self._unwritten: set[tuple[str, date]] = set()
        self._changed = asyncio.Event()
        self._open: _Open | None = None
        self._seen: _Seen | None = None

    def feed(self, values: Mapping[str, float | None]) -> list[Closed]:
        """Values of this cycle, each the one that holds until the next call; None or absurd: not known. What has closed."""
        now_s, utc = self._clock.now_s(), self._clock.utc().astimezone(UTC)
        before = self._seen
        if before is not None and abs((utc - before.utc).total_seconds() - (now_s - before.now_s)) > _SET_S:
            self._set(before.utc, utc)
            before = None
        if before is None:
            if not self._clock.synchronised():
                self._seen = self._open = None
                return []
            self._forget_from(_quarter(utc))
        sane = {name: each for name, each in values.items() if each is not None and _is_sane(each)}
        self._seen = _Seen(now_s, utc, sane)
        closed = [] if before is None else self._gathered(before, utc)
        self._open = self._open or _Open(_quarter(utc))
        return closed

    def series(self, name: str) -> Series:
        """All that is kept of a series, holes as NaN; empty where nothing is."""
        today = self._clock.utc().date()
        rows = {day: row for day, row in self._kept.get(name, {}).items() if abs((today - day).days) <= 2 * self._days}
        if not rows:
            return Series.empty()
        first = min(rows)
        values = np.full(((max(rows) - first).days + 1) * _QUARTERS, np.nan)
        for day, row in rows.items():
            at = (day - first).days * _QUARTERS
            values[at : at + _QUARTERS] = row
        return Series(datetime(first.year, first.month, first.day, tzinfo=UTC), QUARTER_S, values)

    @property
    def names(self) -> tuple[str, ...]:
        """What there is a series of."""
        return tuple(sorted(self._kept))

    async def restore(self) -> None:
        """Take back what is on disk; what cannot be read is said and left out. StoreFailed."""
        for key, body in (await self._journal.kept_under(_PREFIX)).items():
            name, _, day = key.removeprefix(_PREFIX).rpartition("/")
            try:
                self._kept.setdefault(name, {})[date.fromisoformat(day)] = _row(body)
            except ValueError as error:
                _log.warning("history: %s is left out: %s", key, error)

    async def run(self) -> None:
        """Write what has changed until cancelled; a store that fails is tried again."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self.save():
                await asyncio.sleep(_RETRY_S)
                self._changed.set()

    async def save(self) -> bool:
        """Write what has changed, and delete the oldest days; whether the store took it."""
        unwritten, self._unwritten = self._unwritten, set()
        bodies = {f"{_PREFIX}{name}/{day}": self._body(name, day) for name, day in sorted(unwritten)}
        try:
            if bodies:
                await self._journal.keep_all(bodies)
        except StoreFailed as fault:
            self._unwritten |= unwritten
            _log.error("history is not written down: %s", fault)
            return False
        return True

    def _gathered(self, before: _Seen, utc: datetime) -> list[Closed]:
        """Count what held since the last cycle into its quarter-hours; close those that are over."""
        closed, at, now_s = list[Closed](), before.utc, self._clock.now_s()
        holds = at + timedelta(seconds=min(now_s - before.now_s, _HOLDS_S))
        while self._open is not None and (end := self._open.start + timedelta(seconds=QUARTER_S)) <= utc:
            self._open.add(before.values, max(0.0, (min(holds, end) - at).total_seconds()))
            closed.append(self._close(self._open))
            # After a long sleep the quarter-hours slept through are holes, which need not be closed one by one.
            at, self._open = max(at, end), _Open(end if end > utc - timedelta(days=1) else _quarter(utc))
        if self._open is not None:
            self._open.add(before.values, max(0.0, (min(holds, utc) - at).total_seconds()))
        return closed

    def _close(self, done: _Open) -> Closed:
        means = done.means()
        day, place = done.start.date(), _place(done.start)
        for name, mean in means.items():
            rows = self._kept.setdefault(name, {})
            rows.setdefault(day, np.full(_QUARTERS, np.nan))[place] = np.float32(mean)  # as it will be read back
            self._unwritten.add((name, day))
            # By number of days, not by date: a clock that was a year ahead must not cost the history.
            for old in sorted(rows)[: -self._days]:
                del rows[old]
                self._unwritten.add((name, old))
        if means:
            self._changed.set()
        return Closed(done.start, means)

    def _set(self, before: datetime, utc: datetime) -> None:
        """The clock was set: what is left of the quarter-hours it cuts into has to do for them, or they are holes."""
        _log.warning("history: the clock was set from %s to %s", before, utc)
        self._open = None

    def _forget_from(self, first: datetime) -> None:
        """What lies in the future was gathered under a clock that was ahead: nobody knows when it was."""
        for name, rows in self._kept.items():
            for day in [each for each in rows if each >= first.date()]:
                ahead = _place(first) if day == first.date() else 0
                if np.isfinite(rows[day][ahead:]).any():
                    rows[day][ahead:] = np.nan
                    self._unwritten.add((name, day))
                    self._changed.set()
                if day > first.date():
                    del rows[day]

    def _body(self, name: str, day: date) -> bytes | None:
        row = self._kept.get(name, {}).get(day)
        return None if row is None else row.astype("<f4").tobytes()


def rest_w(site_w: float | None, others_w: Iterable[float | None]) -> float | None:
    """What is not steered: the connection point's power less that of every steered device and of the modules (these negative).

    None where one of them is not known.
    """
    rest = site_w
    for power_w in others_w:
        if rest is None or power_w is None:
            return None
        rest -= power_w
    return rest


def _is_sane(value: float) -> bool:
    return isfinite(value) and abs(value) <= _MOST


def _quarter(utc: datetime) -> datetime:
    return datetime.fromtimestamp(utc.timestamp() // QUARTER_S * QUARTER_S, UTC)


def _place(start: datetime) -> int:
    return int(start.timestamp() % 86_400.0 // QUARTER_S)


def _row(body: bytes) -> Floats:
    if len(body) != 4 * _QUARTERS:
        raise ValueError(f"{len(body)} bytes; {4 * _QUARTERS} is a day")
    row = np.frombuffer(body, "<f4").astype(np.float64)
    row[np.abs(row) > _MOST] = np.nan
    return row
