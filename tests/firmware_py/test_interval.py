"""Interval readings: they tile, they never invent energy, and they say when something is missing."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.home.interval import IntervalMeter, Moment, aligned
from protocols.messages import Interval
from protocols.readings import Quality, Reading

START = datetime(2026, 6, 21, 12, 0, 0, tzinfo=UTC)


def moment(at_s: float) -> Moment:
    return Moment(at_s, START + timedelta(seconds=at_s), "synchronised")


def reading(at_s: float, serial: str = "1", **values: float | None) -> Reading:
    return Reading("grid", 1, at_s, at_s, values, Quality.GOOD, serial)


def played(meter: IntervalMeter, film: list[Reading]) -> list[Interval]:
    return [interval for each in film for interval in meter.add(each, moment(each.measured_s))]


def diff(interval: Interval, register: str = "energy_import_wh") -> float:
    (counter,) = (c for c in interval.counters if c.register == register)
    return counter.end_wh - counter.start_wh


@given(st.lists(st.floats(0.0, 50.0), min_size=40, max_size=200))
def test_intervals_tile(steps: list[float]) -> None:
    """The differences of all intervals add up to what the register counted between the first and the last boundary."""
    register, film = 1000.0, []
    for index, step in enumerate(steps):
        register += step
        film.append(reading(float(index), energy_import_wh=register))
    closed = played(IntervalMeter("grid", 10.0, 1.0), film)
    assert len(closed) == (len(steps) - 1) // 10
    for one, two in pairwise(closed):
        assert (one.end, one.counters[0].end_wh) == (two.start, two.counters[0].start_wh)
    total = sum(diff(each) for each in closed)
    last_in_closed = film[len(closed) * 10 - 1].values["energy_import_wh"]
    assert last_in_closed is not None
    assert total == pytest.approx(last_in_closed - (1000.0 + steps[0]))


def test_means_are_means() -> None:
    film = [reading(float(s), voltage_l1_v=230.0 + s, power_w=None) for s in range(11)]
    (closed,) = played(IntervalMeter("grid", 10.0, 1.0), film)
    assert closed.means == {"voltage_l1_v": pytest.approx(234.5)}
    assert (closed.quality, closed.readings, closed.expected) == ("good", 10, 10)


def test_missing_readings_are_said() -> None:
    meter = IntervalMeter("grid", 10.0, 1.0)
    film = [reading(float(s), power_w=1.0) for s in range(8)]
    assert played(meter, film) == []
    (closed,) = meter.tick(moment(10.0))
    assert (closed.quality, closed.readings) == ("incomplete", 8)


def test_silence_is_an_interval_without_readings_and_loses_no_energy() -> None:
    meter = IntervalMeter("grid", 10.0, 1.0)
    played(meter, [reading(float(s), energy_import_wh=100.0 + s) for s in range(10)])
    closed = [interval for second in (10, 20, 30) for interval in meter.tick(moment(float(second)))]
    closed += meter.add(reading(35.0, energy_import_wh=150.0), moment(35.0))
    closed += meter.tick(moment(40.0))
    assert [each.readings for each in closed] == [10, 0, 0, 1]
    assert [diff(each) for each in closed] == [9.0, 0.0, 0.0, 41.0]
    assert [each.quality for each in closed] == ["good", "incomplete", "incomplete", "incomplete"]


def test_a_register_that_falls_is_no_energy() -> None:
    film = [reading(float(s), energy_import_wh=5000.0 if s < 5 else 3.0, energy_export_wh=7.0) for s in range(11)]
    (closed,) = played(IntervalMeter("grid", 10.0, 1.0), film)
    assert [counter.register for counter in closed.counters] == ["energy_export_wh"]
    assert (closed.quality, closed.note) == ("incomplete", "energy_import_wh fell from 5000 to 3")


def test_a_fall_that_is_made_up_for_is_a_fall_all_the_same() -> None:
    """A reboot to 0 and a climb beyond the old value: the difference of the ends would be a plausible lie."""
    film = [reading(float(s), energy_import_wh=50.0 if s < 3 else 30.0 * (s - 3)) for s in range(11)]
    (closed,) = played(IntervalMeter("grid", 10.0, 1.0), film)
    assert (closed.quality, closed.counters, closed.note) == ("incomplete", [], "energy_import_wh fell from 50 to 0")


def test_another_unit_with_a_higher_register_is_no_spike() -> None:
    film = [reading(float(s), "1" if s < 5 else "2", energy_import_wh=5.0 if s < 5 else 71200.0) for s in range(11)]
    (closed,) = played(IntervalMeter("grid", 10.0, 1.0), film)
    assert closed.counters == []
    assert closed.note == "unit 1 was replaced by 2"


def test_the_interval_after_a_replacement_is_whole_again() -> None:
    film = [reading(float(s), "1" if s < 5 else "2", energy_import_wh=5.0 if s < 5 else 700.0 + s) for s in range(21)]
    second = played(IntervalMeter("grid", 10.0, 1.0), film)[1]
    assert (second.quality, second.counters[0].serial) == ("good", "2")
    assert diff(second) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("at", "length_s", "start", "end"),
    [
        ("12:07:31", 900, "12:00:00", "12:15:00"),
        ("12:15:00", 900, "12:15:00", "12:30:00"),
        ("00:00:00", 60, "00:00:00", "00:01:00"),
        ("23:59:59", 7000, "23:20:00", "24:00:00"),  # the last one of a day is cut at midnight
    ],
)
def test_where_an_interval_lies(at: str, length_s: float, start: str, end: str) -> None:
    day = datetime(2026, 6, 21, tzinfo=UTC)

    def clock(text: str) -> datetime:
        hours, minutes, seconds = map(int, text.split(":"))
        return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)

    assert aligned(clock(at), length_s) == (clock(start), clock(end))
