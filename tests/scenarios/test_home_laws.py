"""The home's own laws on a whole node: a plan, a fuse of each phase, a car that leaves, a tank that is cold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from controller.laws.departure import CarView
from controller.laws.phases import Params as PhasesParams
from controller.planning.orders import NOTHING, Orders
from controller.thermal.stores import Store
from controller.wishes import Band
from firmware_py.home.view import Plain
from sim_hardware.faults import Word
from sim_hardware.physics.ev import EvParams
from tests.scenarios.film import Film, at
from tests.scenarios.limit_words import RELAY
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.test_loads import BOILER, CAR, GRID, LEAST_W, MOST_W, car_is, car_takes, contact, house, relay_is
from tests.scenarios.words import battery_gets, fault, heals, hears, load, meter_shows, sends, sun

# What a load with use = "plan" must have; its plan is not the one of the film.
PLANS = {"tariff": {"import_per_kwh": 0.3}, "plan": {}}
KEEP, SELL = Band(0.0, inf), Band(-3000.0, -3000.0)


@dataclass
class Home(Plain):
    """What the film's node is told of its home (firmware_py/home/view.py)."""

    now: Orders = NOTHING
    warm: tuple[Store, ...] = ()
    leaving: tuple[CarView, ...] = ()

    def orders(self, now_s: float) -> Orders:
        return self.now

    def stores(self, now_s: float) -> tuple[Store, ...]:
        return self.warm

    def cars(self, now_s: float) -> tuple[CarView, ...]:
        return self.leaving


def lives_in(home: Home, fuse_a: float | None = None) -> Step:
    """The node's home, and the fuse of its phases."""

    def step(stage: Stage) -> None:
        stage.node.parts = replace(stage.node.parts, home=home)
        if fuse_a is not None:
            params = replace(stage.node._settings.params, phases=PhasesParams(fuse_a))
            stage.node._settings = replace(stage.node._settings, params=params)

    return step


def plans(home: Home, for_s: float = inf, bands: Mapping[str, Band] | None = None, **wants_w: float) -> Step:
    """A plan comes, and is good for so long."""

    def step(stage: Stage) -> None:
        home.now = Orders(stage.clock.now_s() + for_s, "the plan of now", bands or {}, wants_w)

    return step


def does(change: Callable[[], object]) -> Step:
    return lambda stage: change() and None


def draws(*phases_w: float) -> Step:
    """The base load by phase."""
    return lambda stage: setattr(stage.home.load, "hold_w", phases_w)


def carries_at_most(current_a: float) -> Step:
    """On each phase of the connection point."""

    def step(stage: Stage) -> None:
        terminal = stage.home.terminals["grid"]
        carried = [terminal.current_a(phase) for phase in range(3)]
        assert max(map(abs, carried)) <= current_a, f"the phases carry {carried}"

    return step


def is_set_by(source: str, words: str = "") -> Step:
    def step(stage: Stage) -> None:
        why = stage.node.why
        assert why is not None
        assert (why.set_by, words in why.why) == (source, True), f"{why}"

    return step


def is_asked(name: str, rank: str) -> Step:
    def step(stage: Stage) -> None:
        why = stage.node.why
        assert why is not None
        assert (name, rank) in [(ask.load, ask.rank) for ask in why.asks], f"{why.asks}"

    return step


def test_a_plan_keeps_the_battery_gives_way_to_a_contract_and_is_taken_up_again(film: Film) -> None:
    home = Home()
    film(
        at(0, load(900), sun(0), lives_in(home), plans(home, bands={"battery": KEEP})),
        at(20, battery_gets(0.0), is_set_by("plan", "the plan of now"), meter_shows(900, within_w=30.0)),
        at(21, sends(power_w=-1000, start_s=30, end_s=90)),
        at(80, meter_shows(-1000, within_w=40.0), hears("received", "accepted", "written", "observed")),
        at(110, battery_gets(0.0), meter_shows(900, within_w=30.0), plans(home, bands={"battery": SELL})),
        at(130, meter_shows(-2100, within_w=40.0)),
        setup=Setup(devices=("grid", "battery")),
    )


def test_a_plan_that_is_not_renewed_leaves_the_house_to_its_own_energy(film: Film) -> None:
    home = Home()
    film(
        at(0, load(900), sun(0), lives_in(home), plans(home, for_s=30.0, bands={"battery": KEEP})),
        at(25, meter_shows(900, within_w=30.0)),
        at(45, meter_shows(0, within_w=30.0), is_set_by("self_consumption", "the plan is too old")),
        setup=Setup(devices=("grid", "battery")),
    )


