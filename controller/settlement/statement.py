"""The statement of a contract: for each interval what was ordered, delivered and missing, and the money, exactly.

Energies are whole milliwatt-hours and a payment is their product with a decimal price: nothing is rounded but the
baseline (to a milliwatt-hour) and the amount due (to a hundredth, halves away from zero). An interval without a reading
to be believed, or without a baseline, is left unsettled and says why: nothing is paid for it and nothing taken.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, Rounded, localcontext
from fractions import Fraction
from typing import Final, Literal

import msgspec

from controller.settlement.baselines import Baseline, before_and_after, nominated, x_of_y
from controller.settlement.limits import allowance, power_before
from controller.settlement.series import Lack, Series, Span, exact, grid, utc
from protocols.contracts import Dispatch, utc_text
from protocols.settlement import SettlementTerms, zone

# Far more digits than any energy times any price has; should one not fit, it is an error and not a rounded amount.
_EXACT: Final = Context(prec=60, traps=[Inexact, Rounded])
_CENT: Final = Decimal("0.01")


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One interval; energies in Wh, import positive. A figure that its method does not know is absent.

    `target_wh` is what the contract asks for (or its limit), `ordered_wh` the change against the baseline that this means
    (positive: less import). `delivered_wh` lies between 0 and the ordered amount and has no sign, nor has `deficiency_wh`.
    """

    start: str
    end: str
    state: Literal["settled", "unsettled"]
    why: str = ""
    metered_wh: Decimal | None = None
    target_wh: Decimal | None = None
    baseline_wh: Decimal | None = None
    ordered_wh: Decimal | None = None
    delivered_wh: Decimal | None = None
    deviation_wh: Decimal | None = None
    allowance_wh: Decimal | None = None
    deficiency_wh: Decimal | None = None
    payment: Decimal | None = None


class Totals(msgspec.Struct, frozen=True):
    """Sums over the settled intervals; `amount_due` is the payment to a hundredth, and what a bill would say."""

    intervals: int
    settled: int
    kept: int
    ordered_wh: Decimal
    delivered_wh: Decimal
    deficiency_wh: Decimal
    payment: Decimal
    amount_due: Decimal


class Statement(msgspec.Struct, frozen=True):
    """What is owed to the site for one contract, and everything the arithmetic rests on."""

    contract: str
    issuer: str
    node: str
    start: str
    end: str
    terms: SettlementTerms
    basis: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: Totals


def settled(
    contract: Dispatch, terms: SettlementTerms, readings: Series, nomination: Series | None = None
) -> Statement:
    """Settle a contract; ValueError where the method needs a nomination and none is given, or the other way round."""
    if (nomination is None) == (terms.method == "nomination"):
        raise ValueError(f"method {terms.method}: a baseline file goes with method nomination, and with no other")
    window = Span(utc(contract.start), utc(contract.end))
    spans = grid(window, terms.interval_s)
    with localcontext(_EXACT):
        rows, basis = _rows(contract, terms, window, spans, readings, nomination)
        return Statement(
            contract=contract.id,
            issuer=contract.iss,
            node=contract.aud,
            start=utc_text(window.start),
            end=utc_text(window.end),
            terms=terms,
            basis=basis,
            rows=rows,
            totals=_totals(rows),
        )


