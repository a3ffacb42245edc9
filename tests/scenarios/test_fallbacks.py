"""What a home falls back to, and how soon: contract over, link lost, meter silent, node stopped, killed, begun again."""

import pytest

from sim_hardware.devices.sdm630 import float_words
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import (
    battery_gets,
    charge,
    devices_are_free,
    fault,
    heals,
    hears,
    lies,
    link_is_back,
    link_is_cut,
    load,
    meter_shows,
    node_begins,
    node_is_killed,
    node_stops,
    pv_may_make,
    sends,
    status_is,
    sun,
    tells_the_truth,
    why,
)

SDM630_POWER = 0x0034  # input register
IDLE = {"rest": "idle"}
SHORT_LEASES = {"battery": {"lease_s": 10.0}, "pv": {"lease_s": 10.0}}
# Longer than any of these films: what lets go is the node, not the device's own timer.
LONG_LEASES = {"battery": {"lease_s": 600.0}, "pv": {"lease_s": 600.0}}


def test_after_its_end_the_site_rests_in_self_consumption(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=40)),
        at(39.9, battery_gets(1000)),
        at(42, battery_gets(-500)),
        at(47, meter_shows(0)),
    )


def test_after_its_end_an_idle_site_lets_its_devices_go(film: Film) -> None:
    setup = Setup(site=IDLE, device=LONG_LEASES)
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=40)),
        at(39.9, battery_gets(1000)),
        at(42, devices_are_free, hears("received", "accepted", "written", "observed", "expired(delivered)")),
        setup=setup,
    )


def test_a_meter_that_stands_still_is_no_meter(film: Film) -> None:
    """It answers, each time with the same digits: for 20 s that may be so, then nothing is decided on it any more."""
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=100, fallback="idle")),
        at(30.2, fault("grid", Word.FREEZE), load(3000)),
        at(49, hears("received", "accepted", "written", "observed")),
        at(53, devices_are_free, hears("reverted(meter_stale)")),
        at(60, heals("grid")),
        at(70, meter_shows(1500)),
        setup=Setup(site=IDLE, device=LONG_LEASES),
    )


@pytest.mark.parametrize(
    ("hold_s", "link_hold_s", "held_s"),
    [(10.0, 3600.0, 10.0), (3600.0, 15.0, 15.0), (None, 15.0, 15.0), (0.0, 3600.0, 0.0)],
)
def test_a_lost_link_is_outlived_by_hold_s_and_no_longer(
    film: Film, hold_s: float | None, link_hold_s: float, held_s: float
) -> None:
    """The cut comes at 30.2 s and is noticed in the cycle of 30.5 s; the contract is written again with the link."""
    over_s = 30.5 + held_s
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=100, hold_s=hold_s)),
        at(30.2, link_is_cut),
        at(over_s + 0.2, battery_gets(1000)),
        at(over_s + 2.2, battery_gets(-500)),
        at(60, link_is_back, meter_shows(0)),
        at(75, battery_gets(1000), meter_shows(1500)),
        at(76, hears("received", "accepted", "written", "observed", "reverted(link_lost)", "written", "observed")),
        setup=Setup(site={"link_hold_s": link_hold_s}, devices=("grid", "battery")),
    )


def test_a_lost_link_alone_changes_nothing_before_the_site_says_so(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=100)),
        at(20, link_is_cut),
        at(99, battery_gets(1000)),
        at(105, link_is_back, battery_gets(-500)),
        at(120, hears("received", "accepted", "written", "observed", "expired(delivered)")),
    )


def test_the_contract_names_the_fallback(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=100, hold_s=5, fallback="idle")),
        at(30.2, link_is_cut),
        at(34.9, battery_gets(1000)),
        at(37.6, devices_are_free),
    )


def test_a_silent_meter_makes_the_node_let_go_within_blind_after_s_and_a_cycle(film: Film) -> None:
    """The last reading is of 30 s; blind_after_s is 5."""
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(30.2, fault("grid", Word.DROP)),
        at(34.9, battery_gets(1000)),
        at(36.5, devices_are_free),
        at(37, hears("received", "accepted", "written", "observed", "reverted(meter_stale)")),
        at(45, heals("grid"), hears()),
        at(70, hears("written", "observed"), meter_shows(1500)),
        setup=Setup(device=LONG_LEASES),
    )


def test_a_reading_without_power_is_no_reading_and_not_yet_silence(film: Film) -> None:
    """One poll that makes no sense swings nothing; blind_after_s of them are as good as a silent meter."""
    nonsense = lies("grid", SDM630_POWER, *float_words(9e9))
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(30.2, nonsense, hears("received", "accepted", "written", "observed")),
        at(31.2, tells_the_truth("grid")),
        at(40, battery_gets(1000), meter_shows(1500), hears()),
        at(50.2, nonsense),
        at(54.9, battery_gets(1000)),
        at(57, devices_are_free, hears("reverted(meter_stale)")),
        setup=Setup(device=LONG_LEASES),
    )


