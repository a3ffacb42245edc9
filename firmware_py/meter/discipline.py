"""How far the meter's clock can be believed, by the letters of OCMF, and when it was set.

S: the kernel says that a time source disciplines it (adjtimex(2): timesyncd, chrony and ntpd all tell the kernel).
I: not now, but it was in this run, or a battery-backed clock keeps the time (`rtc`): informative.
R: as I, where the board's clock is known to be right for durations (`durations_verified`): relative.
U: none of these.
A clock that is slewed is not set; one that jumps against the monotonic clock is, and what was learnt before is forgotten.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from firmware_py.home.contracts import EARLIEST
from firmware_py.meter.tariff import us_of
from protocols.ocmf_writing import TimeStatus
from protocols.ports import Clock

# The daemons that keep time slew what is less: ntpd steps from 0.128 s on.
STEP_S: Final = 0.1
_MARKS_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Qualities:
    """What the board's clock is, besides what the kernel says of it."""

    rtc: bool = False
    durations_verified: bool = False


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The clock was set: what it would have said, and what it said instead."""

    old: datetime
    new: datetime

    @property
    def by_s(self) -> float:
        """How far it was put forward, s."""
        return (self.new - self.old).total_seconds()


class Discipline:
    """Looks at the clock; `status` is as of the last look."""

    def __init__(self, clock: Clock, qualities: Qualities | None = None) -> None:
        self._clock, self._qualities = clock, qualities or Qualities()
        self._was_synchronised = False
        self._zero: datetime | None = None
        self._marks: list[tuple[int, int]] = []
        self.status = self._judged()

    def look(self) -> ClockSet | None:
        """Whether the clock was set since the last look."""
        utc = self._clock.utc()
        zero = utc - timedelta(seconds=self._clock.now_s())
        found = None
        if self._zero is not None and abs((zero - self._zero).total_seconds()) > STEP_S:
            found = ClockSet(utc - (zero - self._zero), utc)
            self._was_synchronised = False
            low, high = sorted((us_of(found.old), us_of(found.new)))
            self._marks = [*self._marks[1 - _MARKS_MOST :], (low, high)]
        self._zero = zero
        self.status = self._judged()
        return found

    def was_set_within(self, begin_us: int, end_us: int) -> bool:
        """Whether the clock was set in that stretch of time, by its old or its new reckoning."""
        return any(low <= end_us and high >= begin_us for low, high in self._marks)

    def _judged(self) -> TimeStatus:
        if self._clock.utc() < EARLIEST:
            return TimeStatus.UNKNOWN
        if self._clock.synchronised():
            self._was_synchronised = True
            return TimeStatus.SYNCHRONISED
        if not (self._was_synchronised or self._qualities.rtc):
            return TimeStatus.UNKNOWN
        return TimeStatus.RELATIVE if self._qualities.durations_verified else TimeStatus.INFORMATIVE
