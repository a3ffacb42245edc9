"""Statements of energy, reprofile, option and limit: figures worked by hand, and by a second arithmetic in floats."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.settlement.series import Span
from controller.settlement.shares import Call
from controller.settlement.statement import Statement, settled
from protocols.contracts import Contract, Energy, Limit, Option, Reprofile, Step
from tests.controller.settlement.cases import QUARTER, START, contract, series, terms

GIVEN = {"seq": 1, "iss": "i", "aud": "n", "start": START}
PRICES = {"price_per_kwh": Decimal("0.20"), "penalty_per_kwh": Decimal("0.30")}


def trade(energy_wh: float, quarters: int = 4, name: str = "e") -> Energy:
    return Energy(id=name, end=START + quarters * QUARTER, peer="p", energy_wh=energy_wh, **GIVEN)  # type: ignore[arg-type]


def change(change_w: float, quarters: int = 4, **more: object) -> Reprofile:
    return Reprofile(id="r", end=START + quarters * QUARTER, change_w=change_w, **GIVEN, **more)  # type: ignore[arg-type]


def column(statement: Statement, name: str) -> list[float | None]:
    return [None if (value := getattr(row, name)) is None else float(value) for row in statement.rows]


def test_sold_energy_is_paid_as_far_as_it_flowed_and_what_is_off_costs_either_way() -> None:
    """500 Wh a quarter sold at 0.20: all of it; 100 Wh too little; 40 Wh too much; bought instead of sold.

    0.10; 0.08 - 0.03 = 0.05; 0.10 - 0.012 = 0.088; 0 - 0.21 = -0.21. Together 0.028, 0.03 EUR.
    """
    result = settled(trade(-500), terms("energy", **PRICES), series(-500, -400, -540, 200))
    assert column(result, "delivered_wh") == [500, 400, 500, 0]
    assert column(result, "deviation_wh") == [0, 100, -40, 700]
    assert column(result, "payment") == [0.10, 0.05, 0.088, -0.21]
    assert (result.totals.payment, result.totals.amount_due) == (Decimal("0.028"), Decimal("0.03"))


def test_bought_energy_is_paid_for_by_the_site() -> None:
    """250 Wh at 0.20 are 0.05; of 150 Wh that flowed 0.03 and 100 Wh missing 0.03."""
    result = settled(trade(250, 2), terms("energy", **PRICES), series(250, 150))
    assert column(result, "payment") == [-0.05, -0.06]


def test_two_trades_share_what_was_missed_by_their_size() -> None:
    """300 Wh bought, 100 Wh sold, 240 Wh flowed: 40 Wh too much, 30 and 10 of them."""
    one, other = trade(300, 1, "one"), trade(-100, 1, "other")
    first = settled(one, terms("energy", **PRICES), series(240), beside=[other])
    second = settled(other, terms("energy", **PRICES), series(240), beside=[one])
    assert (column(first, "deviation_wh"), column(second, "deviation_wh")) == ([30], [10])
    assert (column(first, "delivered_wh"), column(second, "delivered_wh")) == ([300], [90])
    assert first.basis == ("what was missed is shared by size with other",)


def test_a_change_is_counted_from_its_baseline_by_each_method() -> None:
    """500 W less is 125 Wh a quarter; before it flowed 400 Wh. 275 is met, 300 lacks 25, 250 is more than is paid for."""
    readings = series(400, 275, 300, 250, start=START - QUARTER)
    met = settled(change(-500, 3), terms("meter_before_after", **PRICES), readings)
    assert column(met, "ordered_wh") == [125, 125, 125]
    assert column(met, "delivered_wh") == [125, 100, 125]
    assert column(met, "payment") == [0.025, 0.0125, 0.025]
    nominated = settled(change(-500, 3), terms("nomination", **PRICES), readings, series(400, 400, 400))
    assert [row.payment for row in nominated.rows] == [row.payment for row in met.rows]
    inside = settled(change(-500, 3, baseline_w=(1600.0, 1600.0, 1600.0)), terms("nomination", **PRICES), readings)
    assert inside.rows == nominated.rows


def test_a_change_to_more_is_the_mirror_image() -> None:
    result = settled(change(800, 2), terms("nomination", **PRICES), series(500, 450), series(300, 300))
    assert column(result, "ordered_wh") == [-200, -200]
    assert column(result, "delivered_wh") == [200, 150]
    assert column(result, "deficiency_wh") == [0, 50]


def test_an_option_earns_by_being_there_and_by_what_was_called() -> None:
    """An hour at 0.05; called for the second quarter (400 W less, 100 Wh) and half of the third (+400 W, 50 Wh)."""
    option = Option(id="o", end=START + 4 * QUARTER, least_w=-400.0, most_w=400.0, **GIVEN)  # type: ignore[arg-type]
    calls = [
        Call(Span(START + QUARTER, START + 2 * QUARTER), -400.0),
        Call(Span(START + 2 * QUARTER, START + 2.5 * QUARTER), 400.0),
    ]
    priced = terms("nomination", availability_per_h=Decimal("0.05"), **PRICES)
    result = settled(option, priced, series(310, 200, 350, 300), series(300, 300, 300, 300), calls=calls)
    assert column(result, "ordered_wh") == [0, 100, -50, 0]
    assert column(result, "payment") == [0.0, 0.02, 0.01, 0.0]
    assert (result.totals.availability, result.totals.payment) == (Decimal("0.05"), Decimal("0.08"))
    assert settled(option, priced, series(1, 2, 3, 4), series(1, 2, 3, 4)).totals.payment == Decimal("0.05")


def test_an_envelope_is_kept_or_not_interval_by_interval() -> None:
    """2 kW and from the third quarter 0 W; the last quarter is free."""
    steps = (Step(START, 2000.0), Step(START + 2 * QUARTER, 0.0), Step(START + 3 * QUARTER))
    limit = Limit(id="l", end=START + 4 * QUARTER, schedule=steps, **GIVEN)  # type: ignore[arg-type]
    given = terms("limit", limit_side="import", price_per_interval=Decimal("0.10"), penalty_per_kwh=Decimal(2))
    result = settled(limit, given, series(500, 600, 50, 3000))
    assert column(result, "target_wh") == [500, 500, 0, None]
    assert column(result, "payment") == [0.10, -0.20, -0.10, 0.0]
    out = settled(
        Limit(id="l", end=START + QUARTER, schedule=(Step(START, None, 1000.0),), **GIVEN),  # type: ignore[arg-type]
        terms("limit", limit_side="export", penalty_per_kwh=Decimal(1)),
        series(-300),
    )
    assert column(out, "deficiency_wh") == [50]


@pytest.mark.parametrize(
    ("told", "method", "said"),
    [
        (trade(1), "nomination", "energy e is settled by energy"),
        (contract(1.0), "energy", "dispatch c is settled by nomination or x_of_y"),
        (change(1), "limit", "reprofile r is settled by nomination or x_of_y or meter_before_after"),
    ],
)
def test_a_method_that_does_not_fit_is_refused_by_name(told: Contract, method: str, said: str) -> None:
    side = {"limit_side": "import"} if method == "limit" else {}
    with pytest.raises(ValueError, match=said):
        settled(told, terms(method, **side), series(1))


def test_a_trade_with_a_reading_missing_is_unsettled() -> None:
    result = settled(trade(500, 2), terms("energy", **PRICES), series(500))
    assert [row.state for row in result.rows] == ["settled", "unsettled"]


@given(
    st.lists(st.integers(-2000, 2000), min_size=2, max_size=4),
    st.lists(st.integers(-3000, 3000), min_size=4, max_size=4),
)
@settings(max_examples=50)
def test_shares_of_trades_add_up_and_agree_with_floats(energies: list[int], flowed: list[int]) -> None:
    trades = [trade(wh, name=f"e{index}") for index, wh in enumerate(energies)]
    rows = [
        settled(
            one, terms("energy", **PRICES), series(*flowed), beside=[each for each in trades if each is not one]
        ).rows
        for one in trades
    ]
    for index, wh in enumerate(flowed):
        missed, whole = wh - sum(energies), sum(map(abs, energies))
        for due, own in zip(energies, rows, strict=True):
            part = missed * abs(due) / whole if whole else missed / len(energies)
            counted, sign = due + part, (due > 0) - (due < 0)
            delivered = min(max(sign * counted, 0.0), abs(due))
            payment = -sign * delivered / 1000 * 0.20 - abs(part) / 1000 * 0.30
            assert own[index].payment is not None
            assert float(own[index].payment or 0) == pytest.approx(payment, abs=1e-6)
        total = sum(float(own[index].deviation_wh or 0) for own in rows)
        assert total == pytest.approx(missed, abs=0.002 * len(rows))


def test_intervals_shorter_than_the_settlements_are_shared_out() -> None:
    """50 Wh in each five minutes are 150 Wh in a quarter."""
    five = Energy(id="e", end=START + QUARTER, peer="p", energy_wh=50.0, interval_s=300, **GIVEN)  # type: ignore[arg-type]
    readings = series(50, 50, 20, step=timedelta(minutes=5))
    result = settled(five, terms("energy", **PRICES), readings)
    assert (column(result, "target_wh"), column(result, "deviation_wh")) == ([150], [-30])
