"""Offers against closed forms, and called: what is offered is delivered, and a fifth more is not."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.homes import home
from controller.flexibility import (
    LEAST_W,
    Search,
    equivalent,
    good_until,
    largest,
    offers,
    windows,
    with_reserve,
)
from controller.planning.plan import Plan, Violation
from controller.planning.planner import Planner, SolverFailed
from controller.planning.site import Battery, Comfort, Commitment, Floats, Heater, Horizon, Site
from protocols.flexibility import Offer
from tests.controller.planning.sites import bare, full, house, tank
from tests.controller.plant import called

HOUR = Search(exact_s=0.0, windows_h=((0.25, 1.0),))
STEPS = 24


def stored(site: Site, stored_wh: float, **change: float) -> Site:
    """With a battery of 5 kW and 0.5 to 10 kWh without losses that is not used for its own sake."""
    battery = Battery("battery", stored_wh, 500.0, 10_000.0, 5_000.0, 5_000.0, 1.0, 1.0, 0.05)
    return replace(site, batteries=(replace(battery, **change),))  # type: ignore[arg-type]


def at_rest(load_w: float = 1_000.0) -> Site:
    """One price both ways: nothing is gained by storing."""
    return bare(STEPS, 900.0, load_w=load_w, buys=0.3, sells=0.3)


def hour_of(site: Site, margin_w: float = 0.0, *, grid_w: float | None = None) -> Offer:
    """The offer of the first whole hour; `grid_w`: what the plan in force has."""
    plan = Planner().plan(site, 1.0, 0.0)
    nominated = plan if grid_w is None else replace(plan, grid_w=full(STEPS, grid_w))
    (offer,) = offers(Planner(), site, full(STEPS, margin_w), nominated, HOUR)
    return offer


# Closed forms


@pytest.mark.parametrize("margin_w", [0.0, 400.0])
def test_power_and_energy_bound_an_offer_and_the_margin_is_kept_back(margin_w: float) -> None:
    offer = hour_of(stored(at_rest(), 8_000.0), margin_w, grid_w=1_000.0)
    assert offer.baseline_w == pytest.approx((1_000.0,) * 4)
    # 2 kWh of room, and the quarter before makes 1.25 kWh more; of the 7.5 kWh stored the inverter gives 5 kW.
    assert offer.up_w == pytest.approx(3_250.0 - margin_w, rel=0.035)
    assert offer.down_w == pytest.approx(5_000.0 - margin_w, rel=0.035)


def test_a_change_that_its_own_error_could_turn_round_needs_both_ways() -> None:
    """200 W more while the load is 400 W higher is 200 W out of an empty battery."""
    tight = np.where(np.arange(STEPS) < 1, 1_000.0, 1_200.0)  # nothing can be stored before
    empty = replace(stored(at_rest(), 500.0), import_max_w=tight)
    assert hour_of(empty, 400.0, grid_w=1_000.0).up_w == 0.0
    assert hour_of(empty, 150.0, grid_w=1_000.0).up_w == pytest.approx(176.0, abs=1.0)  # 1200 W less 2 %


def test_the_price_is_cost_and_profit() -> None:
    site = replace(stored(at_rest(), 5_000.0), profit_per_kwh=0.04)
    offer = hour_of(site, grid_w=1_000.0)
    down = [level for level in offer.levels if level.change_w < 0.0]
    assert [level.change_w for level in down] == [-offer.down_w, -offer.down_w / 2.0]
    # Energy costs the same at any time here; what is taken out is put back or is missing at the end, and wears 0.05 per kWh.
    assert len(offer.levels) == 4
    for level in offer.levels:
        kwh = abs(level.change_w) / 1000.0
        assert level.price_per_kwh == pytest.approx(level.cost / kwh + 0.04, abs=1e-3)
        assert 0.0 <= level.cost / kwh <= 0.11


def test_the_rebound_is_in_the_cost() -> None:
    """What is not stored at 0.10 has to be bought at 0.50: that is the price, whatever the hour itself saves."""
    step = np.arange(STEPS)
    site = replace(
        stored(at_rest(), 5_000.0),
        import_per_kwh=np.where(step < 5, 0.1, 0.5),
        export_per_kwh=full(STEPS, 0.0),
        import_max_w=np.where(step < 1, 0.0, 10_000.0),
        load_w=np.where(step < 8, 0.0, 3_000.0),
    )
    offer = hour_of(site)
    # The plan fills the battery with 5 kW; without that it could give 4.5 kW of what it has.
    assert offer.baseline_w == pytest.approx((5_000.0,) * 4)
    assert offer.down_w == pytest.approx(9_500.0, rel=0.035)
    half = next(level for level in offer.levels if level.change_w == -offer.down_w / 2.0)
    # 0.10 is saved now, 0.50 is paid later, 0.05 of wear falls away.
    assert half.cost / (offer.down_w / 2_000.0) == pytest.approx(0.5 - 0.1 - 0.05, abs=0.01)


def test_the_envelope_bounds_an_offer() -> None:
    narrow = replace(stored(at_rest(), 5_000.0), import_max_w=full(STEPS, 2_500.0), export_max_w=full(STEPS, 500.0))
    offer = hour_of(narrow, grid_w=1_000.0)
    # All but 2 % of each limit.
    assert offer.up_w == pytest.approx(1_450.0, abs=1.0)
    assert offer.down_w == pytest.approx(1_490.0, abs=1.0)


def test_who_has_nothing_to_steer_offers_nothing() -> None:
    offer = hour_of(at_rest())
    assert (offer.up_w, offer.down_w, offer.levels) == (0.0, 0.0, ())


def test_comfort_is_not_sold() -> None:
    comfort = Comfort(full(STEPS, 20.0), full(STEPS, 23.0))
    cold = replace(house(STEPS, least_w=0.0), air_c=20.0, mass_c=20.0, comfort=comfort)
    site = replace(at_rest(), houses=(cold,))
    offer = hour_of(site)
    # At its least temperature the house can be heated more, but less only by what the quarter before can heat ahead:
    # the pump's 2 kW less the 1.2 kW that hold 20 degC at 5 degC.
    assert offer.down_wh <= 0.25 * 800.0
    assert offer.up_w > 2.0 * offer.down_w


@pytest.mark.parametrize("times", [25.0, 1e5])
def test_other_money_is_the_same_offer(times: float) -> None:
    """Crowns, or where a kWh costs thousands."""
    site = stored(at_rest(), 5_000.0)
    own = hour_of(site, grid_w=1_000.0)
    battery = replace(site.batteries[0], wear_per_kwh=times * site.batteries[0].wear_per_kwh)
    bought, sold = times * site.import_per_kwh, times * site.export_per_kwh
    other = hour_of(replace(site, batteries=(battery,), import_per_kwh=bought, export_per_kwh=sold), grid_w=1_000.0)
    assert (other.up_w, other.down_w) == pytest.approx((own.up_w, own.down_w), rel=0.01)
    assert other.levels[0].price_per_kwh == pytest.approx(own.levels[0].price_per_kwh * times, rel=0.01)


def test_another_contract_is_not_sold() -> None:
    promised = tuple(Commitment("trade", k, k + 1, 250.0, 1.0) for k in range(1, 5))
    same = hour_of(replace(stored(at_rest(), 6_000.0), commitments=promised))
    # Of the very same steps they add up: the trade stays what the change counts from.
    assert same.down_w == pytest.approx(5_000.0, rel=0.035)
    hour = (Commitment("trade", 1, 5, 1_000.0, 1.0),)
    across = hour_of(replace(stored(at_rest(), 6_000.0), commitments=hour))
    assert (across.up_w, across.down_w) == (0.0, 0.0)


def test_a_plan_in_force_is_what_changes_count_from() -> None:
    site = stored(at_rest(), 6_000.0)
    own, other = (hour_of(site, grid_w=w) for w in (1_000.0, 3_000.0))
    assert other.baseline_w == pytest.approx((3_000.0,) * 4)
    assert (other.up_w, other.down_w) == pytest.approx((own.up_w - 2_000.0, own.down_w + 2_000.0), rel=0.05)


class Failing(Planner):
    """Whose plans fail from the nth on."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.left = good

    def plan(self, site: Site, budget_s: float = 1.0, exact_s: float = 0.0) -> Plan:
        self.left -= 1
        if self.left < 0:
            raise SolverFailed("no answer")
        return super().plan(site, budget_s, exact_s)


