"""What a contract cannot have, and why; unknown is not low, and 0 W is an order."""

import pytest

from sim_hardware.devices.sunspec import SunSpecImage
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import (
    battery_gets,
    charge,
    devices_are_free,
    fault,
    hears,
    last,
    lies,
    load,
    meter_shows,
    node_stops,
    pv_may_make,
    sends,
    sun,
    tells_the_truth,
)

NOT_IMPLEMENTED = 0xFFFF  # SunSpec uint16


def charge_is_not_told(stage: Stage) -> None:
    """The battery answers for its power and has no state of charge to tell."""
    image = stage.devices["battery"].image
    assert isinstance(image, SunSpecImage)
    lies("battery", image.address(713, "SoC"), NOT_IMPLEMENTED)(stage)


def clamp_says(*words: str) -> Step:
    """The newest clamp explains itself with these words."""

    def step(stage: Stage) -> None:
        why = last(stage, "clamped").why
        assert all(word in why for word in words), f"clamped because {why!r}; expected {words}"

    return step


@pytest.mark.parametrize(
    ("percent", "power_w", "why"),
    [
        (100, 1500, ("1000 W of consumption missing", "battery is full at 100 %")),
        (5, -1500, ("2000 W of production missing", "battery is empty at 5 %")),
    ],
)
def test_a_full_battery_does_not_charge_and_an_empty_one_does_not_discharge(
    film: Film, percent: float, power_w: float, why: tuple[str, ...]
) -> None:
    film(
        at(0, load(500), sun(0), charge(percent)),
        at(5, sends(power_w=power_w, start_s=10, end_s=60)),
        at(30, hears("received", "accepted", "clamped(devices)", "written"), clamp_says(*why), meter_shows(500)),
        at(31, battery_gets(0)),
        at(65, hears("expired(violated)")),
    )


def test_a_target_beyond_the_battery_gets_all_of_the_battery(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=8000, start_s=10, end_s=60)),
        at(30, hears("received", "accepted", "clamped(devices)", "written"), battery_gets(5000)),
        at(31, clamp_says("2500 W of consumption missing", "battery takes 5000 W"), meter_shows(5500)),
        at(65, hears("expired(violated)")),
    )


def test_a_clamp_is_lifted_when_its_reason_is_gone(film: Film) -> None:
    film(
        at(0, load(500), sun(0), charge(100)),
        at(5, sends(power_w=1500, start_s=10, end_s=90)),
        at(30, hears("received", "accepted", "clamped(devices)", "written"), charge(50)),
        at(50, hears("clamped(lifted)", "observed"), meter_shows(1500)),
    )


def test_the_connection_clamps_what_was_agreed_under_a_wider_limit(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=4000, start_s=10, end_s=90)),
        at(30, hears("received", "accepted", "written", "observed"), meter_shows(4000), node_stops),
        at(32, lambda stage: stage.begin(import_limit_w=2000.0)),
        at(50, hears("clamped(connection)", "written"), meter_shows(2000), battery_gets(1500)),
        at(51, clamp_says("asked 4000 W, gets 2000 W", "2000 W import")),
    )


def test_the_connection_limits_the_site_without_any_contract(film: Film) -> None:
    film(
        at(0, load(0), sun(1000), charge(100)),
        at(30, pv_may_make(3000), meter_shows(-3000)),
        setup=Setup(site={"export_limit_w": 3000.0}),
    )


@pytest.mark.parametrize("power_w", [1500, -1500])
def test_an_unknown_charge_is_neither_low_nor_full(film: Film, power_w: float) -> None:
    """The battery is left to itself, whatever the contract asks."""
    film(
        at(0, charge_is_not_told, load(500), sun(0)),
        at(5, battery_gets(None), sends(power_w=power_w, start_s=10, end_s=60)),
        at(30, hears("received", "accepted", "clamped(devices)", "written"), battery_gets(None)),
        at(31, tells_the_truth("battery")),
        at(50, hears("clamped(lifted)", "observed"), battery_gets(power_w - 500)),
    )


def test_a_charge_that_gets_unknown_lets_the_battery_go(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=60)),
        at(30, battery_gets(1000), charge_is_not_told),
        at(33, battery_gets(None), pv_may_make(0)),
    )


def test_0_w_at_the_connection_point_is_an_order(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, devices_are_free, sends(power_w=0, start_s=10, end_s=60)),
        at(30, hears("received", "accepted", "written", "observed"), battery_gets(-500), meter_shows(0)),
        at(65, hears("expired(delivered)"), devices_are_free),
        setup=Setup(site={"rest": "idle"}),
    )


def test_0_w_of_production_is_an_order(film: Film) -> None:
    """The load alone is what the contract asks, and the battery is full: the sun has to stay outside."""
    film(
        at(0, load(500), sun(800), charge(100)),
        at(5, sends(power_w=500, start_s=10, end_s=90)),
        at(40, hears("received", "accepted", "written", "observed"), pv_may_make(0, within_w=10), meter_shows(500)),
        at(89, pv_may_make(0, within_w=10), meter_shows(500)),
        at(95, hears("expired(delivered)"), pv_may_make(5000)),
        at(105, meter_shows(-3500)),
    )


def test_the_sun_is_not_wasted_for_self_consumption(film: Film) -> None:
    """A full battery takes nothing more; 0 W at the connection point is then a preference that cannot be had."""
    film(
        at(0, load(500), sun(800), charge(100)),
        at(30, pv_may_make(5000), meter_shows(-3500)),
    )


def test_a_limit_follows_the_contracts_also_without_a_battery(film: Film) -> None:
    film(
        at(0, fault("battery", Word.OFF), load(500), sun(800)),
        at(5, sends(power_w=-1000, start_s=10, end_s=60), sends(power_w=-3000, start_s=60, end_s=120)),
        at(59, pv_may_make(1500), meter_shows(-1000)),
        at(100, pv_may_make(3500), meter_shows(-3000)),
        at(125, pv_may_make(5000)),
        at(130, meter_shows(-3500)),
    )


def test_a_battery_that_idles_at_0_w_is_told_so(film: Film) -> None:
    """0 W for the battery is a setpoint with a lease, not the absence of one."""
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=500, start_s=10, end_s=60)),
        at(30, battery_gets(0), meter_shows(500), hears("received", "accepted", "written", "observed")),
    )
