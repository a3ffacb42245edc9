"""The middle of a forecast: what a quarter-hour is like, judged from days before, in three ways joined by how well each did.

- plain: as on the last day of its kind (weekday or weekend);
- profile: the mean of the days of its kind, the recent ones weighing more;
- regression: ridge on both, on the same quarter-hour one (or two) days and a week ago, on how far the last hours and the last
  day were off their profile, on the calendar and on the weather.

Each is made twice: from what is known a day before, for leads up to 24 h, and two days before, for those beyond.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from controller.forecasting.days import QUARTERS, Sheet
from controller.planning.site import Bools, Floats

# What a day weighs against the next one of its kind.
_KEEP: Final = 0.85
# A regression needs that many quarter-hours to learn from.
_ENOUGH: Final = 7 * QUARTERS
_RIDGE: Final = 1e-3
# Skill is judged over these last quarter-hours.
_JUDGED: Final = 21 * QUARTERS


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What was and will be expected one and two days ahead, in the order of time, and how much each way counts.

    NaN in the past where no day of its kind had been seen before: nothing is to be learnt from being wrong there.
    """

    one_day: Floats
    two_days: Floats
    shares: Mapping[str, float]


def base(sheet: Sheet, weather: Floats | None = None, *, kinds: bool = True) -> Base:
    """Expectations for past and future; `weather`: a value for each quarter-hour of both, which what is forecast may follow.

    `kinds`: whether weekends are days of their own.
    """
    weekend = sheet.weekend & kinds
    states = [_learnt(sheet.rows, weekend == kind) for kind in (False, True)]
    (one, shares), (two, _) = (
        _expected(sheet, _of_kind(sheet, weekend, states, days), days, weather) for days in (1, 2)
    )
    return Base(one, two, shares)


def plain(sheet: Sheet, *, kinds: bool = True) -> Base:
    """Seasonal-naive alone."""
    weekend = sheet.weekend & kinds
    states = [_learnt(sheet.rows, weekend == kind) for kind in (False, True)]
    one, two = (_of_kind(sheet, weekend, states, days) for days in (1, 2))
    return Base(_masked(one.last, one.is_blind), _masked(two.last, two.is_blind), {"plain": 1.0})


@dataclass(frozen=True, slots=True, eq=False)
class _OfKind:
    """Last value and mean of the days of its kind, in the order of time; blind where the past knew none yet."""

    last: Floats
    mean: Floats
    is_blind: Bools


_State = tuple[Floats, Floats]


def _learnt(rows: Floats, mine: Bools) -> _State:
    """Last value and fading mean of the rows of one kind, as known before each row; NaN: never seen."""
    last, total, weight = np.full(QUARTERS, np.nan), np.zeros(QUARTERS), np.zeros(QUARTERS)
    lasts, means = np.empty((len(rows) + 1, QUARTERS)), np.empty((len(rows) + 1, QUARTERS))
    for day in range(len(rows) + 1):
        lasts[day] = last
        means[day] = np.where(weight > 0.0, total / np.where(weight > 0.0, weight, 1.0), np.nan)
        if day < len(rows) and mine[day]:
            known = np.isfinite(rows[day])
            last = np.where(known, rows[day], last)
            total = np.where(known, _KEEP * total + np.where(known, rows[day], 0.0), total)
            weight = np.where(known, _KEEP * weight + 1.0, weight)
    return lasts, means


def _of_kind(sheet: Sheet, weekend: Bools, states: list[_State], days: int) -> _OfKind:
    """From the rows at least so many days before; of the other kind where there is none, else the mean of everything."""
    before = np.maximum(np.arange(len(weekend)) - days + 1, 0)
    found, is_blind = [], np.zeros(len(sheet.place), dtype=bool)
    for which in (0, 1):
        own = np.where(weekend[:, None], states[1][which][before], states[0][which][before])
        other = np.where(weekend[:, None], states[0][which][before], states[1][which][before])
        filled = sheet.flat(np.where(np.isfinite(own), own, other))
        found.append(np.where(np.isfinite(filled), filled, _middle(sheet)))
        is_blind = ~np.isfinite(sheet.flat(own))
    is_blind[len(sheet.past) :] = False
    return _OfKind(found[0], found[1], is_blind)


def _masked(values: Floats, is_blind: Bools) -> Floats:
    return np.where(is_blind, np.nan, values)


