"""Fuses of the phases and unbalance: hard at once, back by and by, and never by an old or a half reading."""

from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.laws.phases import Draw, Memory, Params, Rooms, is_over, step
from controller.loads import Terms, Use
from controller.planning.orders import Orders
from controller.wishes import Band, Rank
from tests.controller.house import House, Machine, car, params

FUSE = Params(fuse_a=25.0, recover_s=30.0)
ONE = Draw("car", 0.0, 230.0, (0,))
ANY = Draw("car", 0.0, 230.0, (0, 1, 2), is_known=False)
THREE = Draw("car", 0.0, 690.0)


def rooms(draw: Draw, phases_a: tuple[float | None, ...], fuse: Params = FUSE, charge_w: float = 0.0) -> Rooms:
    memory = step(fuse, Memory(), 0.0, phases_a, [draw], charge_w)
    return Rooms(fuse, step(fuse, memory, 1.0, phases_a, [draw], charge_w), [draw], {})


@pytest.mark.parametrize(
    ("draw", "phases_a", "hard_a"),
    [
        (ONE, (5.0, 20.0, 20.0), 20.0),  # 25 - 5 on its own phase
        (ANY, (5.0, 20.0, 20.0), 5.0),  # the worst phase
        (THREE, (5.0, 20.0, 10.0), 5.0),
        (ONE, (-10.0, 0.0, 0.0), 35.0),  # the sun on L1 gives room
        (ONE, (30.0, 0.0, 0.0), -5.0),
    ],
)
def test_the_room_is_what_the_fuse_leaves_on_the_phases_of_a_load(
    draw: Draw, phases_a: tuple[float, ...], hard_a: float
) -> None:
    bound = rooms(draw, phases_a).of("car")
    assert bound.hard_w == pytest.approx(hard_a * draw.ampere_w)
    assert bound.rise_w == pytest.approx((hard_a - 1.0) * draw.ampere_w)
    assert bound.rank is Rank.SAFETY


@pytest.mark.parametrize("known", [True, False])
def test_what_the_load_draws_itself_is_part_of_its_room(known: bool) -> None:
    """16 A of its own and 4 of others on L1: it may take 21."""
    draw = Draw("car", 16 * 230.0, 230.0, (0,) if known else (0, 1, 2), is_known=known)
    assert rooms(draw, (20.0, 0.0, 0.0)).of("car").hard_w == pytest.approx(21.0 * 230.0)


def test_a_load_of_unknown_phase_takes_from_those_behind_it_only_what_it_is_raised_by() -> None:
    """10 A of its own are in the 12 A of L1 already; told 16 A, 6 A more may come on any phase."""
    draws = [Draw("car", 2300.0, 230.0, is_known=False), Draw("boiler", 0.0, 230.0, (0,))]
    memory = step(FUSE, Memory(), 0.0, (12.0, 0.0, 0.0), draws, 0.0)
    both = Rooms(FUSE, memory, draws, {})
    both.take("car", 16 * 230.0)
    assert both.of("boiler").hard_w == pytest.approx((25.0 - 12.0 - 6.0) * 230.0)


def test_a_load_of_unknown_phase_that_goes_off_frees_no_phase_at_once() -> None:
    draws = [Draw("car", 2300.0, 230.0, is_known=False), Draw("boiler", 0.0, 230.0, (0,))]
    both = Rooms(FUSE, step(FUSE, Memory(), 0.0, (12.0, 0.0, 0.0), draws, 0.0), draws, {})
    both.take("car", 0.0)
    assert both.of("boiler").hard_w == pytest.approx((25.0 - 12.0) * 230.0)


def test_what_a_battery_takes_makes_room() -> None:
    """4140 W are 6 A on each phase, which it must leave to a load, and is then kept from by the wish."""
    at = rooms(ONE, (24.0, 6.0, 6.0), charge_w=4140.0)
    assert at.of("car").hard_w == pytest.approx(7.0 * 230.0)
    at.take("car", 6.0 * 230.0)
    wish = at.wish(9660.0, 9.0)  # 36 A in all, and 6 A more by the car
    assert wish is not None
    assert wish.within is not None
    assert wish.within.most_w == pytest.approx(9660.0 - 5.0 * 690.0)


