"""How the last hours correct a forecast, and how far off it was before: both learnt from its own past errors, lead by lead."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from controller.forecasting.daily import Base
from controller.forecasting.days import QUARTERS, Ints, Sheet
from controller.forecasting.forecast import LEVELS
from controller.planning.site import Floats

# Errors are looked at as the last one and as means that fade with these half-lives, in quarter-hours.
_HALF_LIVES: Final = (0.0, 4.0, 24.0)
# What a correction has to be taught by, in quarter-hours, before it counts half.
_DOUBT: Final = 96.0
# Spreads are learnt at these leads (quarter-hours) and interpolated between them.
_NODES: Final = (1, 2, 4, 8, 24, 96, 192)
# A time of day has a spread of its own from so many errors on.
_FEW: Final = 24


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """The forecast's middle for each quarter-hour to come, and what to add to it at each level (levels x quarters)."""

    middle: Floats
    spread: Floats


def corrected(sheet: Sheet, base: Base, *, learns: bool = True) -> Corrected:
    """The future as expected from its days, moved by the last errors as those moved it before (if it `learns`), with its spread."""
    past, future = len(sheet.past), sheet.future
    near = min(future, QUARTERS)
    one, two = (sheet.past - way[:past] for way in (base.one_day, base.two_days))
    signs = _signs(one)
    longest = min(future, past - 1) if learns else 0
    leads = np.arange(1, future + 1)
    weights = np.zeros((future, len(_HALF_LIVES)))
    if longest > 0:
        near_leads = min(near, longest)
        weights[:near_leads] = _weights(signs, one, leads[:near_leads])
        if longest > near_leads:
            weights[near_leads:longest] = _weights(signs, two, leads[near_leads:longest])
    expected = np.concatenate([base.one_day[past : past + near], base.two_days[past + near :]])
    # An error fades; where few days seem to teach that it grows, they are not believed.
    most = float(np.abs(signs[-1]).max()) if past else 0.0
    middle = expected + np.clip(weights @ signs[-1], -most, most) if past else expected
    return Corrected(middle, _spread(sheet, signs, (one, two), weights))


def _signs(errors: Floats) -> Floats:
    """What is known at each origin: its last error and fading means of those before."""
    known = np.isfinite(errors)
    seen = np.where(known, errors, 0.0)
    columns = [seen]
    for half_life in _HALF_LIVES[1:]:
        kernel = 0.5 ** (np.arange(int(5 * half_life)) / half_life)
        total, weight = (np.convolve(each, kernel)[: len(errors)] for each in (seen, known.astype(float)))
        columns.append(total / (weight + 0.25))
    return np.column_stack(columns)


def _weights(signs: Floats, errors: Floats, leads: Ints) -> Floats:
    """Least squares of the error `lead` later on the signs at each origin, for each lead, drawn to 0 by doubt."""
    first, origins = int(leads[0]), len(signs) - int(leads[-1])
    known = np.isfinite(errors)
    x, size = signs[:origins], signs.shape[1]
    seen, counted = np.where(known, errors, 0.0)[first:], known.astype(float)[first:]

    # By correlation: the matrix products that say the same wait for each other's threads on a busy machine (0040).
    def later(sign: Floats, values: Floats) -> Floats:
        found: Floats = np.correlate(values, sign, "valid")
        return found

    cross = np.column_stack([later(x[:, each], seen) for each in range(size)])
    gram = np.empty((len(leads), size, size))
    for one in range(size):
        for other in range(one + 1):
            gram[:, one, other] = gram[:, other, one] = later(x[:, one] * x[:, other], counted)
    power = np.trace(gram, axis1=1, axis2=2) / size
    number = later(np.ones(origins), counted)
    doubt = power * _DOUBT / (number + 1.0) + 1e-12 * (1.0 + power)
    found: Floats = np.linalg.solve(gram + doubt[:, None, None] * np.eye(size), cross[:, :, None])[:, :, 0]
    return found


def _spread(sheet: Sheet, signs: Floats, errors: tuple[Floats, Floats], weights: Floats) -> Floats:
    """Quantiles of what was left of the errors after correction: by lead and hour of the day."""
    past, future = len(sheet.past), sheet.future
    known = sheet.past[np.isfinite(sheet.past)]
    whole = _quantiles((known - known.mean())[None, :]) if len(known) else np.zeros((1, len(LEVELS)))
    nodes = [lead for lead in _NODES if lead <= max(future, 1) and lead < past] or [0]
    tables = []
    for lead in nodes:
        left = errors[lead > QUARTERS].copy()
        if lead:
            left[lead:] -= np.einsum("oi,i->o", signs[:-lead], weights[lead - 1])
        tables.append(_by_hour(sheet.folded(left), whole))
    table = np.array(tables)
    leads = np.clip(np.arange(1, future + 1), nodes[0], nodes[-1])
    low = np.clip(np.searchsorted(nodes, leads, side="right") - 1, 0, max(0, len(nodes) - 2))
    high = np.minimum(low + 1, len(nodes) - 1)
    at = np.log(np.maximum(nodes, 1.0))
    share = (np.log(leads.clip(1)) - at[low]) / np.where(high > low, at[high] - at[low], 1.0)
    hours = (sheet.place[past:] % QUARTERS) // 4
    found: Floats = (1.0 - share)[:, None] * table[low, hours] + share[:, None] * table[high, hours]
    return found.T


def _by_hour(rows: Floats, whole: Floats) -> Floats:
    """Quantiles (24 hours x levels) of a sheet of errors, each hour with its neighbours; of all hours where there are few.

    Where these are few as well, `whole`: how far values lie from their mean, which nothing can be worse than.
    """
    hours = rows.reshape(len(rows), 24, 4).transpose(1, 0, 2).reshape(24, -1)
    around = np.concatenate([hours, np.roll(hours, 1, axis=0), np.roll(hours, -1, axis=0)], axis=1)
    found = _quantiles(around)
    everything = _quantiles(rows.reshape(1, -1)) if np.isfinite(rows).sum() >= _FEW else whole
    few = np.isfinite(around).sum(axis=1) < _FEW
    found[few] = everything
    return found


def _quantiles(rows: Floats) -> Floats:
    """Of each row's known values (0 where there are none); between two of them interpolated."""
    ordered = np.sort(rows, axis=1)  # NaN goes to the end
    count = np.isfinite(rows).sum(axis=1)
    place = np.clip(np.array(LEVELS)[None, :] * count[:, None] - 0.5, 0.0, np.maximum(count[:, None] - 1.0, 0.0))
    low = place.astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count[:, None] - 1, 0))
    below, above = np.take_along_axis(ordered, low, axis=1), np.take_along_axis(ordered, high, axis=1)
    found: Floats = np.where(count[:, None] > 0, below + (place - low) * (above - below), 0.0)
    return found
