"""What the owner's laws and the plan ask of loads: who wins, what binds it, and what dwells all the same."""

from collections.abc import Mapping
from math import inf, nan

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import comfort
from controller.asks import Ask
from controller.cycle import Inputs, decide
from controller.devices import DeviceView, Role, reach
from controller.items import Item
from controller.laws import phases
from controller.laws.departure import CarView
from controller.loads import Held, Load, Memory, Room, Terms, Use, allot
from controller.planning.orders import Orders
from controller.thermal.stores import Store
from controller.wishes import Band, Rank, Wish
from tests.controller.house import House, Machine, car, dispatch, params

BOILER = Terms(2000.0, 2000.0, 0.0, merit=1, least_on_s=60.0, least_off_s=60.0, change_s=0.0)
PLANNED = msgspec.structs.replace(BOILER, use=Use.PLANNED)
PUMP = msgspec.structs.replace(BOILER, rests=True)
TANK = Store("tank", 50.0, 45.0, 65.0, 5.0, heaters=("boiler",))
FREE = Room(-inf, inf, inf)


def told(terms: Terms, ask: Ask | None, room: Room = FREE, *, power_w: float = 0.0, **load: bool) -> float | None:
    """What a load that has been as it is for ever is told, once what is asked has lasted."""
    asked = Load("load", power_w, terms, ask=ask, **load)
    held, _ = allot([asked], (), {"load": Held(None if terms.rests else terms.near(power_w))}, 1000.0, room)
    return allot([asked], (), held, 1010.0, room)[1].told_w["load"]


def ask(want_w: float, rank: Rank = Rank.OPTIMISER) -> Ask:
    return Ask(want_w, rank, "because")


# One load


@pytest.mark.parametrize(
    ("want_w", "told_w"),
    [(0.0, 0.0), (900.0, 0.0), (4120.0, 4140.0), (5000.0, 4830.0), (5300.0, 5520.0), (inf, 11_040.0)],
)
def test_a_load_is_told_the_step_next_to_what_is_asked(want_w: float, told_w: float) -> None:
    assert told(car(), ask(want_w)) == told_w


def test_a_load_that_is_asked_needs_no_surplus() -> None:
    assert told(BOILER, ask(2000.0), Room(-5000.0, 9000.0, 9000.0)) == 2000.0
    assert told(BOILER, None, Room(-5000.0, 9000.0, 9000.0)) == 0.0


def test_a_planned_load_without_an_ask_is_a_surplus_load() -> None:
    assert told(PLANNED, None, Room(2500.0, 9000.0, 9000.0)) == 2000.0
    assert told(PLANNED, None, Room(1500.0, 9000.0, 9000.0)) == 0.0


@pytest.mark.parametrize(("rank", "told_w"), [(Rank.COMFORT_BOUND, 2000.0), (Rank.COMFORT, 0.0), (Rank.OPTIMISER, 0.0)])
def test_a_contract_binds_comfort_and_plan_and_not_a_bound_of_comfort(rank: Rank, told_w: float) -> None:
    assert told(BOILER, ask(inf, rank), Room(0.0, 1000.0, 9000.0)) == told_w


@pytest.mark.parametrize("rank", [Rank.COMFORT_BOUND, Rank.COMFORT, Rank.OPTIMISER])
def test_connection_and_operator_bind_every_ask(rank: Rank) -> None:
    assert told(BOILER, ask(inf, rank), Room(1000.0, 1000.0, 1000.0)) == 0.0
    assert told(BOILER, ask(inf, rank), Room(1000.0, 1000.0, 1000.0), power_w=2000.0) == 0.0


@pytest.mark.parametrize(
    ("rank", "told_w"), [(Rank.COMFORT_BOUND, 0.0), (Rank.COMFORT, 2000.0), (Rank.OPTIMISER, 2000.0)]
)
def test_a_contract_for_consumption_has_what_the_plan_would_leave_off_but_not_what_is_too_hot(
    rank: Rank, told_w: float
) -> None:
    assert told(BOILER, ask(0.0, rank), Room(2500.0, 2500.0, 9000.0, must_w=2500.0)) == told_w


