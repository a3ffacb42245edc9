"""Prices that stop, lie or turn negative: the plan goes on with what it assumes and says so, and no money is burnt."""

from datetime import UTC, datetime, timedelta
from math import nan
from typing import Any

import pytest

from tests.scenarios.comfort_words import Watch, energy_wh
from tests.scenarios.film import Film, at
from tests.scenarios.plan_words import (
    HOUR_S,
    ISSUERS,
    Powers,
    desk_of,
    published,
    refused_for,
    repeats_the_last_outlook,
    said,
    tells_prices,
)
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import charge, load, sun

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)  # a Tuesday
CHEAP, DEAR = 0.10, 0.40
# Cheap from two to four.
BY_HOUR = [CHEAP if 2 <= hour < 4 else DEAR for hour in range(24)]
DYNAMIC = {"issuer": "supplier", "export_per_kwh": 0.0}


def buys(tariff: dict[str, Any] | None, clock: datetime, *, cycle_s: float = 60.0, **differs: Any) -> Setup:
    """A meter and a battery; None: it does not plan."""
    tables = {"tariff": tariff, "plan": {"horizon_h": 12, "replan_s": 3600}} if tariff is not None else {}
    given: dict[str, Any] = {
        "site": {"blind_after_s": 3.0 * cycle_s, "timezone": "UTC"},
        "node": {"cycle_s": cycle_s, "interval_s": 900.0},
        "device": {key: {"lease_s": 6.0 * cycle_s} for key in ("pv", "battery")},
        "devices": ("grid", "battery"),
        "step_s": cycle_s / 2.0,
        "tables": tables,
        "issuers": ISSUERS if tariff is not None else {},
        "clock": clock,
        **differs,
    }
    return Setup(**given)


def plan_notes(*, has: str = "", lacks: str = "") -> Step:
    def step(stage: Stage) -> None:
        notes = published(stage).notes
        assert not has or any(has in note for note in notes), notes
        assert not lacks or not any(lacks in note for note in notes), notes

    return step


def stands_for_nothing(stage: Stage) -> None:
    """All prices of the published plan are from what was told or assumed: each is one of the two."""
    prices = published(stage).series["import_per_kwh"]
    assert set(prices) <= {CHEAP, DEAR}, prices


@pytest.mark.slow
def test_a_supplier_who_falls_silent_for_a_day_costs_little_and_is_heard_again(film: Film) -> None:
    """The prices of Tuesday are known. On Wednesday nobody says anything: the same are assumed, and the battery truly fills from
    two to four and covers the load afterwards. On Thursday the supplier speaks again, of other hours.
    """
    powers = Powers(("battery",))
    late = MIDNIGHT + timedelta(days=2)
    stage = film(
        at(0, load(1000), sun(0), charge(30), powers.watched),
        at(5, tells_prices(MIDNIGHT, BY_HOUR)),
        at(1.1 * HOUR_S, plan_notes(lacks="price not known"), stands_for_nothing),
        at(13.1 * HOUR_S, plan_notes(has="import price not known for"), stands_for_nothing),
        at(25.1 * HOUR_S, plan_notes(has="prices are known up to 2026-03-03"), stands_for_nothing, charge(10)),
        at(32.0 * HOUR_S, lambda stage: stage.stop()),
        at(32.0 * HOUR_S + 60.0, lambda stage: stage.begin()),
        at(32.5 * HOUR_S, plan_notes(has="local time on the last known days of the same kind"), stands_for_nothing),
        at(33.0 * HOUR_S, tells_prices(late - timedelta(hours=15), [0.05] * 10 + [0.5] * 20)),
        at(33.1 * HOUR_S, plan_notes(lacks="import price not known")),
        at(35.0 * HOUR_S, prices_are(0.05, hours=8)),
        setup=buys(DYNAMIC, MIDNIGHT),
    )
    bought_wh = powers.energy_wh("battery", 26 * HOUR_S, 28 * HOUR_S)
    assert bought_wh > 4000.0
    assert max(powers.between("battery", 28.1 * HOUR_S, 31 * HOUR_S)) < 50.0
    assert min(powers.between("battery", 24 * HOUR_S, 25.9 * HOUR_S)) > -1100.0
    assert [each.state for each in said(stage, "outlook")] == ["taken", "taken"]
    assert {each.state for each in said(stage, "plan")} == {"plan"}


def prices_are(price: float, hours: int) -> Step:
    def step(stage: Stage) -> None:
        found = published(stage).series["import_per_kwh"][: 4 * hours]
        assert found == [price] * (4 * hours), found

    return step