@pytest.mark.parametrize(
    ("draw", "phases_a", "hard_a"),
    [
        (ONE, (5.0, 0.0, 0.0), 10.0),  # 15 A more than the others
        (ONE, (0.0, 10.0, 3.0), 18.0),  # up to 15 above the lowest of the others
        (ONE, (20.0, 0.0, 0.0), -5.0),
        (THREE, (20.0, 0.0, 0.0), inf),  # three phases alike change nothing between them
        (ANY, (5.0, 0.0, 0.0), 10.0),
        (Draw("car", 0.0, 460.0, (0, 1)), (5.0, 2.0, 1.0), 11.0),
    ],
)
def test_phases_may_differ_by_so_much(draw: Draw, phases_a: tuple[float, ...], hard_a: float) -> None:
    bound = rooms(draw, phases_a, Params(fuse_a=1000.0, unbalance_max_a=15.0)).of("car")
    if hard_a == inf:
        assert bound.hard_w > 900.0 * 690.0
    else:
        assert bound.hard_w == pytest.approx(hard_a * draw.ampere_w)
        assert bound.rank is Rank.GRID_CODE


@pytest.mark.parametrize("phases_a", [(), (1.0, None, 2.0), (1.0, 2.0)])
def test_blind_nothing_is_raised_and_nothing_lowered(phases_a: tuple[float | None, ...]) -> None:
    bound = rooms(ONE, phases_a).of("car")
    assert (bound.hard_w, bound.rise_w, bound.is_blind) == (inf, -inf, True)
    assert rooms(ONE, phases_a).wish(0.0, 9.0) is None


def test_zero_is_a_current_like_any_other() -> None:
    assert rooms(ONE, (0.0, 0.0, 0.0)).of("car").hard_w == pytest.approx(25.0 * 230.0)


def test_one_reading_too_high_is_believed_only_with_the_next() -> None:
    """A wallbox told of its 16 A after the meter did: for a second they look like somebody else's."""
    memory = step(FUSE, Memory(), 0.0, (4.0, 0.0, 0.0), [ONE], 0.0)
    memory = step(FUSE, memory, 1.0, (20.0, 0.0, 0.0), [ONE], 0.0)
    assert Rooms(FUSE, memory, [ONE], {}).of("car").hard_w == pytest.approx(21.0 * 230.0)
    memory = step(FUSE, memory, 2.0, (20.0, 0.0, 0.0), [ONE], 0.0)
    assert Rooms(FUSE, memory, [ONE], {}).of("car").hard_w == pytest.approx(5.0 * 230.0)


def test_an_old_reading_says_the_same_however_the_load_moves_since() -> None:
    """evcc#5003: a meter every minute and a loop every ten seconds swung fully up and down."""
    memory = step(FUSE, Memory(), 0.0, (10.0, 0.0, 0.0), [ONE], 0.0)
    drawing = Draw("car", 16 * 230.0, 230.0, (0,))
    assert step(FUSE, memory, 0.0, (10.0, 0.0, 0.0), [drawing], 0.0) is memory


def test_is_over_sees_either_way_and_the_difference() -> None:
    for phases_a, over in (((25.0, 0.0, 0.0), False), ((25.1, 0.0, 0.0), True), ((0.0, -25.1, 0.0), True)):
        assert is_over(FUSE, step(FUSE, Memory(), 0.0, phases_a, [], 0.0)) is over
    skew = replace(FUSE, unbalance_max_a=20.0)
    assert is_over(skew, step(skew, Memory(), 0.0, (15.0, -6.0, 0.0), [], 0.0))


# Films

SITE = params(phases=FUSE)
FAST = Use.ALWAYS


def amperes(home: House) -> float:
    return home.machines["car"].power_w / home.machines["car"].terms.unit_w


