"""The planner against closed forms, scipy's solvers on other formulations, and every possibility tried."""

from dataclasses import replace
from math import exp, inf

import numpy as np
import pytest

from bench.homes import home
from bench.plant import Plant
from controller.planning.model import Switch
from controller.planning.plan import Made, Plan
from controller.planning.planner import Planner
from controller.planning.site import Battery, Bools, Car, Comfort, Commitment, Floats, Heater, Site, Tank, Trip
from controller.planning.solver import Solver
from controller.planning.steering import orders
from controller.planning.worth import of_battery, of_car
from controller.thermal.models import TankModel
from tests.controller.planning.oracle import battery_cost, best_of_modes, car_cost, cheapest, on_off_plans
from tests.controller.planning.sites import BATTERY, bare, dishwasher, full, horizon, house

SMALL = Battery("battery", 0.0, 0.0, 3_000.0, 2_000.0, 2_000.0, 0.9, 0.9, 0.02)


def plan(site: Site, exact_s: float = 86_400.0, budget_s: float = 10.0) -> Plan:
    return Planner().plan(site, budget_s, exact_s)


def whole(made: Plan) -> float:
    cost = made.cost
    return cost.total + cost.comfort + cost.unmet - cost.kept


# -- batteries


def test_two_prices_earn_what_their_difference_is_worth() -> None:
    site = replace(
        bare(4, load_w=2_000.0), import_per_kwh=np.array([0.1, 0.1, 0.5, 0.5]), batteries=(SMALL,)
    )  # fmt: skip
    made = plan(site)
    # 3 kWh are put in (3 / 0.9 at 0.10) and 2.7 come out (0.50 saved, 0.02 worn). One left would only save the 0.10 / 0.9 of filling.
    plain = 2.0 * (0.1 + 0.1 + 0.5 + 0.5)
    assert made.cost.total == pytest.approx(plain + 3 / 0.9 * 0.1 - 2.7 * 0.5 + 2.7 * 0.02)
    assert made.stored_wh["battery"][-1] == pytest.approx(0.0)
    assert made.made is Made.OPTIMAL
    np.testing.assert_allclose(made.value_per_kwh, [0.1, 0.1, 0.5, 0.5])
    assert made.stored_per_kwh["battery"][2] == pytest.approx((0.5 - 0.02) * 0.9)


def test_too_little_profit_moves_nothing() -> None:
    prices = np.array([0.1, 0.1, 0.5, 0.5])
    site = replace(bare(4, load_w=2_000.0), import_per_kwh=prices, batteries=(SMALL,), profit_per_kwh=0.5)
    assert not plan(site).power_w["battery"].any()


