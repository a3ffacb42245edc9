"""The tariff calendar: weekdays, holidays, nights that pass midnight, and the two nights of summer time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.meter.tariff import (
    MINUTE_US,
    Calendar,
    RemoteTariff,
    Rule,
    tariff_in_force,
    us_of,
    utc_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = frozenset({"mon", "tue", "wed", "thu", "fri"})
NIGHT = Rule(2, begin=time(22), end=time(6))
PEAK = Rule(3, WORKDAYS, time(17), time(20), frozenset({11, 12, 1, 2}))
SUNDAY = Rule(4, frozenset({"sun", "holiday"}))
CALENDAR = Calendar(BERLIN, (NIGHT, PEAK, SUNDAY), frozenset({date(2026, 12, 25)}))


def at(text: str, calendar: Calendar = CALENDAR) -> int:
    """The tariff at a local time (with a zone: at that moment)."""
    moment = datetime.fromisoformat(text)
    return calendar.tariff(us_of(moment if moment.tzinfo else moment.replace(tzinfo=calendar.zone)))


@pytest.mark.parametrize(
    ("moment", "tariff"),
    [
        ("2026-11-18T12:00", 1),  # a Wednesday
        ("2026-11-18T16:59:59.999", 1),
        ("2026-11-18T17:00", 3),
        ("2026-11-18T19:59:59.999", 3),
        ("2026-11-18T20:00", 1),
        ("2026-11-18T22:00", 2),
        ("2026-11-19T05:59", 2),
        ("2026-11-19T06:00", 1),
        ("2026-10-21T17:00", 1),  # not the season
        ("2026-11-21T17:00", 1),  # a Saturday
        ("2026-11-22T17:00", 4),
        ("2026-11-22T23:00", 2),  # the first rule that holds
        ("2026-12-25T18:00", 4),  # a Friday that is a holiday
        ("2026-12-24T18:00", 3),
    ],
)
def test_the_first_rule_that_holds_decides(moment: str, tariff: int) -> None:
    assert at(moment) == tariff


@pytest.mark.parametrize(
    ("moment", "tariff"),
    [("2026-11-21T01:00", 2), ("2026-11-22T01:00", 1), ("2026-11-20T23:00", 2), ("2026-11-23T01:00", 1)],
)
def test_a_night_belongs_to_the_day_on_which_it_began(moment: str, tariff: int) -> None:
    friday = Calendar(BERLIN, (Rule(2, frozenset({"fri"}), time(22), time(6)),))
    assert at(moment, friday) == tariff


def test_a_night_at_the_turn_of_a_season_belongs_to_the_month_in_which_it_began() -> None:
    winter = Calendar(BERLIN, (Rule(2, begin=time(22), end=time(6), months=frozenset({1})),))
    assert [at(text, winter) for text in ("2026-02-01T05:00", "2026-02-01T23:00", "2026-01-01T05:00")] == [2, 1, 1]


def minutes(day: str) -> dict[int, int]:
    """How many minutes of a local day have which tariff, counted moment by moment in UTC."""
    begin = us_of(datetime.fromisoformat(day).replace(tzinfo=BERLIN))
    end = us_of((datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=BERLIN))
    found: dict[int, int] = {}
    for moment in range(begin, end, MINUTE_US):
        tariff = Calendar(BERLIN, (NIGHT,)).tariff(moment)
        found[tariff] = found.get(tariff, 0) + 1
    return found


def test_the_nights_of_summer_time_are_an_hour_shorter_and_longer() -> None:
    assert minutes("2026-03-28") == {1: 16 * 60, 2: 8 * 60}
    assert minutes("2026-03-29") == {1: 16 * 60, 2: 7 * 60}
    assert minutes("2026-10-25") == {1: 16 * 60, 2: 9 * 60}


def test_an_hour_that_comes_twice_has_its_tariff_twice() -> None:
    third_hour = Calendar(BERLIN, (Rule(2, begin=time(2), end=time(3)),))
    assert [at(f"2026-10-25T{hour:02}:30+00:00", third_hour) for hour in (0, 1, 2)] == [2, 2, 1]
    assert [at(f"2026-03-29T{hour:02}:30+00:00", third_hour) for hour in (0, 1, 2)] == [1, 1, 1]


def test_the_month_is_the_local_one() -> None:
    assert CALENDAR.month(us_of(datetime(2026, 10, 31, 23, 30, tzinfo=UTC))) == "2026-11"


def test_a_remote_tariff_dies_of_age() -> None:
    remote = RemoteTariff(5, until_us=us_of(datetime(2026, 11, 18, 12, tzinfo=UTC)))
    assert tariff_in_force(CALENDAR, remote, remote.until_us - 1) == 5
    assert tariff_in_force(CALENDAR, remote, remote.until_us) == 1
    assert tariff_in_force(CALENDAR, None, remote.until_us - 1) == 1


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_go_there_and_back(moment: datetime) -> None:
    assert utc_of(us_of(moment)) == moment


@given(st.integers(0, 4 * 10**15))
def test_no_tariff_changes_within_a_minute(at_us: int) -> None:
    first = at_us // MINUTE_US * MINUTE_US
    assert CALENDAR.tariff(at_us) == CALENDAR.tariff(first) == CALENDAR.tariff(first + MINUTE_US - 1)
