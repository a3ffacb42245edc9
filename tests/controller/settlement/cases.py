"""Contracts and series as the settlement tests need them: quarters of an hour from a day in June."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from controller.settlement.series import Part, Series, Span
from protocols.contracts import Dispatch
from protocols.settlement import SettlementTerms

START: Final = datetime(2026, 6, 22, 10, 0, tzinfo=UTC)
QUARTER: Final = timedelta(minutes=15)


def contract(power_w: float, *, quarters: float = 4, start: datetime = START, **terms: object) -> Dispatch:
    """A dispatch of so many quarters of an hour."""
    given = {"id": "c", "seq": 1, "iss": "i", "aud": "n", **terms}
    return Dispatch(start=start, end=start + quarters * QUARTER, power_w=power_w, **given)  # type: ignore[arg-type]


def parts(energies_wh: Sequence[int], start: datetime = START, step: timedelta = QUARTER) -> list[Part]:
    """One part after the other."""
    spans = (Span(start + index * step, start + (index + 1) * step) for index in range(len(energies_wh)))
    return [Part(span, wh * 1000, f"line {n}") for n, (span, wh) in enumerate(zip(spans, energies_wh, strict=True))]


def series(*energies_wh: int, start: datetime = START, step: timedelta = QUARTER) -> Series:
    """Energies in Wh, one interval after the other."""
    return Series(parts(energies_wh, start, step))


def terms(method: str, **given: object) -> SettlementTerms:
    """Terms with this method."""
    return SettlementTerms(method=method, **given)  # type: ignore[arg-type]
