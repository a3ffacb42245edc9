"""A solver that is late, fails or is killed, and a node that is restarted: what holds goes on, and nothing is switched for nothing."""

from typing import Any

import pytest

from tests.scenarios.film import Film, at
from tests.scenarios.plan_words import HOUR_S, Powers, Scripted, desk_of, orders_now, published, said, states
from tests.scenarios.stage import EPOCH, Setup, Stage, Step
from tests.scenarios.test_plan_limits import TARIFF
from tests.scenarios.test_plan_prices import buys
from tests.scenarios.words import charge, load, sun

FAST = {"horizon_h": 12, "replan_s": 900, "budget_s": 2}


def setup(*script: str, **differs: Any) -> Setup:
    return buys(
        TARIFF,
        EPOCH,
        cycle_s=20.0,
        tables={"tariff": TARIFF, "plan": FAST},
        solver_of=lambda: Scripted(*script),
        **differs,
    )


@pytest.mark.parametrize("word", ["fails", "hangs"])
def test_without_a_solver_the_plan_before_holds_then_the_rules_and_no_cycle_waits(film: Film, word: str) -> None:
    """It buys until a quarter to eleven by the first plan, made at ten; an hour later that is too old, and the rules cover the load."""
    powers = Powers(("battery", "grid"), every_s=20.0)
    stage = film(
        at(0, load(1500), sun(0), charge(10), powers.watched),
        at(0.7 * HOUR_S, orders_say("plan of 10:00")),
        at(1.6 * HOUR_S, orders_say("rules")),
        at(1.8 * HOUR_S),
        setup=setup("good", word),
    )
    assert min(powers.between("battery", 60, 0.74 * HOUR_S)) > 3000.0
    assert max(powers.between("battery", 0.8 * HOUR_S, 1.8 * HOUR_S)) < 50.0
    assert max(map(abs, powers.between("grid", 1.3 * HOUR_S, 1.8 * HOUR_S))) < 60.0
    # One that hangs is waited for two minutes while the plan runs out: the laws alone, meanwhile.
    assert states(stage, "plan") == ["plan", "kept", *(["nothing"] if word == "hangs" else []), "rules"]
    assert stage.node.figures.worst_cycle_s < 1.0
    assert stage.node.figures.cycles == pytest.approx(1.8 * HOUR_S / 20.0, abs=2)


def orders_say(words: str) -> Step:
    def step(stage: Stage) -> None:
        assert words in orders_now(stage).why, orders_now(stage)

    return step


def test_a_solver_that_never_made_a_plan_leaves_the_rules_and_one_that_recovers_takes_over(film: Film) -> None:
    powers = Powers(("grid",), every_s=20.0)
    stage = film(
        at(0, load(1500), sun(0), charge(60), powers.watched),
        at(120, orders_say("rules")),
        at(1800),
        setup=setup("fails", "fails", "good"),
    )
    assert max(map(abs, powers.between("grid", 120, 130))) < 60.0
    assert states(stage, "plan") == ["rules", "plan"]
    assert published(stage).made == "optimal"
    assert "code -11" in said(stage, "plan")[0].why


def test_without_solver_and_rules_the_house_uses_its_own(film: Film) -> None:
    powers = Powers(("grid", "battery"), every_s=20.0)

    def rules_fail(stage: Stage) -> None:
        desk_of(stage).planning._ruled = lambda site: None  # type: ignore[method-assign]

    stage = film(
        at(0, load(1500), sun(0), charge(60), powers.watched, rules_fail),
        at(1800, has_no_orders),
        setup=setup("fails"),
    )
    assert max(map(abs, powers.between("grid", 120, 1800))) < 60.0
    assert states(stage, "plan") == ["nothing"]
    assert stage.node.figures.worst_cycle_s < 1.0


def has_no_orders(stage: Stage) -> None:
    assert orders_now(stage).why == "no plan"


# A restart


def restarts(*, killed: bool) -> Step:
    async def step(stage: Stage) -> None:
        await (stage.kill() if killed else stage.stop())
        stage.begin()

    return step


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
def test_a_restart_takes_the_plan_up_again(film: Film, killed: bool) -> None:
    """The solver is gone after it: only what was kept can say that a kWh is cheap now. The battery truly goes on buying."""
    powers = Powers(("battery",), every_s=5.0)
    stage = film(
        at(0, load(1500), sun(0), charge(10), powers.watched),
        at(1203, restarts(killed=killed)),
        at(1280, orders_say("plan of 10:")),
        at(2600),
        setup=setup_dies_with_the_first_life(),
    )
    again = powers.between("battery", 1203 + 60, 2600)
    assert min(again) > 3000.0
    assert stage.lives == 2
    if killed:
        assert min(powers.between("battery", 1150, 1260)) > 3000.0, "what was told held over the kill"


def setup_dies_with_the_first_life() -> Setup:
    """The first life's solver is good, that of the second is not."""
    lives: list[int] = []

    def solver() -> Scripted:
        lives.append(1)
        return Scripted("good") if len(lives) == 1 else Scripted("hangs")

    return buys(TARIFF, EPOCH, cycle_s=20.0, tables={"tariff": TARIFF, "plan": FAST}, solver_of=solver)
