"""Comfort as the cycle needs it: rooms and tanks with the bounds of now in local time, and cars with what they still need.

Counts what no device tells: energy since a car was plugged in, hours that a device has run today, when a tank was hot. That
survives a restart.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final

import msgspec

from controller.cycle import Inputs
from controller.devices import DeviceView
from controller.laws.departure import CarView
from controller.laws.thermostat import believed
from controller.limits.allowed import Allowed
from controller.loads import DRAWS_W
from controller.planning.orders import NOTHING, Orders
from controller.thermal import legionella
from controller.thermal.stores import Store
from firmware_py.home.planning.cars import CarFacts, leaves
from firmware_py.home.planning.gather import Switched
from firmware_py.home.planning.hours import Now, Span, spans
from firmware_py.home.planning.settings import HeaterSet, HomeSet, RoomSet, RunSet, TankSet
from protocols.faults import StoreFailed
from protocols.ports import Clock, Journal
from protocols.readings import Reading

# A room's temperature says something for so long; thermometers are read each cycle, some boards only each minute.
FRESH_S: Final = 120.0
# What a living sensor shows of a room, or outside; water may be hotter. A DS18B20 that has just started says 85 °C, and a
# room that was taken for that hot would freeze.
_AIR_C: Final = (-60.0, 60.0)
# How exactly a night begins, and a car leaves.
_BOUNDS_S: Final = 20.0
# What is counted is on disk at least so often.
_KEEP_S: Final = 900.0
_KEY: Final = "comfort"
_log = logging.getLogger("busbar.comfort")
Latest = Callable[[str], Reading | None]
Trips = Callable[[str], tuple[Span, float] | None]


class _Car(msgspec.Struct):
    """Of a charging point: whether a car is there, its counter when it came, what was counted since, when it was seen last."""

    is_plugged: bool = False
    first_wh: float | None = None
    counted_wh: float = 0.0
    seen: datetime | None = None


class _Run(msgspec.Struct):
    """For how long a device has run in the window that ends then."""

    ran_s: float = 0.0
    until: datetime | None = None


class _Kept(msgspec.Struct):
    cars: dict[str, _Car] = {}
    runs: dict[str, _Run] = {}
    hot_s: dict[str, float | None] = {}  # since 1970


@dataclass(slots=True)
class _Stance:
    """A load's state and since when."""

    is_on: bool
    since_s: float


@dataclass(frozen=True, slots=True)
class Beside:
    """What comfort asks others for: readings, one-off trips of cars, and whether this hour is a good one for a tank."""

    latest: Latest
    trip: Trips = lambda charger: None
    is_cheap: Callable[[str], bool] = lambda tank: False
    changed: Callable[[str], None] = field(default=lambda reason: None)


