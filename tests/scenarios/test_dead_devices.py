"""One device dead, from the start or later: the node runs on with the rest, says so once, and takes it back."""

import pytest

from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import ALL, Setup, Stage, Step
from tests.scenarios.words import (
    battery_gets,
    charge,
    devices_are_free,
    fault,
    heals,
    healths,
    hears,
    link_is_back,
    link_is_cut,
    load,
    meter_shows,
    pv_may_make,
    sends,
    sun,
)

DEAD = [(Word.DROP, None), (Word.OFF, None), (Word.HALF_OPEN, None), (Word.EXCEPTION, 4.0), (Word.GARBLE, None)]


def is_read(device: str, from_s: float, to_s: float, least: int) -> Step:
    """At least so many readings of a device came between two seconds; 0: none at all."""

    def step(stage: Stage) -> None:
        came = [at_s for at_s, _ in stage.head_end.telemetry(device) if from_s <= at_s < to_s]
        assert len(came) >= least if least else not came, f"{len(came)} readings of {device}, expected {least}"

    return step


def others_are_read(device: str, from_s: float, to_s: float) -> Step:
    """All devices but one were read nearly every second."""

    def step(stage: Stage) -> None:
        for name in set(stage.setup.devices) - {device}:
            is_read(name, from_s, to_s, int(0.95 * (to_s - from_s)))(stage)

    return step


@pytest.mark.parametrize("device", ALL)
def test_a_device_dead_from_the_start_does_not_stop_the_others(film: Film, device: str) -> None:
    """It is asked again at 1, 2, 4, 8, 16 and 32 s."""
    film(
        at(0, fault(device, Word.DROP), load(500), sun(0)),
        at(30, healths(device, "offline"), is_read(device, 0, 30, 0), heals(device)),
        at(35, healths(device, "offline", "online")),
        at(45, is_read(device, 35, 45, 9), others_are_read(device, 0, 45)),
        setup=Setup(devices=ALL),
    )


@pytest.mark.parametrize("device", ALL)
def test_a_device_that_dies_later_does_not_stop_the_others(film: Film, device: str) -> None:
    film(
        at(0, load(500), sun(0)),
        at(10.2, is_read(device, 0, 10, 9), fault(device, Word.DROP)),
        at(40, healths(device, "online", "suspect", "offline"), is_read(device, 11, 40, 0), heals(device)),
        at(50, healths(device, "online", "suspect", "offline", "online")),
        at(60, is_read(device, 50, 60, 9), others_are_read(device, 0, 60)),
        setup=Setup(devices=ALL),
    )


@pytest.mark.parametrize(("word", "argument"), DEAD)
def test_dead_is_dead_in_whatever_way(film: Film, word: Word, argument: float | None) -> None:
    film(
        at(0, load(500), sun(0)),
        at(10.2, fault("battery", word, argument)),
        at(40, healths("battery", "online", "suspect", "offline"), others_are_read("battery", 0, 40)),
        at(40.1, is_read("battery", 11, 40, 0), heals("battery")),
        at(75, healths("battery", "online", "suspect", "offline", "online")),
        setup=Setup(devices=("grid", "battery")),
    )


def test_a_contract_is_kept_without_the_devices_that_are_not_needed(film: Film) -> None:
    film(
        at(0, fault("pv", Word.DROP), fault("load", Word.DROP), load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=60)),
        at(40, hears("received", "accepted", "written", "observed"), meter_shows(1500)),
        at(65, hears("expired(delivered)")),
        setup=Setup(devices=ALL),
    )


def test_a_contract_says_that_its_battery_is_missing_and_gets_it_back(film: Film) -> None:
    film(
        at(0, fault("battery", Word.DROP), load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=200)),
        at(50, hears("received", "accepted", "clamped(devices)", "written"), meter_shows(500), heals("battery")),
        at(125, hears("clamped(lifted)", "observed"), meter_shows(1500)),
    )


def test_a_battery_that_dies_in_the_contract_is_replaced_by_what_is_left(film: Film) -> None:
    """It charged 1500 W of the sun's 4000; its lease ends by itself, then the inverter is limited."""
    film(
        at(0, load(500), sun(800), charge(50)),
        at(5, sends(power_w=-2000, start_s=10, end_s=300)),
        at(30, battery_gets(1500), meter_shows(-2000)),
        at(30.2, fault("battery", Word.DROP)),
        at(75, battery_gets(None), pv_may_make(2500), meter_shows(-2000)),
        at(90, heals("battery")),
        at(180, battery_gets(1500), pv_may_make(5000), meter_shows(-2000)),
    )


def test_a_contract_waits_for_the_meter_of_the_connection_point(film: Film) -> None:
    film(
        at(0, fault("grid", Word.OFF), load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=200)),
        at(50, hears("received", "accepted", "reverted(meter_stale)"), devices_are_free),
        at(50.1, heals("grid")),
        at(130, hears("written", "observed"), meter_shows(1500)),
    )


def test_a_device_that_died_while_nobody_listened_is_spoken_of_afterwards(film: Film) -> None:
    film(
        at(0, link_is_cut, fault("pv", Word.DROP)),
        at(30, link_is_back, healths("pv")),
        at(35, healths("pv", "offline"), healths("grid", "online")),
    )
