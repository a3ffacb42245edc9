"""The plan in the cycle: bands of batteries, who is stronger, and what happens when the plan dies."""

from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest

from controller.cycle import Inputs, decide
from controller.laws import plan
from controller.loads import Terms
from controller.planning.orders import NOTHING, Orders
from controller.split import Follower, followed, split
from controller.wishes import Band, Rank, Wish
from protocols.contracts import FallbackName
from tests.controller.house import House, Machine, car, dispatch, params

FREE, KEEP, REST = Band(), Band(0.0, inf), Band(0.0, 0.0)


def orders(band: Band | None = None, good_until_s: float = 1e9, **further: object) -> Orders:
    bands = {} if band is None else {"battery": band}
    return Orders(good_until_s, "the plan of noon", bands, **further)  # type: ignore[arg-type]


def house(**further: object) -> House:
    return House(params(), battery=True, **further)  # type: ignore[arg-type]


@pytest.mark.parametrize(("orders_s", "cycle_s"), [(1010.0, 1003.0), (1003.0, 1010.0)])
def test_the_plans_wish_dies_with_its_orders_and_with_the_cycle(orders_s: float, cycle_s: float) -> None:
    wish = plan.step(orders(good_until_s=orders_s), 1000.0, 0.0, cycle_s)
    assert wish is not None
    assert wish.good_until_s == 1003.0


@pytest.mark.parametrize(
    ("band", "base_w", "battery_w"),
    [
        (FREE, 900.0, -900.0),  # own energy
        (FREE, -900.0, 900.0),
        (KEEP, 900.0, 0.0),  # what is stored stays
        (KEEP, -900.0, 900.0),
        (REST, -900.0, 0.0),
        (Band(2000.0, 2000.0), 900.0, 2000.0),  # bought, whatever the house does
        (Band(-2000.0, -2000.0), 900.0, -2000.0),  # sold
        (Band(2000.0, inf), -3000.0, 3000.0),
        (Band(8000.0, 8000.0), 0.0, 5000.0),  # no more than it can
        (None, 900.0, -900.0),
    ],
)
def test_a_battery_follows_the_connection_point_inside_its_band(
    band: Band | None, base_w: float, battery_w: float
) -> None:
    home = house(base_w=(base_w / 3,) * 3)
    home.seconds(3, orders=orders(band))
    assert home.battery_w == pytest.approx(battery_w)
    assert home.decision is not None
    assert home.decision.verdict.set_by == "plan"
    assert home.decision.verdict.why == "the plan of noon"


def test_an_error_of_the_forecast_costs_nothing_inside_the_band() -> None:
    """The house draws another power each second: the connection point stays where the band lets it."""
    home = house()
    for base_w in (500.0, 3000.0, -2000.0, 800.0):
        home.base_w = (base_w / 3,) * 3
        home.seconds(2, orders=orders(FREE))
        assert home.site_w == pytest.approx(0.0)


def test_orders_that_die_leave_the_site_at_rest_and_say_so() -> None:
    home = house(base_w=(300.0, 300.0, 300.0))
    home.seconds(3, orders=orders(KEEP, good_until_s=1003.0))
    assert home.battery_w == 0.0
    home.seconds(2, orders=orders(KEEP, good_until_s=1003.0))
    assert home.battery_w == pytest.approx(-900.0)
    assert home.decision is not None
    assert (home.decision.verdict.set_by, home.decision.verdict.why) == (
        "self_consumption",
        "the plan is too old: nothing else asked: use the site's own energy",
    )


def test_without_any_plan_nothing_is_said_of_one() -> None:
    home = house()
    assert "plan" not in home.second(orders=NOTHING).verdict.why


def test_a_site_that_rests_idle_follows_a_plan_as_long_as_there_is_one() -> None:
    home = House(replace(params(), rest=FallbackName.IDLE), battery=True, base_w=(300.0, 300.0, 300.0))
    home.seconds(2, orders=orders(FREE, good_until_s=1001.5))
    assert home.battery_w == pytest.approx(-900.0)
    assert home.second(orders=orders(FREE, good_until_s=1001.5)).commands["battery"] is None


def test_a_contract_takes_the_battery_out_of_its_band_and_the_plan_has_it_back_at_once() -> None:
    home = house(base_w=(300.0, 300.0, 300.0))
    home.seconds(3, orders=orders(KEEP))
    home.seconds(3, orders=orders(KEEP), contract=dispatch(-2000.0))
    assert home.site_w == pytest.approx(-2000.0)
    home.seconds(2, orders=orders(KEEP))
    assert home.battery_w == 0.0


def test_after_a_contract_with_a_ramp_the_site_goes_back_to_what_the_plan_wants() -> None:
    """Not to 0 W: 3000 W are to be bought, so the ramp ends at 3000 W of battery and 900 W of house."""
    home = house(base_w=(300.0, 300.0, 300.0))
    buys = orders(Band(3000.0, 3000.0))
    home.seconds(60, orders=buys, contract=dispatch(-2000.0, ramp_w_per_s=100.0))
    flows = home.seconds(80, lambda house: house.site_w, orders=buys)
    assert flows[0] == pytest.approx(-2000.0)
    assert all(late >= early - 1.0 for early, late in pairwise(flows)), "never back and forth"
    assert max(abs(late - early) for early, late in pairwise(flows)) <= 501.0, "5 s of 100 W/s"
    assert flows[-1] == pytest.approx(3900.0)
    assert home.decision is not None
    assert home.decision.verdict.set_by == "plan"