def test_a_planned_boiler_runs_by_the_plan_and_without_one_by_the_sun(film: Film) -> None:
    home = Home()
    boiler = {**BOILER, "use": "plan"}
    film(
        at(0, load(500), sun(0), lives_in(home), plans(home, for_s=120.0, boiler=2000.0)),
        at(30, relay_is(0, on=True), is_asked("boiler", "optimiser")),
        at(31, plans(home, for_s=89.0, boiler=0.0)),
        at(50, relay_is(0, on=True)),  # on for a minute at least
        at(85, relay_is(0, on=False), sun(1000)),
        at(118, relay_is(0, on=False)),
        at(170, relay_is(0, on=True)),
        setup=replace(house(("grid", "pv"), relays=True, relay=[boiler]), tables=PLANS),
    )


def test_no_phase_carries_more_than_its_fuse_and_the_car_comes_back_when_the_oven_is_off(film: Film) -> None:
    """13 A of oven on L3 leave 12 A to a car on three phases; more is used after half a minute to a minute without."""
    film(
        at(0, draws(200.0, 200.0, 200.0), sun(0), lives_in(Home(), fuse_a=25.0)),
        at(60, car_takes(*MOST_W), draws(200.0, 200.0, 3000.0)),
        at(66, carries_at_most(25.0), car_takes(7000.0, 8500.0), is_asked("charger", "safety")),
        at(120, carries_at_most(25.0), draws(200.0, 200.0, 200.0)),
        at(140, car_takes(7000.0, 8500.0)),
        at(200, car_takes(*MOST_W), carries_at_most(25.0)),
        setup=house(charger=[{**CAR, "use": "always"}]),
    )


def test_a_car_of_one_phase_whose_wire_nobody_knows_is_bound_by_the_fullest_phase(film: Film) -> None:
    setup = Setup(devices=GRID, car=EvParams(phases=1), loads={"charger": [{**CAR, "use": "always"}]})
    film(
        at(0, draws(200.0, 200.0, 200.0), sun(0), lives_in(Home(), fuse_a=20.0)),
        at(100, car_takes(3550.0, 3820.0), draws(2000.0, 200.0, 200.0)),
        at(106, carries_at_most(20.3), car_takes(2050.0, 2900.0)),
        at(110, draws(200.0, 5200.0, 200.0)),  # 22 A on L2, where it is not
        at(140, car_takes(0.0)),  # by the excess each time, for nothing else shows which phase it is
        setup=setup,
    )


def test_a_dead_meter_lets_a_car_go_and_a_frozen_one_raises_nothing(film: Film) -> None:
    home = Home()
    film(
        at(0, draws(200.0, 200.0, 3500.0), sun(0), lives_in(home, fuse_a=25.0)),
        at(60, car_takes(4600.0, 6900.0), fault("grid", Word.FREEZE), draws(200.0, 200.0, 200.0)),
        at(75, car_takes(4600.0, 6900.0)),
        at(100, car_takes(*LEAST_W)),  # it no longer measures: let go
        setup=house(charger=[{**CAR, "use": "always", "fallback_a": 6}]),
    )


def test_a_car_that_leaves_is_charged_without_the_sun_and_left_alone_when_it_is_gone_early(film: Film) -> None:
    home = Home()

    def hurry(stage: Stage) -> None:
        home.leaving = (CarView("charger", 3000.0, stage.clock.now_s() + 1500.0, 11_000.0),)

    film(
        at(0, load(500), sun(0), lives_in(home)),
        at(20, car_takes(0.0), hurry),
        at(50, car_takes(*MOST_W), is_asked("charger", "comfort_bound")),
        at(51, car_is(home=False)),
        at(60, car_takes(0.0)),
        setup=house(relays=True, limits=RELAY, charger=[CAR]),
    )


def test_a_car_that_leaves_is_dimmed_all_the_same(film: Film) -> None:
    home = Home(leaving=(CarView("charger", 50_000.0, 3000.0, 11_000.0),))
    film(
        at(0, load(-200), sun(0), lives_in(home), contact(closed=False)),
        at(40, car_takes(*MOST_W), contact(closed=True)),
        at(50, car_takes(*LEAST_W)),
        setup=house(relays=True, limits=RELAY, charger=[CAR]),
    )


def test_a_cold_tank_is_heated_without_the_sun_and_its_sensor_may_die_and_the_meter_too(film: Film) -> None:
    home = Home(warm=(tank(40.0),))
    film(
        at(0, load(500), sun(0), lives_in(home)),
        at(30, relay_is(0, on=True), is_asked("boiler", "comfort_bound")),
        at(31, does(lambda: setattr(home, "warm", (tank(None),)))),
        at(60, relay_is(0, on=True), fault("grid", Word.OFF)),
        at(120, relay_is(0, on=True), heals("grid")),
        at(150, relay_is(0, on=True), does(lambda: setattr(home, "warm", (tank(66.0),)))),
        at(170, relay_is(0, on=False)),
        setup=house(relays=True, relay=[BOILER]),
    )


def tank(temperature_c: float | None) -> Store:
    """The tank, as warm as that."""
    return Store("tank", temperature_c, 45.0, 65.0, 5.0, heaters=("boiler",))
