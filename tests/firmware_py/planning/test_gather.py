"""Facts become a site: bounds by schedule, the car's departure on days of 23 and 25 hours, comfort in local time, what is missing."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from controller.book import entry_of
from controller.devices import DeviceView, Role
from controller.limits.allowed import Allowed, Caps, Known
from controller.limits.envelope import Default, Envelope, Turn, View
from controller.loads import Terms
from controller.planning.check import check
from controller.planning.site import Car, Site
from controller.thermal.models import HouseModel
from firmware_py.home.planning.cars import LATE, CarFacts
from firmware_py.home.planning.gather import Expected, Facts, Switched, horizon_at, site_of
from firmware_py.home.planning.hours import Now, Span
from firmware_py.home.planning.settings import (
    BatterySet,
    CarSet,
    HeaterSet,
    HomeSet,
    Night,
    PlanSet,
    RoomSet,
    RunSet,
    TankSet,
)
from protocols.contracts import Reprofile
from protocols.ports import Ratings

BERLIN = ZoneInfo("Europe/Berlin")
PLAN = PlanSet(horizon_h=24.0)
CAR = CarSet("charger", 60_000.0, 20_000.0, time(7, 15), time(17, 30))
BOILER = HeaterSet("boiler", 2000.0)
PUMP = HeaterSet("pump", 2500.0, is_pump=True, curve=((-7.0, 2.6), (7.0, 4.0)), least_on_s=600.0, least_off_s=600.0)
ROOM = RoomSet("house", "living", (PUMP,), night=Night((time(22), time(6)), 17.0), liked_c=21.0)
TANK = TankSet("tank", "water", (BOILER,), 200.0)
WIRED = DeviceView("charger", Role.LOAD, None, 0.0, terms=Terms(4140.0, 11_040.0, 690.0))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def home(**parts: Any) -> HomeSet:
    return HomeSet(**{"zone": BERLIN, "site_w": (17_000.0, 10_000.0), "pv": ("pv",), **parts})


def made(home: HomeSet, at: str, plan: PlanSet = PLAN, **facts: Any) -> Site:
    """The site at a moment, with 500 W of load, no sun and 5 degrees outside, at 30 and 8 cents."""
    moment = utc(at)
    n = plan.steps
    expected = Expected(np.full(n, 500.0), np.zeros(n), np.full(n, 5.0), np.full(n, 0.3), np.full(n, 0.08))
    expected = facts.pop("expected", expected)
    site = site_of(home, plan, Facts(**{"now": Now(1000.0, moment), **facts}), expected)
    assert check(site) == []
    return site


# What may flow


def test_the_site_bounds_every_step() -> None:
    site = made(home(), "2026-06-21T10:07")
    assert site.horizon.start == utc("2026-06-21T10:00")
    assert site.horizon.steps == 96
    assert set(site.import_max_w) == {17_000.0}
    assert set(site.export_max_w) == {10_000.0}


def test_a_limit_without_a_schedule_holds_for_an_hour() -> None:
    """From 10:07 to 11:07: steps 0 to 4."""
    dimmed = Allowed("14a", Known.LIMITED, Caps(4200.0, None), "closed", "")
    site = made(home(), "2026-06-21T10:07", held=(dimmed,))
    assert list(site.import_max_w[:6]) == [4200.0] * 5 + [17_000.0]
    assert set(site.export_max_w) == {10_000.0}


@pytest.mark.parametrize(
    ("until_s", "steps"), [(1000.0 + 1381.0, 3), (1000.0 + 1380.0, 2), (999.0, 1), (1000.0 + 7200.0, 9)]
)
def test_a_limit_that_ends_by_itself_holds_until_then(until_s: float, steps: int) -> None:
    """10:07 is 1000 s of the node's clock; 1380 s later it is 10:30."""
    guarded = Allowed("guard", Known.LIMITED, Caps(4200.0, None), "limited", "", until_s)
    site = made(home(), "2026-06-21T10:07", held=(guarded,))
    assert list(site.import_max_w < 17_000.0) == [True] * steps + [False] * (96 - steps)


def test_an_envelope_bounds_each_step_by_its_schedule_and_the_strictest_within_a_step() -> None:
    start_s = 1000.0
    turns = (Turn(start_s, Caps(None, 5000.0)), Turn(start_s + 2220.0, Caps(3000.0, 0.0)))  # 10:30 and 11:07
    envelope = Envelope("e", "dso", 1, start_s, start_s + 5400.0, turns, Caps(), hold_s=300.0)
    view = View((envelope,), Default("e", utc("2026-06-21T10:30"), 1, Caps(None, 7000.0)), link_lost_s=900.0)
    site = made(home(), "2026-06-21T10:30", envelopes=(view,))
    assert list(site.export_max_w[:8]) == [5000.0, 5000.0, 0.0, 0.0, 0.0, 0.0, 7000.0, 7000.0]
    assert list(site.import_max_w[:7]) == [17_000.0, 17_000.0, 3000.0, 3000.0, 3000.0, 3000.0, 17_000.0]


