"""Each fault word in the middle of a contract: what the node must do, what it must not believe, and how it comes back.

1500 W at the connection point, 500 W of load, so that the battery gets 1000 W; the fault lasts from 30.2 to 90.2 s.
`single_connection` has no film, as a bus in memory has one client: tests/system/test_node_devices.py shows it.
"""

import pytest

from sim_hardware.fault_script import FaultEvent, clock_jumps
from sim_hardware.faults import Argument, Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.truth import Truth, goes_wrong, struck
from tests.scenarios.words import (
    battery_gets,
    charge,
    devices_are_free,
    healths,
    hears,
    load,
    meter_shows,
    sends,
    sun,
)

BEGINS_S, LASTS_S, END_S = 30.2, 60.0, 150.0
TWO = Setup(devices=("grid", "battery"))
CAME_AND_WENT = ("online", "suspect", "offline", "online")
# Every way of giving no answer, or none in time (a request waits 1 s), or none that can be believed.
SILENT: list[tuple[Word, Argument | None]] = [
    (Word.DROP, None),
    (Word.DELAY, 1.5),
    (Word.LATE, 2.0),
    (Word.EXCEPTION, 4.0),
    (Word.GARBLE, None),
    (Word.HALF_OPEN, None),
    (Word.BABBLE, None),
    (Word.OFF, None),
    (Word.REBOOT, 50.0),
]
# The device answers, and what it says can be known to be wrong.
UNBELIEVABLE: list[tuple[Word, Argument | None]] = [(Word.FREEZE, None), (Word.WORD_SWAP, None), (Word.REBOOT, 0.1)]
# What must not be noticed: answers that are slow but in time, and a device's clock, by which nothing is dated.
HARMLESS: list[tuple[Word, Argument | None]] = [(Word.DELAY, 0.3), (Word.LATE, 0.3), (Word.CLOCK_JUMP, 3600.0)]


def play(film: Film, device: str, word: Word, argument: Argument | None, *rows: object) -> tuple[Stage, Truth]:
    """The contract with the fault in it; `rows` come behind its observation."""
    truth = Truth()
    event = FaultEvent(BEGINS_S, word, device, LASTS_S, argument)
    stage = film(
        at(0, load(500), sun(0), charge(50), truth.watched, goes_wrong(event)),
        at(5, sends(power_w=1500, start_s=10, end_s=END_S)),
        at(29, hears("received", "accepted", "written", "observed"), meter_shows(1500), battery_gets(1000)),
        *rows,  # type: ignore[arg-type] # rows of a film
        setup=TWO,
    )
    struck(device, word)(stage)
    return stage, truth


def nothing_came(device: str, from_s: float, to_s: float) -> Step:
    """No reading of the device was said between two seconds."""

    def step(stage: Stage) -> None:
        came = [at_s for at_s, _ in stage.head_end.telemetry(device) if from_s <= at_s < to_s]
        assert not came, f"{device} was said at {came[:3]}"

    return step


def never_got_more(power_w: float) -> Step:
    """The battery was never told more than this."""

    def step(stage: Stage) -> None:
        assert (stage.home.store.request_w or 0.0) <= power_w + 25.0, f"{stage.home.store.request_w} W"

    return step


@pytest.mark.parametrize(("word", "argument"), SILENT)
def test_without_the_meter_the_devices_are_let_go_and_taken_back(
    film: Film, word: Word, argument: Argument | None
) -> None:
    """Said once each: suspect, offline, reverted; asked again at 2, 4, 8, 16, 32 s; a half unseen is no delivery."""
    stage, truth = play(
        film, "grid", word, argument,
        at(34, never_got_more(1000)),
        at(60, hears("reverted(meter_stale)"), devices_are_free, meter_shows(500)),
        at(85, hears(), devices_are_free, nothing_came("grid", 32, 85)),
        at(140, hears("written", "observed"), meter_shows(1500), battery_gets(1000), healths("grid", *CAME_AND_WENT)),
        at(156, hears("expired(unproven)"), battery_gets(-500)),
    )  # fmt: skip
    assert truth.lies(stage, "grid") == []
    healths("battery", "online")(stage)


@pytest.mark.parametrize(("word", "argument"), SILENT)
def test_without_the_battery_its_lease_ends_and_the_contract_says_what_is_missing(
    film: Film, word: Word, argument: Argument | None
) -> None:
    stage, truth = play(
        film, "battery", word, argument,
        at(70, hears("clamped(devices)"), battery_gets(None), meter_shows(500), healths("battery", *CAME_AND_WENT[:3])),
        at(140, hears("clamped(lifted)"), battery_gets(1000), meter_shows(1500), healths("battery", *CAME_AND_WENT)),
        at(156, hears("expired(violated)"), battery_gets(-500)),
    )  # fmt: skip
    assert truth.lies(stage, "battery") == []
    assert truth.lies(stage, "grid") == []


