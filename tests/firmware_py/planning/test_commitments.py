"""Contracts of the book as energies of a plan's steps. Expectations are sums done by hand: 1000 W for a quarter of an hour are 250 Wh."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from controller.book import Called, Entry, entry_of
from controller.planning.site import Commitment, Horizon
from firmware_py.home.planning.commitments import commitments, reserves
from firmware_py.home.planning.hours import Now
from protocols.contracts import Contract, Dispatch, Energy, Option, Reprofile, State
from protocols.settlement import SettlementTerms

T0 = datetime(2026, 6, 21, 10, 0, tzinfo=UTC)
HORIZON = Horizon(T0, 900.0, 16)
NOW = Now(5000.0, T0 + timedelta(seconds=30))
NET_W = np.full(16, 400.0)


def entry(kind: type[Contract], begin_min: float, end_min: float, name: str = "c-1", **terms: object) -> Entry:
    start, end = (T0 + timedelta(minutes=minutes) for minutes in (begin_min, end_min))
    made = kind(id=name, seq=1, iss="dso", aud="home-1", start=start, end=end, **terms)  # type: ignore[arg-type]
    return entry_of(made, b"", NOW.now_s, NOW.utc)


def found(*entries: Entry, horizon: Horizon = HORIZON, now: Now = NOW) -> list[tuple[str, int, int, float]]:
    every = commitments(entries, now, horizon, NET_W, 1.5)
    return [(each.contract, each.first, each.last, round(each.energy_wh, 3)) for each in every]


def test_no_contract_is_no_commitment() -> None:
    assert commitments((), NOW, HORIZON, NET_W, 1.0) == ()


def test_a_trade_by_quarters_is_an_energy_in_each_step() -> None:
    trade = entry(Energy, 30, 60, peer="home-2", energy_wh=-300.0)
    assert found(trade) == [("c-1", 2, 3, -300.0), ("c-1", 3, 4, -300.0)]


def test_a_trade_by_the_hour_keeps_its_freedom_inside_the_hour() -> None:
    trade = entry(Energy, 60, 180, peer="home-2", energy_wh=2000.0, interval_s=3600)
    assert found(trade) == [("c-1", 4, 8, 2000.0), ("c-1", 8, 12, 2000.0)]


def test_of_an_hour_that_runs_the_rest_is_asked() -> None:
    """Half of it is over: half of its energy is left."""
    trade = entry(Energy, -30, 30, peer="home-2", energy_wh=2000.0, interval_s=3600)
    assert found(trade) == [("c-1", 0, 2, 1000.0)]


def test_trades_of_the_same_time_add_up() -> None:
    one = entry(Energy, 30, 45, peer="home-2", energy_wh=-300.0)
    other = entry(Energy, 30, 45, "c-2", peer="home-3", energy_wh=100.0)
    assert found(one, other) == [("c-1", 2, 3, -300.0), ("c-2", 2, 3, 100.0)]


def test_where_an_hour_and_a_quarter_meet_each_step_has_its_part() -> None:
    hour = entry(Energy, 0, 60, peer="home-2", energy_wh=2000.0, interval_s=3600)
    quarter = entry(Energy, 15, 30, "c-2", peer="home-3", energy_wh=-100.0)
    assert found(hour, quarter) == [
        ("c-1", 0, 1, 500.0),
        ("c-1", 1, 2, 500.0),
        ("c-2", 1, 2, -100.0),
        ("c-1", 2, 3, 500.0),
        ("c-1", 3, 4, 500.0),
    ]


def test_quarters_on_another_grid_than_the_steps_are_split_and_the_rest_of_a_step_is_what_flows_anyway() -> None:
    """1200 W from 10:35 to 10:50: ten minutes of one step (200 Wh) and five of the next (100 Wh); beside them 400 W flow."""
    trade = entry(Energy, 35, 50, peer="home-2", energy_wh=300.0)
    assert found(trade) == [
        ("c-1", 2, 3, 233.333),
        ("c-1", 3, 4, 166.667),
    ]


def test_five_minute_steps_share_a_quarter() -> None:
    trade = entry(Energy, 15, 30, peer="home-2", energy_wh=300.0)
    assert found(trade, horizon=Horizon(T0, 300.0, 16)) == [("c-1", 3, 6, 300.0)]


def test_a_reprofile_is_its_nomination_and_the_change() -> None:
    change = entry(Reprofile, 15, 45, change_w=-800.0, baseline_w=(1000.0, 2000.0))
    assert found(change) == [("c-1", 1, 2, 50.0), ("c-1", 2, 3, 300.0)]


def test_a_reprofile_beside_a_trade_is_the_change_alone() -> None:
    trade = entry(Energy, 15, 30, peer="home-2", energy_wh=500.0)
    change = entry(Reprofile, 15, 30, "c-2", change_w=-800.0)
    assert found(trade, change) == [("c-1", 1, 2, 500.0), ("c-2", 1, 2, -200.0)]


def test_without_a_nomination_what_is_expected_before_is_the_baseline() -> None:
    change = entry(Reprofile, 30, 45, change_w=-800.0)
    assert found(change) == [("c-1", 2, 3, -100.0)]  # (400 - 800) W


def test_a_nomination_takes_the_place_of_trades() -> None:
    """As `controller.tracking` adds up: a nominated baseline contains what was traded."""
    trade = entry(Energy, 15, 30, peer="home-2", energy_wh=500.0)
    change = entry(Reprofile, 15, 30, "c-2", change_w=-800.0, baseline_w=(1000.0,))
    assert found(trade, change) == [("c-2", 1, 2, 50.0)]


def test_an_option_without_a_nomination_counts_only_where_it_is_called() -> None:
    option = entry(Option, 0, 120, least_w=-2000.0, most_w=0.0)
    assert found(option) == []
    begin_s = option.start_s + 1800.0
    called = replace(option, calls=(Called(begin_s, begin_s + 900.0, -600.0, 2),))
    assert found(called) == [("c-1", 2, 3, -50.0)]


def test_an_option_that_may_still_be_called_is_kept_ready_for_its_greater_change() -> None:
    option = entry(Option, 0, 75, least_w=-2000.0, most_w=400.0, baseline_w=(1000.0,) * 5)
    # The step that runs is free: it was not called.
    assert found(option) == [("c-1", step, step + 1, -250.0) for step in range(1, 5)]
    begin_s = option.start_s + 1800.0
    called = replace(option, calls=(Called(begin_s, begin_s + 900.0, -600.0, 2),))
    assert found(called) == [("c-1", 2, 3, 100.0), ("c-1", 3, 4, -250.0), ("c-1", 4, 5, -250.0)]


def test_a_call_comes_with_notice_and_is_no_longer_than_it_may_be() -> None:
    terms: dict[str, Any] = {
        "least_w": -2000.0,
        "most_w": 0.0,
        "baseline_w": (1000.0,) * 8,
        "notice_s": 1770.0,
        "longest_s": 900.0,
    }
    assert found(entry(Option, 0, 120, **terms)) == [("c-1", 2, 3, -250.0)]


def test_reserves_are_for_what_was_bought_with_a_nomination() -> None:
    given: dict[str, Any] = {"baseline_w": (0.0,) * 4}
    less, more = (entry(Reprofile, 15, 75, change_w=watts, **given) for watts in (-500.0, 800.0))
    plain = entry(Reprofile, 15, 75, change_w=-500.0)

    def of(*entries: Entry) -> list[tuple[int, int, float]]:
        return list(reserves(entries, NOW, HORIZON))

    assert of(less) == [(1, 5, -1.0)]
    assert of(less, more) == [(1, 5, 1.0)]
    assert of(plain) == of(replace(less, state=State.PROPOSED)) == []
    begun = entry(Reprofile, -30, 30, change_w=-500.0, **given)
    assert of(begun) == [(1, 2, -1.0)]  # the present step knows its load
    later = entry(Reprofile, 90, 150, "c-2", change_w=300.0, **given)
    assert of(less, later) == [(1, 5, -1.0), (6, 10, 1.0)]


def test_a_dispatch_stands_alone() -> None:
    trade = entry(Energy, 0, 60, peer="home-2", energy_wh=500.0)
    dispatch = entry(Dispatch, 15, 30, "c-2", power_w=2000.0)
    assert found(trade, dispatch) == [
        ("c-1", 0, 1, 500.0),
        ("c-2", 1, 2, 500.0),
        ("c-1", 2, 3, 500.0),
        ("c-1", 3, 4, 500.0),
    ]


def test_what_binds_nobody_or_lies_outside_is_left_out() -> None:
    over = entry(Energy, -60, -30, peer="home-2", energy_wh=500.0)
    later = entry(Energy, 300, 360, "c-2", peer="home-2", energy_wh=500.0)
    proposed = replace(entry(Energy, 15, 30, "c-3", peer="home-2", energy_wh=500.0), state=State.PROPOSED)
    assert found(over, later, proposed) == []


def price_of(terms: SettlementTerms | None) -> list[Commitment]:
    trade = entry(Energy, 15, 30, peer="home-2", energy_wh=500.0, settlement=terms)
    return list(commitments((trade,), NOW, HORIZON, NET_W, 1.5))


def test_a_deviation_costs_the_price_not_earned_and_the_penalty() -> None:
    terms = SettlementTerms("energy", price_per_kwh=Decimal("0.20"), penalty_per_kwh=Decimal("0.35"))
    assert price_of(terms)[0].deviation_per_kwh == pytest.approx(0.55)
    assert price_of(None)[0].deviation_per_kwh == 1.5
    assert price_of(SettlementTerms("energy"))[0].deviation_per_kwh == 1.5
    absurd = SettlementTerms("energy", penalty_per_kwh=Decimal(200_000))
    assert price_of(absurd)[0].deviation_per_kwh == 100_000.0, "a plan must still be made: beyond it is all the same"
