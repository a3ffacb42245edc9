"""Contracts on energy in a whole home: intervals met, said and proved, and what is said when they cannot be."""

import pytest

from protocols.contracts import Energy
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup
from tests.scenarios.words import hears, last, load, meter_shows, sends, sun

TWO = Setup(devices=("grid", "battery"))


def test_energy_is_met_interval_by_interval_and_said(film: Film) -> None:
    """100 Wh in five minutes are 1200 W on average; the load jumps."""
    stage = film(
        at(0, load(500), sun(0)),
        at(5, sends(product=Energy, peer="home-2", energy_wh=100.0, interval_s=300, start_s=10, end_s=610)),
        at(40, hears("received", "accepted", "written", "observed"), meter_shows(1200, within_w=200)),
        at(60, load(2500)),
        at(200, load(300)),
        at(312, hears("interval(delivered)")),
        at(400, load(1500)),
        at(630, hears("interval(delivered)", "expired(delivered)")),
        setup=TWO,
    )
    closed = last(stage, "interval")
    assert (closed.interval_start, closed.interval_end) == ("2026-06-21T10:05:10.000Z", "2026-06-21T10:10:10.000Z")
    assert closed.contracted_wh == pytest.approx(100.0)
    assert closed.deviation_wh == pytest.approx(0.0, abs=8.0)
    print([(e.state, e.why, e.deviation_wh) for e in stage.head_end.contract_events])
    print({name: output.writes for name, output in stage.node.parts.outputs.items()})
