"""Contracts on energy in a whole home: intervals met, said and proved, and what is said when they cannot be.

The load jumps, the meter is read each second, the battery lags by a second; intervals of 2 or 5 minutes.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from protocols.contracts import Energy, Reprofile
from protocols.messages import ContractEvent
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import EPOCH, Setup, Stage
from tests.scenarios.words import (
    battery_gets,
    charge,
    fault,
    heals,
    hears,
    last,
    link_is_back,
    link_is_cut,
    load,
    meter_shows,
    node_begins,
    node_is_killed,
    node_stops,
    sends,
    sun,
    why,
)

TWO = Setup(devices=("grid", "battery"))
TRADE: dict[str, Any] = {"product": Energy, "peer": "home-2", "interval_s": 120}
RATING_W = 5000.0
# 1 % of the battery's rating times the interval.
WITHIN_WH = 0.01 * RATING_W * 120 / 3600
# Told at most once in ten seconds, and renewed at 0.45 of a lease of 30 s.
WRITES_MOST = 120 / 10 + 120 / 13.5


def intervals(stage: Stage, contract: str) -> list[ContractEvent]:
    return [e for e in stage.head_end.contract_events if e.state == "interval" and e.contract == contract]


def off_wh(stage: Stage, contract: str) -> list[float]:
    return [event.deviation_wh for event in intervals(stage, contract) if event.deviation_wh is not None]


def states(stage: Stage, contract: str) -> list[str]:
    return [str(event.state) for event in stage.head_end.contract_events if event.contract == contract]


def test_energy_is_met_interval_by_interval_with_few_writes(film: Film) -> None:
    """40 Wh in two minutes are 1200 W on average."""
    writes: list[int] = []

    def counted(stage: Stage) -> None:
        writes.append(stage.node.parts.outputs["battery"].writes)

    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=250)),
        at(9.9, counted),
        at(30, hears("received", "accepted", "written", "observed"), meter_shows(1200)),
        at(40, load(2500)),
        at(90, load(300)),
        at(130.2, counted),
        at(133, hears("interval(delivered)")),
        at(200, load(1500)),
        at(250.2, counted),
        at(260, hears("interval(delivered)", "expired(delivered)")),
        setup=TWO,
    )
    closed = last(stage, "interval")
    assert (closed.interval_start, closed.interval_end) == ("2026-06-21T10:02:10.000Z", "2026-06-21T10:04:10.000Z")
    assert closed.contracted_wh == pytest.approx(40.0)
    assert closed.tolerance_wh == pytest.approx(100.0 * 120 / 3600)
    assert off_wh(stage, "dso-1") == pytest.approx([0.0, 0.0], abs=WITHIN_WH)
    assert max(b - a for a, b in pairwise(writes)) <= WRITES_MOST


def test_two_trades_of_different_issuers_add_up(film: Film) -> None:
    """50 Wh bought here and 20 Wh sold there are 30 Wh, 900 W on average; each gets its own proof."""
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=50.0, start_s=10, end_s=130)),
        at(6, sends(**TRADE, energy_wh=-20.0, start_s=10, end_s=130, by="aggregator")),
        at(60, load(2000)),
        at(100, meter_shows(900, within_w=200)),
        at(140, lambda stage: None),
        setup=TWO,
    )
    one, other = intervals(stage, "dso-1")[0], intervals(stage, "aggregator-1")[0]
    assert [one.contracted_wh, other.contracted_wh] == pytest.approx([50.0, -20.0])
    assert (one.outcome, other.outcome) == ("delivered", "delivered")
    assert one.metered_wh is not None
    assert other.metered_wh is not None
    assert one.metered_wh + other.metered_wh == pytest.approx(30.0, abs=WITHIN_WH)


def test_a_change_of_power_is_counted_from_what_flowed_before(film: Film) -> None:
    """The site rests idle at 1500 W; 800 W less for two minutes are 23.3 Wh of 50. Back at rest by and by, not at once."""
    stage = film(
        at(0, load(1500), sun(0)),
        at(125, sends(product=Reprofile, change_w=-800.0, interval_s=120, start_s=130, end_s=250)),
        at(160, hears("received", "accepted", "written", "observed"), meter_shows(700)),
        at(200, load(1900)),
        at(251, load(1500)),
        at(258, meter_shows(850, within_w=250)),
        at(290, hears("interval(delivered)", "expired(delivered)"), battery_gets(None), meter_shows(1500)),
        setup=Setup(devices=("grid", "battery"), site={"rest": "idle"}),
    )
    closed = last(stage, "interval")
    assert closed.contracted_wh == pytest.approx(-800.0 * 120 / 3600)
    assert off_wh(stage, "dso-1") == pytest.approx([0.0], abs=WITHIN_WH)


def test_a_shortfall_is_said_early_and_once_with_its_reason(film: Film) -> None:
    """200 Wh in two minutes would take 6 kW of charging; the battery takes 5: 16.7 Wh and what flowed less at first."""
    stage = film(
        at(0, load(0), sun(0)),
        at(5, sends(**TRADE, energy_wh=200.0, start_s=10, end_s=130)),
        at(35, hears("received", "accepted", "written", "short(devices)")),
        at(129, hears(), battery_gets(5000)),
        at(140, hears("interval(violated)", "expired(violated)")),
        setup=TWO,
    )
    short = last(stage, "short")
    assert short.short_wh is not None
    assert short.short_wh == pytest.approx(200.0 - 5000 * 120 / 3600, abs=5.0)
    assert "of import will be missing" in short.why
    assert "battery takes 5000 W" in short.why
    assert off_wh(stage, "dso-1")[0] + short.short_wh == pytest.approx(0.0, abs=5.0)


def test_a_battery_that_will_be_empty_is_a_shortfall_before_it_is(film: Film) -> None:
    """10 kWh at 6 % with 5 % to be left: some 95 Wh to give, and 250 Wh owed in five minutes."""
    stage = film(
        at(0, load(0), sun(0), charge(6)),
        at(5, sends(product=Energy, peer="b", interval_s=300, energy_wh=-250.0, start_s=10, end_s=310)),
        at(
            40,
            hears("received", "accepted", "written", "observed", "short(devices)"),
            battery_gets(-3000, within_w=200),
        ),
        *(at(at_s, load(10.0 + at_s / 10)) for at_s in range(45, 315, 10)),
        at(320, hears("interval(violated)", "expired(violated)")),
        setup=TWO,
    )
    assert "battery is empty in" in last(stage, "short").why
    assert last(stage, "short").short_wh == pytest.approx(-155.0, abs=20.0)


def test_a_limit_that_is_stronger_is_never_broken_and_named(film: Film) -> None:
    """40 Wh would take 1200 W; agreed under a wider limit, the connection allows 1000 W now."""
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=130)),
        at(8, hears("received", "accepted"), node_stops),
        at(9, lambda stage: stage.begin(import_limit_w=1000.0)),
        at(60, meter_shows(1000), load(200)),
        at(65, meter_shows(1000, within_w=310)),
        at(140, hears("written", "short(connection)", "interval(violated)", "expired(violated)")),
        setup=TWO,
    )
    assert "1000 W import" in last(stage, "short").why
    assert off_wh(stage, "dso-1")[0] == pytest.approx(-200 * 120 / 3600, abs=2.0)


def test_a_dispatch_goes_before_energy_and_is_made_up_for(film: Film) -> None:
    """40 s at 0 W: of the 40 Wh 10 flowed before, and 30 have to in the 50 s behind, 2160 W."""
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=130)),
        at(6, sends(power_w=0, start_s=40, end_s=80)),
        at(39, meter_shows(1200)),
        at(60, meter_shows(0)),
        at(100, meter_shows(2160, within_w=100)),
        at(140, lambda stage: None),
        setup=TWO,
    )
    assert off_wh(stage, "dso-1") == pytest.approx([0.0], abs=WITHIN_WH)
    assert states(stage, "dso-2")[-1] == "expired"
    clamps = [e.reason for e in stage.head_end.contract_events if e.contract == "dso-1" and e.state == "clamped"]
    assert clamps == ["dispatch", "lifted"]


def test_a_device_that_dies_is_a_shortfall_and_what_it_missed_is_made_up_for(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=130)),
        at(30, hears("received", "accepted", "written", "observed"), fault("battery", Word.OFF)),
        at(75, heals("battery")),
        at(140, lambda stage: None),
        setup=TWO,
    )
    assert "short" in states(stage, "dso-1")
    assert off_wh(stage, "dso-1") == pytest.approx([0.0], abs=WITHIN_WH)


def test_without_the_link_it_is_reverted_and_violated(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=130, hold_s=10)),
        at(30, link_is_cut),
        at(60, meter_shows(0, within_w=60), link_is_back),
        at(64, lambda stage: None),
        at(140, lambda stage: None),
        setup=TWO,
    )
    said = states(stage, "dso-1")
    assert said[:5] == ["received", "accepted", "written", "observed", "reverted"]
    assert last(stage, "reverted").reason == "link_lost"
    # Taken up again, and what was missed made up for.
    assert off_wh(stage, "dso-1") == pytest.approx([0.0], abs=WITHIN_WH)


@pytest.mark.parametrize(("gone_s", "outcome"), [(40, "delivered")])
def test_a_stale_meter_reverts_and_its_counters_bridge_the_gap(film: Film, gone_s: float, outcome: str) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=130)),
        at(30, fault("grid", Word.DROP)),
        at(30 + gone_s, battery_gets(None), heals("grid")),
        at(145, lambda stage: None),
        setup=TWO,
    )
    assert last(stage, "reverted").reason == "meter_stale"
    assert [event.outcome for event in intervals(stage, "dso-1")] == [outcome]
    assert off_wh(stage, "dso-1") == pytest.approx([0.0], abs=WITHIN_WH)


def test_a_restart_in_the_middle_goes_on_from_the_register(film: Film) -> None:
    """20 s without a node; what flowed meanwhile is counted by the meter, and the interval is met and proved."""
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=10, end_s=130)),
        at(50, node_is_killed),
        at(70, node_begins),
        at(100, meter_shows(1300, within_w=250)),
        at(140, lambda stage: None),
        setup=TWO,
    )
    assert [event.outcome for event in intervals(stage, "dso-1")] == ["delivered"]
    assert off_wh(stage, "dso-1") == pytest.approx([0.0], abs=WITHIN_WH)


def test_who_is_followed_is_explained(film: Film) -> None:
    def explained(stage: Stage) -> None:
        told = why(stage)
        assert (told.contract, told.set_by) == ("dso-1, aggregator-1", "contract")

    film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=50.0, start_s=10, end_s=130)),
        at(6, sends(**TRADE, energy_wh=-20.0, start_s=10, end_s=130, by="aggregator")),
        at(40, explained),
        setup=TWO,
    )


def test_intervals_count_from_the_start_and_not_from_the_full_hour(film: Film) -> None:
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(**TRADE, energy_wh=40.0, start_s=17, end_s=137)),
        at(150, lambda stage: None),
        setup=TWO,
    )
    assert intervals(stage, "dso-1")[0].interval_start[:19] == (EPOCH + timedelta(seconds=17)).isoformat()[:19]