# The car


def car(at: str, facts: CarFacts, settings: CarSet = CAR) -> tuple[Car, Site]:
    site = made(home(cars=(settings,)), at, views={"charger": WIRED}, cars={"charger": facts})
    return site.cars[0], site


@pytest.mark.parametrize(
    ("evening", "leaves", "returns"),
    [
        ("2026-03-27T20:00", "2026-03-28T06:15", "2026-03-28T16:30"),
        ("2026-03-28T20:00", "2026-03-29T05:15", "2026-03-29T15:30"),  # the night of 23 hours
        ("2026-10-23T20:00", "2026-10-24T05:15", "2026-10-24T15:30"),
        ("2026-10-24T20:00", "2026-10-25T06:15", "2026-10-25T16:30"),  # the night of 25 hours
    ],
)
def test_a_car_leaves_by_the_clock_on_the_wall(evening: str, leaves: str, returns: str) -> None:
    found, site = car(evening, CarFacts(is_plugged=True, charged_wh=3000.0))
    trip = found.trips[0]
    assert site.horizon.moment(trip.leaves) == utc(leaves)
    assert site.horizon.moment(trip.returns) == utc(returns)
    assert (trip.needs_wh, trip.uses_wh, found.stored_wh) == (20_000.0, 20_000.0, 3000.0)
    away = [site.horizon.moment(int(step)) for step in np.flatnonzero(~found.may_charge)]
    assert (away[0], away[-1]) == (utc(leaves), utc(returns) - timedelta(minutes=15))


def test_a_car_that_is_away_is_expected_at_its_hour() -> None:
    found, site = car("2026-06-22T10:00", CarFacts(seen=utc("2026-06-22T05:15")))
    assert site.horizon.moment(int(np.argmax(found.may_charge))) == utc("2026-06-22T15:30")
    assert found.stored_wh == 0.0
    assert [site.horizon.moment(trip.leaves) for trip in found.trips] == [utc("2026-06-23T05:15")]
    assert "expected at 15:30" in site.notes[0]


def test_a_car_that_left_before_its_time_is_expected_after_the_trip() -> None:
    found, site = car("2026-06-22T04:00", CarFacts(seen=utc("2026-06-22T03:40")))
    assert site.horizon.moment(int(np.argmax(found.may_charge))) == utc("2026-06-22T15:30")
    assert [site.horizon.moment(trip.leaves) for trip in found.trips] == []


def test_a_car_that_is_late_is_expected_soon() -> None:
    found, site = car("2026-06-22T16:00", CarFacts(seen=utc("2026-06-22T05:15")))
    assert site.horizon.moment(int(np.argmax(found.may_charge))) == utc("2026-06-22T16:00") + LATE


def test_a_car_that_stays_at_home_may_be_charged() -> None:
    found, _ = car("2026-06-22T10:00", CarFacts(is_plugged=True))
    assert found.may_charge[:4].all()


def test_on_days_off_it_leaves_only_on_monday() -> None:
    weekdays = CarSet("charger", 60_000.0, 20_000.0, time(7, 15), time(17, 30), frozenset(range(5)))
    found, _ = car("2026-06-20T10:00", CarFacts(is_plugged=True), weekdays)  # a Saturday
    assert found.trips == ()
    assert found.may_charge.all()


def test_a_trip_it_was_told_of_takes_the_place_of_the_usual_one() -> None:
    told = Span(utc("2026-06-23T03:00"), utc("2026-06-23T20:00"))
    found, site = car("2026-06-22T20:00", CarFacts(True, trip=told, trip_needs_wh=45_000.0))
    assert [(site.horizon.moment(trip.leaves), trip.needs_wh) for trip in found.trips] == [(told.begin, 45_000.0)]


# Rooms and tanks


def test_a_night_lowers_the_bound_in_local_time() -> None:
    """22:00 to 06:00 in summer is 20:00 to 04:00 UTC."""
    site = made(home(rooms=(ROOM,)), "2026-06-21T18:00", temperature_c={"living": 20.0})
    low = [site.horizon.moment(int(step)) for step in np.flatnonzero(site.houses[0].comfort.least_c == 17.0)]
    assert (low[0], low[-1], len(low)) == (utc("2026-06-21T20:00"), utc("2026-06-22T03:45"), 32)


