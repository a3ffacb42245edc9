"""Clocks that are set, a node that wakes in 1970, and the two days of the year with 23 and 25 hours.

The wall clock's hour decides what is cheap, so the battery's true power shows which hour the node believes in.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sim_hardware.household import Comfort
from sim_hardware.physics.climate import WINTER
from sim_hardware.physics.ev import EvParams, Trip
from tests.scenarios.comfort_words import energy_wh, is_warm, outside_is, room_stands_at
from tests.scenarios.film import Film, at
from tests.scenarios.full_home import THERMOMETERS
from tests.scenarios.plan_words import HOUR_S, Powers, desk_of, published, states
from tests.scenarios.stage import EPOCH, Setup, Stage, Step
from tests.scenarios.test_plan_cars import CHARGER
from tests.scenarios.test_plan_prices import buys
from tests.scenarios.test_plan_sensors import HEATER, HOUSE, ROOM_OF_HEATER
from tests.scenarios.words import charge, clock_steps, load, sun

CYCLE_S = 20.0
# Cheap from half past ten to half past eleven; films begin at ten.
TARIFF = {
    "import_per_kwh": 0.50,
    "export_per_kwh": 0.05,
    "band": [{"from": "10:30", "to": "11:30", "import_per_kwh": 0.10}],
}
# Two cycles, the time between two plans, and a second for the battery to follow.
SOON_S = 2 * CYCLE_S + 12.0


def plays(clock: datetime = EPOCH) -> Setup:
    return buys(TARIFF, clock, cycle_s=CYCLE_S)


def test_an_hour_forward_into_the_cheap_hour_is_bought_in_at_once(film: Film) -> None:
    powers = Powers(("battery",), every_s=10.0)
    stage = film(
        at(0, load(1000), sun(0), charge(10), powers.watched),
        at(605, clock_steps(HOUR_S)),
        at(3 * 600),
        setup=plays(),
    )
    assert max(powers.between("battery", 60, 605)) < 0.0, "it covers the load before"
    assert min(powers.between("battery", 605 + SOON_S, 1780)) > 2000.0, "ten past eleven is cheap"
    assert desk_of(stage).planning.plans <= 5
    assert "node" not in [each.subject for each in stage.head_end.happenings if each.state == "failed"]


def test_an_hour_back_out_of_the_cheap_hour_is_not_bought_in(film: Film) -> None:
    powers = Powers(("battery",), every_s=10.0)
    stage = film(
        at(0, load(1000), sun(0), charge(10), powers.watched),
        at(HOUR_S * 0.6, clock_steps(-HOUR_S)),
        at(HOUR_S * 0.9),
        setup=plays(),
    )
    assert min(powers.between("battery", 0.5 * HOUR_S + 60, 0.6 * HOUR_S)) > 2000.0
    assert max(powers.between("battery", 0.6 * HOUR_S + SOON_S, 0.9 * HOUR_S)) < 100.0, "a quarter to ten is dear"
    assert desk_of(stage).planning.plans <= 6


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_history_has_holes_and_no_wrong_values_where_the_clock_was_set(film: Film, step_s: float) -> None:
    """The load is 400 W by the wall before and 1600 W after: a quarter-hour is one of both (but for a cycle
    of the reading before), or a hole.
    """
    stage = film(
        at(0, load(400), sun(0)),
        at(1830, clock_steps(step_s), load(1600)),
        at(1.5 * HOUR_S),
        setup=plays(),
    )
    found = desk_of(stage).history.series("load")
    known = found.values[np.isfinite(found.values)]
    assert len(known) >= 3
    assert all(min(abs(each - 400.0), abs(each - 1600.0)) < 40.0 for each in known), known
    end = EPOCH + timedelta(seconds=1.5 * HOUR_S + step_s)
    assert found.start + timedelta(seconds=900.0 * float(np.flatnonzero(np.isfinite(found.values))[-1])) < end


def test_a_node_that_wakes_in_1970_uses_its_own_energy_until_the_clock_is_set(film: Film) -> None:
    """Nothing is planned, learnt or published under a clock that nobody set; afterwards the first plan is of the right hour."""
    born = datetime(1970, 1, 1, 3, tzinfo=UTC)
    powers = Powers(("battery", "grid"), every_s=10.0)
    sets = clock_steps((EPOCH + timedelta(minutes=40) - born).total_seconds() - 600.0)
    stage = film(
        at(0, load(1000), sun(0), charge(15), powers.watched, clock_is_synchronised(yes=False)),
        at(590, nothing_is_published),
        at(600, sets, clock_is_synchronised(yes=True)),
        at(4500),
        setup=plays(born),
    )
    assert max(map(abs, powers.between("grid", 60, 590))) < 50.0
    assert powers.energy_wh("battery", 600, 3600) > 2500.0, "from twenty to eleven to half past it is cheap"
    assert max(powers.between("battery", 3600 + CYCLE_S + 12.0, 4500)) < 100.0
    assert states(stage, "plan") == ["nothing", "plan"]
    assert desk_of(stage).planning.plans <= 6
    assert desk_of(stage).history.series("load").start >= EPOCH.replace(hour=0)


def clock_is_synchronised(*, yes: bool) -> Step:
    return lambda stage: stage.clock.set_synchronised(yes)


def nothing_is_published(stage: Stage) -> None:
    assert stage.topics.plan not in stage.broker.retained


# The days on which the clocks change

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)
# Cheap by the wall from five to half past six, on one phase enough for 5 kWh; a quarter past seven it leaves.
WALL = {
    "import_per_kwh": 0.50,
    "export_per_kwh": 0.0,
    "band": [{"from": "05:00", "to": "06:30", "import_per_kwh": 0.10}],
}
CAR = {"capacity_wh": 60_000, "needs_wh": 5_000, "departs": "07:15", "returns": "17:30"}
NIGHT = {"from": "22:00", "to": "06:00", "least_c": 17.8}


def changes(midnight: datetime) -> Setup:
    """A car on one phase and an electric heater; from midnight (UTC) on, before the clocks change at one."""
    told = {"lease_s": 360.0}
    return Setup(
        site={"blind_after_s": 180.0, "timezone": "Europe/Berlin"},
        node={"cycle_s": 60.0, "interval_s": 900.0},
        devices=("grid",),
        clock=midnight,
        step_s=30.0,
        car=EvParams(phases=1),
        trips=[Trip(23 * HOUR_S, 23.9 * HOUR_S, 0.0)],
        comfort=Comfort(
            climate=WINTER,
            heat_pump=None,
            air_conditioner=None,
            water_heater=None,
            pool_pump_w=None,
            heater_w=7500.0,
            house_c=18.0,
            window_m2=0.0,
        ),
        loads={
            "thermometer": [each for each in THERMOMETERS if each["name"] != "tank-probe"],
            "charger": [{**CHARGER, **told, "phases": 1, "car": CAR}],
            "relay": [{**HEATER, **told}],
            "room": [{**ROOM_OF_HEATER, "night": NIGHT, "model": HOUSE, "liked_c": 19.0, "comfort_per_kh": 0.0}],
        },
        tables={"tariff": WALL, "plan": {"horizon_h": 24, "exact_h": 1, "replan_s": 1800}},
    )


@pytest.mark.parametrize(("midnight", "offset_h"), [(SPRING, 2), (AUTUMN, 1)], ids=["29 March", "25 October"])
def test_the_day_of_23_or_25_hours_has_its_departure_tariff_and_night_by_the_wall(
    film: Film, midnight: datetime, offset_h: int
) -> None:
    """`offset_h` is what Berlin is ahead of UTC after the change. The plan of midnight knows as much. What whole amperes left over is
    charged at the car's least, for the quarter-hour after.
    """
    wh: dict[str, float] = {}
    powers = Powers(("charger",))
    cheap_s, ends_s = (5 - offset_h) * HOUR_S, (6.5 - offset_h) * HOUR_S
    morning_s, leaves_s = (6 - offset_h) * HOUR_S, (7.25 - offset_h) * HOUR_S
    film(
        at(0, load(300), sun(0), outside_is(3.0), room_stands_at(18.0), powers.watched),
        at(120, a_plan_of_whole_hours(midnight), lambda stage: desk_of(stage).planning.want("a film")),
        at(morning_s - 90.0, may_be_as_cold_as(17.8)),
        at(morning_s + 90.0, may_be_as_cold_as(19.0), is_warm("room", 18.9, 24.0)),
        at(leaves_s, lambda stage: wh.update(leaves=energy_wh(stage, "charger"))),
        at(leaves_s + 600.0, the_next_departure_is(midnight + timedelta(days=1, hours=7.25 - offset_h))),
        setup=changes(midnight),
    )
    assert wh["leaves"] >= 0.97 * 5000.0
    assert powers.energy_wh("charger", cheap_s, ends_s + 120.0) >= 0.9 * wh["leaves"]


def a_plan_of_whole_hours(midnight: datetime) -> Step:
    """Each quarter-hour of UTC once, each with the price of its own time on the wall."""

    def step(stage: Stage) -> None:
        told = published(stage)
        moments = [told.moment(number) for number in range(told.steps)]
        assert moments == [midnight + timedelta(minutes=15 * number) for number in range(96)]
        walls = [each.astimezone(BERLIN) for each in moments]
        due = [0.10 if (5, 0) <= (wall.hour, wall.minute) < (6, 30) else 0.50 for wall in walls]
        assert told.series["import_per_kwh"] == due
        assert due.count(0.10) == 6
        assert len({(wall.hour, wall.minute) for wall in walls}) < 96, "the wall is not the axis"

    return step


def may_be_as_cold_as(least_c: float) -> Step:
    """What the thermostat is told."""

    def step(stage: Stage) -> None:
        (room,) = desk_of(stage).stores(stage.clock.now_s())
        assert room.least_c == least_c

    return step


def the_next_departure_is(moment: datetime) -> Step:
    def step(stage: Stage) -> None:
        (car,) = desk_of(stage).cars(stage.clock.now_s())
        assert car.departs_s is not None
        assert stage.clock.utc() + timedelta(seconds=car.departs_s - stage.clock.now_s()) == moment

    return step