def _expected(sheet: Sheet, kind: _OfKind, days: int, weather: Floats | None) -> tuple[Floats, Mapping[str, float]]:
    ways = {"plain": kind.last, "profile": kind.mean}
    past = Sheet(
        sheet.start_s, _masked(sheet.past, kind.is_blind[: len(sheet.past)]), sheet.place, sheet.rows, sheet.weekend
    )
    if np.isfinite(past.past).sum() >= _ENOUGH:
        ways["regression"] = _regression(past, kind.last, kind.mean, days, weather)
    shares = _shares(past, ways)
    found = sum((share * ways[name] for name, share in shares.items()), np.zeros(len(kind.last)))
    return _masked(found, kind.is_blind), shares


def _regression(sheet: Sheet, last: Floats, mean: Floats, days: int, weather: Floats | None) -> Floats:
    """Ridge on what is known so many days before each quarter-hour."""
    features = _features(sheet, last, mean, days, weather)
    past = len(sheet.past)
    taught = np.isfinite(sheet.past)
    x, off = features[:past][taught], (sheet.past - mean[:past])[taught]
    if len(x) < _ENOUGH // 2:
        return mean
    scale = np.sqrt((x * x).mean(axis=0))
    used = scale > 1e-9 * max(1.0, float(np.abs(sheet.past[taught]).max()))
    x, scale = x[:, used] / scale[used], scale[used]
    # Not by `@`: its threads wait for each other on a busy machine, 20 ms become 500 (0040).
    gram, cross = np.einsum("ni,nj->ij", x, x), np.einsum("ni,n->i", x, off)
    weights = np.linalg.solve(gram + _RIDGE * len(x) * np.eye(len(gram)), cross)
    found: Floats = mean + np.einsum("ni,i->n", features[:, used], weights / scale)
    return found


def _features(sheet: Sheet, last: Floats, mean: Floats, days: int, weather: Floats | None) -> Floats:
    """A row for each quarter-hour of past and future, all as distances from the profile but for calendar and weather."""
    size, lag = len(mean), days * QUARTERS
    off = np.concatenate([sheet.past, np.full(sheet.future, np.nan)]) - mean
    seen, known = np.where(np.isfinite(off), off, 0.0), np.isfinite(off).astype(float)
    hours, day, week = (_trailing(seen, known, width) for width in (8, QUARTERS, 3 * QUARTERS))
    clock = 2.0 * np.pi * (sheet.place % QUARTERS) / QUARTERS
    calendar = [np.ones(size), np.sin(clock), np.cos(clock), np.sin(2 * clock), np.cos(2 * clock)]
    weekend = np.repeat(sheet.weekend, QUARTERS)[sheet.place].astype(float)
    columns = [last - mean, *(_later(each, lag) for each in (seen, hours, day, week)), _later(seen, 7 * QUARTERS)]
    if weather is not None:
        around = _trailing(weather, np.ones(size), QUARTERS)
        columns += [weather, around, weather * np.cos(clock)]
    return np.column_stack([*columns, *calendar, weekend])


def _shares(sheet: Sheet, ways: Mapping[str, Floats]) -> Mapping[str, float]:
    """How much each way counts: by the inverse of its mean square error of late, squared."""
    known = np.isfinite(sheet.past)
    known[: max(0, len(known) - _JUDGED)] = False
    if not known.any():
        return {"plain": 0.5, "profile": 0.5}
    errors = {name: float(((way[: len(known)] - sheet.past)[known] ** 2).mean()) for name, way in ways.items()}
    least = min(errors.values())
    # The best alone where it never erred; 1e-300 keeps 0 / 0 away.
    weights = {name: ((least + 1e-300) / (error + 1e-300)) ** 2 for name, error in errors.items()}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _trailing(values: Floats, known: Floats, width: int) -> Floats:
    """Means over the last `width` quarter-hours up to each, this included; 0 where nothing is known."""
    sums, counts = (np.concatenate([np.zeros(width), np.cumsum(each)]) for each in (values * known, known))
    count = counts[width:] - counts[:-width]
    found: Floats = np.where(count > 0.5, (sums[width:] - sums[:-width]) / np.maximum(count, 1.0), 0.0)
    return found


def _later(values: Floats, steps: int) -> Floats:
    found = np.zeros(len(values))
    found[steps:] = values[: max(0, len(values) - steps)]
    return found


def _middle(sheet: Sheet) -> float:
    known = sheet.past[np.isfinite(sheet.past)]
    return float(known.mean()) if len(known) else 0.0