def test_a_single_phase_car_on_l1_yields_to_a_kettle_on_l1_and_not_to_one_on_l2() -> None:
    home = House(SITE, {"car": Machine(car(1, wired_to=0, use=FAST), (0,))})
    home.seconds(15)
    assert amperes(home) == 16.0
    home.base_w = (0.0, 20 * 230.0, 0.0)
    assert set(home.seconds(60, amperes)) == {16.0}
    home.base_w = (13 * 230.0, 20 * 230.0, 0.0)
    assert home.seconds(3, amperes)[-1] == 12.0
    decision = home.decision
    assert decision is not None
    assert [(each.load, each.rank, each.why) for each in decision.asks] == [("car", Rank.SAFETY, "L1 may carry 25 A")]


def test_a_three_phase_car_yields_to_the_fullest_phase_and_comes_back_when_the_kettle_is_off() -> None:
    home = House(SITE, {"car": Machine(car(3, use=FAST))})
    home.base_w = (0.0, 0.0, 13 * 230.0)
    home.seconds(60)
    assert amperes(home) == 11.0, "a margin of 1 A is kept for a rise"
    home.base_w = (0.0, 0.0, 0.0)
    back = home.seconds(90, amperes)
    assert back[28] == 11.0, "30 s without a peak at least"
    assert back[-1] == 16.0


def test_a_kettle_that_comes_and_goes_each_half_minute_does_not_make_the_car_swing() -> None:
    home = House(SITE, {"car": Machine(car(1, wired_to=0, use=FAST), (0,))})
    home.seconds(15)
    seen = []
    for minute in range(20):
        home.base_w = ((14.0 if minute % 2 else 0.0) * 230.0, 0.0, 0.0)
        seen += home.seconds(25, amperes)
    assert set(seen[60:]) == {11.0}, "it stays where the kettle leaves it"


def test_where_nobody_knows_the_phase_every_phase_counts() -> None:
    home = House(SITE, {"car": Machine(car(1, use=FAST), (0,))})
    home.base_w = (0.0, 20 * 230.0, 0.0)
    home.seconds(20)
    assert amperes(home) == 0.0, "it might be L2: 4 A are less than the least"
    home.base_w = (0.0, 14 * 230.0, 0.0)
    came = list(dict.fromkeys(home.seconds(400, amperes)))
    assert came == [0.0, 10.0, 16.0], "25 less 14 and the margin; then L2 is seen not to have risen with it"


def test_below_the_least_it_goes_off_at_once_though_it_was_just_switched_on() -> None:
    home = House(SITE, {"car": Machine(car(3, use=FAST))})
    home.seconds(15)
    home.base_w = (20 * 230.0, 0.0, 0.0)
    assert home.seconds(3, amperes)[-1] == 0.0
    home.base_w = (0.0, 0.0, 0.0)
    assert set(home.seconds(290, amperes)) == {0.0}, "its least time off holds"


def test_two_loads_on_one_phase_yield_in_merit_order() -> None:
    boiler = Terms(2300.0, 2300.0, 0.0, merit=1, phases=1, wired_to=0, use=FAST, least_on_s=60.0, least_off_s=60.0)
    machines = {"car": Machine(car(1, wired_to=0, use=FAST), (0,)), "boiler": Machine(boiler, (0,))}
    home = House(params(phases=replace(FUSE, fuse_a=30.0)), machines)
    home.seconds(15)
    assert (amperes(home), machines["boiler"].power_w) == (16.0, 2300.0)
    home.base_w = (6 * 230.0, 0.0, 0.0)
    home.seconds(4)
    assert (amperes(home), machines["boiler"].power_w) == (16.0, 0.0)


def test_a_car_that_is_told_to_go_on_a_different_phase_balances() -> None:
    """20 A may differ: a car on L1 alone takes 16 A; with 8 A on L1 beside it 12 A."""
    home = House(
        params(phases=Params(fuse_a=63.0, unbalance_max_a=20.0)),
        {"car": Machine(car(1, wired_to=0, use=FAST), (0,))},
    )
    home.seconds(15)
    assert amperes(home) == 16.0
    home.base_w = (8 * 230.0, 0.0, 0.0)
    home.seconds(4)
    assert amperes(home) == 12.0
    assert home.decision is not None
    assert home.decision.asks[0].rank is Rank.GRID_CODE


