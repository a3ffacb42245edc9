"""Loads: a power becomes a current, a contact, a state; what is measured becomes what can be told."""

import pytest

from controller.loads import Terms, Use
from drivers.switchgear.sg_ready import SgReadyPump
from firmware_py.home.loads import ChargerLoad, PumpLoad, RelayLoad, Wiring
from protocols.ports import Nameplate, Plug, Ratings, SgMode
from protocols.readings import Measurement

TERMS = Terms(0.0, 0.0, 0.0, use=Use.ALWAYS, merit=3, least_on_s=1.0, least_off_s=2.0, change_s=3.0)
IDLE = {"power_w": 0.0, "current_l1_a": 0.0, "voltage_l1_v": 240.0, "voltage_l2_v": 240.0, "voltage_l3_v": 240.0}
ONE_PHASE = {**IDLE, "power_w": 2400.0, "current_l1_a": 10.0, "current_l2_a": 0.1, "current_l3_a": 0.0}


class Wallbox:
    """A charging point of 20 A; what it was allowed is kept."""

    def __init__(self) -> None:
        self.allowed: list[float | None] = []
        self.values: Measurement = IDLE
        self.plugged: Plug | None = Plug.CONNECTED

    async def probe(self) -> Nameplate:
        return Nameplate("", "", "", ratings=Ratings(3 * 230 * 20.0, 0.0))

    async def read(self) -> Measurement:
        return self.values

    async def plug(self) -> Plug | None:
        return self.plugged

    async def allow(self, current_max_a: float | None, valid_s: float) -> None:
        self.allowed.append(current_max_a)


class Contact:
    def __init__(self) -> None:
        self.on = False

    async def switch(self, on: bool, valid_s: float) -> None:
        self.on = on

    async def is_on(self) -> bool:
        return self.on

    async def closed(self) -> tuple[bool, ...]:
        return (False, self.on)


def load_of(wallbox: Wallbox, **wiring: float) -> ChargerLoad:
    of = Wiring(**{"phases": 3, "least_a": 6.0, "most_a": 32.0, "step_a": 1.0, **wiring})  # type: ignore[arg-type]
    return ChargerLoad(wallbox, of, TERMS)


async def test_watts_are_reckoned_with_the_voltage_that_is_measured_and_the_rating_that_is_told() -> None:
    load = load_of(Wallbox())
    await load.probe()
    await load.read()
    terms = load.terms
    assert (terms.least_w, terms.most_w, terms.step_w) == (6 * 720.0, 20 * 720.0, 720.0)
    assert (terms.use, terms.merit, terms.least_on_s, terms.least_off_s, terms.change_s) == (Use.ALWAYS, 3, 1, 2, 3)


async def test_a_car_of_one_phase_is_seen_by_its_currents_until_it_leaves() -> None:
    wallbox = Wallbox()
    load = load_of(wallbox)
    wallbox.values = ONE_PHASE
    await load.read()
    assert load.terms.step_w == 240.0
    wallbox.values = IDLE
    await load.read()
    assert load.terms.step_w == 240.0, "it pauses, it has not grown phases"
    wallbox.plugged = Plug.EMPTY
    await load.read()
    assert load.terms.step_w == 720.0
    assert not load.is_ready


@pytest.mark.parametrize(
    ("power_w", "current_a"),
    [
        (0.0, 0.0),
        (4320.0, 6.0),
        (4319.0, 6.0),
        (5040.0, 7.0),
        (5200.0, 7.0),
        (90_000.0, 20.0),
        (100.0, 6.0),
        (None, None),
    ],
)
async def test_a_power_becomes_the_nearest_current_it_can_be_told(
    power_w: float | None, current_a: float | None
) -> None:
    wallbox = Wallbox()
    load = load_of(wallbox)
    await load.probe()
    await load.read()
    await load.tell(power_w, 30.0)
    assert wallbox.allowed == [current_a]


async def test_let_go_it_is_told_its_fallback() -> None:
    wallbox = Wallbox()
    await load_of(wallbox, fallback_a=8.0).tell(None, 30.0)
    assert wallbox.allowed == [8.0]


@pytest.mark.parametrize(
    ("plug", "is_ready"), [(Plug.EMPTY, False), (Plug.FAULTY, False), (None, True), (Plug.CHARGING, True)]
)
async def test_a_device_that_does_not_know_its_plug_may_have_a_car(plug: Plug | None, is_ready: bool) -> None:
    wallbox = Wallbox()
    wallbox.plugged = plug
    load = load_of(wallbox)
    await load.read()
    assert load.is_ready is is_ready


@pytest.mark.parametrize("on_closed", [True, False])
async def test_a_relay_is_on_by_its_contact_and_let_go_it_is_open(on_closed: bool) -> None:
    contact = Contact()
    load = RelayLoad(contact, Terms(2000.0, 2000.0, 0.0), on_closed=on_closed)
    await load.tell(2000.0, 30.0)
    assert contact.on is on_closed
    values = await load.read()
    assert values == {"on_ratio": 1.0}
    assert load.power_w(values, None) == 2000.0
    assert load.power_w(values, 1234.0) == 1234.0
    await load.tell(0.0, 30.0)
    assert load.power_w(await load.read(), None) == 0.0
    await load.tell(None, 30.0)
    assert contact.on is False


@pytest.mark.parametrize(
    ("power_w", "contacts", "state", "draws_w"),
    [(0.0, (True, False), 1.0, 0.0), (None, (False, False), 2.0, 0.0), (2500.0, (True, True), 4.0, 2500.0)],
)
async def test_a_pump_is_blocked_left_alone_or_raised(
    power_w: float | None, contacts: tuple[bool, bool], state: float, draws_w: float
) -> None:
    first, second = Contact(), Contact()
    load = PumpLoad(SgReadyPump(first, second), Terms(2500.0, 2500.0, 0.0, rests=True), SgMode.ORDERED)
    await load.tell(power_w, 30.0)
    assert (first.on, second.on) == contacts
    values = await load.read()
    assert values == {"sg_ready_state": state}
    assert (load.power_w(values, None), load.power_w(values, 800.0)) == (draws_w, 800.0)