def _rows(
    contract: Dispatch,
    terms: SettlementTerms,
    window: Span,
    spans: Sequence[Span],
    readings: Series,
    nomination: Series | None,
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    if terms.method == "limit":
        before_w = power_before(contract, readings, terms.interval_s)
        over_w = Fraction(0) if isinstance(before_w, Lack) else _beyond(before_w, exact(contract.power_w), terms)
        basis = f"no allowance for getting there: {before_w.why}" if isinstance(before_w, Lack) else _allowed(before_w)
        return tuple(_limit_row(contract, terms, span, readings, over_w) for span in spans), (basis,)
    baseline = _baseline(terms, window, spans, readings, nomination)
    pairs = zip(spans, baseline.energies, strict=True)
    return tuple(_row(contract, terms, span, readings, energy) for span, energy in pairs), baseline.basis


def _allowed(before_w: Fraction) -> str:
    return f"allowance for getting there from {float(before_w):.3f} W, the mean of the interval before"


def _baseline(
    terms: SettlementTerms, window: Span, spans: Sequence[Span], readings: Series, nomination: Series | None
) -> Baseline:
    if nomination is not None:
        return nominated(spans, nomination, terms.interval_s)
    if terms.method == "x_of_y":
        return x_of_y(spans, readings, terms, zone(terms.time_zone))
    return before_and_after(spans, window, readings, terms)


def _row(contract: Dispatch, terms: SettlementTerms, span: Span, readings: Series, baseline: int | Lack) -> Row:
    metered = readings.energy(span)
    lacking = [each.why for each in (metered, baseline) if isinstance(each, Lack)]
    target = _energy(contract.power_w, span)
    if isinstance(metered, Lack) or isinstance(baseline, Lack):
        return _unsettled(span, "; ".join(lacking), target, metered, baseline)
    ordered, flexibility, deviation = baseline - target, baseline - metered, metered - target
    # An order to import more is the mirror image of one to import less.
    sign = (ordered > 0) - (ordered < 0)
    delivered = min(max(sign * flexibility, 0), abs(ordered))
    deficiency = max(0, sign * deviation)
    return Row(
        *_times(span),
        "settled",
        metered_wh=_wh(metered),
        target_wh=_wh(target),
        baseline_wh=_wh(baseline),
        ordered_wh=_wh(ordered),
        delivered_wh=_wh(delivered),
        deviation_wh=_wh(deviation),
        deficiency_wh=_wh(deficiency),
        payment=_plain(_money(delivered, terms.price_per_kwh) - _money(deficiency, terms.penalty_per_kwh)),
    )


def _limit_row(contract: Dispatch, terms: SettlementTerms, span: Span, readings: Series, over_w: Fraction) -> Row:
    metered, limit = readings.energy(span), _energy(contract.power_w, span)
    if isinstance(metered, Lack):
        return _unsettled(span, metered.why, limit, metered, None)
    allowed = round(allowance(span, contract, over_w))
    deviation = metered - limit
    excess = max(0, (deviation if terms.limit_side == "import" else -deviation) - allowed)
    kept = terms.price_per_interval if excess == 0 else Decimal(0)
    return Row(
        *_times(span),
        "settled",
        metered_wh=_wh(metered),
        target_wh=_wh(limit),
        deviation_wh=_wh(deviation),
        allowance_wh=_wh(allowed),
        deficiency_wh=_wh(excess),
        payment=_plain(kept - _money(excess, terms.penalty_per_kwh)),
    )


def _unsettled(span: Span, why: str, target: int, metered: int | Lack, baseline: int | Lack | None) -> Row:
    return Row(
        *_times(span),
        "unsettled",
        why,
        metered_wh=_wh(metered) if isinstance(metered, int) else None,
        target_wh=_wh(target),
        baseline_wh=_wh(baseline) if isinstance(baseline, int) else None,
    )


def _beyond(power_w: Fraction, limit_w: Fraction, terms: SettlementTerms) -> Fraction:
    """How far a power lies beyond the limit (W); negative where it keeps it."""
    return power_w - limit_w if terms.limit_side == "import" else limit_w - power_w


def _energy(power_w: float, span: Span) -> int:
    return round(exact(power_w) * 1000 * span.seconds / 3600)


def _wh(milliwh: int) -> Decimal:
    return Decimal(milliwh).scaleb(-3)


def _money(milliwh: int, price_per_kwh: Decimal) -> Decimal:
    return Decimal(milliwh).scaleb(-6) * price_per_kwh


def _plain(amount: Decimal) -> Decimal:
    """The amount without the zeros at its end that say nothing, but with hundredths."""
    shorter = amount.normalize()
    exponent = shorter.as_tuple().exponent
    return shorter if isinstance(exponent, int) and exponent <= -2 else shorter.quantize(_CENT)


def _times(span: Span) -> tuple[str, str]:
    return utc_text(span.start), utc_text(span.end)


def _sum(energies: Iterable[Decimal]) -> Decimal:
    return sum(energies, Decimal("0.000"))


def _totals(rows: Sequence[Row]) -> Totals:
    done = [row for row in rows if row.state == "settled"]
    payment = _plain(sum((row.payment for row in done if row.payment is not None), Decimal(0)))
    due = payment.quantize(_CENT, ROUND_HALF_UP, Context(prec=60))
    return Totals(
        intervals=len(rows),
        settled=len(done),
        kept=sum(row.deficiency_wh == 0 for row in done),
        ordered_wh=_sum(row.ordered_wh for row in done if row.ordered_wh is not None),
        delivered_wh=_sum(row.delivered_wh for row in done if row.delivered_wh is not None),
        deficiency_wh=_sum(row.deficiency_wh for row in done if row.deficiency_wh is not None),
        payment=payment,
        amount_due=due,
    )