@pytest.mark.parametrize(
    ("want_w", "rank", "may_block", "told_w"),
    [
        (inf, Rank.OPTIMISER, True, 2000.0),
        (2000.0, Rank.OPTIMISER, True, 2000.0),
        (0.0, Rank.OPTIMISER, True, None),
        (0.0, Rank.COMFORT, True, None),
        (0.0, Rank.COMFORT_BOUND, True, 0.0),
        (0.0, Rank.COMFORT_BOUND, False, None),
    ],
)
def test_a_pump_is_raised_by_who_asks_and_blocked_by_bounds_alone(
    want_w: float, rank: Rank, may_block: bool, told_w: float | None
) -> None:
    assert told(msgspec.structs.replace(PUMP, may_block=may_block), ask(want_w, rank)) == told_w


def test_a_pump_of_a_store_that_is_asked_nothing_is_left_alone_whatever_is_over() -> None:
    room = Room(5000.0, 9000.0, 9000.0)
    assert told(PUMP, None, room) == 2000.0
    assert told(PUMP, None, room, is_kept=True) is None


def test_a_pump_that_must_heat_is_not_blocked_by_a_contract() -> None:
    tight = Room(0.0, 1000.0, 9000.0)
    assert told(PUMP, ask(inf, Rank.COMFORT_BOUND), tight, power_w=1500.0) == 2000.0
    assert told(PUMP, ask(inf, Rank.COMFORT), tight, power_w=1500.0) == 0.0


def test_a_pump_that_must_heat_and_cannot_be_raised_is_not_blocked_for_a_contract() -> None:
    """1800 W of room are too little to raise it, and enough for the 1500 W that it draws by itself."""
    tight = Room(0.0, 1000.0, 1800.0)
    assert told(PUMP, ask(inf, Rank.COMFORT_BOUND), tight, power_w=1500.0) is None


def test_a_bound_of_comfort_does_not_push_a_load_off_that_was_just_switched_on() -> None:
    """5000 W for both: the boiler was switched on 10 s ago, so the car gets no 4140 W as yet."""
    loads = [Load("car", 0.0, car(), ask=ask(inf, Rank.COMFORT_BOUND)), Load("boiler", 2000.0, BOILER)]
    held = {"car": Held(0.0, fits_since_s=0.0), "boiler": Held(2000.0, 990.0, 990.0)}
    for now_s, told_w in ((1000.0, {"car": 0.0, "boiler": 2000.0}), (1060.0, {"car": 4830.0, "boiler": 0.0})):
        held_now = held if now_s == 1000.0 else {**held, "car": Held(0.0, fits_since_s=1000.0, fits=1, mean_units=7.0)}
        assert allot(loads, (), held_now, now_s, Room(5000.0, 5000.0, 5000.0))[1].told_w == told_w


def test_without_a_car_nothing_is_told_whatever_is_asked() -> None:
    assert told(car(), ask(inf, Rank.COMFORT_BOUND), is_ready=False) == 0.0


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 2000.0, inf]), st.sampled_from(Rank), st.integers(1, 80)),
        min_size=1,
        max_size=12,
    )
)
def test_no_ask_breaks_a_least_time(rows: list[tuple[float, Rank, int]]) -> None:
    held: Memory = {}
    terms, switched_s, was_w, now_s = BOILER, -inf, 0.0, 0.0
    for want_w, rank, seconds in rows:
        for _ in range(seconds):
            load = Load("load", was_w, terms, ask=ask(want_w, rank))
            held, allotted = allot([load], (), held, now_s, FREE)
            told_w = allotted.told_w["load"] or 0.0
            if (told_w > 0.0) is not (was_w > 0.0):
                assert now_s - switched_s >= 60.0
                switched_s = now_s
            was_w, now_s = told_w, now_s + 1.0


# Who asks


