"""Comfort: bounds in local time, dead thermometers, what was charged since a car came, all of it over a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controller.cycle import Inputs
from controller.devices import DeviceView, Role
from controller.loads import Terms
from controller.thermal.stores import Store
from firmware_py.home.comfort import FRESH_S, Beside, Comfort
from firmware_py.home.planning.hours import Now
from firmware_py.home.planning.settings import CarSet, HeaterSet, HomeSet, Night, RoomSet, RunSet, TankSet
from firmware_py.journal import SqliteJournal
from protocols.readings import Quality, Reading
from sim_hardware.virtual_time import VirtualClock, run_virtual

# A Sunday; the clocks go back at 01:00 UTC.
EVENING = datetime(2026, 10, 24, 19, 0, tzinfo=UTC)
ROOM = RoomSet("house", "living", (HeaterSet("pump", 2500.0, is_pump=True),), night=Night((time(22), time(6)), 17.0))
TANK = TankSet("tank", "water", (HeaterSet("boiler", 2000.0),), 200.0)
CAR = CarSet("charger", 60_000.0, 20_000.0, time(7, 15), time(17, 30))
POOL = RunSet("pool", 800.0, 7200.0, (time(8), time(20)))
HOME = HomeSet(ZoneInfo("Europe/Berlin"), (17_000.0, 10_000.0), rooms=(ROOM,), tanks=(TANK,), cars=(CAR,), runs=(POOL,))


async def inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    return work(*args)


class Stand:
    """A comfort with what it looks at; every second is a cycle."""

    def __init__(self, clock: VirtualClock, journal: SqliteJournal) -> None:
        self.clock, self.journal = clock, journal
        self.shown: dict[str, dict[str, float | None]] = {}
        self.age_s = 0.0
        self.plugged, self.charges_w, self.pool_w = False, 0.0, 0.0
        self.cheap: set[str] = set()
        self.reasons: list[str] = []
        beside = Beside(self._latest, is_cheap=lambda tank: tank in self.cheap, changed=self.reasons.append)
        self.comfort = Comfort(HOME, clock, journal, beside)

    def _latest(self, name: str) -> Reading | None:
        measured_s = self.clock.now_s() - self.age_s
        values = self.shown.get(name)
        return None if values is None else Reading(name, 1, measured_s, measured_s, values, Quality.GOOD)

    async def passes(self, seconds: float, each_s: float = 10.0) -> None:
        until_s = self.clock.now_s() + seconds
        while self.clock.now_s() < until_s:
            terms = Terms(4140.0, 11_040.0, 690.0)
            views = (
                DeviceView("charger", Role.LOAD, None, self.charges_w, terms=terms, is_ready=self.plugged),
                DeviceView("pool", Role.LOAD, None, self.pool_w, terms=Terms(800.0, 800.0, 0.0)),
            )
            now_s = self.clock.now_s()
            self.comfort.stores(now_s)
            self.comfort.cars(now_s)
            self.comfort.follow(Inputs(now_s, 0.0, 0.0, views))
            await asyncio.sleep(min(each_s, until_s - now_s))

    def store(self, name: str) -> Store:
        return next(each for each in self.comfort.stores(self.clock.now_s()) if each.name == name)


def played(folder: Path, *stories: Callable[[Stand], Awaitable[None]], start: datetime = EVENING) -> None:
    """Stories, each in a life of its own on the same journal."""

    async def main() -> None:
        clock = VirtualClock(start)
        for story in stories:
            journal = SqliteJournal(folder / "journal.sqlite", inline)
            stand = Stand(clock, journal)
            await stand.comfort.recall()
            running = asyncio.create_task(stand.comfort.run())
            await story(stand)
            await asyncio.sleep(0)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await journal.close()

    run_virtual(main(), horizon_s=30 * 86_400.0)


def test_by_night_it_may_be_cooler_in_local_time_also_when_the_clocks_change(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        seen = {}
        for hours in range(12):
            stand.comfort.clock_stepped()
            seen[(EVENING + timedelta(hours=hours)).hour] = stand.store("house").least_c
            await asyncio.sleep(3600.0)
        # 22:00 CEST is 20:00 UTC, 06:00 CET is 05:00 UTC: nine hours.
        assert [hour for hour, least_c in seen.items() if least_c == 17.0] == [20, 21, 22, 23, 0, 1, 2, 3, 4]

    played(tmp_path, story)


def test_a_thermometer_that_is_dead_or_old_shows_nothing(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        assert stand.store("house").temperature_c is None
        stand.shown["living"] = {"temperature_c": 20.5}
        assert stand.store("house").temperature_c == 20.5
        stand.age_s = FRESH_S + 1.0
        assert stand.store("house").temperature_c is None
        stand.age_s = 0.0
        for value in (None, float("nan"), 850.0):
            stand.shown["living"] = {"temperature_c": value}
            assert stand.store("house").temperature_c is None

    played(tmp_path, story)


def test_a_heat_pump_warms_by_itself_and_a_boiler_does_not(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        assert (stand.store("house").heaters, stand.store("house").by_itself) == (("pump",), ("pump",))
        assert (stand.store("tank").heaters, stand.store("tank").by_itself) == (("boiler",), ())
        assert stand.store("house").floor_c == 7.0

    played(tmp_path, story)


def test_what_a_car_was_charged_with_since_it_came_survives_a_restart(tmp_path: Path) -> None:
    async def first(stand: Stand) -> None:
        stand.shown["charger"] = {"power_w": 0.0, "energy_import_wh": 500_000.0}
        await stand.passes(60.0)
        assert stand.comfort.cars(stand.clock.now_s()) == ()
        stand.plugged = True
        await stand.passes(60.0)
        (view,) = stand.comfort.cars(stand.clock.now_s())
        # 07:15 on Sunday is 06:15 UTC by then.
        departs = stand.clock.utc() + timedelta(seconds=(view.departs_s or 0.0) - stand.clock.now_s())
        assert departs == datetime(2026, 10, 25, 6, 15, tzinfo=UTC)
        assert view.needs_wh == 20_000.0
        stand.shown["charger"] = {"power_w": 4000.0, "energy_import_wh": 503_000.0}
        await stand.passes(60.0)
        assert stand.comfort.cars(stand.clock.now_s())[0].needs_wh == 17_000.0
        assert stand.reasons == ["a car came to charger"]

    async def second(stand: Stand) -> None:
        stand.plugged = True
        stand.shown["charger"] = {"power_w": 4000.0, "energy_import_wh": 505_000.0}
        await stand.passes(60.0)
        assert stand.comfort.cars(stand.clock.now_s())[0].needs_wh == 15_000.0
        stand.plugged = False
        await stand.passes(20.0)
        assert stand.comfort.cars(stand.clock.now_s()) == ()
        assert stand.reasons == ["the car left charger"]
        stand.plugged = True
        await stand.passes(20.0)
        assert stand.comfort.cars(stand.clock.now_s())[0].needs_wh == 20_000.0, "another time, another charge"

    played(tmp_path, first, second)


def test_without_a_counter_power_is_counted(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        stand.plugged, stand.charges_w, stand.shown["charger"] = True, 7200.0, {"power_w": 7200.0}
        await stand.passes(3600.0)
        assert stand.comfort.car_facts()["charger"].charged_wh == pytest.approx(7200.0, rel=0.01)

    played(tmp_path, story)


def test_what_has_run_today_counts_until_the_window_ends(tmp_path: Path) -> None:
    noon = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)

    async def story(stand: Stand) -> None:
        stand.shown["charger"], stand.pool_w = {}, 780.0
        await stand.passes(1800.0)
        now = Now(stand.clock.now_s(), stand.clock.utc())
        assert stand.comfort.ran_s(now)["pool"] == pytest.approx(1800.0, abs=20.0)
        assert stand.comfort.switched(now.now_s)["pool"].is_on
        stand.pool_w = 0.0
        await stand.passes(6 * 3600.0, each_s=60.0)  # 20:30 in Berlin
        assert stand.comfort.ran_s(Now(stand.clock.now_s(), stand.clock.utc())) == {}

    played(tmp_path, story, start=noon)


def test_a_tank_that_was_hot_is_remembered_over_a_restart(tmp_path: Path) -> None:
    """Nobody knows at first: due within a day, and sooner in a cheap hour. Hot for half an hour is enough."""

    async def first(stand: Stand) -> None:
        stand.shown["water"] = {"temperature_c": 50.0}
        await stand.passes(60.0)
        assert stand.store("tank").reach_c is None
        stand.cheap.add("tank")
        await stand.passes(10.0)
        assert stand.store("tank").reach_c == 60.0
        stand.shown["water"] = {"temperature_c": 61.0}
        await stand.passes(1850.0)
        assert stand.store("tank").reach_c is None
        assert "tank" in stand.comfort.hot_at()

    async def second(stand: Stand) -> None:
        stand.shown["water"] = {"temperature_c": 50.0}
        stand.cheap.add("tank")
        await stand.passes(60.0)
        assert stand.store("tank").reach_c is None
        assert stand.comfort.hot_at()["tank"] < stand.clock.utc()

    played(tmp_path, first, second)
