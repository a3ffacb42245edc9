"""Shares: what a contract asks in a stretch of time, exactly, and its part of what several open at once have missed.

The rule is the one the site proves by (docs/decisions/0034): what flowed beyond what all together asked is shared by the size
of what each asks, in equal parts where none asks for anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from controller.settlement.series import Part, Series, Span, exact, utc
from protocols.contracts import Contract, Dispatch, Energy, Limit, Option, Reprofile


@dataclass(frozen=True, slots=True)
class Call:
    """What was called of an option: a change (W) for a time."""

    span: Span
    change_w: float


def share(contract: Contract, calls: Sequence[Call], span: Span) -> Fraction:
    """What a contract asks in a span, in milliwatt-hours: an energy, or a change against the baseline; 0 outside its window."""
    common_s = _common_s(span, Span(utc(contract.start), utc(contract.end)))
    match contract:
        case Energy():
            return exact(contract.energy_wh) * 1000 * common_s / contract.interval_s
        case Reprofile():
            return exact(contract.change_w) * 1000 * common_s / 3600
        case Option():
            return sum((exact(call.change_w) * 1000 * _common_s(span, call.span) / 3600 for call in calls), Fraction(0))
        case Dispatch() | Limit():
            return Fraction(0)


def part_of(own: Fraction, others: Sequence[Fraction], missed: Fraction) -> Fraction:
    """A contract's part of what was missed."""
    whole = abs(own) + sum(abs(each) for each in others)
    return missed * abs(own) / whole if whole > 0 else missed / (1 + len(others))


def nomination_in(contract: Contract) -> Series | None:
    """The baseline that a contract nominates itself; None where it does not."""
    if not isinstance(contract, Reprofile | Option) or contract.baseline_w is None:
        return None
    step, start = timedelta(seconds=contract.interval_s), utc(contract.start)
    spans = [Span(start + index * step, start + (index + 1) * step) for index in range(len(contract.baseline_w))]
    energies = [
        round(exact(power_w) * 1000 * span.seconds / 3600)
        for power_w, span in zip(contract.baseline_w, spans, strict=True)
    ]
    return Series(Part(span, energy, "baseline_w") for span, energy in zip(spans, energies, strict=True))


def limit_of(contract: Limit, span: Span, side: str) -> Fraction | None:
    """The energy that a limit allows in a span (milliwatt-hours, a magnitude); None where it does not limit all of it."""
    allowed = Fraction(0)
    steps = [
        (utc(step.at), step.import_limit_w if side == "import" else step.export_limit_w) for step in contract.schedule
    ]
    default_w = contract.default_import_w if side == "import" else contract.default_export_w
    edges = [(utc(contract.start), default_w), *steps]
    for (at, limit_w), (until, _) in zip(edges, [*edges[1:], (utc(contract.end), None)], strict=True):
        common_s = _common_s(span, Span(at, until)) if at < until else Fraction(0)
        if common_s == 0:
            continue
        if limit_w is None:
            return None
        allowed += exact(limit_w) * 1000 * common_s / 3600
    return allowed


def _common_s(one: Span, other: Span) -> Fraction:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Span(start, end).seconds if start < end else Fraction(0)