def test_a_pump_makes_of_a_watt_what_its_curve_says_and_keeps_its_times() -> None:
    """Halfway from -7 to 7 degrees are 0: (2.6 + 4.0) / 2."""
    n = PLAN.steps
    cold = Expected(np.full(n, 500.0), np.zeros(n), np.zeros(n), np.full(n, 0.3), np.full(n, 0.08))
    switched = {"pump": Switched(is_on=True, since_s=120.0)}
    site = made(
        home(rooms=(ROOM,)), "2026-01-21T18:00", temperature_c={"living": 20.0}, expected=cold, switched=switched
    )
    pump = site.houses[0].heaters[0]
    assert set(np.round(pump.heat_per_w, 9)) == {3.3}
    assert (pump.least_w, pump.least_on_s, pump.is_on, pump.since_s) == (2500.0, 600.0, True, 120.0)


def test_a_learnt_model_counts_before_an_assumed_one() -> None:
    learnt = HouseModel(150.0, 5e6, 4e7, 900.0, 250.0)
    facts: dict[str, Any] = {"temperature_c": {"living": 20.0}, "mass_c": {"house": 19.2}}
    site = made(home(rooms=(ROOM,)), "2026-01-21T18:00", models={"house": learnt}, **facts)
    assert (site.houses[0].model, site.houses[0].mass_c) == (learnt, 19.2)
    assert site.notes == ()
    assumed = made(home(rooms=(ROOM,)), "2026-01-21T18:00", **facts)
    assert assumed.notes == ("house: nothing is learnt yet, an ordinary house is assumed",)
    # It keeps its warmth for sixty hours, and its pump holds 30 K.
    model = assumed.houses[0].model
    assert (model.air_j_per_k + model.mass_j_per_k) / model.envelope_w_per_k == pytest.approx(60 * 3600.0)


def test_a_dead_thermometer_leaves_its_store_to_the_thermostat() -> None:
    site = made(home(rooms=(ROOM,), tanks=(TANK,)), "2026-01-21T18:00", temperature_c={"water": 50.0})
    assert site.houses == ()
    assert [tank.name for tank in site.tanks] == ["tank"]
    assert "house: its temperature is not known" in site.notes[0]


def test_legionella_is_due_at_the_cheapest_time_before() -> None:
    n = PLAN.steps
    bought = np.full(n, 0.3)
    bought[40:44] = 0.1
    expected = Expected(np.full(n, 500.0), np.zeros(n), np.full(n, 5.0), bought, np.full(n, 0.08))
    moment = utc("2026-06-21T10:00")
    facts: dict[str, Any] = {"temperature_c": {"water": 50.0}, "expected": expected}
    due = made(home(tanks=(TANK,)), "2026-06-21T10:00", hot_at={"tank": moment - timedelta(days=6.5)}, **facts)
    assert list(np.flatnonzero(due.tanks[0].comfort.least_c == 60.0)) == [40, 41]  # half an hour
    liked = replace(TANK, liked_c=50.0)
    both = made(home(tanks=(liked,)), "2026-06-21T10:00", hot_at={"tank": moment - timedelta(days=6.5)}, **facts)
    assert both.tanks[0].comfort.liked_c is not None
    assert list(both.tanks[0].comfort.liked_c[39:43]) == [50.0, 60.0, 60.0, 50.0]
    fresh = made(home(tanks=(TANK,)), "2026-06-21T10:00", hot_at={"tank": moment - timedelta(days=1)}, **facts)
    assert set(fresh.tanks[0].comfort.least_c) == {45.0}


def test_a_tank_of_200_l_holds_836_kj_per_kelvin() -> None:
    site = made(home(tanks=(TANK,)), "2026-06-21T10:00", temperature_c={"water": 50.0})
    assert site.tanks[0].model.heat_j_per_k == pytest.approx(836e3)
    assert float(site.tanks[0].draw_w.sum()) / 4 == pytest.approx(5845.0)


# The rest


def test_a_battery_is_what_it_says_of_itself() -> None:
    view = DeviceView("battery", Role.FOLLOWER, Ratings(5000.0, 4000.0, 10_000.0), 0.0, soc_percent=40.0)
    battery = BatterySet("battery", 5.0, 12_000.0, 0.96, 0.04)
    found = made(home(batteries=(battery,)), "2026-06-21T10:00", views={"battery": view}).batteries[0]
    assert (found.stored_wh, found.least_wh, found.most_wh) == (4000.0, 500.0, 10_000.0)
    assert (found.charge_max_w, found.discharge_max_w, found.charge_efficiency) == (5000.0, 4000.0, 0.96)