def test_a_battery_charges_no_more_than_the_fullest_phase_leaves() -> None:
    """The plan buys 5000 W, 7.2 A on each phase; L1 carries 20 A already."""
    home = House(SITE, battery=True, base_w=(20 * 230.0, 0.0, 0.0))
    home.seconds(3, orders=Orders(1e9, "buy", {"battery": Band(5000.0, 5000.0)}))
    assert home.battery_w == pytest.approx(5 * 690.0)
    assert max(home.phases_a) == pytest.approx(25.0)
    assert home.decision is not None
    assert home.decision.verdict.set_by == "phases"


def test_the_sun_is_limited_by_a_phase_only_where_it_must_be() -> None:
    """8 A on each phase by the sun, and 20 A fed in on L2 by somebody else."""
    home = House(SITE, pv_w=8 * 690.0, base_w=(0.0, -20 * 230.0, 0.0))
    home.seconds(30)
    assert min(home.phases_a) == pytest.approx(-25.0, abs=0.3)


def test_a_meter_that_is_read_each_five_seconds_does_not_make_the_car_swing() -> None:
    machine = Machine(car(1, wired_to=0, use=FAST), (0,), slew_w=400.0)
    home = House(SITE, {"car": machine}, every=5, base_w=(12 * 230.0, 0.0, 0.0))
    told = home.seconds(300, lambda house: machine.told_w)
    assert sum(one != other for one, other in pairwise(told)) == 1, "raised once, to 12 A"
    assert machine.told_w == 12 * 230.0


def test_blind_a_car_stays_where_it_is() -> None:
    home = House(SITE, {"car": Machine(car(3, use=FAST))}, further={"phases_a": (None, 1.0, 1.0)})
    assert set(home.seconds(60, amperes)) == {0.0}
    home.further = {}
    home.seconds(60)
    assert amperes(home) == 16.0
    home.further, home.base_w = {"phases_a": ()}, (20 * 230.0, 0.0, 0.0)
    assert set(home.seconds(60, amperes)) == {16.0}
    assert home.decision is not None


kettles = st.lists(st.tuples(st.tuples(*[st.integers(-20, 24)] * 3), st.integers(1, 60)), min_size=1, max_size=6)


@settings(max_examples=25)
@given(kettles, st.sampled_from([(1, 0), (1, None), (3, None), (2, 1)]), st.booleans())
def test_never_more_than_the_fuse_on_any_phase_once_the_loads_have_settled(
    rows: list[tuple[tuple[int, int, int], int]], wiring: tuple[int, int | None], battery: bool
) -> None:
    """Whatever the house does: four seconds later each phase carries what its fuse allows, and no switch on comes too soon."""
    phases, wired_to = wiring
    terms = car(phases, wired_to=wired_to, use=FAST)
    wires = tuple(sorted(((wired_to or 0) + each) % 3 for each in range(phases)))
    boiler = Terms(2000.0, 2000.0, 0.0, merit=1, phases=1, use=FAST, least_on_s=60.0, least_off_s=60.0)
    machines = {"car": Machine(terms, wires), "boiler": Machine(boiler, (1,))}
    home = House(SITE, machines, battery=battery)
    offs = dict.fromkeys(machines, -inf)
    for base_a, seconds in rows:
        home.base_w = tuple(each * 230.0 for each in base_a)  # type: ignore[assignment]
        for second in range(seconds):
            was = {name: machine.power_w for name, machine in machines.items()}
            home.second()
            for name, machine in machines.items():
                if was[name] == 0.0 and machine.power_w > 0.0:
                    assert home.now_s - offs[name] >= machine.terms.least_off_s
                if was[name] > 0.0 and machine.power_w == 0.0:
                    offs[name] = home.now_s
            if second >= 4:
                assert max(home.phases_a) <= 25.0 + 0.1