def test_a_node_that_is_stopped_lets_its_devices_go_and_says_goodbye(film: Film) -> None:
    stage = film(
        at(0, load(0), sun(800), charge(100)),
        at(5, sends(power_w=-1500, start_s=10, end_s=120)),
        at(29, pv_may_make(1500), status_is("online")),
        at(30, node_stops, devices_are_free, status_is("offline")),
        at(31, devices_are_free),
        setup=Setup(device=LONG_LEASES),
    )
    assert [(event.subject, event.state) for event in stage.head_end.happenings][-1] == ("node", "stopped")


def test_a_node_that_is_stopped_says_which_device_it_could_not_let_go(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(30.2, fault("battery", Word.DROP)),
        at(31, node_stops, status_is("offline"), battery_gets(1000)),
        at(62, devices_are_free),
    )
    goodbye = stage.head_end.happenings[-1]
    assert (goodbye.subject, goodbye.state) == ("node", "stopped")
    assert "battery could not be reached" in goodbye.why


@pytest.mark.parametrize("stop_ms", range(10_500, 10_600, 10))
def test_a_node_stopped_in_the_middle_of_a_write_lets_go_as_well(film: Film, stop_ms: int) -> None:
    """The first setpoint is on its way from 10.5 s on, over some eight transactions of 10 ms."""
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(stop_ms / 1000, node_stops, devices_are_free),
        setup=Setup(site=IDLE, device=LONG_LEASES, devices=("grid", "battery")),
    )


def test_a_killed_node_leaves_devices_that_fall_back_by_themselves_within_the_lease(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(30.2, node_is_killed, status_is("offline"), battery_gets(1000)),
        at(33, battery_gets(1000)),
        at(40.8, devices_are_free),
        setup=Setup(device=SHORT_LEASES),
    )


def test_a_killed_node_leaves_an_inverter_that_lifts_its_limit_by_itself(film: Film) -> None:
    film(
        at(0, load(0), sun(800), charge(100)),
        at(5, sends(power_w=-1500, start_s=10, end_s=120)),
        at(30.2, node_is_killed, pv_may_make(1500)),
        at(33, pv_may_make(1500)),
        at(40.8, devices_are_free, meter_shows(-4000, within_w=100)),
        setup=Setup(device=SHORT_LEASES),
    )


def test_a_node_begun_again_resumes_its_contract(film: Film) -> None:
    """It was there for less than nine tenths of the window, so it claims nothing at the end."""
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(30.2, node_is_killed),
        at(45, devices_are_free, node_begins),
        at(55, battery_gets(1000), meter_shows(1500)),
        at(56, hears("received", "accepted", "written", "observed", "written", "observed")),
        at(125, hears("expired(unproven)"), battery_gets(-500)),
        setup=Setup(device=SHORT_LEASES),
    )


def test_a_node_stopped_and_begun_again_soon_proves_its_contract(film: Film) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=120)),
        at(16, node_stops),
        at(18, node_begins),
        at(40, hears("received", "accepted", "written", "observed", "written", "observed"), meter_shows(1500)),
        at(125, hears("expired(delivered)")),
    )


@pytest.mark.parametrize("ends", [node_stops, node_is_killed])
def test_a_node_begun_after_the_end_lets_the_devices_go_and_says_that_it_is_over(film: Film, ends: Step) -> None:
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=60)),
        at(30.2, ends),
        at(90, node_begins),
        at(95, devices_are_free),
        at(96, hears("received", "accepted", "written", "observed", "expired(unproven)")),
        setup=Setup(site=IDLE, device=LONG_LEASES),
    )


def test_a_contract_is_not_said_to_be_over_while_a_device_may_go_on_with_it(film: Film) -> None:
    """Killed in the contract, begun after its end, and the battery (lease 600 s) cannot be reached."""
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=60)),
        at(30.2, node_is_killed, fault("battery", Word.OFF)),
        at(70, hears("received", "accepted", "written", "observed"), node_begins),
        at(90, hears(), battery_gets(1000), heals("battery")),
        at(120, hears("expired(unproven)"), devices_are_free),
        setup=Setup(site=IDLE, device=LONG_LEASES),
    )


def test_what_is_said_to_be_in_force_is_true_after_an_outage(film: Film) -> None:
    """The retained explanation changed while nobody could be told."""

    def nothing_is_in_force(stage: Stage) -> None:
        assert why(stage).contract is None

    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=40)),
        at(30, link_is_cut),
        at(60, link_is_back),
        at(65, nothing_is_in_force),
    )
