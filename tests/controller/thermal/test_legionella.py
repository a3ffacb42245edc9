"""Legionella: due by the calendar, in a cheap hour where there is one, proven by the sensor, given up where it cannot be."""

from itertools import pairwise
from math import nan

import msgspec
import pytest

from controller.laws import thermostat
from controller.thermal.legionella import DAY_S, Due, Memory, Params, step
from controller.thermal.stores import Store
from sim_hardware.physics.thermal.water_heater import WaterHeater, WaterHeaterParams

PARAMS = Params()
UTC_S = 1_800_000_000.0


class Film:
    """A tank whose clock on the wall may be off by something."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory if memory is not None else Memory()
        self.now_s, self.utc_s = 500.0, UTC_S

    def at(self, temperature_c: float | None, *, seconds: float = 60.0, is_cheap: bool = False) -> Due:
        self.now_s += seconds
        self.utc_s += seconds
        self.memory, due = step(PARAMS, self.memory, self.now_s, self.utc_s, temperature_c, is_cheap)
        return due


def kept(days_ago: float) -> Film:
    return Film(Memory(kept_utc_s=UTC_S - days_ago * DAY_S))


def test_unknown_is_due_in_a_cheap_hour_or_after_a_day() -> None:
    assert Film().at(50.0, is_cheap=True).reach_c == 60.0
    film = Film()
    assert film.at(50.0).reach_c is None
    assert film.at(50.0, seconds=DAY_S - 60.0).reach_c is None
    assert film.at(50.0, seconds=60.0).reach_c == 60.0


@pytest.mark.parametrize(
    ("days_ago", "is_cheap", "due"),
    [(5.9, True, False), (6.1, True, True), (6.1, False, False), (7.1, False, True), (-3.0, True, True)],
)
def test_due_by_the_calendar(days_ago: float, is_cheap: bool, due: bool) -> None:
    """Kept three days in the future: the clock was wrong then or is now, so nothing is known."""
    assert (kept(days_ago).at(50.0, is_cheap=is_cheap).reach_c == 60.0) is due


def test_it_is_over_once_it_was_hot_for_its_time_without_a_break() -> None:
    film = Film()
    film.at(50.0, is_cheap=True)
    for _ in range(20):
        assert film.at(60.5).reach_c == 60.0
    assert film.at(59.9).reach_c == 60.0
    for _ in range(30):
        assert film.at(60.0).reach_c == 60.0
    assert film.at(60.0).reach_c is None
    assert film.memory.kept_utc_s == film.utc_s
    assert film.at(50.0, is_cheap=True).by_utc_s == pytest.approx(film.utc_s + 7 * DAY_S, abs=120.0)


def test_a_hot_day_of_sun_counts_as_well() -> None:
    film = kept(3.0)
    for _ in range(31):
        film.at(65.0)
    assert film.memory.kept_utc_s == film.utc_s


@pytest.mark.parametrize("lost", [None, nan])
def test_what_nobody_saw_is_not_proven(lost: float | None) -> None:
    film = kept(3.0)
    for _ in range(20):
        film.at(61.0)
    film.at(lost)  # one reading
    assert film.memory.hot_since_s is not None
    film.at(lost)
    film.at(lost)
    assert film.memory.hot_since_s is None
    for _ in range(20):
        film.at(61.0)
    assert film.memory.kept_utc_s == UTC_S - 3.0 * DAY_S
    film.at(61.0, seconds=1800.0)  # nobody looked for half an hour
    assert film.memory.kept_utc_s == UTC_S - 3.0 * DAY_S


def test_what_cannot_be_reached_is_given_up_and_tried_again() -> None:
    film = kept(8.0)
    assert film.at(54.0).reach_c == 60.0
    due = film.at(55.0, seconds=PARAMS.try_s)
    assert (due.reach_c, due.failed) == (None, True)
    assert film.at(55.0, seconds=PARAMS.again_s - 60.0).reach_c is None
    due = film.at(55.0)
    assert (due.reach_c, due.failed) == (60.0, True)
    for _ in range(32):
        due = film.at(61.0)
    assert (due.reach_c, due.failed) == (None, False)


def test_one_number_survives_a_restart() -> None:
    film = kept(6.5)
    film.at(50.0, is_cheap=True)
    raw = msgspec.json.encode(film.memory.kept_utc_s)
    again = Film(Memory(kept_utc_s=msgspec.json.decode(raw)))
    assert again.at(50.0, is_cheap=True).reach_c == 60.0


def test_a_modelled_tank_is_heated_through_once_a_week() -> None:
    """The law, the thermostat and a tank of two halves with a draw each morning, three weeks in a minute's steps."""
    tank = WaterHeater(WaterHeaterParams(), water_c=50.0, setpoint_c=90.0)
    film, memory = Film(), thermostat.Memory()
    done, hottest_c = set[float](), 0.0
    store = Store("tank", 50.0, least_c=45.0, most_c=58.0, floor_c=5.0, heaters=("element",), band_k=5.0)
    for minute in range(21 * 1440):
        hour = minute // 60 % 24
        tank.draw_l_per_s = 0.1 if minute % 1440 in range(420, 430) else 0.0
        due = film.at(tank.lower_c, is_cheap=hour in (2, 3))
        seen = msgspec.structs.replace(store, temperature_c=tank.lower_c, reach_c=due.reach_c)
        memory, asks, _ = thermostat.step(thermostat.Params(), memory, film.now_s, seen, {"element": 0.0})
        tank.is_blocked = asks["element"].want_w == 0.0
        tank.after(60.0)
        hottest_c = max(hottest_c, tank.lower_c)
        if film.memory.kept_utc_s is not None:
            done.add(film.memory.kept_utc_s // DAY_S)
    days = sorted(done)
    assert len(days) == 3
    assert all(6 <= later - sooner <= 7 for sooner, later in pairwise(days))
    assert hottest_c < 63.0


@pytest.mark.parametrize("wrong", [{"reach_c": 20.0}, {"keep_s": 0.0}, {"every_s": nan}, {"ahead_s": 8 * DAY_S}])
def test_wrong_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Params(**wrong)