def test_absurd_unknown_and_repeated_prices_are_refused_and_change_nothing(film: Film) -> None:
    """Nobody else's prices count either. What is planned with stays what was told at first."""
    before: list[list[float | None]] = []
    others: list[tuple[list[float], dict[str, Any]]] = [
        ([99.0] * 24, {}),
        ([nan] * 24, {}),
        ([0.01] * 24, {"by": "aggregator"}),
        ([0.01] * 24, {"currency": "SEK"}),
    ]
    stage = film(
        at(0, load(1000), sun(0), charge(30)),
        at(5, tells_prices(MIDNIGHT, BY_HOUR)),
        at(300, lambda stage: before.append(published(stage).series["import_per_kwh"])),
        at(301, repeats_the_last_outlook),
        *(at(302 + number, tells_prices(MIDNIGHT, bought, **terms)) for number, (bought, terms) in enumerate(others)),
        at(360, lambda stage: desk_of(stage).planning.want("a film")),
        at(500),
        setup=buys(DYNAMIC, MIDNIGHT, cycle_s=20.0),
    )
    assert refused_for(stage) == ["sequence", "absurd", "malformed", "issuer", "currency"]
    assert published(stage).series["import_per_kwh"] == before[0]
    assert published(stage).made_at > "2026-03-03T00:05"


def test_without_any_price_the_house_uses_its_own_until_one_comes(film: Film) -> None:
    powers = Powers(("grid",), every_s=20.0)
    stage = film(
        at(0, load(1000), sun(0), charge(50), powers.watched),
        at(1801, tells_prices(MIDNIGHT, [CHEAP] * 1 + [DEAR] * 12)),
        at(2400),
        setup=buys(DYNAMIC, MIDNIGHT, cycle_s=20.0),
    )
    assert max(map(abs, powers.between("grid", 120, 1800))) < 50.0
    assert min(powers.between("grid", 1900, 2400)) > 5000.0
    assert [each.state for each in said(stage, "plan")] == ["nothing", "plan"]
    assert "no import price" in said(stage, "plan")[0].why


# From eleven to one a kWh taken is paid for, and one fed in costs.
NEGATIVE = {
    "import_per_kwh": 0.30,
    "export_per_kwh": 0.05,
    "band": [{"from": "11:00", "to": "13:00", "import_per_kwh": -0.10, "export_per_kwh": -0.10}],
}
TEN = datetime(2026, 6, 21, 10, tzinfo=UTC)


def negative(when: datetime) -> tuple[float, float]:
    return (-0.10, -0.10) if 11 <= when.hour < 13 else (0.30, 0.05)


@pytest.mark.slow
def test_negative_prices_are_earned_by_and_nothing_is_fed_in_or_burnt(film: Film) -> None:
    """2000 W of sun, 500 W of load, half a battery. The plan keeps room for the two hours, limits the sun in them and buys; a
    full battery does not give anything back while that costs. What is stored at the end is more than without, too.
    """
    cost, held_wh, fed_wh = {}, {}, {}
    played: dict[bool, Powers] = {}
    for plans in (True, False):
        watch, powers = Watch(every_s=20.0), Powers(("grid", "battery", "pv"), every_s=20.0)
        stage = film(
            at(0, load(500), sun(400), charge(60), watch.watched, powers.watched),
            at(4.5 * HOUR_S),
            setup=buys(NEGATIVE if plans else None, TEN, cycle_s=20.0, devices=("grid", "pv", "battery")),
        )
        cost[plans], held_wh[plans] = watch.cost(negative), stage.home.store.stored_wh
        inside = powers.between("grid", HOUR_S + 60, 3 * HOUR_S)
        fed_wh[plans] = -sum(min(each, 0.0) for each in inside) * 20.0 / HOUR_S
        played[plans] = powers
        assert energy_wh(stage, "grid") != 0.0
    print(cost, held_wh, fed_wh)
    inside_w = played[True].between("battery", HOUR_S + 60, 3 * HOUR_S)
    assert cost[True] < cost[False] - 0.2
    assert held_wh[True] > held_wh[False] - 200.0
    assert fed_wh[False] > 100.0
    assert fed_wh[True] < 10.0
    assert min(inside_w) > -50.0, "nothing is taken out of the battery to be burnt"
    assert max(played[True].between("pv", HOUR_S + 60, 3 * HOUR_S)) <= 0.0
    assert min(played[True].between("pv", 3.1 * HOUR_S, 4.5 * HOUR_S)) < -1500.0, "the sun is let go again"


def test_a_full_battery_beside_a_negative_price_makes_the_sun_rest(film: Film) -> None:
    """There is no room to be made any more: what the sun would make beyond the load is not made, nor is the battery emptied."""
    powers = Powers(("grid", "battery", "pv"), every_s=10.0)
    film(
        at(0, load(500), sun(400), charge(99), powers.watched),
        at(2400),
        setup=buys(NEGATIVE, TEN + timedelta(minutes=65), cycle_s=10.0, devices=("grid", "pv", "battery")),
    )
    assert min(powers.between("grid", 300, 2400)) > -30.0
    assert min(powers.between("pv", 300, 2400)) > -520.0
    assert min(powers.between("battery", 60, 2400)) > -50.0