def asked(
    loads: list[Load],
    stores: tuple[Store, ...] = (),
    cars: tuple[CarView, ...] = (),
    wants_w: Mapping[str, float] | None = None,
) -> comfort.Asked:
    scene = comfort.Scene(loads, stores, cars, wants_w, "the plan")
    return comfort.step(comfort.Params(), comfort.Memory(), 1000.0, scene)[1]


def test_only_planned_loads_that_keep_nothing_warm_are_asked_by_the_plan_itself() -> None:
    wants_w = {"a": 2000.0, "b": 2000.0, "boiler": 2000.0, "d": nan, "unknown": 1.0}
    loads = [Load("a", 0.0, PLANNED), Load("b", 0.0, BOILER), Load("boiler", 0.0, PLANNED), Load("d", 0.0, PLANNED)]
    found = asked(loads, (TANK,), wants_w=wants_w)
    assert found.asks["a"] == Ask(2000.0, Rank.OPTIMISER, "the plan")
    assert "b" not in found.asks
    assert asked(loads, (msgspec.structs.replace(TANK, heaters=("a",)),), wants_w=wants_w).asks["a"].why != "the plan"
    assert "tank" in found.asks["boiler"].why, "its thermostat knows the plan, and the tank"
    assert found.asks["d"].want_w == 0.0, "no number is nothing"
    assert found.kept == {"boiler"}


def test_the_strongest_ask_holds_and_of_two_alike_the_one_for_more() -> None:
    """A pump that warms house (warm enough: nothing) and tank (too cold: all)."""
    cold = msgspec.structs.replace(TANK, temperature_c=30.0, heaters=("pump",))
    hot = Store("house", 30.0, 18.0, 24.0, 5.0, heaters=("pump",))
    for stores in ((cold, hot), (hot, cold)):
        found = asked([Load("pump", 0.0, PUMP)], stores)
        assert found.asks["pump"].want_w == inf
        assert found.asks["pump"].rank is Rank.COMFORT_BOUND


def test_a_departure_is_stronger_than_the_plan() -> None:
    planned = car(use=Use.PLANNED)
    cars = (CarView("car", 50_000.0, 5000.0, 11_040.0),)
    found = asked([Load("car", 0.0, planned)], cars=cars, wants_w={"car": 0.0})
    assert (found.asks["car"].rank, found.asks["car"].want_w) == (Rank.COMFORT_BOUND, inf)


# In the cycle


def plan(**wants_w: float) -> Orders:
    return Orders(1e9, "the plan of noon", wants_w=wants_w)


def test_a_planned_boiler_runs_by_the_plan_keeps_its_times_and_is_explained() -> None:
    home = House(params(), {"boiler": Machine(PLANNED)}, base_w=(300.0, 300.0, 300.0))
    drawn = home.seconds(30, lambda house: house.machines["boiler"].power_w, orders=plan(boiler=2000.0))
    assert drawn[-1] == 2000.0
    assert home.decision is not None
    assert [(each.load, each.want_w, each.rank, each.why) for each in home.decision.asks] == [
        ("boiler", 2000.0, Rank.OPTIMISER, "the plan of noon")
    ]
    drawn = home.seconds(60, lambda house: house.machines["boiler"].power_w, orders=plan(boiler=0.0))
    assert 0.0 < sum(drawn) / 2000.0 <= 60.0, "on for its minute, and no longer"
    assert drawn[-1] == 0.0


def test_a_plan_that_dies_leaves_its_loads_to_the_surplus() -> None:
    home = House(params(), {"boiler": Machine(PLANNED)}, base_w=(-900.0, -900.0, -900.0))
    home.seconds(20, orders=plan(boiler=0.0))
    assert home.machines["boiler"].power_w == 0.0
    home.seconds(20, orders=msgspec.structs.replace(plan(boiler=0.0), good_until_s=1000.0))
    assert home.machines["boiler"].power_w == 2000.0


