"""The statement: figures worked by hand, and laws that hold whatever the figures are."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.settlement.series import Lack, Part, Series, Span
from controller.settlement.statement import Statement, settled
from tests.controller.settlement.cases import QUARTER, START, contract, parts, series, terms

PRICES = {"price_per_kwh": Decimal("0.20"), "penalty_per_kwh": Decimal("0.30")}
NOMINATION = terms("nomination", **PRICES)


def column(statement: Statement, name: str) -> list[float | None]:
    return [None if (value := getattr(row, name)) is None else float(value) for row in statement.rows]


def test_less_import_was_ordered_met_missed_exceeded_and_turned_round() -> None:
    """Nominated 500 Wh a quarter, contracted 1 kW = 250 Wh: 250 Wh are ordered in each."""
    result = settled(contract(1000), NOMINATION, series(250, 300, 200, 600), series(500, 500, 500, 500))
    assert column(result, "ordered_wh") == [250, 250, 250, 250]
    assert column(result, "delivered_wh") == [250, 200, 250, 0]
    assert column(result, "deviation_wh") == [0, 50, -50, 350]
    assert column(result, "deficiency_wh") == [0, 50, 0, 350]
    assert column(result, "payment") == [0.05, 0.025, 0.05, -0.105]
    assert result.totals.delivered_wh == 700
    assert result.totals.deficiency_wh == 400
    assert (result.totals.payment, result.totals.amount_due) == (Decimal("0.020"), Decimal("0.02"))


def test_more_import_is_the_mirror_image() -> None:
    """Nominated -500 Wh (export), contracted 0 W: 500 Wh more import are ordered; exporting on is a deficiency."""
    result = settled(contract(0, quarters=3), NOMINATION, series(0, -200, 100), series(-500, -500, -500))
    assert column(result, "ordered_wh") == [-500, -500, -500]
    assert column(result, "delivered_wh") == [500, 300, 500]
    assert column(result, "deficiency_wh") == [0, 200, 0]


def test_where_nothing_was_ordered_nothing_is_paid_or_taken() -> None:
    result = settled(contract(1000, quarters=1), NOMINATION, series(900), series(250))
    totals = result.totals
    assert totals.delivered_wh == totals.deficiency_wh == totals.payment == 0


def test_an_amount_due_is_rounded_once_with_halves_away_from_zero() -> None:
    price = terms("nomination", price_per_kwh=Decimal("0.01"))
    result = settled(contract(0), price, series(0, 0, 0, 0), series(125, 125, 125, 125))
    assert [row.payment for row in result.rows] == [Decimal("0.00125")] * 4
    assert (result.totals.payment, result.totals.amount_due) == (Decimal("0.005"), Decimal("0.01"))


def test_what_is_missing_doubtful_or_across_the_edge_is_unsettled_and_named() -> None:
    readings = parts([250, 250, 250, 250])
    doubtful = Part(readings[1].span, Lack("line 1 is doubtful: quality incomplete"))
    across = Part(Span(START + 2 * QUARTER, START + 3 * QUARTER + timedelta(minutes=1)), 1, "line 2")
    result = settled(contract(1000), NOMINATION, Series([readings[0], doubtful, across]), series(500, 500, 500, 500))
    assert [row.state for row in result.rows] == ["settled", "unsettled", "unsettled", "unsettled"]
    assert "incomplete" in result.rows[1].why
    assert "crosses" in result.rows[2].why
    assert "crosses" in result.rows[3].why
    assert column(result, "payment") == [0.05, None, None, None]
    assert (result.totals.settled, result.totals.intervals) == (1, 4)
    assert result.totals.ordered_wh == 250


def test_a_gap_is_named_with_its_times() -> None:
    readings = series(100, start=START + timedelta(minutes=5), step=timedelta(minutes=10))
    result = settled(contract(0, quarters=1), NOMINATION, readings, series(500))
    assert result.rows[0].why == "no reading 2026-06-22T10:00:00Z to 2026-06-22T10:05:00Z"


def test_a_contract_between_two_edges_has_a_short_first_and_last_interval() -> None:
    start = START + timedelta(minutes=10)
    readings = series(*[100] * 6, start=START, step=timedelta(minutes=5))
    nomination = series(*[200] * 6, start=START, step=timedelta(minutes=5))
    result = settled(contract(1200, start=start, quarters=1), NOMINATION, readings, nomination)
    assert [(row.start[11:16], row.end[11:16]) for row in result.rows] == [("10:10", "10:15"), ("10:15", "10:25")]
    assert column(result, "metered_wh") == [100, 200]
    assert column(result, "target_wh") == [100, 200]


def test_meter_before_and_after() -> None:
    """2 kW before, 1 kW after: the baseline is 1.5 kW, 375 Wh a quarter."""
    readings = series(500, 250, 250, 250, start=START - QUARTER)
    both = terms("meter_before_after", after_s=900, **PRICES)
    result = settled(contract(1000, quarters=2), both, readings)
    assert column(result, "baseline_wh") == [375, 375]
    assert column(result, "delivered_wh") == [125, 125]
    before = settled(contract(1000, quarters=2), terms("meter_before_after", **PRICES), readings)
    assert column(before, "baseline_wh") == [500, 500]


def test_without_a_reading_before_there_is_no_baseline() -> None:
    result = settled(contract(1000, quarters=1), terms("meter_before_after"), series(250))
    assert "no reading 2026-06-22T09:45" in result.rows[0].why
    assert result.totals.settled == 0


@pytest.mark.parametrize(("method", "has_nomination"), [("nomination", False), ("x_of_y", True), ("limit", True)])
def test_a_baseline_file_goes_with_a_nomination_only(method: str, has_nomination: bool) -> None:
    side = {"limit_side": "import"} if method == "limit" else {}
    with pytest.raises(ValueError, match="baseline file"):
        settled(contract(0), terms(method, **side), series(1), series(1) if has_nomination else None)


# Limits


LIMIT = {"penalty_per_kwh": Decimal("0.30"), "price_per_interval": Decimal("0.01")}


def test_an_import_limit_is_kept_interval_by_interval() -> None:
    """4.2 kW are 1050 Wh a quarter."""
    result = settled(
        contract(4200, settle_s=0), terms("limit", limit_side="import", **LIMIT), series(1050, 1051, 0, -9)
    )
    assert column(result, "deficiency_wh") == [0, 1, 0, 0]
    assert column(result, "payment") == [0.01, -0.0003, 0.01, 0.01]
    assert result.totals.kept == 3


def test_an_export_limit_bounds_from_below() -> None:
    result = settled(
        contract(-4000, settle_s=0, quarters=3), terms("limit", limit_side="export", **LIMIT), series(-1000, -1100, 500)
    )
    assert column(result, "deficiency_wh") == [0, 100, 0]


def test_the_allowance_is_the_area_below_settling_and_ramp() -> None:
    """From 5 kW to 1 kW: 60 s at 4 kW over, then 400 s falling by 10 W/s: 4000 * 60 + 4000 * 400 / 2 = 1.04 MWs."""
    readings = series(1250, 600, 250, start=START - QUARTER)
    steep = contract(1000, quarters=2, settle_s=60, ramp_w_per_s=10)
    result = settled(steep, terms("limit", limit_side="import", **LIMIT), readings)
    assert column(result, "allowance_wh") == [pytest.approx(1_040_000 / 3600, abs=0.001), 0]
    assert column(result, "deficiency_wh") == [pytest.approx(350 - 1_040_000 / 3600, abs=0.001), 0]


def test_a_long_ramp_is_shared_by_the_intervals_it_spans() -> None:
    """1 kW over, falling by 0.5 W/s: 2000 s. Of 1 MWs, 900 s take 900 * 1000 - 0.25 * 900^2 = 697.5 kWs."""
    readings = series(500, 0, 0, 0, 0, start=START - QUARTER)
    slow = contract(1000, quarters=4, settle_s=0, ramp_w_per_s=0.5)
    result = settled(slow, terms("limit", limit_side="import", **LIMIT), readings)
    allowed = column(result, "allowance_wh")
    assert allowed[0] == pytest.approx(697_500 / 3600, abs=0.001)
    assert sum(value or 0 for value in allowed) == pytest.approx(1_000_000 / 3600, abs=0.002)


def test_without_a_reading_before_nothing_is_allowed_for() -> None:
    result = settled(contract(1000, quarters=1), terms("limit", limit_side="import", **LIMIT), series(251))
    assert column(result, "deficiency_wh") == [1]
    assert "no allowance" in result.basis[0]


# Laws

ENERGY = st.integers(-(10**7), 10**7)
ROWS = st.lists(st.tuples(ENERGY, ENERGY), min_size=1, max_size=6)


def in_milliwh(energies: list[int], step: timedelta = QUARTER) -> list[Part]:
    spans = [Span(START + index * step, START + (index + 1) * step) for index in range(len(energies))]
    return [Part(span, energy) for span, energy in zip(spans, energies, strict=True)]


def result_of(rows: list[tuple[int, int]], power_w: float, **prices: Decimal) -> Statement:
    readings, nomination = ([row[index] for row in rows] for index in (0, 1))
    told = contract(power_w, quarters=len(rows))
    return settled(told, terms("nomination", **prices), Series(in_milliwh(readings)), Series(in_milliwh(nomination)))


@given(ROWS, st.integers(-10_000, 10_000))
def test_delivered_lies_between_nothing_and_what_was_ordered(rows: list[tuple[int, int]], power_w: int) -> None:
    for row in result_of(rows, power_w, **PRICES).rows:
        assert row.delivered_wh is not None
        assert row.ordered_wh is not None
        assert 0 <= row.delivered_wh <= abs(row.ordered_wh)
        assert row.deficiency_wh is not None
        assert row.deficiency_wh >= 0
        # What was neither delivered nor in excess of the baseline is the rest of the order.
        assert row.deficiency_wh == 0 or row.delivered_wh + row.deficiency_wh >= abs(row.ordered_wh)


@given(ROWS, st.integers(-10_000, 10_000), st.decimals(0, 1000, places=6), st.integers(2, 1000))
def test_payment_is_linear_in_the_prices(rows: list[tuple[int, int]], power_w: int, price: Decimal, times: int) -> None:
    once = result_of(rows, power_w, price_per_kwh=price, penalty_per_kwh=price / 2).totals.payment
    many = result_of(rows, power_w, price_per_kwh=price * times, penalty_per_kwh=price * times / 2).totals.payment
    apart = result_of(rows, power_w, price_per_kwh=price).totals.payment
    taken = result_of(rows, power_w, penalty_per_kwh=price / 2).totals.payment
    assert many == once * times
    assert once == apart + taken


@given(ROWS, st.integers(0, 2**32))
def test_the_order_of_lines_does_not_matter(rows: list[tuple[int, int]], seed: int) -> None:
    readings, nomination = (in_milliwh([row[index] for row in rows]) for index in (0, 1))
    told = contract(777, quarters=len(rows))
    first = settled(told, NOMINATION, Series(readings), Series(nomination))
    random.Random(seed).shuffle(readings)
    random.Random(seed + 1).shuffle(nomination)
    assert settled(told, NOMINATION, Series(readings + readings[:1]), Series(nomination)) == first


@given(ROWS, st.lists(st.integers(-(10**6), 10**6), min_size=6, max_size=6))
def test_readings_in_thirds_say_the_same(rows: list[tuple[int, int]], offs: list[int]) -> None:
    whole = in_milliwh([row[0] for row in rows])
    nomination = Series(in_milliwh([row[1] for row in rows]))
    thirds = [energy for row, off in zip(rows, offs, strict=False) for energy in (off, row[0] - 2 * off, off)]
    told = contract(777, quarters=len(rows))
    split = settled(told, NOMINATION, Series(in_milliwh(thirds, QUARTER / 3)), nomination)
    assert split == settled(told, NOMINATION, Series(whole), nomination)


@given(st.lists(ENERGY, min_size=1, max_size=5), st.sampled_from([1, 5, 60, 300, 900, 3600]))
def test_a_series_divided_keeps_every_sum(energies: list[int], interval_s: int) -> None:
    long = Series(in_milliwh(energies, timedelta(minutes=20)))
    divided = long.divided(interval_s)
    for part in long.parts:
        assert divided.energy(part.span) == part.energy_milliwh
