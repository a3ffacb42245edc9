"""Options that are called, in both directions, and starts that are drawn. The site rests idle at its load."""

from datetime import timedelta

import pytest

from firmware_py.compose import drawn
from protocols.actions import Call
from protocols.contracts import Option
from tests.scenarios.film import Film, at
from tests.scenarios.stage import EPOCH, NODE, Setup, Stage, Step, signed_deed
from tests.scenarios.words import hears, last, load, meter_shows, sends, sun

IDLE = Setup(devices=("grid", "battery"), site={"rest": "idle"})


def calls(change_w: float, start_s: float, end_s: float) -> Step:
    """The issuer calls the option; times are seconds of the film."""

    def step(stage: Stage) -> None:
        start = EPOCH + timedelta(seconds=start_s)
        deed = stage.deed(Call, contract="dso-1", start=start, duration_s=end_s - start_s, change_w=change_w)
        stage.send(signed_deed(deed))

    return step


def test_an_option_is_a_change_while_it_is_called_in_both_directions(film: Film) -> None:
    """1500 W of load; 800 W less for two minutes and then 500 W more, both counted from the same baseline."""
    stage = film(
        at(0, load(1500), sun(0)),
        at(125, sends(product=Option, least_w=-1000.0, most_w=1000.0, interval_s=120, start_s=130, end_s=490)),
        at(128, hears("received", "accepted"), calls(-800.0, 130.0, 250.0)),
        at(129, meter_shows(1500)),
        at(200, hears("received", "called", "written", "observed"), meter_shows(700), load(1800)),
        at(240, calls(500.0, 250.0, 370.0)),
        at(255, hears("received", "called", "interval(delivered)")),
        at(330, meter_shows(2000, within_w=60)),
        at(372, hears("interval(delivered)")),
        at(470, meter_shows(1800)),
        at(500, hears("expired(delivered)")),
        setup=IDLE,
    )
    closed = [event for event in stage.head_end.contract_events if event.state == "interval"]
    assert [event.contracted_wh for event in closed] == [pytest.approx(-800 / 30, abs=0.4), pytest.approx(500 / 30)]
    assert [event.deviation_wh for event in closed] == pytest.approx([0.0, 0.0], abs=1.7)


def test_an_option_nobody_calls_asks_for_nothing(film: Film) -> None:
    film(
        at(0, load(1500), sun(0)),
        at(5, sends(product=Option, least_w=-1000.0, most_w=1000.0, interval_s=60, start_s=10, end_s=70)),
        at(60, meter_shows(1500), hears("received", "accepted")),
        at(80, hears("expired(not_called)")),
        setup=IDLE,
    )


def test_a_start_is_drawn_by_the_node_and_not_by_the_clock_alone(film: Film) -> None:
    """Another moment at each node, the same one after a restart; what comes before it does not count."""
    late_s = 60.0 * drawn(NODE)("dso-1")
    assert len({drawn(f"home-{number}")("dso-1") for number in range(50)}) == 50
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120, random_start_s=60)),
        at(10 + late_s - 1.1, meter_shows(500), hears("received", "accepted")),
        at(10 + late_s + 10, meter_shows(1500), hears("written", "observed")),
        at(130, hears("expired(delivered)")),
        setup=IDLE,
    )
    assert last(stage, "expired").contracted_wh == pytest.approx(1500 * (110 - 60 - 10) / 3600)


def test_a_dispatch_with_a_ramp_goes_back_by_it(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=2500, start_s=10, end_s=60, ramp_w_per_s=100)),
        at(55, hears("received", "accepted", "written", "observed"), meter_shows(2500)),
        at(68, meter_shows(1900, within_w=520)),
        at(90, hears("expired(delivered)"), meter_shows(500)),
        setup=IDLE,
    )