class Colder(Planner):
    """Whose plans with a change leave a room cold."""

    def plan(self, site: Site, budget_s: float = 1.0, exact_s: float = 0.0) -> Plan:
        made = super().plan(site, budget_s, exact_s)
        cold = Violation("living", "least_c", 3, 1.0, "K h")
        return replace(made, violations=(cold,)) if site.commitments else made


def test_a_change_that_breaks_comfort_is_not_offered() -> None:
    (offer,) = offers(Colder(), stored(at_rest(), 6_000.0), full(STEPS, 0.0), search=HOUR)
    assert (offer.up_w, offer.down_w) == (0.0, 0.0)


@pytest.mark.parametrize("good", range(1, 12))
def test_a_solver_that_fails_makes_offers_smaller_and_raises_nothing(good: int) -> None:
    site = stored(at_rest(), 6_000.0)
    (offer,) = offers(Failing(good), site, full(STEPS, 0.0), search=HOUR)
    assert offer.down_w <= 5_000.0
    assert good > 1 or (offer.up_w, offer.down_w, offer.levels) == (0.0, 0.0, ())


def test_without_a_plan_nothing_is_offered() -> None:
    assert offers(Failing(0), at_rest(), full(STEPS, 0.0), search=HOUR) == ()


# Called

_NEAR, _FOUR_HOURS = (Search(exact_s=0.0, windows_h=each) for each in (((0.25, 0.25), (0.25, 1.0)), ((0.25, 4.0),)))
MARGIN_W = 300.0


