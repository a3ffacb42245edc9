"""One contract from end to end: what is said of it, in which order, and who bears witness."""

import pytest

from sim_hardware.devices.sunspec import SunSpecImage
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import (
    battery_gets,
    fault,
    heals,
    hears,
    last,
    lies,
    load,
    meter_shows,
    sends,
    sun,
    tells_the_truth,
)


def battery_is_stuck(stage: Stage) -> None:
    """It takes every setpoint and stays at 0 W, as a tripped contactor leaves it."""
    stage.home.store.after = lambda dt_s: None  # type: ignore[method-assign]


def test_a_contract_is_received_accepted_written_observed_and_expires_delivered(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=70)),
        at(9, hears("received", "accepted"), battery_gets(-500)),
        at(20, hears("written", "observed"), meter_shows(1500), battery_gets(1000)),
        at(69, hears(), meter_shows(1500)),
        at(75, hears("expired(delivered)"), meter_shows(0)),
    )
    written, observed, expired = (last(stage, state) for state in ("written", "observed", "expired"))
    assert written.setpoints == {"pv": None, "battery": pytest.approx(1000, abs=20)}
    assert observed.observed_w == pytest.approx(1500, abs=100)
    assert observed.latency_s is not None
    assert 0 < observed.latency_s < 10
    # From settling (10 s after the start) to the end: 1500 W for 50 s.
    assert expired.contracted_wh == pytest.approx(1500 * 50 / 3600)
    assert expired.metered_wh == pytest.approx(1500 * 50 / 3600, rel=0.02)


def test_a_write_that_the_meter_does_not_show_is_never_observed_and_violated(film: Film) -> None:
    film(
        at(0, load(500), sun(0), battery_is_stuck),
        at(5, sends(power_w=1500, start_s=10, end_s=70)),
        at(30, hears("received", "accepted", "written"), battery_gets(1000), meter_shows(500)),
        at(69, hears()),
        at(75, hears("expired(violated)")),
    )


def test_what_the_meter_showed_before_the_write_is_no_observation(film: Film) -> None:
    """The load happens to be what the contract asks; the last reading is of 10 s, the write of half a second later."""
    film(
        at(0, load(1500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=60)),
        at(10.2, fault("grid", Word.DROP)),
        at(14.9, hears("received", "accepted", "written"), heals("grid")),
        at(30, hears("observed")),
        setup=Setup(site={"rest": "idle"}),
    )


def battery_refuses_setpoints(stage: Stage) -> None:
    stage.devices["battery"].is_read_only = True


def battery_takes_setpoints(stage: Stage) -> None:
    stage.devices["battery"].is_read_only = False


def battery_keeps_its_own_setpoint(stage: Stage) -> None:
    """It confirms every write, and its register goes on showing 7 W."""
    image = stage.devices["battery"].image
    assert isinstance(image, SunSpecImage)
    lies("battery", image.address(704, "WSet"), 0, 7)(stage)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (battery_refuses_setpoints, battery_takes_setpoints),
        (battery_keeps_its_own_setpoint, tells_the_truth("battery")),
        (fault("battery", Word.DROP), heals("battery")),
    ],
)
def test_what_no_device_confirmed_is_not_written(film: Film, begins: Step, ends: Step) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=60)),
        at(10.2, begins),
        at(14.4, hears("received", "accepted"), ends),
        at(30, hears("written", "observed"), meter_shows(1500)),
        setup=Setup(site={"rest": "idle"}),
    )


def test_a_later_contract_of_the_same_issuer_takes_over(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=70)),
        at(20, sends(power_w=-1000, start_s=30, end_s=60)),
        at(29, hears("received", "accepted", "written", "observed", "received", "accepted"), meter_shows(1500)),
        at(45, hears("expired(delivered)", "written", "observed"), meter_shows(-1000)),
        at(65, hears("expired(delivered)"), meter_shows(0)),
    )


def test_a_ramp_is_kept(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=2000, start_s=10, end_s=70, ramp_w_per_s=100)),
        at(20, hears("received", "accepted", "written"), meter_shows(1000, within_w=250)),
        at(40, hears("observed"), meter_shows(2000)),
        at(75, hears("expired(delivered)")),
    )
