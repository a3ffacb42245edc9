"""Which tariff is in force: a calendar of local times, weekdays and holidays, and a remote tariff above it.

Times are the wall's in the zone of the calendar: in the night of the change to summer time an hour of them is missing, in
the other one an hour comes twice. A rule that passes midnight belongs to the day on which it began. Every switch lies on
a full minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Protocol

MINUTE_US: Final = 60_000_000
TARIFF_MOST: Final = 8
HOLIDAY: Final = "holiday"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", HOLIDAY)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """A tariff from `begin` to `end` (24:00 is 00:00) on some kinds of days in some months; the whole day where they are equal."""

    tariff: int
    days: frozenset[str] = frozenset(DAYS)
    begin: time = time(0, 0)
    end: time = time(0, 0)
    months: frozenset[int] = frozenset(range(1, 13))

    def holds(self, local: datetime, kind_today: str, kind_yesterday: str) -> bool:
        """Whether it is in force at a local time."""
        now, yesterday = local.time().replace(tzinfo=None), local.date() - timedelta(days=1)
        today = kind_today in self.days and local.month in self.months
        if self.begin < self.end:
            return today and self.begin <= now < self.end
        evening = today and now >= self.begin
        return evening or (kind_yesterday in self.days and yesterday.month in self.months and now < self.end)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The first rule that holds decides; none: `default`."""

    zone: tzinfo = UTC
    rules: Sequence[Rule] = ()
    holidays: frozenset[date] = frozenset()
    default: int = 1

    def tariff(self, at_us: int) -> int:
        """The tariff (1 to 8) in the minute of a moment, in microseconds of UTC since 1970."""
        local = utc_of(at_us // MINUTE_US * MINUTE_US).astimezone(self.zone)
        today, yesterday = self._kind(local.date()), self._kind(local.date() - timedelta(days=1))
        return next((rule.tariff for rule in self.rules if rule.holds(local, today, yesterday)), self.default)

    def month(self, at_us: int) -> str:
        """The local month of a moment, such as `2026-11`."""
        return f"{utc_of(at_us).astimezone(self.zone):%Y-%m}"

    def _kind(self, day: date) -> str:
        return HOLIDAY if day in self.holidays else DAYS[day.weekday()]


class TariffCalendar(Protocol):
    """Which tariff and which local month a moment lies in."""

    def tariff(self, at_us: int) -> int:
        """The tariff (1 to 8) in the minute of a moment, in microseconds of UTC since 1970."""
        ...

    def month(self, at_us: int) -> str:
        """The local month of a moment, such as `2026-11`."""
        ...


@dataclass(frozen=True, slots=True)
class Succession:
    """A calendar, and those that take its place from a moment (microseconds of UTC) on, the earliest first."""

    first: TariffCalendar
    later: Sequence[tuple[int, Calendar]] = ()

    def tariff(self, at_us: int) -> int:
        """By the calendar of that moment."""
        return self._at(at_us).tariff(at_us)

    def month(self, at_us: int) -> str:
        """By the calendar of that moment."""
        return self._at(at_us).month(at_us)

    def _at(self, at_us: int) -> TariffCalendar:
        return next((each for start_us, each in reversed(self.later) if start_us <= at_us), self.first)


@dataclass(frozen=True, slots=True)
class RemoteTariff:
    """A tariff set from outside; like every such word it dies of age: then the calendar decides again."""

    tariff: int
    until_us: int


def tariff_in_force(calendar: TariffCalendar, remote: RemoteTariff | None, at_us: int) -> int:
    """The remote tariff while it lasts, else the calendar's."""
    return remote.tariff if remote is not None and at_us < remote.until_us else calendar.tariff(at_us)


def utc_of(at_us: int) -> datetime:
    """The aware time of a moment."""
    return _EPOCH + timedelta(microseconds=at_us)


def us_of(moment: datetime) -> int:
    """Microseconds of UTC since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
