"""What modules would make under a clear sky: the shape from the sun's height, its height from the best days of late.

Modules lean, and trees and neighbours shade: what each time of day has shown at best against level ground says all of it.
"""

from typing import Final

import numpy as np

from controller.forecasting.days import QUARTERS, Sheet
from controller.forecasting.series import QUARTER_S
from controller.forecasting.sun import Place, clear_w_m2
from controller.planning.site import Floats

_LATE_DAYS: Final = 30
# Without the place the length of the day is only known from days that had it.
_LATE_DAYS_PLACELESS: Final = 14
_BEST: Final = 0.93
# Of the rated power under 1,000 W/m2, after warm cells, wires and inverter.
_YIELD: Final = 0.85
# Light that a module can be judged by, W/m2.
_LIGHT: Final = 20.0


def clear_w(days: Sheet, place: Place | None, rated_w: float | None) -> tuple[Floats, float, str]:
    """The clear-sky power of each quarter-hour of past and future (exactly 0 at night), the most ever, and what was assumed."""
    known = np.isfinite(days.past)
    seen_w = float(days.past[known].max(initial=0.0))
    most_w = seen_w if rated_w is None else rated_w
    if place is None:
        return _own_best(days), most_w, "" if known.any() else "no place and no history, so nothing is expected"
    light = clear_w_m2(place, days.start_s, QUARTER_S, len(days.place))
    ratio = _against(days, light)
    if ratio is not None:
        return light * ratio[days.place % QUARTERS], most_w, ""
    if rated_w is None:
        return np.zeros(len(light)), 0.0, "no history and no rated power, so nothing is expected"
    return light * (rated_w * _YIELD / 1000.0), most_w, "no history, so modules that lie flat are assumed"


def _against(days: Sheet, light: Floats) -> Floats | None:
    """By time of day (UTC) the best ratio of power to light on level ground; None where no light has been seen."""
    past = len(days.past)
    known = np.isfinite(days.past) & (light[:past] > _LIGHT)
    if not (days.past[known] > 0.0).any():
        return None
    power = days.folded(np.where(known, days.past, np.nan))[-_LATE_DAYS - 2 :]
    sun = days.folded(np.where(known, light[:past], np.nan))[-_LATE_DAYS - 2 :]
    power, sun = _around(power), _around(sun)
    is_seen = sun > 2.0 * _LIGHT
    ratio = np.where(is_seen, power / np.where(is_seen, sun, 1.0), np.nan)
    return _closed(_best(ratio))


def _own_best(days: Sheet) -> Floats:
    """By time of day the best power of late, 0 where there was none."""
    rows = days.folded(np.maximum(days.past, 0.0))[-_LATE_DAYS_PLACELESS - 2 :]
    best = _best(rows)
    shown: Floats = np.where(np.isfinite(best), best, 0.0)
    return shown[days.place % QUARTERS]


def _around(rows: Floats) -> Floats:
    """Sums of each quarter-hour with its neighbours, what is not known left out."""
    seen = np.where(np.isfinite(rows), rows, 0.0)
    wide = np.pad(seen, ((0, 0), (1, 1)))
    sums: Floats = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    return sums


def _best(rows: Floats) -> Floats:
    """Of each column the value that few days exceed; NaN where nothing is known."""
    ordered, count = np.sort(rows, axis=0), np.isfinite(rows).sum(axis=0)
    place = np.ceil(_BEST * (np.maximum(count, 1) - 1)).astype(np.int64)
    found: Floats = np.take_along_axis(ordered, place[None, :], axis=0)[0]
    return found


def _closed(ratio: Floats) -> Floats:
    """With holes (early and late, where the light was too weak to judge) as the nearest known."""
    known = np.flatnonzero(np.isfinite(ratio))
    if len(known) == 0:
        return ratio
    closed: Floats = np.interp(np.arange(len(ratio)), known, ratio[known], period=len(ratio))
    return closed