def test_a_tank_is_heated_below_its_least_under_a_contract_and_not_under_a_limit() -> None:
    cold = (msgspec.structs.replace(TANK, temperature_c=40.0),)
    home = House(params(), {"boiler": Machine(BOILER)})
    home.seconds(15, stores=cold, contract=dispatch(0.0))
    assert home.machines["boiler"].power_w == 2000.0
    limit = (Wish("limit", Rank.GRID_LIMIT, 1e9, "dimmed", within=Band(most_w=1500.0)),)
    home.seconds(1, stores=cold, limits=limit)
    assert home.machines["boiler"].power_w == 0.0


def test_a_sensor_that_dies_ends_the_burn_by_the_thermostats_own_stance() -> None:
    """Half an hour at most, whatever the plan wants; then the floor's share of each hour."""
    home = House(params(), {"boiler": Machine(BOILER)})
    home.seconds(30, stores=(msgspec.structs.replace(TANK, temperature_c=40.0),))
    assert home.machines["boiler"].power_w == 2000.0
    dead = (msgspec.structs.replace(TANK, temperature_c=None),)
    drawn = home.seconds(1900, lambda house: house.machines["boiler"].power_w, stores=dead)
    assert drawn[60] == 2000.0
    assert drawn[-1] == 0.0


def test_with_a_dead_meter_a_house_does_not_freeze_and_a_car_is_let_go() -> None:
    machines = {"boiler": Machine(BOILER), "car": Machine(car())}
    home = House(params(phases=phases.Params(25.0)), machines)
    cold = (msgspec.structs.replace(TANK, temperature_c=4.0),)
    cars = (CarView("car", 50_000.0, 2000.0, 11_040.0),)
    inputs = Inputs(1000.0, None, inf, home.views(), stores=cold, cars=cars)
    memory, _ = decide(home.params, home.memory, inputs)
    memory, decision = decide(home.params, memory, msgspec.structs.replace(inputs, now_s=1001.0))
    assert decision.commands == {"boiler": 2000.0, "car": None}
    dimmed = (Wish("limit", Rank.GRID_LIMIT, 1e9, "dimmed", within=Band(most_w=4200.0)),)
    _, decision = decide(home.params, memory, msgspec.structs.replace(inputs, limits=dimmed))
    assert decision.commands == {"boiler": 0.0, "car": 0.0}, "the operator binds comfort"


def test_a_meter_that_tells_no_currents_keeps_a_car_down_and_no_house_cold() -> None:
    machines = {"boiler": Machine(BOILER), "car": Machine(car(use=Use.ALWAYS))}
    home = House(params(phases=phases.Params(25.0)), machines, further={"phases_a": (None, None, None)})
    home.seconds(20, stores=(msgspec.structs.replace(TANK, temperature_c=4.0),))
    assert [machine.power_w for machine in machines.values()] == [2000.0, 0.0]


@pytest.mark.parametrize(
    ("firm", "band"),
    [
        ({}, Band(300.0, 2300.0)),
        ({"boiler": ask(inf, Rank.COMFORT_BOUND)}, Band(2300.0, 2300.0)),
        ({"boiler": ask(0.0, Rank.COMFORT_BOUND)}, Band(300.0, 300.0)),
        ({"other": ask(inf, Rank.COMFORT_BOUND)}, Band(300.0, 2300.0)),
    ],
)
def test_what_comfort_holds_is_not_within_reach(firm: dict[str, Ask], band: Band) -> None:
    view = DeviceView("boiler", Role.LOAD, None, 0.0, terms=BOILER)
    found = reach([view], 300.0, firm)
    assert found.power() == band
    assert ("is held: because" in found.why(900.0, importing=True)) is ("boiler" in firm)


def test_a_pump_that_must_not_be_blocked_is_held_no_lower_than_it_draws() -> None:
    pump = msgspec.structs.replace(PUMP, may_block=False)
    view = DeviceView("pump", Role.LOAD, None, 900.0, terms=pump)
    assert reach([view], 900.0, {"pump": ask(0.0, Rank.COMFORT_BOUND)}).power() == Band(900.0, 900.0)