def test_a_battery_that_does_not_say_what_it_stores_has_it_from_its_owner_or_is_left_out() -> None:
    view = DeviceView("battery", Role.FOLLOWER, Ratings(5000.0, 4000.0), 0.0, soc_percent=0.0)
    told = made(home(batteries=(BatterySet("battery", 5.0, 12_000.0),)), "2026-06-21T10:00", views={"battery": view})
    assert (told.batteries[0].stored_wh, told.batteries[0].most_wh) == (0.0, 12_000.0)
    untold = made(home(batteries=(BatterySet("battery", 5.0),)), "2026-06-21T10:00", views={"battery": view})
    assert untold.batteries == ()
    assert untold.notes == ("battery: what it stores is not known, it is left out",)


def test_a_run_that_has_begun_needs_the_rest_and_tomorrow_all_of_it() -> None:
    run = RunSet("pool", 800.0, 7200.0, (time(8), time(20)))
    site = made(home(runs=(run,)), "2026-06-21T10:00", PlanSet(horizon_h=36.0), ran_s={"pool": 1800.0})
    first, second = site.appliances
    assert (first.name, first.run_s, first.first, first.last) == ("pool", 5400.0, 0, 32)  # to 20:00 CEST
    assert (second.run_s, site.horizon.moment(second.first)) == (7200.0, utc("2026-06-22T06:00"))
    done = made(home(runs=(run,)), "2026-06-21T10:00", PlanSet(horizon_h=36.0), ran_s={"pool": 7200.0})
    assert [each.run_s for each in done.appliances] == [7200.0]


def test_a_run_that_does_not_fit_any_more_runs_as_long_as_it_can() -> None:
    """At 19:07 in Berlin of two hours until 20:00: from 19:00, as the step that runs counts whole."""
    run = RunSet("pool", 800.0, 7200.0, (time(8), time(20)))
    site = made(home(runs=(run,)), "2026-06-21T17:07")
    assert [(each.run_s, each.last - each.first) for each in site.appliances] == [(3600.0, 4)]
    assert site.notes == ("pool: 60 min of its run do not fit into its window any more",)


def test_what_the_owner_keeps_for_himself_is_not_planned() -> None:
    view = DeviceView("battery", Role.FOLLOWER, Ratings(5000.0, 4000.0, 10_000.0), 0.0, soc_percent=40.0)
    plan = PlanSet(horizon_h=24.0, may_switch=frozenset({"boiler"}))
    parts = home(batteries=(BatterySet("battery", 5.0),), cars=(CAR,), rooms=(ROOM,), tanks=(TANK,))
    site = made(
        parts,
        "2026-06-21T10:00",
        plan,
        views={"battery": view, "charger": WIRED},
        temperature_c={"living": 20.0, "water": 50.0},
    )
    assert (site.batteries, site.cars, site.houses, site.may_curtail) == ((), (), (), False)
    assert [tank.name for tank in site.tanks] == ["tank"]


def test_the_horizon_begins_with_the_step_that_runs() -> None:
    five = horizon_at(PlanSet(horizon_h=48.0, step_s=300.0), utc("2026-06-21T10:07:31"))
    assert (five.start, five.steps) == (utc("2026-06-21T10:05"), 576)


# What was bought


def test_what_was_bought_is_planned_with_its_reserve() -> None:
    """500 W less from 10:15 to 11:15: there the load may be 200 W more. Nobody knows by how much: no reserve."""
    start = utc("2026-06-21T10:15")
    bought = Reprofile(
        id="c", seq=1, iss="dso", aud="home-1", start=start, end=start + timedelta(hours=1), change_w=-500.0,
        baseline_w=(0.0,) * 4,
    )  # fmt: skip
    entries = (entry_of(bought, b"", 1000.0, utc("2026-06-21T10:07")),)
    n = PLAN.steps
    known = Expected(np.full(n, 500.0), np.zeros(n), np.full(n, 5.0), np.full(n, 0.3), np.full(n, 0.08))
    for margin_w, load_w in ((np.full(n, 200.0), 700.0), (np.full(n, np.inf), 500.0), (None, 500.0)):
        site = made(home(), "2026-06-21T10:07", entries=entries, expected=replace(known, margin_w=margin_w))
        assert list(site.load_w[:7]) == [500.0, *[load_w] * 4, 500.0, 500.0]
        assert any("200 W of load more than forecast from 10:15 UTC" in note for note in site.notes) is (load_w > 500.0)
        assert [each.energy_wh for each in site.commitments] == [-125.0] * 4