def test_a_limit_is_stronger_than_the_plan() -> None:
    limit = (Wish("limit", Rank.GRID_LIMIT, 1e9, "dimmed", within=Band(most_w=1500.0)),)
    home = house(base_w=(300.0, 300.0, 300.0))
    decision = home.second(orders=orders(Band(3000.0, 3000.0)), limits=limit)
    assert decision.verdict.set_by == "limit"
    assert decision.commands["battery"] == pytest.approx(600.0)
    home.base_w = (800.0, 800.0, 800.0)
    home.seconds(2, orders=orders(KEEP), limits=limit)
    assert home.battery_w == pytest.approx(-900.0), "beyond its band, but no more than the limit needs"


def test_nothing_is_fed_in_while_that_costs_money_and_the_battery_keeps_its_band() -> None:
    home = house(pv_w=4000.0, base_w=(300.0, 300.0, 300.0))
    home.seconds(5, orders=orders(REST, least_site_w=0.0))
    assert home.site_w == pytest.approx(0.0)
    assert home.battery_w == 0.0
    assert home.limited_w == pytest.approx(900.0)
    home.seconds(5, orders=orders(KEEP, least_site_w=0.0))
    assert [home.battery_w, home.site_w] == pytest.approx([3100.0, 0.0])


def test_a_contract_to_feed_in_is_stronger_than_a_price_below_zero() -> None:
    home = house(pv_w=4000.0)
    home.seconds(5, orders=orders(REST, least_site_w=0.0))
    home.seconds(20, orders=orders(REST, least_site_w=0.0), contract=dispatch(-2000.0))
    assert home.site_w == pytest.approx(-2000.0, abs=50.0)


@pytest.mark.parametrize("merit", [-1, 1])
def test_a_surplus_load_gets_nothing_that_a_battery_is_ordered_to_take_or_to_sell(merit: int) -> None:
    """3000 W of sun, 13 A on one phase: a battery told to take them leaves nothing; one that sells 3000 W makes no 6000 of
    them.
    """
    for band, told_w in (
        (Band(3000.0, 3000.0), 0.0),
        (Band(-3000.0, -3000.0), 2990.0),
        (KEEP, 2990.0 if merit < 0 else 0.0),
    ):
        home = house(base_w=(-1000.0, -1000.0, -1000.0))
        home.machines["car"] = Machine(car(1, wired_to=0, merit=merit), (0,))
        home.seconds(15, orders=orders(band))
        assert home.machines["car"].told_w == told_w


def test_two_batteries_each_keep_their_band_and_none_is_emptied_into_the_other() -> None:
    first = Follower("a", 0.0, Band(-3000.0, 3000.0), "", ordered=Band(-inf, inf))
    second = Follower("b", 0.0, Band(-3000.0, 3000.0), "", merit=1, ordered=Band(1000.0, 1000.0))
    assert followed(500.0, [first, second]) == {"a": -500.0, "b": 1000.0}
    assert followed(500.0, [second, first]) == {"a": -500.0, "b": 1000.0}
    assert plan.want_w(500.0, [first, second]) == 1000.0
    ahead = Follower("b", 0.0, Band(-3000.0, 3000.0), "", merit=-1, ordered=Band(1000.0, 1000.0))
    assert followed(500.0, [first, ahead]) == {"a": -500.0, "b": 1000.0}, "nor where it comes first"


def test_what_a_battery_is_told_to_take_counts_once_for_the_loads_behind_it() -> None:
    """3000 W over: 1000 W and more are the battery's, so all of it, and nothing is left for a boiler behind it."""
    home = house(base_w=(-1000.0, -1000.0, -1000.0))
    home.soc_percent = 50.0
    home.machines["boiler"] = Machine(Terms(2000.0, 2000.0, 0.0, merit=1), (0,))
    home.seconds(15, orders=orders(Band(1000.0, 1000.0)))
    assert home.machines["boiler"].told_w == 2000.0
    assert home.battery_w == 1000.0


def test_for_a_contract_the_free_battery_goes_first_and_the_kept_one_as_far_as_it_must() -> None:
    kept = Follower("a", 0.0, Band(-3000.0, 3000.0), "", ordered=KEEP)
    free = Follower("b", 0.0, Band(-3000.0, 3000.0), "", merit=1, ordered=FREE)
    shared = split(0.0, -2000.0, [kept, free], [], must=Band(-2000.0, -2000.0))
    assert shared.follow_w == {"a": 0.0, "b": -2000.0}
    shared = split(0.0, -4000.0, [kept, free], [], must=Band(-4000.0, -4000.0))
    assert (shared.follow_w, shared.short_w) == ({"a": -1000.0, "b": -3000.0}, 0.0)


def test_blind_nothing_is_planned() -> None:
    home = house()
    decision = decide(home.params, home.memory, Inputs(1000.0, None, inf, home.views(), orders=orders(FREE)))[1]
    assert (decision.commands, decision.verdict.set_by) == ({"battery": None}, "nothing")
