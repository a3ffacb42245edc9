"""X of Y: days by hand, days with 23 and 25 hours, and the same-day factor with its bounds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controller.settlement.baselines import on_the_wall, x_of_y
from controller.settlement.series import Lack, Part, Series, Span, grid
from protocols.settlement import SettlementTerms
from tests.controller.settlement.cases import terms

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
# A Thursday in the middle of summer.
EVENT = date(2026, 7, 16)


def local(day: date, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


def hour_of(day: date, hour: int, energy_wh: int) -> Part:
    start = local(day, hour)
    return Part(Span(start, start + HOUR), energy_wh * 1000, f"{day} {hour}h")


def days(energies_wh: dict[int, int], hour: int = 18, event: date = EVENT) -> list[Part]:
    """So many Wh in that hour, so many days before."""
    return [hour_of(event - timedelta(days=back), hour, energy) for back, energy in energies_wh.items()]


def baseline(
    parts: list[Part], given: SettlementTerms, event: date = EVENT, hour: int = 18
) -> tuple[object, list[str]]:
    start = local(event, hour)
    found = x_of_y(grid(Span(start, start + HOUR), 3600), Series(parts), given, BERLIN)
    energy = found.energies[0]
    return (energy.why if isinstance(energy, Lack) else energy / 1000), list(found.basis)


def xy(**given: object) -> SettlementTerms:
    return terms("x_of_y", time_zone="Europe/Berlin", interval_s=3600, **given)


# Thursday's working days before: Wed 1, Tue 2, Mon 3, Fri 6, Thu 7 days back; the weekend is 4 and 5 back.
WEEK = {1: 100, 2: 500, 3: 300, 4: 9000, 5: 9000, 6: 200, 7: 400}


@pytest.mark.parametrize(
    ("pick", "expected"), [("highest", (500 + 400 + 300) / 3), ("middle", 300), ("lowest", (100 + 200 + 300) / 3)]
)
def test_three_of_the_last_five_working_days(pick: str, expected: float) -> None:
    assert baseline(days(WEEK), xy(days_x=3, days_y=5, pick=pick))[0] == expected


def test_the_newest_of_days_alike_is_chosen_and_named() -> None:
    found, basis = baseline(days({1: 5, 2: 5, 3: 5}), xy(days_x=1, days_y=3))
    assert found == 5
    assert basis == ["highest 1 of 3 days: 2026-07-15"]


def test_the_kind_of_a_day_is_that_of_the_time_zone() -> None:
    """Midnight of a Monday in Berlin is still Sunday in UTC; the working day before is Friday, 3 days back."""
    monday = date(2026, 7, 13)
    found, basis = baseline(days({1: 1, 2: 2, 3: 3}, hour=0, event=monday), xy(days_x=1, days_y=1), monday, 0)
    assert found == 3
    assert basis == ["highest 1 of 1 days: 2026-07-10"]


def test_every_kind_of_day_where_the_terms_say_so() -> None:
    assert baseline(days(WEEK), xy(days_x=5, days_y=5, same_kind=False))[0] == (100 + 500 + 300 + 9000 + 9000) / 5


def test_excluded_and_incomplete_days_are_passed_over_and_named() -> None:
    lacking = {back: energy for back, energy in WEEK.items() if back != 2}
    given = xy(days_x=3, days_y=3, exclude=(EVENT - timedelta(days=1),))
    found, basis = baseline(days(lacking), given)
    assert found == (300 + 200 + 400) / 3
    assert "2026-07-15 left out: excluded by the terms" in basis
    assert any(line.startswith("2026-07-14 left out: no reading") for line in basis)


def test_too_few_days_give_no_baseline() -> None:
    found, _ = baseline(days(WEEK), xy(days_x=5, days_y=6, lookback_days=8))
    assert found == "only 5 of 6 eligible days in the 8 before"


@pytest.mark.parametrize(("load", "factor"), [(110, 1.1), (200, 1.2), (10, 0.83), (100, 1.0)])
def test_the_same_day_factor_within_its_bounds(load: int, factor: float) -> None:
    before = [hour_of(EVENT - timedelta(days=back), 15, 100) for back in (1, 2)]
    parts = [*days({1: 1000, 2: 1000}), *before, hour_of(EVENT, 15, load)]
    given = xy(days_x=2, days_y=2, adjust_s=3600, adjust_gap_s=7200)
    assert baseline(parts, given)[0] == pytest.approx(1000 * factor)


@pytest.mark.parametrize("usual", [0, -100])
def test_no_factor_where_it_would_divide_by_nothing_or_turn_the_sign(usual: int) -> None:
    before = [hour_of(EVENT - timedelta(days=1), 17, usual)]
    parts = [*days({1: 1000}), *before, hour_of(EVENT, 17, 100)]
    found, basis = baseline(parts, xy(days_x=1, days_y=1, adjust_s=3600))
    assert found == 1000
    assert any("no same-day factor" in line for line in basis)


# Clocks. Germany: 2026-03-29 02:00 -> 03:00 (a day of 23 h), 2026-10-25 03:00 -> 02:00 (25 h).

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def test_the_same_hour_on_the_wall_is_another_one_in_utc() -> None:
    """18:00 on the Monday after is 16:00 UTC, on the Friday before 17:00 UTC."""
    monday, friday = SPRING + timedelta(days=1), SPRING - timedelta(days=2)
    assert (local(monday, 18).hour, local(friday, 18).hour) == (16, 17)
    assert baseline([hour_of(friday, 18, 42)], xy(days_x=1, days_y=1), event=monday)[0] == 42


def test_a_day_whose_clocks_leapt_over_the_hour_does_not_serve() -> None:
    """A contract at 02:00 on the Saturday after: of the weekend before, Sunday has no such hour and Saturday has."""
    event, saturday = SPRING + timedelta(days=6), SPRING - timedelta(days=1)
    found, basis = baseline(days({7: 7, 6: 6}, hour=2, event=event)[:1], xy(days_x=1, days_y=1), event=event, hour=2)
    assert saturday == event - timedelta(days=7)
    assert found == 7
    assert any("clocks leapt over 2026-03-29 02:00" in line for line in basis)


@pytest.mark.parametrize(("fold", "hour_utc"), [(0, 0), (1, 1)])
def test_of_the_hour_that_comes_twice_each_stands_for_itself(fold: int, hour_utc: int) -> None:
    """02:30 comes at 00:30 and at 01:30 UTC; a week before it was once, at 00:30 UTC, and that serves both."""
    moment = local(AUTUMN, 2, 30, fold)
    assert (moment.hour, moment.minute) == (hour_utc, 30)
    assert on_the_wall(moment, timedelta(days=-7), BERLIN) == datetime(2026, 10, 18, 0, 30, tzinfo=UTC)


def test_of_an_hour_that_came_twice_the_first_serves_a_day_that_has_it_once() -> None:
    later = local(AUTUMN + timedelta(days=7), 2, 30)
    assert on_the_wall(later, timedelta(days=-7), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (EVENT, 24)])
def test_a_day_has_as_many_intervals_as_it_has_hours(day: date, hours: int) -> None:
    span = Span(local(day, 0), local(day + timedelta(days=1), 0))
    assert len(grid(span, 3600)) == hours
    assert span.seconds == hours * 3600
