"""The past and the hours to come on one sheet: a row for each local day, a column for each quarter-hour of its clock.

A day of 23 hours has four empty columns; of the hour that a day of 25 hours has twice, the sheet holds the mean, and both are
forecast alike.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.forecasting.series import DAY_S, QUARTER_S, Series
from controller.planning.site import Bools, Floats, Horizon

Ints = NDArray[np.int64]
QUARTERS: Final = 96
# History that is looked at.
PAST_DAYS: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """`past` are the quarter-hours before the horizon (NaN: unknown), `place` where past and future stand in the raveled sheet.

    The origin, the last quarter of the past, is `len(past) - 1`; `weekend` tells the kind of each row.
    """

    start_s: float
    past: Floats
    place: Ints
    rows: Floats
    weekend: Bools

    @property
    def future(self) -> int:
        """How many quarter-hours are asked for."""
        return len(self.place) - len(self.past)

    def flat(self, rows: Floats) -> Floats:
        """Another sheet's values in the order of time."""
        found: Floats = rows.ravel()[self.place]
        return found

    def folded(self, values: Floats) -> Floats:
        """Values in the order of time (from the start on) as rows, each cell the mean of what falls into it."""
        known = np.isfinite(values)
        place, size = self.place[: len(values)][known], self.weekend.size * QUARTERS
        count = np.bincount(place, minlength=size)
        total = np.bincount(place, weights=values[known], minlength=size)
        found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(-1, QUARTERS)
        return found


def sheet(history: Series, horizon: Horizon, zone: tzinfo = UTC) -> Sheet:
    """Lay out what is known before the horizon, and the horizon's own quarter-hours."""
    first_s = horizon.start.timestamp() // QUARTER_S * QUARTER_S
    end_s = horizon.start.timestamp() + horizon.steps * horizon.step_s
    future = int(-(-(end_s - first_s) // QUARTER_S))
    start_s = first_s - PAST_DAYS * DAY_S
    past = history.resampled(QUARTER_S).cut(datetime.fromtimestamp(start_s, UTC), PAST_DAYS * QUARTERS)
    known = np.flatnonzero(np.isfinite(past))
    # A day more than is known, so that what a forecast is made of can be told to be missing.
    skipped = max(0, (known[0] if len(known) else len(past)) - QUARTERS)
    past, start_s = past[skipped:], start_s + skipped * QUARTER_S
    local_s = local(start_s, len(past) + future, zone)
    day = (local_s // DAY_S).astype(np.int64)
    place = (day - day[0]) * QUARTERS + (local_s % DAY_S // QUARTER_S).astype(np.int64)
    weekday = (np.arange(day[0], day[-1] + 1) + 3) % 7  # 1970-01-01 was a Thursday
    made = Sheet(start_s, past, place, np.empty(0), weekday >= 5)
    return Sheet(start_s, past, place, made.folded(past), made.weekend)


def local(start_s: float, steps: int, zone: tzinfo) -> Floats:
    """What a zone's clocks show at the start of each quarter-hour, as seconds since 1970 on those clocks."""
    utc_s: Floats = start_s + np.arange(steps, dtype=np.float64) * QUARTER_S
    offsets = np.empty(steps)
    for first in range(0, steps, QUARTERS):
        last = min(first + QUARTERS, steps) - 1
        if _offset_s(utc_s[first], zone) == _offset_s(utc_s[last], zone):
            offsets[first : last + 1] = _offset_s(utc_s[first], zone)
        else:
            offsets[first : last + 1] = [_offset_s(moment, zone) for moment in utc_s[first : last + 1]]
    return utc_s + offsets


def steps_of(quarters: Floats, start_s: float, horizon: Horizon) -> Floats:
    """Values of quarter-hours from `start_s` on, as means over a horizon's steps; the last axis is time."""
    at = (horizon.start.timestamp() - start_s) / QUARTER_S
    if horizon.step_s == QUARTER_S and at == 0.0:
        return quarters[..., : horizon.steps]
    ratio = horizon.step_s / QUARTER_S
    begins = at + np.arange(horizon.steps)[:, None] * ratio
    quarter = np.arange(quarters.shape[-1])
    # By shares of each quarter-hour, not by differences of sums: what is 0 stays 0.
    shares = np.clip(np.minimum(begins + ratio, quarter + 1.0) - np.maximum(begins, quarter), 0.0, None) / ratio
    found: Floats = quarters @ shares.T
    return found


def _offset_s(utc_s: float, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(utc_s, zone).utcoffset()
    return (offset or timedelta(0)).total_seconds()
