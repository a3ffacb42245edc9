"""A car, a boiler and a heat pump in the house: limits, contracts and surplus meet them in their steps, without hunting.

The car takes 16 A on three phases at most and 6 A at least, a tenth more or less than 230 V gives; the boiler 2000 W, the
pump 2500 W once raised.
"""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from drivers.links import Buses
from firmware_py import guardian
from sim_hardware.devices.go_e import OFF
from sim_hardware.devices.sg_ready import SgState
from sim_hardware.faults import Word
from sim_hardware.physics.ev import EvParams, Trip
from sim_hardware.physics.load import DAY_S
from tests.scenarios.film import Film, at
from tests.scenarios.limit_words import RELAY
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import (
    battery_gets,
    charge,
    fault,
    heals,
    hears,
    load,
    meter_shows,
    node_begins,
    node_is_killed,
    node_stops,
    sends,
    sun,
)

CAR: dict[str, Any] = {"name": "charger", "model": "go-e", "url": "tcp://charger.sim:502"}
BOILER: dict[str, Any] = {"name": "boiler", "url": "tcp://relays.sim:502", "channel": 0, "power_w": 2000}
PUMP: dict[str, Any] = {"name": "pump", "url": "tcp://relays.sim:502", "channels": [1, 2], "power_w": 2500}
GRID_AND_PV, GRID = ("grid", "pv"), ("grid",)
# What 6 to 16 A on three phases are between 225 and 238 V.
LEAST_W, MOST_W = (4050.0, 4290.0), (10_700.0, 11_430.0)


def house(
    devices: tuple[str, ...] = GRID, *, relays: bool = False, limits: str = "", **loads: list[dict[str, Any]]
) -> Setup:
    car = EvParams() if "charger" in loads else None
    return Setup(devices=devices, limits=limits, car=car, relays=relays, loads=loads)


def car_takes(least_w: float, most_w: float | None = None) -> Step:
    """The car charges with this."""

    def step(stage: Stage) -> None:
        assert stage.home.charger is not None
        takes_w = stage.home.charger.car.power_w
        assert least_w - 1.0 <= takes_w <= (least_w if most_w is None else most_w) + 1.0, (
            f"the car takes {takes_w:.0f} W"
        )

    return step


def car_is(*, home: bool) -> Step:
    def step(stage: Stage) -> None:
        assert stage.home.charger is not None
        stage.home.charger.car.trip = Trip(DAY_S if home else 0.0, DAY_S, 0.0)

    return step


def car_is_full(stage: Stage) -> None:
    assert stage.home.charger is not None
    car = stage.home.charger.car
    car.stored_wh = car.params.capacity_wh


def relay_is(channel: int, *, on: bool) -> Step:
    def step(stage: Stage) -> None:
        assert stage.home.board is not None
        assert stage.home.board.relays[channel] is on, f"relays: {stage.home.board.relays}"

    return step


def pump_is(state: SgState) -> Step:
    def step(stage: Stage) -> None:
        assert stage.home.sg_ready.state is state, f"the pump is {stage.home.sg_ready.state}"

    return step


def contact(*, closed: bool | None) -> Step:
    """The operator's contact; None: it cannot be read."""

    def step(stage: Stage) -> None:
        stage.contacts.stand = None if closed is None else (closed,)

    return step


def flows_at_most(power_w: float) -> Step:
    def step(stage: Stage) -> None:
        flows_w = stage.home.terminals["grid"].total_w
        assert flows_w <= power_w, f"{flows_w:.0f} W flow at the connection point"

    return step


def test_a_dimming_limit_reduces_a_car_that_always_charges_and_lets_it_go_on_afterwards(film: Film) -> None:
    """Section 14a: 4200 W. With 500 W of load the car may not even take its least; with none it may."""
    film(
        at(0, load(500), sun(0), contact(closed=False)),
        at(60, car_takes(*MOST_W), contact(closed=True)),
        at(67, flows_at_most(4200.0), car_takes(0.0)),
        at(80, contact(closed=False)),
        at(350, car_takes(0.0)),  # off lasts 300 s
        at(420, car_takes(*MOST_W), load(-200)),
        at(421, contact(closed=True)),
        at(430, car_takes(*LEAST_W), flows_at_most(4200.0)),
        setup=house(relays=True, charger=[{**CAR, "use": "always"}], limits=RELAY),
    )


def test_a_contact_that_cannot_be_read_limits(film: Film) -> None:
    film(
        at(0, load(500), sun(0), contact(closed=False)),
        at(60, car_takes(*MOST_W), contact(closed=None)),
        at(75, car_takes(0.0), flows_at_most(4200.0)),
        setup=house(relays=True, charger=[{**CAR, "use": "always"}], limits=RELAY),
    )


