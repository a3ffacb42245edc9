"""Baselines: what would have flowed without the contract, by nomination, X of Y, or the meter before and after.

Each gives an energy (milliwatt-hours, import positive) or a Lack for each interval, and sentences on what it rests on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Final

from controller.settlement.series import Lack, Series, Span, grid
from protocols.settlement import SettlementTerms

# What the same-day factor may be at the most and the least.
FACTOR_LEAST: Final = Fraction(83, 100)
FACTOR_MOST: Final = Fraction(12, 10)
_WEEKEND: Final = 5


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baseline of each interval, in their order, and what it rests on."""

    energies: tuple[int | Lack, ...]
    basis: tuple[str, ...]


def nominated(rows: Sequence[Span], nomination: Series, interval_s: int) -> Baseline:
    """What was nominated beforehand; a nomination in longer intervals is shared out by time."""
    finer = nomination.divided(interval_s)
    return Baseline(tuple(finer.energy(row) for row in rows), ("nomination as given",))


def before_and_after(rows: Sequence[Span], window: Span, readings: Series, terms: SettlementTerms) -> Baseline:
    """The mean power just before the contract, or of that and the mean just after it, for every interval."""
    spans = [Span(window.start - timedelta(seconds=terms.before_s), window.start)]
    if terms.after_s > 0:
        spans.append(Span(window.end, window.end + timedelta(seconds=terms.after_s)))
    means: list[Fraction] = []
    for span in spans:
        energy = readings.energy(span)
        if isinstance(energy, Lack):
            return Baseline((energy,) * len(rows), ())
        means.append(energy / span.seconds)
    mean = sum(means) / len(means)
    basis = tuple(
        f"mean power {float(each * 3600 / 1000):.3f} W of {span}" for each, span in zip(means, spans, strict=True)
    )
    return Baseline(tuple(round(mean * row.seconds) for row in rows), basis)


@dataclass(frozen=True, slots=True)
class _Day:
    """A day that can serve: what flowed in it at the times of the contract's intervals, and before."""

    day: date
    energies: tuple[int, ...]
    before: int | Lack


def x_of_y(rows: Sequence[Span], readings: Series, terms: SettlementTerms, zone: tzinfo) -> Baseline:
    """The mean of the X chosen of the last Y eligible days, interval by interval, times the same-day factor."""
    days, passed_over = _eligible(rows, readings, terms, zone)
    if len(days) < terms.days_y:
        found = f"{len(days)} of {terms.days_y} eligible days in the {terms.lookback_days} before"
        return Baseline((Lack(f"only {found}"),) * len(rows), passed_over)
    chosen = _chosen(days, terms)
    means = [Fraction(sum(energies), len(chosen)) for energies in zip(*(day.energies for day in chosen), strict=True)]
    factor, why = _factor(rows, chosen, readings, terms)
    named = ", ".join(str(day) for day in sorted(each.day for each in chosen))
    basis = (f"{terms.pick} {terms.days_x} of {terms.days_y} days: {named}", *([why] if why else ()), *passed_over)
    return Baseline(tuple(round(mean * factor) for mean in means), basis)


def _eligible(
    rows: Sequence[Span], readings: Series, terms: SettlementTerms, zone: tzinfo
) -> tuple[list[_Day], tuple[str, ...]]:
    """The last Y days that can serve, newest first, and why each other one that was looked at could not."""
    event, days, passed_over = rows[0].start.astimezone(zone).date(), list[_Day](), list[str]()
    for back in range(1, terms.lookback_days + 1):
        day = event - timedelta(days=back)
        if len(days) == terms.days_y:
            break
        if terms.same_kind and (day.weekday() >= _WEEKEND) != (event.weekday() >= _WEEKEND):
            continue
        if day in terms.exclude:
            passed_over.append(f"{day} left out: excluded by the terms")
            continue
        found = _day(rows, day, event, readings, terms, zone)
        if isinstance(found, Lack):
            passed_over.append(f"{day} left out: {found.why}")
        else:
            days.append(found)
    return days, tuple(passed_over)


