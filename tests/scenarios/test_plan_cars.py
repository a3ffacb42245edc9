"""A car that is unplugged, late, told of once, or behind a dead charger: it leaves with what it needs where that can be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sim_hardware.faults import Word
from sim_hardware.physics.ev import EvParams
from sim_hardware.serve import MEMORY_URLS
from tests.scenarios.comfort_words import car_is_plugged, car_is_unplugged, energy_wh
from tests.scenarios.film import Film, at
from tests.scenarios.plan_words import HOUR_S, ISSUERS, Powers, desk_of, published, said, states, tells_of_a_trip
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import fault, heals, load, sun

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)  # a Tuesday
CAR: dict[str, Any] = {"capacity_wh": 60_000, "needs_wh": 11_000, "departs": "16:00", "returns": "17:30"}
CHARGER = {"name": "charger", "model": "go-e", "url": MEMORY_URLS["charger"], "use": "plan", "lease_s": 120.0}
BOILER = {
    "name": "boiler",
    "url": MEMORY_URLS["relays"],
    "channel": 0,
    "power_w": 2000,
    "use": "plan",
    "lease_s": 120.0,
}
RUN = {"hours": 2, "from": "12:00", "until": "16:00"}
# The cheap hour is the last but one before it leaves.
TARIFF = {
    "import_per_kwh": 0.40,
    "export_per_kwh": 0.0,
    "band": [{"from": "14:00", "to": "15:00", "import_per_kwh": 0.10}],
}
EARLY = {**TARIFF, "band": [{"from": "12:00", "to": "12:30", "import_per_kwh": 0.05}]}


def drives(**differs: Any) -> Setup:
    """A meter, a car, and a boiler that runs two hours of the four; every 20 s."""
    car = {**CAR, **differs.pop("car", {})}
    given: dict[str, Any] = {
        "site": {"blind_after_s": 60.0, "timezone": "UTC", "import_limit_w": 25_000.0},
        "node": {"cycle_s": 20.0, "interval_s": 900.0},
        "devices": ("grid",),
        "step_s": 10.0,
        "clock": NOON,
        "car": EvParams(),
        "relays": True,
        "loads": {"charger": [{**CHARGER, "car": car}], "relay": [{**BOILER, "run": RUN}]},
        "tables": {"tariff": TARIFF, "plan": {"horizon_h": 8, "exact_h": 2, "replan_s": 1800}},
        "issuers": ISSUERS,
        **differs,
    }
    return Setup(**given)


def counts(into: dict[str, float], name: str) -> Step:
    """Note what the car has taken so far."""
    return lambda stage: into.update({name: energy_wh(stage, "charger")})


def plans_stay_below(most: int) -> Step:
    """No storm of new plans, and no events beside the one that there is a plan."""

    def step(stage: Stage) -> None:
        assert desk_of(stage).planning.plans <= most, desk_of(stage).planning.plans
        assert states(stage, "plan") == ["plan"]
        assert not [each for each in stage.head_end.happenings if "missing" in each.why]

    return step


def test_a_car_that_is_unplugged_early_and_plugged_in_late_leaves_with_what_it_needs(film: Film) -> None:
    """Half an hour after it was plugged in, with some kWh from a cheap half hour, somebody drives off. It is back at ten to three,
    and 70 minutes are enough; what it had before does not count.
    """
    wh: dict[str, float] = {}
    powers = Powers(("charger", "switched"))
    stage = film(
        at(0, load(300), sun(0), powers.watched),
        at(0.5 * HOUR_S, car_is_unplugged),
        at(0.6 * HOUR_S, a_plan_expects_none),
        at(2.85 * HOUR_S, counts(wh, "late"), car_is_plugged),
        at(2.95 * HOUR_S, a_plan_needs(11_000.0)),
        at(4.0 * HOUR_S, counts(wh, "leaves"), plans_stay_below(16), boiler_has_run),
        setup=drives(tables={"tariff": EARLY, "plan": {"horizon_h": 8, "exact_h": 2, "replan_s": 1800}}),
    )
    assert 3000.0 < wh["late"] < 6000.0
    assert wh["leaves"] - wh["late"] >= 0.97 * 11_000.0
    assert sum(powers.between("switched", 0.6 * HOUR_S, 2.85 * HOUR_S)) > 0.0, "the boiler goes on without the car"
    assert stage.node.figures.cycles >= 4 * 180 - 2


def a_plan_expects_none(stage: Stage) -> None:
    """It has left for its trip early, so that it is back when that ends; nothing is planned for it until then."""
    told = published(stage)
    assert any("charger: no car" in note for note in told.notes), told.notes
    assert max(w or 0.0 for w in told.series["charger.power_w"][:12]) == 0.0


def a_plan_needs(needs_wh: float) -> Step:
    """The car is planned for again, and can be had."""

    def step(stage: Stage) -> None:
        told = published(stage)
        planned = sum(w or 0.0 for w in told.series["charger.power_w"][:5]) / 4.0
        assert planned >= 0.9 * needs_wh, planned
        assert not [each for each in told.violations if each.name == "charger"], told.violations

    return step


def boiler_has_run(stage: Stage) -> None:
    assert abs(energy_wh(stage, "switched") - 4000.0) < 200.0, energy_wh(stage, "switched")


def test_what_a_car_can_not_have_any_more_is_said_in_the_plan_and_not_again_and_again(film: Film) -> None:
    """Twenty minutes before it leaves 3.7 kWh of 11 are possible: it charges with all there is, and one plan after the other says so."""
    wh: dict[str, float] = {}
    film(
        at(0, load(300), sun(0), car_is_unplugged),
        at(3.65 * HOUR_S, counts(wh, "late"), car_is_plugged),
        at(3.75 * HOUR_S, violates("charger", 5000.0, 8000.0)),
        at(4.0 * HOUR_S, counts(wh, "leaves"), plans_stay_below(16)),
        setup=drives(),
    )
    assert wh["leaves"] - wh["late"] > 0.85 * 0.35 * 11_040.0


def violates(name: str, least_wh: float, most_wh: float) -> Step:
    def step(stage: Stage) -> None:
        found = [each for each in published(stage).violations if (each.name, each.bound) == (name, "departure")]
        assert len(found) == 1, published(stage).violations
        assert least_wh <= found[0].amount <= most_wh, found

    return step


def test_a_trip_that_is_told_comes_before_the_usual_one(film: Film) -> None:
    """It leaves at half past one with 5 kWh, in dear hours; it would have waited for two o'clock."""
    wh: dict[str, float] = {}
    leaves = NOON + timedelta(hours=1.5)
    stage = film(
        at(0, load(300), sun(0)),
        at(300, counts(wh, "told"), tells_of_a_trip(leaves, 5000.0, NOON + timedelta(hours=2.5))),
        at(1.5 * HOUR_S, counts(wh, "leaves"), car_is_unplugged),
        at(1.7 * HOUR_S, a_plan_says("it is expected at 14:30")),
        at(2.5 * HOUR_S, counts(wh, "away"), car_is_plugged),
        at(4.0 * HOUR_S),
        setup=drives(),
    )
    assert wh["told"] < 100.0
    assert wh["leaves"] >= 0.97 * 5000.0
    assert wh["away"] - wh["leaves"] < 100.0
    assert [each.state for each in said(stage, "outlook")] == ["taken"]


def a_plan_says(words: str) -> Step:
    def step(stage: Stage) -> None:
        notes = published(stage).notes
        assert any(words in note for note in notes), notes

    return step


def test_a_charger_that_is_away_for_an_hour_holds_up_nobody_and_the_car_is_ready(film: Film) -> None:
    """It says nothing from a quarter to two to a quarter to three, most of the cheap hour; the boiler runs all the same."""
    wh: dict[str, float] = {}
    powers = Powers(("switched",))
    stage = film(
        at(0, load(300), sun(0), powers.watched),
        at(1.75 * HOUR_S, fault("charger", Word.OFF)),
        at(2.3 * HOUR_S, a_plan_says("charger")),
        at(2.75 * HOUR_S, heals("charger")),
        at(4.0 * HOUR_S, counts(wh, "leaves"), boiler_has_run, plans_stay_below(20)),
        setup=drives(),
    )
    assert wh["leaves"] >= 0.97 * 11_000.0
    assert states(stage, "charger")[:4] == ["lacks", "online", "suspect", "offline"]
    assert states(stage, "charger")[-1] == "online"
    assert stage.node.figures.cycles >= 4 * 180 - 2