@pytest.mark.parametrize(("word", "argument"), UNBELIEVABLE)
def test_a_meter_that_cannot_be_believed_is_none(film: Film, word: Word, argument: Argument | None) -> None:
    """Swapped words and zeros looked like 0 W at the connection point: the battery was driven to its full 5 kW."""
    stage, truth = play(
        film, "grid", word, argument,
        at(36, never_got_more(1000)),
        at(62, hears("reverted(meter_stale)"), devices_are_free, meter_shows(500)),
        at(65, never_got_more(1000)),
        at(140, hears("written", "observed"), meter_shows(1500), battery_gets(1000)),
        at(156, hears("expired(unproven)")),
    )  # fmt: skip
    assert truth.lies(stage, "grid") == []
    assert {reading.quality for _, reading in stage.head_end.telemetry("grid")} - {"good"}


def test_a_meter_that_drifts_cannot_be_known_and_is_followed(film: Film) -> None:
    """An hour's drift in a minute: by 60 % more. The contract is kept and proved by this meter, rightly or wrongly."""
    stage, truth = play(
        film, "grid", Word.DRIFT, 36.0,
        at(89, hears(), meter_shows(1500 / 1.59, 100)),
        at(140, hears(), meter_shows(1500), battery_gets(1000), healths("grid", "online")),
        at(156, hears("expired(delivered)")),
    )  # fmt: skip
    assert truth.lies(stage, "grid", share=0.05), "what a drifting meter says is wrong, and nobody can know"


@pytest.mark.parametrize("device", ["grid", "battery"])
@pytest.mark.parametrize(("word", "argument"), HARMLESS)
def test_what_harms_nobody_is_not_spoken_of(film: Film, device: str, word: Word, argument: Argument | None) -> None:
    if word is Word.CLOCK_JUMP and device == "battery":
        argument = -3600.0
    stage, truth = play(
        film, device, word, argument,
        at(60, hears(), meter_shows(1500), battery_gets(1000)),
        at(149, hears(), meter_shows(1500), battery_gets(1000), healths("grid", "online"), healths("battery", "online")),
        at(156, hears("expired(delivered)")),
    )  # fmt: skip
    assert truth.lies(stage, device) == []
    assert {reading.quality for _, reading in stage.head_end.telemetry(device)} == {"good"}


def test_a_battery_that_takes_numbers_in_the_other_order_gets_no_wrong_power(film: Film) -> None:
    """1000 W would be -65 MW: refused by the device, and what it did before goes on; the lease ends it at the latest."""
    told: list[float | None] = []

    def look(stage: Stage) -> None:
        told.append(stage.home.store.request_w)

    play(film, "battery", Word.WORD_SWAP, None, *(at(31 + n, look) for n in range(59)), at(140, battery_gets(1000)))
    assert {None if each is None else round(each, -2) for each in told} <= {1000.0, None}


def test_a_battery_that_shows_its_frozen_past_is_let_go_in_time(film: Film) -> None:
    """Reading back shows an old reversion timer: the renewal is not confirmed, and asked for again until it is."""
    play(
        film, "battery", Word.FREEZE, None,
        at(85, never_got_more(1000)),
        at(140, battery_gets(1000), meter_shows(1500)),
        at(156, hears("expired(delivered)"), battery_gets(-500)),
    )  # fmt: skip


@pytest.mark.parametrize("seconds", [7200.0, -7200.0])
def test_the_nodes_own_clock_jumps_by_the_fault_word(film: Film, seconds: float) -> None:
    """The window lives on the monotonic clock; records are labelled by a clock that stands wrong for a minute."""

    def wired(stage: Stage) -> None:
        clock_jumps(stage.home.faults["load"], stage.clock)

    film(
        at(0, load(500), sun(0), wired, goes_wrong(FaultEvent(BEGINS_S, Word.CLOCK_JUMP, "load", LASTS_S, seconds))),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(60, hears("received", "accepted", "written", "observed"), meter_shows(1500), battery_gets(1000)),
        at(119.5, hears(), meter_shows(1500)),
        at(125, hears("expired(delivered)"), battery_gets(-500), healths("grid", "online")),
        setup=TWO,
    )