def test_a_contract_on_energy_knows_what_comfort_holds() -> None:
    """A quarter of an hour with nothing to be drawn, and a tank that must be heated: that is too much, and said in time."""
    item = Item("e1", 1000.0, 1900.0, 900.0, 0.0)
    for degrees, is_missed in ((30.0, True), (52.0, False), (60.0, False)):  # at 52 it would be liked warmer
        home = House(params(), {"boiler": Machine(PLANNED)})
        stores = (msgspec.structs.replace(TANK, temperature_c=degrees, liked_c=55.0),)
        shorts = [home.second(stores=stores, items=(item,)).short for _ in range(90)]
        assert [each.short_wh < -200.0 for each in shorts if each is not None] == ([True] if is_missed else [])


# After an event


RESPONDS = comfort.Params(drawn=0.5)
HEATED = msgspec.structs.replace(TANK, temperature_c=50.0, liked_c=55.0, is_tank=True)
MODULATING = Terms(500.0, 2000.0, 1.0, use=Use.PLANNED)
DEAR = {"wants_w": {"boiler": 0.0}, "is_dear": True}


class Returning:
    """A home whose boiler has drawn 800 W for two hours, minute by minute, and draws what it is asked for."""

    def __init__(self, terms: Terms = MODULATING, given: comfort.Params = RESPONDS, store: Store = HEATED) -> None:
        self.terms, self.params, self.store = terms, given, store
        self.memory, self.now_s, self.power_w = comfort.Memory(), 0.0, 800.0
        for _ in range(120):
            self.minute()
            self.power_w = 800.0

    def minute(self, **scene: object) -> Ask:
        self.now_s += 60.0
        loads = [Load("boiler", self.power_w, self.terms)]
        this = comfort.Scene(loads, (self.store,), (), **scene)  # type: ignore[arg-type]
        self.memory, asked = comfort.step(self.params, self.memory, self.now_s, this)
        found = asked.asks["boiler"]
        self.power_w = min(found.want_w, self.terms.most_w)
        return found

    def event(self, **scene: object) -> None:
        for _ in range(60):
            self.minute(**scene)


@pytest.mark.parametrize("scene", [DEAR, {"is_limited": True}])
def test_after_an_event_a_home_draws_a_share_of_what_is_usual_and_says_why(scene: dict[str, object]) -> None:
    """A tank: 1.2 of its usual 800 W."""
    home = Returning()
    assert home.minute().want_w == inf
    home.power_w = 800.0
    home.event(**scene)
    found = home.minute()
    assert found.want_w == pytest.approx(1.2 * 800.0)
    assert found.rank is Rank.OPTIMISER
    assert found.why == "tank heats within its dead band, but no more than 960 W for now, after an event"


@pytest.mark.parametrize(
    "scene",
    [
        {},
        {"wants_w": {"boiler": 0.0}},  # not dear: the plan just waits
        {"wants_w": {"boiler": 900.0}, "is_dear": True},  # dear, and wanted all the same
        {"wants_w": {}, "is_dear": True},  # the plan does not say
    ],
)
def test_what_is_no_event_caps_nothing(scene: dict[str, object]) -> None:
    home = Returning()
    home.event(**scene)
    assert home.minute().want_w == inf


def test_an_operator_says_himself_how_much_may_be_drawn_while_he_limits() -> None:
    home = Returning()
    assert home.minute(is_limited=True).want_w == inf
    assert home.minute(wants_w={"boiler": 900.0}, is_limited=True).want_w == 900.0


def test_without_a_number_of_its_own_a_home_comes_back_at_once() -> None:
    home = Returning(given=comfort.Params())
    home.event(**DEAR)
    assert home.minute().want_w == inf
    assert not home.memory.of_returns


def test_a_bound_of_comfort_breaks_the_cap() -> None:
    home = Returning()
    home.event(**DEAR)
    home.store = msgspec.structs.replace(HEATED, temperature_c=44.0)
    found = home.minute()
    assert (found.want_w, found.rank) == (inf, Rank.COMFORT_BOUND)


