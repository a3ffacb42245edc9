"""One seed, one course: two runs publish the same bytes."""

import pytest

from sim_hardware.faults import Word
from tests.scenarios.film import Film, Row, at
from tests.scenarios.stage import ALL, Setup
from tests.scenarios.words import broker_starts, broker_stops, fault, heals, sends

TEN_MINUTES_S = 600


def eventful() -> tuple[Row, ...]:
    """The home as its seed makes it, a contract, faults and an outage."""
    return (
        at(0),
        at(20, sends(power_w=1500, start_s=30, end_s=400)),
        at(100, fault("pv", Word.GARBLE)),
        at(130, heals("pv"), fault("grid", Word.DELAY, 0.4)),
        at(200, heals("grid"), fault("load", Word.OFF)),
        at(300, broker_stops),
        at(350, broker_starts, heals("load")),
        at(TEN_MINUTES_S),
    )


def published(film: Film, *rows: Row) -> list[tuple[float, str, bytes]]:
    stage = film(*rows, setup=Setup(devices=ALL))
    return [(heard.at_s, heard.topic, heard.payload) for heard in stage.head_end.heard]


@pytest.mark.slow
def test_the_same_seed_publishes_the_same_bytes_at_the_same_times(film: Film) -> None:
    first, second = published(film, *eventful()), published(film, *eventful())
    assert len(first) > 4 * 500
    assert first == second


def test_another_seed_publishes_something_else(film: Film) -> None:
    other = Film(film.seed + 1, film.folder / "other")
    assert published(film, at(20)) != published(other, at(20))