def test_surplus_charges_the_car_before_the_battery_and_the_battery_takes_what_a_step_leaves(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),  # 4500 W are over
        at(9, car_takes(0.0)),
        at(40, car_takes(*LEAST_W), meter_shows(0, within_w=60.0)),
        at(60, sun(400)),
        at(200, car_takes(*LEAST_W), meter_shows(0, within_w=60.0)),  # a cloud: it stays on, the battery gives
        at(340, car_takes(0.0), meter_shows(0, within_w=60.0)),
        setup=house(("grid", "pv", "battery"), charger=[CAR]),
    )


def test_without_a_battery_surplus_follows_the_sun_ampere_by_ampere(film: Film) -> None:
    """A fall is behind the sun by 100 W at most: it is no reason to change a step."""
    film(
        at(0, load(-3000), sun(600)),  # 6000 W over
        at(60, car_takes(5300.0, 6000.0), flows_at_most(30.0)),
        at(61, sun(1000)),
        at(90, car_takes(7300.0, 8000.0), flows_at_most(30.0)),
        at(91, sun(500)),
        at(110, car_takes(4800.0, 5600.0), flows_at_most(130.0)),
        setup=house(GRID_AND_PV, charger=[CAR]),
    )


def test_a_car_of_one_phase_is_reckoned_with_one(film: Film) -> None:
    """1380 W are its least, though the wallbox has three phases: the first current that flows shows it."""
    setup = Setup(devices=GRID_AND_PV, car=EvParams(phases=1), loads={"charger": [CAR]})
    film(
        at(0, load(0), sun(900)),  # 4500 W over: 6 A on three phases fit, and 16 A on one
        at(60, car_takes(3550.0, 3820.0)),
        setup=setup,
    )


def test_a_dispatch_is_met_by_a_car_and_the_battery(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=9000, start_s=20, end_s=300, settle_s=60.0, tolerance_w=150.0)),
        at(90, hears("received", "accepted", "written", "observed"), meter_shows(9000, within_w=60.0)),
        at(91, car_takes(8000.0, 8500.0)),
        at(295, meter_shows(9000, within_w=60.0)),
        at(310, hears("expired(delivered)")),
        setup=house(("grid", "battery"), charger=[CAR]),
    )


def test_a_dispatch_to_export_stops_a_car_only_after_the_battery_has_given_its_all(film: Film) -> None:
    film(
        at(0, load(0), sun(0)),
        at(5, sends(power_w=0, start_s=60, end_s=400)),
        at(55, car_takes(*MOST_W)),
        at(110, car_takes(4600.0, 5000.0), meter_shows(0, within_w=60.0)),  # 5000 W is all that the battery gives
        at(120, charge(5)),  # empty: nothing but the car is left, and it has been on for its time by then
        at(380, car_takes(0.0), meter_shows(0, within_w=60.0)),
        setup=house(("grid", "battery"), charger=[{**CAR, "use": "always"}]),
    )