def _day(
    rows: Sequence[Span], day: date, event: date, readings: Series, terms: SettlementTerms, zone: tzinfo
) -> _Day | Lack:
    energies: list[int] = []
    for row in rows:
        energy = _energy_then(row, day - event, readings, zone)
        if isinstance(energy, Lack):
            return energy
        energies.append(energy)
    return _Day(day, tuple(energies), _energy_before(rows, day - event, readings, terms, zone))


def _energy_then(row: Span, shift: timedelta, readings: Series, zone: tzinfo) -> int | Lack:
    """The energy of the interval at the same time by the clock on the wall, on another day."""
    start = on_the_wall(row.start, shift, zone)
    if isinstance(start, Lack):
        return start
    return readings.energy(Span(start, start + (row.end - row.start)))


def on_the_wall(moment: datetime, shift: timedelta, zone: tzinfo) -> datetime | Lack:
    """The moment with the same wall time whole days away; a Lack where the clocks leapt over it.

    Of an hour that comes twice there, the first.
    """
    wanted = moment.astimezone(zone).replace(tzinfo=None, fold=0) + shift
    there = wanted.replace(tzinfo=zone).astimezone(UTC)
    if there.astimezone(zone).replace(tzinfo=None, fold=0) != wanted:
        return Lack(f"the clocks leapt over {wanted}")
    return there


def _chosen(days: Sequence[_Day], terms: SettlementTerms) -> Sequence[_Day]:
    """Those with the highest, the middle or the lowest energy; of two alike the newer one goes before."""
    ranked = sorted(days, key=lambda day: (-sum(day.energies), -day.day.toordinal()))
    spare = terms.days_y - terms.days_x
    first = {"highest": 0, "middle": spare // 2, "lowest": spare}[terms.pick]
    return ranked[first : first + terms.days_x]


def _before(rows: Sequence[Span], terms: SettlementTerms) -> tuple[Span, ...]:
    end = rows[0].start - timedelta(seconds=terms.adjust_gap_s)
    return grid(Span(end - timedelta(seconds=terms.adjust_s), end), terms.interval_s)


def _energy_before(
    rows: Sequence[Span], shift: timedelta, readings: Series, terms: SettlementTerms, zone: tzinfo
) -> int | Lack:
    total = 0
    for span in _before(rows, terms) if terms.adjust_s > 0 else ():
        energy = _energy_then(span, shift, readings, zone)
        if isinstance(energy, Lack):
            return energy
        total += energy
    return total


def _factor(
    rows: Sequence[Span], chosen: Sequence[_Day], readings: Series, terms: SettlementTerms
) -> tuple[Fraction, str]:
    """The same-day factor within its bounds; 1 where there is none, and why."""
    if terms.adjust_s == 0:
        return Fraction(1), ""
    load, usual = _energy_today(_before(rows, terms), readings), list[int]()
    for day in chosen:
        if isinstance(day.before, Lack):
            return Fraction(1), f"no same-day factor: on {day.day} {day.before.why}"
        usual.append(day.before)
    mean = Fraction(sum(usual), len(usual))
    if isinstance(load, Lack):
        return Fraction(1), f"no same-day factor: {load.why}"
    if mean == 0 or load * mean < 0:
        return Fraction(1), "no same-day factor: the baseline before the contract is 0 or of the other sign"
    factor = min(max(load / mean, FACTOR_LEAST), FACTOR_MOST)
    clipped = "" if factor == load / mean else f", clipped from {float(load / mean):.6f}"
    return factor, f"same-day factor {float(factor):.6f}{clipped}"


def _energy_today(spans: Sequence[Span], readings: Series) -> int | Lack:
    total = 0
    for span in spans:
        energy = readings.energy(span)
        if isinstance(energy, Lack):
            return energy
        total += energy
    return total
