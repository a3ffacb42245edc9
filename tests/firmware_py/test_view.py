"""What the node freezes of the phases, and how what was asked of loads is said."""

from math import inf

import pytest

from controller.cycle import Decision, Inputs, LoadAsk
from controller.laws import dispatch
from controller.settle import Verdict
from controller.wishes import Band, Rank
from firmware_py.cli.why import lines
from firmware_py.home.node import phases_a
from firmware_py.home.report import Explained, kind_of
from protocols.messages import Why, WhyAsk, encode
from protocols.readings import Quality, Reading


def reading(**values: float | None) -> Reading:
    return Reading("grid", 1, 0.0, 0.1, values, Quality.GOOD)


@pytest.mark.parametrize(
    ("values", "l1_a"),
    [
        ({"current_l1_a": 10.0, "power_l1_w": 2300.0}, 10.0),
        ({"current_l1_a": 10.0, "power_l1_w": -2300.0}, -10.0),  # a magnitude, fed in
        ({"current_l1_a": -10.0, "power_l1_w": -2300.0}, -10.0),  # signed by the meter
        ({"current_l1_a": 10.0}, 10.0),  # the worse for a fuse that feeds loads
        ({"current_l1_a": 0.0, "power_l1_w": 0.0}, 0.0),
        ({"power_l1_w": -2300.0, "voltage_l1_v": 230.0}, -10.0),
        ({"power_l1_w": 2300.0, "voltage_l1_v": 0.0}, None),
        ({"power_l1_w": 2300.0}, None),
        ({}, None),
    ],
)
def test_a_current_has_the_direction_of_its_power(values: dict[str, float], l1_a: float | None) -> None:
    assert phases_a(reading(**values)) == (l1_a, None, None)


def test_without_a_reading_there_are_no_phases() -> None:
    assert phases_a(None) == ()


def explained(*asks: LoadAsk) -> Explained:
    decision = Decision({}, Verdict(0.0, Band(), "plan", ""), dispatch.Why(), asks=asks)
    return Explained(decision, Inputs(0.0, 0.0, 0.0, ()))


def test_another_ask_is_another_reason_and_other_words_or_watts_are_not() -> None:
    ask = LoadAsk("boiler", inf, Rank.COMFORT_BOUND, "the tank is at 44.1 °C")
    colder = LoadAsk("boiler", 2000.0, Rank.COMFORT_BOUND, "the tank is at 44.0 °C")
    for other in (LoadAsk("boiler", 0.0, Rank.COMFORT_BOUND, ""), LoadAsk("boiler", inf, Rank.COMFORT, "")):
        assert kind_of(explained(ask)) != kind_of(explained(other))
    assert kind_of(explained(ask)) == kind_of(explained(colder))


def test_what_was_asked_is_shown() -> None:
    asks = [WhyAsk("boiler", None, "comfort_bound", "cold"), WhyAsk("car", 0.0, "optimiser", "dear")]
    why = Why("home-1", "2026-06-21T10:00:00Z", 0.0, 0.0, "plan", "", None, "", {}, [], asks=asks)
    shown = [line.split() for line in lines(why, None) if line.startswith("  ask ")]
    assert [" ".join(words) for words in shown] == [
        "ask boiler: its most by comfort bound (cold)",
        "ask car: 0 W by optimiser (dear)",
    ]
    assert b'"want_w":null' in encode(why)
