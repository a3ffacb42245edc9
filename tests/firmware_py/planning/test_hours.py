"""Local hours on the two days that have 23 and 25 hours. The moments of change are those of the EU's directive 2000/84/EC: 01:00 UTC
on the last Sundays of March and October."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from controller.planning.site import Horizon
from firmware_py.home.planning.hours import Now, Span, at_local, spans, step_now, steps_of

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        ("2026-03-28", "07:15", "2026-03-28T06:15"),  # CET
        ("2026-03-29", "07:15", "2026-03-29T05:15"),  # CEST from this night on
        ("2026-10-24", "07:15", "2026-10-24T05:15"),
        ("2026-10-25", "07:15", "2026-10-25T06:15"),
        ("2026-03-29", "02:30", "2026-03-29T01:30"),  # left out: an hour later
        ("2026-10-25", "02:30", "2026-10-25T00:30"),  # twice: the first
    ],
)
def test_a_local_time_of_day_on_the_days_of_change(day: str, at: str, expected: str) -> None:
    assert at_local(datetime.fromisoformat(day), time.fromisoformat(at), BERLIN) == utc(expected)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-20", 8)])
def test_a_night_has_an_hour_more_or_less(day: str, hours: int) -> None:
    noon = utc(f"{day}T12:00")
    night = next(iter(spans(BERLIN, (time(22), time(6)), noon, noon.replace(hour=23))))
    assert (night.end - night.begin).total_seconds() == 3600 * hours


def test_spans_are_in_order_and_begin_on_their_days() -> None:
    weekdays = frozenset(range(5))
    monday_to_friday = list(
        spans(BERLIN, (time(7), time(17)), utc("2026-10-22T00:00"), utc("2026-10-27T00:00"), weekdays)
    )
    assert [span.begin for span in monday_to_friday] == [
        utc("2026-10-22T05:00"),
        utc("2026-10-23T05:00"),
        utc("2026-10-26T06:00"),  # behind the change
    ]


def test_a_span_over_midnight_that_began_yesterday_is_found() -> None:
    early = utc("2026-06-21T01:00")
    found = list(spans(BERLIN, (time(22), time(6)), early, utc("2026-06-21T01:01")))
    assert found == [Span(utc("2026-06-20T20:00"), utc("2026-06-21T04:00"))]


def test_equal_times_are_a_whole_day() -> None:
    found = list(spans(BERLIN, (time(0), time(0)), utc("2026-10-25T12:00"), utc("2026-10-25T12:01")))
    assert [(span.end - span.begin).total_seconds() for span in found] == [25 * 3600]


def test_only_whole_steps_lie_in_a_span() -> None:
    horizon = Horizon(utc("2026-06-21T10:00"), 900.0, 8)
    assert steps_of(horizon, Span(utc("2026-06-21T10:20"), utc("2026-06-21T11:10"))) == (2, 4)
    assert steps_of(horizon, Span(utc("2026-06-21T09:00"), utc("2026-06-22T09:00"))) == (0, 8)
    assert steps_of(horizon, Span(utc("2026-06-21T10:16"), utc("2026-06-21T10:29"))) == (2, 2)


def test_a_step_begins_on_its_grid() -> None:
    assert step_now(utc("2026-06-21T10:14:59"), 900.0) == utc("2026-06-21T10:00")
    assert step_now(utc("2026-06-21T10:15:00"), 300.0) == utc("2026-06-21T10:15")


def test_one_moment_on_both_clocks() -> None:
    now = Now(100.0, utc("2026-06-21T10:00"))
    assert now.utc_at(now.s_at(utc("2026-06-21T10:07"))) == utc("2026-06-21T10:07")
    assert now.s_at(utc("2026-06-21T10:07")) == 520.0
