"""The statement of a contract: for each interval what was ordered, delivered and missing, and the money, exactly.

Energies are whole milliwatt-hours and a payment is their product with a decimal price: nothing is rounded but the
baseline (to a milliwatt-hour) and the amount due (to a hundredth, halves away from zero). An interval without a reading
to be believed, or without a baseline, is left unsettled and says why: nothing is paid for it and nothing taken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, Rounded, localcontext
from fractions import Fraction
from typing import Final, Literal

import msgspec

from controller.settlement.baselines import Baseline, before_and_after, nominated, x_of_y
from controller.settlement.limits import allowance, power_before
from controller.settlement.series import Lack, Series, Span, exact, grid, utc
from controller.settlement.shares import Call, limit_of, nomination_in, part_of, share
from protocols.contracts import Contract, Dispatch, Energy, Limit, Option, Reprofile, utc_text
from protocols.settlement import Method, SettlementTerms, zone

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
    """Sums over the settled intervals; `amount_due` is the payment to a hundredth, and what a bill would say.

    `availability`: what of the payment an option earned by being there.
    """

    intervals: int
    settled: int
    kept: int
    ordered_wh: Decimal
    delivered_wh: Decimal
    deficiency_wh: Decimal
    payment: Decimal
    amount_due: Decimal
    availability: Decimal = Decimal("0.00")


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
    contract: Contract,
    terms: SettlementTerms,
    readings: Series,
    nomination: Series | None = None,
    beside: Sequence[Contract] = (),
    calls: Sequence[Call] = (),
) -> Statement:
    """Settle a contract; ValueError where its method needs a nomination and none is given, or the other way round.

    `beside`: the other contracts on energy that the site had at the same time; `calls`: what was called of an option.
    """
    _insist_on_method(contract, terms)
    if nomination is None and terms.method == "nomination":
        nomination = nomination_in(contract)
    if (nomination is None) == (terms.method == "nomination"):
        raise ValueError(f"method {terms.method}: a baseline file goes with method nomination, and with no other")
    window = Span(utc(contract.start), utc(contract.end))
    spans = grid(window, terms.interval_s)
    with localcontext(_EXACT):
        rows, basis = _rows(_Case(contract, terms, readings, tuple(beside), tuple(calls)), window, spans, nomination)
        return Statement(
            contract=contract.id,
            issuer=contract.iss,
            node=contract.aud,
            start=utc_text(window.start),
            end=utc_text(window.end),
            terms=terms,
            basis=basis,
            rows=rows,
            totals=_totals(rows, _availability(contract, terms, window)),
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """All that a row needs: the contract, its terms, what flowed, what else was open, what was called."""

    contract: Contract
    terms: SettlementTerms
    readings: Series
    beside: tuple[Contract, ...]
    calls: tuple[Call, ...]


def _insist_on_method(contract: Contract, terms: SettlementTerms) -> None:
    allowed = _methods(contract)
    if terms.method not in allowed:
        product = type(contract).__name__.lower()
        raise ValueError(f"method {terms.method}: {product} {contract.id} is settled by {' or '.join(allowed)}")


def _methods(contract: Contract) -> tuple[Method, ...]:
    match contract:
        case Energy():
            return ("energy",)
        case Limit():
            return ("limit",)
        case Dispatch():
            return ("nomination", "x_of_y", "meter_before_after", "limit")
        case Reprofile() | Option():
            return ("nomination", "x_of_y", "meter_before_after")


def _availability(contract: Contract, terms: SettlementTerms, window: Span) -> Decimal:
    """What an option earns by being there, called or not; to a billionth of the currency."""
    if not isinstance(contract, Option):
        return Decimal(0)
    hours = Fraction((window.end - window.start) // timedelta(seconds=1), 3600)
    earned = Fraction(terms.availability_per_h) * hours
    return Decimal(round(earned * 10**9)).scaleb(-9)


def _rows(
    case: _Case, window: Span, spans: Sequence[Span], nomination: Series | None
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    contract, terms, readings = case.contract, case.terms, case.readings
    if isinstance(contract, Energy):
        return tuple(_energy_row(case, contract, span) for span in spans), _beside_text(case)
    if isinstance(contract, Limit):
        return tuple(_envelope_row(contract, terms, span, readings) for span in spans), (
            "the schedule, without allowance",
        )
    if isinstance(contract, Dispatch) and terms.method == "limit":
        before_w = power_before(contract, readings, terms.interval_s)
        over_w = Fraction(0) if isinstance(before_w, Lack) else _beyond(before_w, exact(contract.power_w), terms)
        basis = f"no allowance for getting there: {before_w.why}" if isinstance(before_w, Lack) else _allowed(before_w)
        return tuple(_limit_row(contract, terms, span, readings, over_w) for span in spans), (basis,)
    baseline = _baseline(terms, window, spans, readings, nomination)
    pairs = zip(spans, baseline.energies, strict=True)
    return tuple(_row(case, span, energy) for span, energy in pairs), (*baseline.basis, *_beside_text(case))


def _beside_text(case: _Case) -> tuple[str, ...]:
    if not case.beside:
        return ()
    return (f"what was missed is shared by size with {', '.join(each.id for each in case.beside)}",)


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


def _row(case: _Case, span: Span, baseline: int | Lack) -> Row:
    """An interval of a contract that is counted from a baseline: a dispatch, a reprofile or an option."""
    terms, metered = case.terms, case.readings.energy(span)
    lacking = [each.why for each in (metered, baseline) if isinstance(each, Lack)]
    change = round(share(case.contract, case.calls, span))
    power = case.contract.power_w if isinstance(case.contract, Dispatch) else None
    target = None if power is None else _energy(power, span)
    if isinstance(metered, Lack) or isinstance(baseline, Lack):
        return _unsettled(span, "; ".join(lacking), target, metered, baseline)
    target = baseline + change if target is None else target
    others = [share(each, (), span) for each in case.beside]
    missed = Fraction(metered - target) - sum(others)
    deviation = round(part_of(Fraction(change), others, missed)) if others else metered - target
    ordered, flexibility = baseline - target, baseline - target - deviation
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


def _energy_row(case: _Case, contract: Energy, span: Span) -> Row:
    """An interval of a trade: sold energy is paid for as far as it flowed, bought energy paid, what is off costs either way."""
    terms, metered = case.terms, case.readings.energy(span)
    due = share(contract, (), span)
    if isinstance(metered, Lack):
        return _unsettled(span, metered.why, round(due), metered, None)
    others = [share(each, (), span) for each in case.beside]
    target = round(due)
    deviation = round(part_of(due, others, metered - due - sum(others)))
    sign = (target > 0) - (target < 0)
    delivered = min(max(sign * (target + deviation), 0), abs(target))
    traded = -sign * _money(delivered, terms.price_per_kwh)
    return Row(
        *_times(span),
        "settled",
        metered_wh=_wh(metered),
        target_wh=_wh(target),
        delivered_wh=_wh(delivered),
        deviation_wh=_wh(deviation),
        deficiency_wh=_wh(abs(deviation)),
        payment=_plain(traded - _money(abs(deviation), terms.penalty_per_kwh)),
    )


def _envelope_row(contract: Limit, terms: SettlementTerms, span: Span, readings: Series) -> Row:
    """An interval of an operating envelope, one side of it; where it does not limit all of the interval, nothing is judged."""
    side, metered = terms.limit_side or "import", readings.energy(span)
    allowed = limit_of(contract, span, side)
    limit = None if allowed is None else round(allowed) if side == "import" else -round(allowed)
    if isinstance(metered, Lack):
        return _unsettled(span, metered.why, limit, metered, None)
    if limit is None:
        return Row(*_times(span), "settled", "no limit", metered_wh=_wh(metered), payment=_plain(Decimal(0)))
    return _limited_row(terms, span, metered, limit)


def _limit_row(contract: Dispatch, terms: SettlementTerms, span: Span, readings: Series, over_w: Fraction) -> Row:
    metered, limit = readings.energy(span), _energy(contract.power_w, span)
    if isinstance(metered, Lack):
        return _unsettled(span, metered.why, limit, metered, None)
    return _limited_row(terms, span, metered, limit, round(allowance(span, contract, over_w)))


def _limited_row(terms: SettlementTerms, span: Span, metered: int, limit: int, allowed: int | None = None) -> Row:
    """What was beyond a limit, and beyond what is allowed above it, costs; an interval in which nothing was, is paid."""
    deviation = metered - limit
    beyond = -deviation if terms.limit_side == "export" else deviation
    excess = max(0, beyond - (allowed or 0))
    kept = terms.price_per_interval if excess == 0 else Decimal(0)
    return Row(
        *_times(span),
        "settled",
        metered_wh=_wh(metered),
        target_wh=_wh(limit),
        deviation_wh=_wh(deviation),
        allowance_wh=None if allowed is None else _wh(allowed),
        deficiency_wh=_wh(excess),
        payment=_plain(kept - _money(excess, terms.penalty_per_kwh)),
    )


def _unsettled(span: Span, why: str, target: int | None, metered: int | Lack, baseline: int | Lack | None) -> Row:
    return Row(
        *_times(span),
        "unsettled",
        why,
        metered_wh=_wh(metered) if isinstance(metered, int) else None,
        target_wh=None if target is None else _wh(target),
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


def _totals(rows: Sequence[Row], availability: Decimal) -> Totals:
    done = [row for row in rows if row.state == "settled"]
    payment = _plain(sum((row.payment for row in done if row.payment is not None), availability))
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
        availability=_plain(availability),
    )