def test_a_thermostat_that_is_content_or_a_plan_that_wants_less_ends_it() -> None:
    for scene, degrees in (({}, 58.0), ({"wants_w": {"boiler": 0.0}}, 50.0), ({"wants_w": {"boiler": 900.0}}, 50.0)):
        home = Returning()
        home.event(**DEAR)
        home.minute()
        home.store = msgspec.structs.replace(HEATED, temperature_c=degrees)
        home.minute(**scene)
        home.store = HEATED
        assert home.minute().want_w == inf, scene


def test_a_machine_that_is_on_or_off_comes_back_in_burns() -> None:
    """2000 W where 1.2 of 800 W may be drawn, an hour later a tenth more: half of the time."""
    home = Returning(BOILER)
    home.event(**DEAR)
    drawn = [home.minute().want_w for _ in range(120)]
    assert set(drawn) == {0.0, 2000.0}
    assert sum(drawn) / 120 == pytest.approx(1.25 * 800.0, rel=0.12)


def test_a_plan_that_wants_a_burn_gets_it_in_turns_too() -> None:
    home = Returning(BOILER)
    home.event(**DEAR)
    drawn = [home.minute(wants_w={"boiler": 2000.0}).want_w for _ in range(120)]
    assert sum(drawn) / 120 == pytest.approx(1.25 * 800.0, rel=0.12)


@pytest.mark.parametrize(
    ("store", "share"),
    [
        (HEATED, 1.2),
        (msgspec.structs.replace(HEATED, is_tank=False), 0.8),
        (msgspec.structs.replace(HEATED, is_tank=False, heaters=(), coolers=("boiler",), liked_c=46.0), 0.65),
    ],
)
def test_how_slowly_goes_by_what_is_served(store: Store, share: float) -> None:
    home = Returning(store=store)
    home.event(**DEAR)
    assert home.minute().want_w == pytest.approx(share * 800.0)


@pytest.mark.parametrize(
    ("limit_w", "rank", "until_s", "capped"),
    [
        (4200.0, Rank.GRID_LIMIT, 1e9, True),
        (50_000.0, Rank.GRID_LIMIT, 1e9, False),
        (inf, Rank.GRID_LIMIT, 1e9, False),
        (4200.0, Rank.GRID_CODE, 1e9, False),
        (4200.0, Rank.GRID_LIMIT, 1000.0, False),
    ],
)
def test_in_the_cycle_an_operators_limit_below_the_connection_is_an_event(
    limit_w: float, rank: Rank, until_s: float, capped: bool
) -> None:
    home = House(params(comfort=RESPONDS), {"boiler": Machine(PLANNED, power_w=2000.0)})
    limit = (Wish("limit", rank, until_s, "dimmed", within=Band(least_w=0.0, most_w=limit_w)),)
    home.seconds(60, stores=(HEATED,), limits=limit)
    decision = home.second(stores=(HEATED,))
    assert any("after an event" in each.why for each in decision.asks) is capped


def test_in_the_cycle_a_dear_step_is_an_event_as_long_as_the_plan_is_fresh() -> None:
    for good_until_s, capped in ((1e9, True), (1000.0, False)):
        home = House(params(comfort=RESPONDS), {"boiler": Machine(PLANNED, power_w=2000.0)})
        dear = Orders(good_until_s, "the plan of noon", wants_w={"boiler": 0.0}, is_dear=True)
        home.seconds(60, stores=(HEATED,), orders=dear)
        decision = home.second(stores=(HEATED,))
        assert any("after an event" in each.why for each in decision.asks) is capped


def test_a_home_without_stores_remembers_nothing() -> None:
    scene = comfort.Scene([Load("a", 0.0, PLANNED)], (), (), {"a": 0.0}, is_dear=True)
    assert not comfort.step(RESPONDS, comfort.Memory(), 1000.0, scene)[0].of_returns


@pytest.mark.parametrize("drawn", [-0.1, 1.1, nan])
def test_a_homes_number_is_a_share(drawn: float) -> None:
    with pytest.raises(ValueError, match="drawn is"):
        comfort.Params(drawn=drawn)
