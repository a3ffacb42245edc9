"""The wall clock jumps in the middle of a contract: its window lives on the monotonic clock."""

import pytest

from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup
from tests.scenarios.words import battery_gets, clock_steps, hears, load, meter_shows, sends, sun

HOUR_S = 3600.0
TWO = Setup(devices=("grid", "battery"))


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S, 30.0, -30.0])
def test_a_contract_in_force_keeps_its_window(film: Film, step_s: float) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=70)),
        at(30, hears("received", "accepted", "written", "observed"), clock_steps(step_s)),
        at(50, battery_gets(1000), meter_shows(1500)),
        at(69.8, hears(), battery_gets(1000), meter_shows(1500)),
        at(72, battery_gets(-500)),
        at(75, hears("expired(delivered)")),
        setup=TWO,
    )


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_contract_that_waits_begins_when_it_was_to_begin(film: Film, step_s: float) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=30, end_s=70)),
        at(15, hears("received", "accepted"), clock_steps(step_s)),
        at(29.8, battery_gets(-500)),
        at(40, battery_gets(1000)),
        at(72, battery_gets(-500)),
        at(75, hears("written", "observed", "expired(delivered)")),
        setup=TWO,
    )


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_step_neither_drops_readings_nor_repeats_them(film: Film, step_s: float) -> None:
    stage = film(at(0, load(500)), at(20.5, clock_steps(step_s)), at(40.5))
    came = [at_s for at_s, _ in stage.head_end.telemetry("grid")]
    assert [round(at_s) for at_s in came] == list(range(41))