def smooth(site: Site) -> Site:
    """Every power from 0 to its most, so that an offer is as large as it can be."""

    def plain(heaters: tuple[Heater, ...]) -> tuple[Heater, ...]:
        return tuple(replace(one, least_w=0.0, least_on_s=0.0, least_off_s=0.0) for one in heaters)

    return replace(
        site,
        houses=tuple(replace(one, heaters=plain(one.heaters)) for one in site.houses),
        tanks=tuple(replace(one, heaters=plain(one.heaters)) for one in site.tanks),
        cars=tuple(replace(one, charge_least_w=0.0) for one in site.cars),
    )


def morning(seed: int) -> Site:
    """The first eight hours of a home's day, in whose last half hour the car leaves."""
    site = home(seed, hours=8)
    trips = tuple(replace(one, returns=site.horizon.steps) for one in site.cars[0].trips)
    return replace(site, cars=(replace(site.cars[0], trips=trips),))


def _changes(site: Site, margin_w: Floats, search: Search) -> list[tuple[Offer, float]]:
    made = offers(Planner(), site, margin_w, search=search)
    return [(one, w) for one in made for w in (one.up_w, -one.down_w) if w != 0.0]


@pytest.mark.parametrize(
    ("seed", "search"),
    [(2, _NEAR), pytest.param(0, _FOUR_HOURS, marks=pytest.mark.slow)],
)
def test_what_is_offered_is_delivered_and_a_fifth_more_is_not(seed: int, search: Search) -> None:
    site = smooth(morning(seed))
    margin_w, errors = full(32, MARGIN_W), np.random.default_rng(seed)
    found = _changes(site, margin_w, search)
    assert found
    for offer, change_w in found:
        against = -float(np.sign(change_w)) * margin_w
        for error_w in (margin_w, -margin_w, errors.uniform(-MARGIN_W, MARGIN_W, 32)):
            missed_w, out_k = called(site, offer, change_w, error_w, margin_w)
            assert missed_w < 50.0
            assert out_k < 0.05
        assert called(site, offer, 1.2 * change_w, against, margin_w)[0] > 0.1 * abs(change_w)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_devices_that_switch_deliver_as_well(seed: int) -> None:
    site = morning(seed)
    # Whole switches to the end of the window, both for who offers and for who delivers.
    margin_w, search = full(32, MARGIN_W), Search(2.0, 4_500.0, _NEAR.windows_h)
    for offer, change_w in _changes(site, margin_w, search):
        for error_w in (margin_w, -margin_w):
            missed_w, out_k = called(site, offer, change_w, error_w, margin_w, 4_500.0)
            assert missed_w < 100.0
            assert out_k < 0.1


# Parts


@given(limit=st.floats(0.0, 20_000.0), most=st.floats(0.0, 20_000.0))
@settings(max_examples=60)
def test_the_search_finds_the_largest_that_can_be_had(limit: float, most: float) -> None:
    trials: list[float] = []

    def reach(value: float) -> float:
        trials.append(value)
        return value if value <= limit else 0.5 * (value + limit)  # the mean had is more than can be held

    found = largest(reach, most)
    best = min(limit, most)
    assert best - max(0.04 * best, LEAST_W / 2.0) <= found <= best
    assert len(trials) <= 14


def test_windows_begin_with_the_next_whole_interval_and_end_in_the_horizon() -> None:
    search = Search(windows_h=((0.25, 0.25), (0.25, 1.0), (6.0, 1.0)))
    assert list(windows(bare(24, 900.0), search)) == [(1, 2), (1, 5)]
    five = bare(72, 300.0)
    late = replace(five, horizon=Horizon(five.horizon.start + timedelta(minutes=5), 300.0, 72))
    assert list(windows(late, search)) == [(2, 5), (2, 14)]
    assert good_until(five) == timedelta(minutes=15)
    assert good_until(late) == timedelta(minutes=10)


def test_the_reserve_is_on_the_worse_side() -> None:
    site, margin_w = at_rest(), full(STEPS, 200.0)
    assert with_reserve(site, 2, 4, 1.0, margin_w).load_w[:5].tolist() == [1_000.0, 1_000.0, 800.0, 800.0, 1_000.0]
    assert with_reserve(site, 2, 4, -1.0, margin_w).load_w[2] == 1_200.0
    assert site.load_w[2] == 1_000.0


def test_the_equivalent_store_adds_up() -> None:
    site = replace(stored(at_rest(), 4_000.0, charge_efficiency=0.8, discharge_efficiency=0.9), tanks=(tank(STEPS),))
    plan = Planner().plan(site)
    seen = equivalent(site, plan)
    planned_wh = float(plan.power_w["element"].sum()) * 0.25
    assert seen.energy_up_wh == pytest.approx(6_000.0 / 0.8 + 10.0 * 837_000.0 / 3_600.0, abs=0.1)
    down_wh = min(10.0 * 837_000.0 / 3_600.0, planned_wh)
    assert seen.energy_down_wh == pytest.approx(3_500.0 * 0.9 + down_wh, abs=0.1)
    tank_wh, leak = 2_325.0 + down_wh, 2.0 / 837_000.0 * 3_600.0
    assert seen.leaks_per_h == pytest.approx(leak * tank_wh / (seen.energy_up_wh + seen.energy_down_wh), rel=1e-3)
    assert equivalent(at_rest(), plan).leaks_per_h == 0.0
