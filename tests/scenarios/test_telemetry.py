"""Live values: stamped with the time of their poll, never dressed up as fresh, and null where they cannot be true."""

from datetime import datetime, timedelta

import pytest

from protocols.messages import Telemetry
from sim_hardware.devices.sdm630 import float_words
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import ALL, EPOCH, Setup, Stage
from tests.scenarios.words import (
    clock_steps,
    fault,
    heals,
    lies,
    load,
    node_begins,
    node_is_killed,
    sun,
    tells_the_truth,
)

POWER, FREQUENCY = 0x0034, 0x0046  # SDM630, input registers


def second(text: str) -> float:
    """A time stamp as seconds of the film."""
    return (datetime.fromisoformat(text) - EPOCH) / timedelta(seconds=1)


def between(stage: Stage, device: str, from_s: float, to_s: float) -> list[tuple[float, Telemetry]]:
    return [(at_s, reading) for at_s, reading in stage.head_end.telemetry(device) if from_s <= at_s < to_s]


def test_every_reading_is_stamped_numbered_and_good(film: Film) -> None:
    stage = film(at(0, load(500), sun(800)), at(30), setup=Setup(devices=ALL))
    for name in ALL:
        readings = [reading for _, reading in stage.head_end.telemetry(name)]
        assert [reading.seq for reading in readings] == list(range(1, len(readings) + 1))
        assert [round(second(reading.measured_at)) for reading in readings] == list(range(len(readings)))
        assert len(readings) >= 30
        assert {(r.device, r.node, r.quality, r.clock) for r in readings} == {(name, "home-1", "good", "synchronised")}
        # From the first Wh on: SunSpec takes an accumulator at 0 for one that is not there.
        assert all(value is not None for reading in readings[10:] for value in reading.values.values())


def test_measured_at_is_the_time_of_the_poll_and_not_of_the_answer(film: Film) -> None:
    """The meter takes 0.3 s for each of its two blocks."""
    stage = film(at(0, load(500), fault("grid", Word.DELAY, 0.3)), at(30))
    for at_s, reading in between(stage, "grid", 10, 30):
        assert second(reading.received_at) - second(reading.measured_at) == pytest.approx(0.62, abs=0.002)
        assert second(reading.received_at) == pytest.approx(at_s, abs=0.02)


def test_a_value_is_that_of_its_time(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(20.1, fault("grid", Word.DELAY, 0.3), load(2500)),
        at(30),
        setup=Setup(devices=("grid", "load")),
    )
    before, after = between(stage, "load", 20, 21), between(stage, "load", 21, 22)
    assert before[0][1].values["power_w"] == pytest.approx(500)
    assert after[0][1].values["power_w"] == pytest.approx(2500)


def test_nothing_is_published_for_a_dead_meter(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(20.2, fault("grid", Word.DROP)),
        at(60, heals("grid")),
        at(100),
    )
    assert between(stage, "grid", 20.5, 60) == []
    numbers = [reading.seq for _, reading in stage.head_end.telemetry("grid")]
    assert numbers == list(range(1, len(numbers) + 1))
    first = between(stage, "grid", 60, 100)[0]
    assert second(first[1].measured_at) == pytest.approx(first[0], abs=0.1)


@pytest.mark.parametrize(
    ("register", "quantity", "shown"),
    [(POWER, "power_w", 2e6), (POWER, "power_w", -3e38), (FREQUENCY, "frequency_hz", 500.0)],
)
def test_a_value_that_cannot_be_is_null_and_suspect(film: Film, register: int, quantity: str, shown: float) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(20.5, lies("grid", register, *float_words(shown))),
        at(30.5, tells_the_truth("grid")),
        at(40),
    )
    doubtful = [reading for _, reading in between(stage, "grid", 20.5, 30.5)]
    assert len(doubtful) == 10
    assert {(reading.quality, reading.values[quantity]) for reading in doubtful} == {("suspect", None)}
    assert all(reading.values["voltage_l1_v"] is not None for reading in doubtful)
    assert {reading.quality for _, reading in between(stage, "grid", 31, 40)} == {"good"}


@pytest.mark.parametrize("shown", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_null(film: Film, shown: float) -> None:
    """The map takes it for "not available", as meters without a current transformer say it; JSON has no NaN."""
    stage = film(at(0, load(500)), at(20.5, lies("grid", POWER, *float_words(shown))), at(30))
    assert {reading.values["power_w"] for _, reading in between(stage, "grid", 20.5, 30)} == {None}
    assert not [heard for heard in stage.head_end.heard if b"NaN" in heard.payload or b"Infinity" in heard.payload]


def test_the_label_follows_the_wall_clock_and_says_what_it_is_worth(film: Film) -> None:
    stage = film(
        at(0, load(500)),
        at(10.5, clock_steps(-3600), lambda stage: stage.clock.set_synchronised(False)),
        at(20),
    )
    stamps = [(reading.clock, round(second(reading.measured_at))) for _, reading in between(stage, "grid", 8, 13)]
    assert stamps == [
        ("synchronised", 8),
        ("synchronised", 9),
        ("synchronised", 10),
        ("unsynchronised", 11 - 3600),
        ("unsynchronised", 12 - 3600),
    ]


def test_a_node_begun_again_publishes_nothing_from_its_former_life(film: Film) -> None:
    stage = film(at(0, load(500)), at(20.2, node_is_killed), at(60.5, node_begins), at(70))
    assert between(stage, "grid", 20.5, 60.5) == []
    assert all(second(reading.measured_at) >= 60.5 for _, reading in between(stage, "grid", 60.5, 70))