class Comfort:
    """`stores` and `cars` answer at once; `follow` counts a cycle; `run` writes down what was counted."""

    def __init__(self, home: HomeSet, clock: Clock, journal: Journal, beside: Beside) -> None:
        self._home, self._clock, self._journal, self._beside = home, clock, journal, beside
        self._cars = {car.charger: _Car() for car in home.cars}
        self._runs = {run.relay: _Run() for run in home.runs}
        self._tanks = {tank.name: legionella.Memory() for tank in home.tanks}
        self._stances: dict[str, _Stance] = {}
        self._views: dict[str, DeviceView] = {}
        self._least: dict[str, float] = {}
        self._departures: dict[str, tuple[datetime, float] | None] = {}
        self._bounds_until_s = -inf
        self._followed_s: float | None = None
        self._water = frozenset(tank.sensor for tank in home.tanks)
        self._dirty = asyncio.Event()

    async def recall(self) -> None:
        """Read what was counted in an earlier life."""
        raw = await self._journal.kept(_KEY)
        if not raw:
            return
        try:
            kept = msgspec.json.decode(raw, type=_Kept)
        except msgspec.DecodeError as error:
            _log.warning("what was counted is not to be read and begins anew: %s", error)
            return
        self._cars |= {name: car for name, car in kept.cars.items() if name in self._cars}
        self._runs |= {name: run for name, run in kept.runs.items() if name in self._runs}
        self._tanks |= {name: legionella.Memory(at_s) for name, at_s in kept.hot_s.items() if name in self._tanks}

    async def run(self) -> None:
        """Write down what is counted, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_KEEP_S):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            self._dirty.clear()
            await self._keep()

    async def _keep(self) -> None:
        hot_s = {name: memory.kept_utc_s for name, memory in self._tanks.items()}
        try:
            await self._journal.keep(_KEY, msgspec.json.encode(_Kept(self._cars, self._runs, hot_s)))
        except StoreFailed as fault:
            _log.error("what was counted is not kept: %s", fault)

    # What the cycle asks

    def stores(self, now_s: float) -> tuple[Store, ...]:
        """Every room and tank with the bounds of now."""
        self._bound(now_s)
        rooms = (self._room(room, now_s) for room in self._home.rooms)
        tanks = (self._tank(tank, now_s) for tank in self._home.tanks)
        return tuple(each for each in (*rooms, *tanks) if each.heaters or each.coolers)

    def cars(self, now_s: float) -> tuple[CarView, ...]:
        """The cars that are plugged in and leave at a known time."""
        self._bound(now_s)
        found = []
        for car in self._home.cars:
            state, view, leaving = (
                self._cars[car.charger],
                self._views.get(car.charger),
                self._departures.get(car.charger),
            )
            if not state.is_plugged or view is None or view.terms is None or leaving is None:
                continue
            departs_s = now_s + (leaving[0] - self._clock.utc()).total_seconds()
            needs_wh = max(leaving[1] - state.counted_wh, 0.0)
            found.append(CarView(car.charger, needs_wh, departs_s, view.terms.most_w, view.terms.least_w))
        return tuple(found)

    def temperature_c(self, sensor: str, now_s: float) -> float | None:
        """What a thermometer shows; None where it is dead or too old, or no air is like that."""
        reading = self._beside.latest(sensor)
        if reading is None or reading.age_s(now_s) > FRESH_S:
            return None
        found_c = believed(reading.value("temperature_c"))
        is_air = found_c is None or sensor in self._water or _AIR_C[0] <= found_c <= _AIR_C[1]
        return found_c if is_air else None

    def clock_stepped(self) -> None:
        """Look at the local time anew."""
        self._bounds_until_s = -inf

    def _bound(self, now_s: float) -> None:
        """What local time decides, looked at every few seconds only."""
        if now_s < self._bounds_until_s:
            return
        self._bounds_until_s = now_s + _BOUNDS_S
        utc, zone = self._clock.utc(), self._home.zone
        for room in self._home.rooms:
            is_night = room.night is not None and any(spans(zone, room.night.hours, utc, utc + timedelta(seconds=1)))
            self._least[room.name] = room.night.least_c if is_night and room.night is not None else room.least_c
        facts = self.car_facts()
        self._departures = {car.charger: leaves(car, zone, facts[car.charger], utc) for car in self._home.cars}

    def _room(self, room: RoomSet, now_s: float) -> Store:
        return Store(
            name=room.name,
            temperature_c=self.temperature_c(room.sensor, now_s),
            least_c=self._least[room.name],
            most_c=room.most_c,
            floor_c=room.frost_c,
            heaters=self._named(room.heaters),
            coolers=self._named(room.coolers),
            liked_c=room.liked_c,
            by_itself=tuple(each.name for each in room.heaters if each.is_pump),
        )

    def _tank(self, tank: TankSet, now_s: float) -> Store:
        water_c = self.temperature_c(tank.sensor, now_s)
        return Store(
            name=tank.name,
            temperature_c=water_c,
            least_c=tank.least_c,
            most_c=tank.most_c,
            floor_c=-inf,
            heaters=self._named(tank.heaters),
            liked_c=tank.liked_c,
            reach_c=self._due_c(tank, now_s, water_c),
            by_itself=tuple(each.name for each in tank.heaters if each.is_pump),
            is_tank=True,
        )

    def _named(self, machines: tuple[HeaterSet, ...]) -> tuple[str, ...]:
        plan = self._home.plan
        return tuple(each.name for each in machines if plan is None or plan.may(each.name))

    def _due_c(self, tank: TankSet, now_s: float, water_c: float | None) -> float | None:
        if tank.legionella_days <= 0.0:
            return None
        every_s = tank.legionella_days * legionella.DAY_S
        params = legionella.Params(tank.legionella_c, every_s=every_s, ahead_s=min(legionella.DAY_S, every_s / 2))
        before, utc_s = self._tanks[tank.name], self._clock.utc().timestamp()
        after, due = legionella.step(params, before, now_s, utc_s, water_c, self._beside.is_cheap(tank.name))
        self._tanks[tank.name] = after
        if after.kept_utc_s != before.kept_utc_s and (before.kept_utc_s is None or utc_s - before.kept_utc_s > _KEEP_S):
            self._dirty.set()
        return due.reach_c

    # What is counted

    def follow(self, inputs: Inputs) -> None:
        """Count what flowed since the last cycle."""
        now_s, utc = inputs.now_s, self._clock.utc()
        passed_s = 0.0 if self._followed_s is None else min(max(now_s - self._followed_s, 0.0), FRESH_S)
        self._followed_s = now_s
        self._views = {view.name: view for view in inputs.devices}
        for name, view in self._views.items():
            if view.terms is not None:
                self._note_stance(name, view, now_s)
        for charger, car in self._cars.items():
            self._count(charger, car, passed_s, utc)
        for run in self._home.runs:
            self._count_run(run, passed_s, utc)

    def _note_stance(self, name: str, view: DeviceView, now_s: float) -> None:
        is_on = view.power_w is not None and view.power_w > DRAWS_W
        stance = self._stances.get(name)
        if stance is None:
            # What it did before nobody knows: long enough for any least time.
            self._stances[name] = _Stance(is_on, -inf)
        elif stance.is_on is not is_on:
            stance.is_on, stance.since_s = is_on, now_s

    def _count(self, charger: str, car: _Car, passed_s: float, utc: datetime) -> None:
        view, reading = self._views.get(charger), self._beside.latest(charger)
        if view is None or reading is None:
            return
        register_wh = reading.value("energy_import_wh")
        if view.is_ready and not car.is_plugged:
            self._cars[charger] = _Car(True, register_wh, 0.0, utc)
            self._changed(f"a car came to {charger}")
            return
        if not view.is_ready and car.is_plugged:
            car.is_plugged, car.seen = False, utc
            self._changed(f"the car left {charger}")
        if not car.is_plugged:
            return
        car.seen = utc
        if view.power_w is not None:
            car.counted_wh += max(view.power_w, 0.0) * passed_s / 3600.0
        if car.first_wh is not None and register_wh is not None and register_wh >= car.first_wh:
            car.counted_wh = register_wh - car.first_wh

    def _count_run(self, settings: RunSet, passed_s: float, utc: datetime) -> None:
        run, stance = self._runs[settings.relay], self._stances.get(settings.relay)
        if run.until is None or utc >= run.until:
            window = next(iter(spans(self._home.zone, settings.hours, utc, utc + timedelta(seconds=1))), None)
            if window is None:
                return
            self._runs[settings.relay] = run = _Run(0.0, window.end)
        if stance is not None and stance.is_on:
            run.ran_s += passed_s

    def _changed(self, reason: str) -> None:
        self._bounds_until_s = -inf
        self._dirty.set()
        self._beside.changed(reason)

    # What a plan asks

    def car_facts(self) -> dict[str, CarFacts]:
        """The cars as a plan takes them."""
        found = {}
        for charger, car in self._cars.items():
            span, needs_wh = self._beside.trip(charger) or (None, 0.0)
            found[charger] = CarFacts(car.is_plugged, car.counted_wh, car.seen, span, needs_wh)
        return found

    def switched(self, now_s: float) -> dict[str, Switched]:
        """Each load: on or off, and for how long."""
        return {name: Switched(stance.is_on, now_s - stance.since_s) for name, stance in self._stances.items()}

    def ran_s(self, now: Now) -> dict[str, float]:
        """For how long each run has run in the window that is open."""
        return {name: run.ran_s for name, run in self._runs.items() if run.until is not None and now.utc < run.until}

    def hot_at(self) -> Mapping[str, datetime]:
        """When each tank was hot last."""
        known = {name: memory.kept_utc_s for name, memory in self._tanks.items()}
        return {name: datetime.fromtimestamp(at_s, UTC) for name, at_s in known.items() if at_s is not None}

    @property
    def views(self) -> Mapping[str, DeviceView]:
        """The devices as the last cycle saw them."""
        return self._views


class ComfortView:
    """A home with rooms, tanks or cars and without a plan. Implements `HomeView`."""

    def __init__(self, comfort: Comfort) -> None:
        self.comfort = comfort
        self.stores, self.cars = comfort.stores, comfort.cars
        self.recall, self.run = comfort.recall, comfort.run

    def orders(self, now_s: float) -> Orders:
        """No plan."""
        return NOTHING

    def follow(self, inputs: Inputs, allowed: tuple[Allowed, ...]) -> None:
        """Count a cycle."""
        self.comfort.follow(inputs)