class Switches:
    """How often the charger was paused or let on."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def watched(self, stage: Stage) -> None:
        stage.beside(self._watch(stage), "switches")

    async def _watch(self, stage: Stage) -> None:
        assert stage.home.charger is not None
        was = stage.home.charger.holding[337]
        while True:
            await asyncio.sleep(0.25)
            if (now := stage.home.charger.holding[337]) != was:
                was = now
                self.moments.append(asyncio.get_running_loop().time())


@pytest.mark.slow
def test_clouds_every_minute_do_not_make_the_car_switch_more_than_its_times_allow(film: Film) -> None:
    switches = Switches()
    clouds = [at(60.0 * minute, sun(1000 if minute % 2 else 100)) for minute in range(1, 20)]
    film(
        at(0, load(0), sun(1000), switches.watched),
        *clouds,
        at(1200),
        setup=house(("grid", "pv", "battery"), charger=[CAR]),
    )
    # The first is the node's own beginning: it finds a car that is about to charge, and nothing over for it yet.
    moments = switches.moments[1:]
    apart = [late - early for early, late in pairwise(moments)]
    assert 2 <= len(moments) <= 4
    assert min(apart) >= 295.0, f"switched at {switches.moments}"


def test_a_steady_surplus_is_only_renewed(film: Film) -> None:
    writes: list[int] = []
    film(
        at(0, load(500), sun(1000)),
        at(60, lambda stage: writes.append(len(stage.devices["charger"].writes))),
        at(300, lambda stage: writes.append(len(stage.devices["charger"].writes)), car_takes(*LEAST_W)),
        setup=house(("grid", "pv", "battery"), charger=[CAR]),
    )
    assert writes[0] == writes[1], "a go-e keeps what it was told: nothing is written that stands already"


def test_a_full_car_is_not_flexible_and_the_boiler_takes_over(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),
        at(60, car_takes(*LEAST_W), relay_is(0, on=False)),
        at(61, car_is_full),
        at(120, car_takes(0.0), relay_is(0, on=True)),
        setup=house(GRID_AND_PV, relays=True, charger=[CAR], relay=[BOILER]),
    )


def test_without_a_car_the_boiler_goes_on_at_once_and_a_car_that_comes_goes_first(film: Film) -> None:
    film(
        at(0, load(500), sun(1000), car_is(home=False)),
        at(30, relay_is(0, on=True), car_is(home=True)),
        at(120, car_takes(*LEAST_W), relay_is(0, on=False)),
        setup=house(GRID_AND_PV, relays=True, charger=[CAR], relay=[BOILER]),
    )


@pytest.mark.slow
def test_a_broken_charger_leaves_the_surplus_to_others(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),
        at(60, car_takes(*LEAST_W), car_is(home=False), fault("charger", Word.OFF)),
        at(120, relay_is(0, on=True), heals("charger"), car_is(home=True)),
        at(420, car_takes(*LEAST_W), relay_is(0, on=False)),
        setup=house(GRID_AND_PV, relays=True, charger=[CAR], relay=[BOILER]),
    )


@pytest.mark.slow
def test_a_pump_is_raised_by_surplus_and_holds_each_state_for_ten_minutes(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),
        at(50, pump_is(SgState.NORMAL)),
        at(130, pump_is(SgState.ENCOURAGED), sun(0)),
        at(600, pump_is(SgState.ENCOURAGED)),
        at(760, pump_is(SgState.NORMAL)),
        setup=house(GRID_AND_PV, relays=True, heat_pump=[PUMP]),
    )


def test_a_limit_blocks_the_pump_at_once(film: Film) -> None:
    film(
        at(0, load(3000), sun(1000), contact(closed=False)),
        at(130, pump_is(SgState.NORMAL), sun(0), load(4500)),
        at(140, contact(closed=True)),
        at(150, relay_is(1, on=True), relay_is(2, on=False)),
        setup=house(GRID_AND_PV, relays=True, heat_pump=[PUMP], limits=RELAY),
    )


def test_told_to_stop_the_node_lets_go_of_all_of_them(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),
        at(60, car_takes(*LEAST_W)),
        at(61, load(-9500)),
        at(100, relay_is(0, on=True), node_stops),
        at(105, relay_is(0, on=False), car_takes(*MOST_W)),
        setup=house(GRID_AND_PV, relays=True, charger=[CAR], relay=[BOILER]),
    )


@pytest.mark.slow
def test_a_killed_node_is_followed_by_one_that_knows_what_it_promised(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),
        at(60, car_takes(*LEAST_W), node_is_killed),
        at(70, car_takes(*LEAST_W), sun(0), node_begins),
        at(100, car_takes(*LEAST_W)),  # its least time counts anew: nobody knows when it was switched
        at(400, car_takes(0.0)),
        setup=house(GRID_AND_PV, charger=[CAR]),
    )


def test_the_guardian_of_a_killed_node_opens_the_relay_and_frees_the_charger(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def guards(stage: Stage) -> None:
        monkeypatch.setattr(Buses, "get", lambda self, url, timeout_s: stage.buses[url])
        assert await guardian.let_go(stage._loaded({})) == 0

    film(
        at(0, load(-9500), sun(1000)),
        at(60, car_takes(*MOST_W), relay_is(0, on=True), node_is_killed),
        at(61, guards),
        at(70, relay_is(0, on=False), car_takes(*MOST_W), node_begins),
        setup=house(GRID_AND_PV, relays=True, charger=[CAR], relay=[BOILER]),
    )


def test_a_killed_node_that_pauses_a_car_leaves_it_paused_for_the_guardian(film: Film) -> None:
    """A go-e has no timer of its own: without the guardian it would stay paused."""
    stage = film(
        at(0, load(500), sun(0)),
        at(30, car_takes(0.0), node_is_killed),
        at(300, car_takes(0.0), node_begins),
        at(310, car_takes(0.0)),
        setup=house(charger=[CAR]),
    )
    assert stage.home.charger is not None
    lacks = [said.why for said in stage.head_end.happenings if said.subject == "charger" and said.state == "lacks"]
    assert any("no hardware fallback" in why for why in lacks)
    assert stage.home.charger.holding[337] != OFF, "let go at the end of the film, in order"


def test_idle_at_rest_leaves_surplus_alone_and_the_connection_limit_still_binds(film: Film) -> None:
    film(
        at(0, load(500), sun(1000)),
        at(40, car_takes(0.0), battery_gets(None)),
        setup=Setup(site={"rest": "idle"}, devices=("grid", "pv", "battery"), car=EvParams(), loads={"charger": [CAR]}),
    )
    film(
        at(0, load(3000), sun(0)),
        at(40, car_takes(6000.0, 7000.0), flows_at_most(10_000.0)),
        setup=Setup(
            site={"rest": "idle", "import_limit_w": 10_000.0},
            devices=GRID,
            car=EvParams(),
            loads={"charger": [{**CAR, "use": "always"}]},
        ),
    )