def varied(seed: int, steps: int = 10) -> Site:
    random = np.random.default_rng(seed)
    battery = replace(BATTERY, stored_wh=float(random.uniform(500.0, 4_000.0)), most_wh=4_000.0, charge_max_w=1_500.0)
    return replace(
        bare(steps),
        import_per_kwh=random.uniform(0.15, 0.5, steps),
        export_per_kwh=random.uniform(0.0, 0.14, steps),
        load_w=random.uniform(0.0, 3_000.0, steps),
        pv_w=random.uniform(0.0, 5_000.0, steps),
        export_max_w=full(steps, 2_000.0),
        batteries=(battery,),
        profit_per_kwh=0.01,
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_battery_is_as_cheap_as_scipy_says(seed: int) -> None:
    site = varied(seed)
    battery = site.batteries[0]
    made = plan(site)
    worth = of_battery(site, battery)
    out_kwh = np.maximum(-made.power_w["battery"], 0.0).sum() / 1000.0
    ours = whole(made) + site.profit_per_kwh * out_kwh - worth * battery.stored_wh / 1000.0
    assert ours == pytest.approx(battery_cost(site, battery, worth), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_energy_is_burnt_where_that_would_pay(seed: int) -> None:
    site = varied(seed, 5)
    battery = replace(site.batteries[0], stored_wh=900.0, most_wh=1_000.0)
    random = np.random.default_rng(seed)
    prices = random.uniform(-0.5, -0.1, 5)
    site = replace(site, import_per_kwh=prices, export_per_kwh=full(5, -0.6), batteries=(battery,))
    made, worth = plan(site), of_battery(site, battery)
    best = best_of_modes(site, battery, worth)
    assert battery_cost(site, battery, worth) < best - 0.01  # burning would have paid
    out_kwh = np.maximum(-made.power_w["battery"], 0.0).sum() / 1000.0
    ours = whole(made) + site.profit_per_kwh * out_kwh - worth * battery.stored_wh / 1000.0
    assert best - 1e-6 <= ours <= best + 0.005


def test_energy_is_not_burnt_to_keep_a_promise() -> None:
    commitments = (Commitment("c", 1, 3, 6_000.0, 5.0),)
    full_battery = replace(SMALL, stored_wh=3_000.0)
    made = plan(replace(bare(4), batteries=(full_battery,), commitments=commitments))
    change = np.diff(made.stored_wh["battery"])
    power = made.power_w["battery"]
    np.testing.assert_allclose(change, np.where(power > 0, 0.9, 1 / 0.9) * power, atol=1e-3)


def test_import_and_export_at_once_do_not_earn_where_export_pays_more() -> None:
    site = bare(3, load_w=1_000.0, buys=0.1, sells=0.4)
    made = plan(replace(site, pv_w=np.array([0.0, 3_000.0, 0.0])))
    np.testing.assert_allclose(made.grid_w, [1_000.0, -2_000.0, 1_000.0], atol=1e-3)
    assert made.cost.energy == pytest.approx(2 * 0.1 - 2 * 0.4)


def test_what_is_stored_waits_for_a_surplus_where_export_pays_more() -> None:
    # Half a kW covers a load bought at 0.10 in step 0, or is sold for 0.40 in step 1; both ways at once would have it sold for 0.45.
    small = Battery("battery", 500.0, 0.0, 500.0, 0.0, 500.0, 1.0, 1.0)
    site = bare(2, load_w=1_000.0, buys=0.1)
    sells, sun = np.array([0.45, 0.40]), np.array([0.0, 3_000.0])
    made = plan(replace(site, export_per_kwh=sells, pv_w=sun, batteries=(small,)))
    np.testing.assert_allclose(made.power_w["battery"], [0.0, -500.0], atol=0.1)


def test_the_end_is_no_cliff() -> None:
    # One price, no sun: what is stored saves as much at the end as now, so that half a kWh less is not dumped for 0.08.
    made = plan(replace(bare(24), batteries=(replace(SMALL, stored_wh=3_000.0),)))
    assert made.stored_wh["battery"][-1] == pytest.approx(3_000.0)


# -- cars


@pytest.mark.parametrize("seed", range(3))
def test_a_car_is_as_cheap_as_scipy_says(seed: int) -> None:
    random, n = np.random.default_rng(seed), 12
    trip = Trip(n - 1, n, 31_000.0, 0.0)
    car = Car("car", 0.0, 60_000.0, 4_000.0, 11_000.0, np.ones(n, np.bool_), (trip,), 0.9)
    site = replace(
        bare(n, load_w=400.0), import_per_kwh=np.append(random.uniform(0.2, 0.4, n - 1), 0.1), pv_w=random.uniform(0.0, 8_000.0, n),
        import_max_w=full(n, inf), export_max_w=full(n, inf), cars=(car,),
    )  # fmt: skip
    made = plan(site)
    best = car_cost(site, n - 1, 31_000.0, of_car(site, 0.9))
    assert best - 1e-6 <= whole(made) <= best + 0.01
    assert made.stored_wh["car"][n - 1] >= 31_000.0 - 1e-3
    assert np.all((made.power_w["car"] < 1.0) | (made.power_w["car"] > 3_999.0))


def test_a_car_that_cannot_be_full_in_time_gets_all_there_is() -> None:
    car = Car("car", 1_000.0, 50_000.0, 1_400.0, 10_000.0, np.arange(6) < 2, (Trip(2, 5, 40_000.0, 12_000.0),), 1.0)
    made = plan(replace(bare(6), import_max_w=full(6, 11_000.0), cars=(car,)))
    assert [(each.name, each.bound, each.step) for each in made.violations] == [("car", "departure", 2)]
    assert made.violations[0].amount == pytest.approx(40_000.0 - 21_000.0)
    assert made.cost.unmet > made.cost.total
    assert made.stored_wh["car"][-1] == pytest.approx(9_000.0)


def test_a_trip_that_uses_more_than_there_is_is_charged_elsewhere() -> None:
    car = Car("car", 1_000.0, 50_000.0, 0.0, 10_000.0, np.zeros(4, np.bool_), (Trip(0, 2, 0.0, 3_000.0),), 1.0)
    assert [(each.bound, round(each.amount)) for each in plan(replace(bare(4), cars=(car,))).violations] == [
        ("trip", 2000)
    ]


def test_a_car_away_for_longer_than_the_horizon_is_charged_before_it_leaves() -> None:
    car = Car("car", 1_000.0, 50_000.0, 1_400.0, 10_000.0, np.arange(6) < 2, (Trip(2, 500, 9_000.0, 9_000.0),), 1.0)
    made = plan(replace(bare(6), cars=(car,)))
    assert made.stored_wh["car"][2] == pytest.approx(9_000.0)
    assert not made.violations


# -- appliances


@pytest.mark.parametrize("seed", range(3))
def test_an_appliance_runs_at_the_cheapest_time_there_is(seed: int) -> None:
    prices = np.random.default_rng(seed).uniform(0.1, 0.5, 12)
    made = plan(replace(bare(12), import_per_kwh=prices, appliances=(dishwasher(2, 11, 3 * 3600.0),)))
    best = min(prices[start : start + 3].sum() for start in range(2, 9))
    assert made.cost.total == pytest.approx(best, abs=1e-3)
    assert made.is_on["dishwasher"].sum() == 3


def test_an_appliance_without_least_times_runs_in_the_cheapest_steps() -> None:
    prices = np.array([0.4, 0.1, 0.4, 0.1, 0.4, 0.2])
    washer = replace(dishwasher(0, 6, 3 * 3600.0), least_on_s=0.0)
    made = plan(replace(bare(6), import_per_kwh=prices, appliances=(washer,)))
    assert list(np.flatnonzero(made.is_on["dishwasher"])) == [1, 3, 5]


def test_an_appliance_that_has_begun_keeps_its_least_time() -> None:
    prices = np.array([0.9, 0.8, 0.1, 0.1, 0.1, 0.1])
    begun = replace(dishwasher(0, 6, 4 * 3600.0), least_on_s=3 * 3600.0, is_on=True, since_s=3600.0)
    made = plan(replace(bare(6), import_per_kwh=prices, appliances=(begun,)))
    assert list(np.flatnonzero(made.is_on["dishwasher"])) == [0, 1, 2, 3]


def test_a_run_that_may_end_behind_the_horizon_waits() -> None:
    made = plan(replace(bare(4), appliances=(dishwasher(2, 9, 2 * 3600.0),)))
    assert not made.power_w["dishwasher"].any()


# -- heat

SMALL_TANK = TankModel(4_180_000.0 / 5, 3.0, 20.0)


def tank_site(prices: np.ndarray, *, least_on_s: float, least_off_s: float, is_on: bool, since_s: float) -> Site:
    n = prices.size
    element = Heater("element", full(n, 1.0), full(n, 2_000.0), 2_000.0, least_on_s, least_off_s, is_on, since_s)
    comfort = Comfort(full(n, 45.0), full(n, 60.0))
    one = Tank("boiler", SMALL_TANK, 50.0, comfort, (element,), full(n, 350.0))
    return replace(bare(n, 1800.0), import_per_kwh=prices, tanks=(one,))


@pytest.mark.parametrize(
    ("least_on", "least_off", "is_on", "since"), [(1, 1, False, 9), (3, 2, False, 1), (2, 3, True, 1), (3, 3, True, 9)]
)
def test_an_element_is_as_cheap_as_every_way_tried(least_on: int, least_off: int, is_on: bool, since: int) -> None:
    prices = np.random.default_rng(least_on + 7 * least_off).uniform(0.1, 0.5, 10)
    site = tank_site(
        prices, least_on_s=least_on * 1800.0, least_off_s=least_off * 1800.0, is_on=is_on, since_s=since * 1800.0
    )  # fmt: skip
    # What is left of a kelvin after six hours, at the cheapest price: planning/worth.py.
    kelvin_kwh = SMALL_TANK.heat_j_per_k / 3.6e6
    worth = float(prices.min()) * kelvin_kwh * exp(-3.0 * 6 * 3600 / SMALL_TANK.heat_j_per_k)

    def cost(on: tuple[int, ...]) -> float:
        water_c, paid = 50.0, 0.0
        for switched, price in zip(on, prices, strict=True):
            decay = exp(-3.0 * 1800.0 / SMALL_TANK.heat_j_per_k)
            rests_c = 20.0 + (2_000.0 * switched - 350.0) / 3.0
            water_c = rests_c + (water_c - rests_c) * decay
            paid += float(switched * price)
            if not 45.0 - 1e-9 <= water_c <= 60.0 + 1e-9:
                return inf
        return paid - worth * (water_c - 50.0)

    best = cheapest(on_off_plans(10, least_on, least_off, was_on=is_on, since=since), cost)
    made = plan(site)
    assert best < inf
    assert best - 1e-6 <= whole(made) <= best + 2e-3
    assert set(np.round(made.power_w["element"])) <= {0.0, 2_000.0}


def test_a_house_at_rest_draws_what_it_loses() -> None:
    one = house(6, least_w=0.0, most_w=5_000.0)
    pump = replace(one.heaters[0], least_on_s=0.0, least_off_s=0.0)
    one = replace(one, comfort=Comfort(full(6, 21.0), full(6, 21.0)), heaters=(pump,))
    made = plan(replace(bare(6), houses=(one,)))
    heat_w = one.model.envelope_w_per_k * (21.0 - 5.0) - one.model.gain_w
    np.testing.assert_allclose(made.power_w["heat_pump"], heat_w / 3.5, rtol=1e-6)
    np.testing.assert_allclose(made.temperature_c["living"], 21.0, atol=1e-6)


def test_a_house_too_cold_to_be_warmed_gets_all_the_heat_there_is() -> None:
    one = replace(house(4, least_w=0.0, most_w=2_000.0), air_c=10.0, mass_c=10.0)
    made = plan(replace(bare(4, buys=0.5), outdoor_c=full(4, -15.0), houses=(one,)))
    np.testing.assert_allclose(made.power_w["heat_pump"], 2_000.0, rtol=1e-6)
    (bad,) = made.violations
    assert (bad.name, bad.bound, bad.step, bad.unit) == ("living", "least", 0, "K h")
    assert bad.amount == pytest.approx(float((20.0 - made.temperature_c["living"][1:]).sum()))


# -- the connection point


def test_a_limit_the_load_alone_breaks_is_broken_by_no_more() -> None:
    site = replace(bare(3, load_w=2_000.0), import_max_w=full(3, 500.0), batteries=(replace(SMALL, stored_wh=900.0),))
    made = plan(site)
    (bad,) = made.violations
    assert (bad.name, bad.bound) == ("site", "import")
    assert bad.amount == pytest.approx(3 * 1_500.0 - 0.9 * 900.0, abs=0.1)


def test_comfort_gives_way_before_the_limit_of_the_connection_point() -> None:
    one = replace(house(4, least_w=0.0, most_w=5_000.0), air_c=19.0, mass_c=19.0)
    made = plan(replace(bare(4, load_w=300.0), import_max_w=full(4, 500.0), outdoor_c=full(4, -15.0), houses=(one,)))
    assert {each.name for each in made.violations} == {"living"}
    assert made.grid_w.max() <= 500.0 + 1e-3


def test_the_sun_is_limited_only_by_what_cannot_go_out() -> None:
    site = replace(bare(2, load_w=500.0), pv_w=full(2, 6_000.0), export_max_w=full(2, 4_000.0))
    np.testing.assert_allclose(plan(site).curtailed_w, 1_500.0, atol=1e-3)
    fixed = plan(replace(site, may_curtail=False))
    assert [(each.bound, round(each.amount)) for each in fixed.violations] == [("export", 3_000)]


def test_nothing_is_fed_in_where_that_costs() -> None:
    made = plan(replace(bare(2, load_w=500.0, sells=-0.05), pv_w=full(2, 6_000.0)))
    np.testing.assert_allclose(made.grid_w, 0.0, atol=1e-3)


# -- commitments


def test_a_commitment_is_kept_where_breaking_it_costs_more_and_its_cost_is_told() -> None:
    # 2 kWh in at a time when nothing needs them: the battery takes them at 0.50, keeps 1.8 of them, and each saves 0.30 * 0.9 later.
    prices = np.array([0.3, 0.5, 0.3, 0.3])
    base = replace(bare(4), import_per_kwh=prices, batteries=(replace(SMALL, wear_per_kwh=0.0),))
    contract = Commitment("c-1", 1, 2, 2_000.0, 2.0)
    kept, without = plan(replace(base, commitments=(contract,))), plan(base)
    assert kept.grid_w[1] == pytest.approx(2_000.0, abs=0.1)
    assert kept.cost.deviation == pytest.approx(0.0, abs=1e-6)
    assert kept.of_contract["c-1"] == pytest.approx(whole(kept) - whole(without), abs=1e-6)
    assert kept.of_contract["c-1"] > 0


def test_a_commitment_not_worth_keeping_costs_its_deviation() -> None:
    made = plan(replace(bare(2, load_w=1_000.0), commitments=(Commitment("c", 0, 1, 500.0, 0.01),)))
    assert made.cost.deviation == pytest.approx(0.5 * 0.01)
    assert made.of_contract == {"c": pytest.approx(0.5 * 0.01)}


def test_commitments_of_the_same_steps_add_up() -> None:
    both = (Commitment("a", 0, 2, 1_500.0, 0.4), Commitment("b", 0, 2, 500.0, 0.4))
    made = plan(replace(bare(2, load_w=1_000.0), commitments=both))
    assert made.cost.deviation == pytest.approx(0.0)
    assert made.of_contract == {"a": pytest.approx(-0.6), "b": pytest.approx(-0.2)}


def test_each_commitment_costs_what_a_plan_without_it_would_save() -> None:
    """Four contracts over overlapping steps, two beyond the horizon; each is taken out of a plan by itself."""
    contracts = (
        Commitment("a", 1, 3, 3_000.0, 2.0),
        Commitment("b", 1, 3, -500.0, 0.7),
        Commitment("c", 4, 8, 4_000.0, 2.0),
        Commitment("d", 4, 8, -1_000.0, 2.0),
        Commitment("a", 5, 6, 700.0, 2.0),
    )
    prices = np.array([0.3, 0.5, 0.3, 0.2, 0.4, 0.3])
    base = replace(bare(6, load_w=400.0), import_per_kwh=prices, batteries=(SMALL,))
    made = plan(replace(base, commitments=contracts))
    saved = dict.fromkeys("abcd", 0.0)
    for index, each in enumerate(contracts):
        # The prices of bounds rest on the dearest contract, so it stays where none of its own steps is left.
        rest = (*contracts[:index], *contracts[index + 1 :])
        saved[each.contract] += whole(made) - whole(plan(replace(base, commitments=rest)))
    assert min(abs(cost) for cost in saved.values()) > 0.01
    # Of the same steps the dearest deviation counts, also for what is left without its contract.
    assert made.of_contract == {name: pytest.approx(cost, abs=1e-6) for name, cost in saved.items()}


def test_of_the_same_steps_the_dearest_deviation_counts() -> None:
    """Kept, though what is stored would save 0.40 more per kWh later: the dearer of two contracts asks for it."""
    both = (Commitment("a", 0, 2, 500.0, 0.01), Commitment("b", 0, 2, -500.0, 5.0))
    battery, prices = replace(SMALL, stored_wh=3_000.0), np.array([0.1, 0.1, 0.5, 0.5])
    base = replace(bare(4, load_w=1_000.0), import_per_kwh=prices, batteries=(battery,))
    assert plan(replace(base, commitments=both)).cost.deviation == pytest.approx(0.0, abs=1e-6)
    both = (Commitment("a", 0, 2, 500.0, 0.01), Commitment("b", 0, 2, 500.0, 0.2))
    assert plan(replace(bare(2, load_w=1_000.0), commitments=both)).cost.deviation == pytest.approx(0.2)


def test_of_a_commitment_beyond_the_horizon_its_part_counts() -> None:
    made = plan(replace(bare(2, load_w=1_000.0), commitments=(Commitment("c", 1, 5, 4_000.0, 0.2),)))
    assert made.cost.deviation == pytest.approx(0.0)


# -- what a kWh is worth


def test_a_kwh_less_of_load_saves_what_the_dual_says() -> None:
    """Each step's load is changed by a little, and the site planned anew: the finite difference is the dual."""
    site = replace(varied(2), pv_w=full(10, 0.0), horizon=horizon(10, 1800.0))
    made = plan(site)
    for step in range(0, 10, 3):
        more = site.load_w.copy()
        more[step] += 1.0
        costs = whole(plan(replace(site, load_w=more))) - whole(made)
        worn = site.profit_per_kwh * _out_kwh_more(site, more, made)
        assert costs + worn == pytest.approx(made.value_per_kwh[step] / 2000.0, abs=2e-6)


def _out_kwh_more(site: Site, load_w: Floats, made: Plan) -> float:
    other = plan(replace(site, load_w=load_w))
    out_w = [np.maximum(-each.power_w["battery"], 0.0).sum() for each in (other, made)]
    return float(out_w[0] - out_w[1]) / 2000.0


def test_a_kwh_in_a_car_before_it_leaves_saves_its_price() -> None:
    trip = Trip(3, 4, 5_000.0, 0.0)
    car = Car("car", 0.0, 9_000.0, 0.0, 3_000.0, np.ones(4, np.bool_), (trip,), 0.9)
    made = plan(replace(bare(4), import_per_kwh=np.array([0.2, 0.3, 0.4, 0.25]), cars=(car,)))
    # Full power in the first hour, the rest in the second: one kWh less costs 0.30 / 0.9 less until it leaves.
    assert made.stored_per_kwh["car"][1:3] == pytest.approx([0.3 / 0.9] * 2)


def test_a_kwh_of_heat_saves_what_makes_it() -> None:
    element = Heater("element", full(3, 0.8), full(3, 4_000.0))
    kept = Comfort(full(3, 50.0), full(3, 90.0))
    boiler = Tank("boiler", TankModel(7_200_000.0, 1e-6, 20.0), 50.0, kept, (element,), full(3, 1_000.0))
    made = plan(replace(bare(3), import_per_kwh=np.array([0.5, 0.4, 0.3]), tanks=(boiler,)))
    # What is drawn in an hour is made in it, for later is cheaper.
    assert made.stored_per_kwh["boiler"][:2] == pytest.approx([0.5 / 0.8, 0.4 / 0.8], rel=1e-3)


def test_rows_that_count_steps_leave_the_duals_alone() -> None:
    """A tank 1.4 steps of heat too cold, one step left: a kWh more in it is worth what the bound costs, all of it."""
    element = Heater("element", full(1, 1.0), full(1, 1_000.0), 1_000.0)
    boiler = Tank(
        "boiler",
        TankModel(7_200_000.0, 1e-6, 20.0),
        49.3,
        Comfort(full(1, 50.0), full(1, 90.0)),
        (element,),
        full(1, 0.0),
    )
    made = plan(replace(bare(1), tanks=(boiler,)))
    assert [(each.bound, round(each.amount, 2)) for each in made.violations] == [("least", 0.2)]
    # Twenty times the price, for each kelvin and hour and kWh it takes to warm by one: planning/worth.py.
    assert made.stored_per_kwh["boiler"][0] == pytest.approx(20.0 * 0.3, rel=0.1)


# -- the planner itself


def test_the_cost_is_the_objective_told_by_its_parts() -> None:
    site = home(2)
    made = plan(site, 0.0)
    out_kwh = np.maximum(-made.power_w["battery"], 0.0).sum() / 4000.0
    assert out_kwh > 0
    assert made.cost.wear == pytest.approx(0.02 * out_kwh)
    bought = made.grid_w @ np.where(made.grid_w > 0, site.import_per_kwh, site.export_per_kwh) / 4000.0
    assert made.cost.energy == pytest.approx(bought)


def test_the_same_site_has_the_same_plan() -> None:
    one, other = plan(home(0), 7200.0), plan(home(0), 7200.0)
    for name, power_w in one.power_w.items():
        np.testing.assert_array_equal(power_w, other.power_w[name])


def test_a_kept_solver_answers_as_a_fresh_one() -> None:
    planner = Planner()
    for seed in (1, 4, 2):
        assert whole(planner.plan(home(seed), 10.0, 0.0)) == pytest.approx(whole(plan(home(seed), 0.0)), abs=1e-6)


def test_without_time_the_relaxed_plan_is_made_whole() -> None:
    late, least = plan(home(5), 14_400.0, 0.0), plan(home(5), 0.0)
    assert late.made is Made.ROUNDED
    assert whole(least) < whole(late) < whole(least) + 0.1 * least.cost.total
    assert late.gap > 0
    on = late.is_on["element"][:16]
    assert set(np.round(late.power_w["element"][:16][on])) <= {2_000.0}


def test_moving_switches_is_cheaper_than_rounding_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Branch and bound finds nothing: the start alone counts.
    monkeypatch.setattr(Solver, "whole", lambda *_: None)
    rounded, moved = plan(home(13), 14_400.0, 0.0), plan(home(13), 14_400.0, 10.0)
    assert whole(moved) < whole(rounded) - 0.02


def test_the_last_plans_switches_are_carried_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step later, with no time for more than the start, the plan is as good as the one before said."""
    truth, planner = home(5, 30), Planner()
    plant = Plant(truth)
    first = plant.ahead(96)
    made = planner.plan(first, 10.0, 14_400.0)
    plant.follow(orders(made, first, first.horizon.start, 0.0))
    then = plant.ahead(96)
    kept, fresh = planner.plan(then, 0.0, 14_400.0), plan(then, 14_400.0, 0.0)
    assert whole(kept) < whole(fresh) - 0.01
    np.testing.assert_array_equal(kept.is_on["element"][:15], made.is_on["element"][1:16])


def test_where_neither_rounding_nor_branching_has_a_plan_all_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def always_on(of: Switch, shares: Floats | None = None) -> Bools:
        return full(of.shares.size, float(shares is None or shares.any())) > 0

    monkeypatch.setattr(Switch, "whole", always_on)
    monkeypatch.setattr(Solver, "whole", lambda *_: None)
    prices = np.random.default_rng(0).uniform(0.1, 0.5, 12)
    made = plan(replace(bare(12), import_per_kwh=prices, appliances=(dishwasher(2, 11, 3 * 3600.0),)))
    assert made.made is Made.ROUNDED
    assert [(each.bound, round(each.amount)) for each in made.violations] == [("run", 3_000)]


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"import_per_kwh: nan in step 0.*profit_per_kwh: -1"):
        plan(replace(bare(2), import_per_kwh=full(2, np.nan), profit_per_kwh=-1.0))
