"""The forecasters: load, sun and outdoor temperature from a home's own history, and the plain one they are measured by.

None of them fails for what the history lacks: what was assumed instead is in the forecast's notes.
"""

from datetime import UTC, datetime, tzinfo
from typing import Final

import numpy as np

from controller.forecasting.clearness import clear_w
from controller.forecasting.daily import base, plain
from controller.forecasting.days import QUARTERS, Sheet, sheet, steps_of
from controller.forecasting.forecast import LEVELS, Forecast, rising
from controller.forecasting.series import QUARTER_S, Series
from controller.forecasting.spread import Corrected, corrected
from controller.forecasting.sun import Place
from controller.planning.site import Floats, Horizon

# What a home can have at all: beyond it a value is a fault of the meter.
POWER_MOST_W: Final = 1e6
OUTDOOR_C: Final = (-60.0, 60.0)
# Days of their own kind are told apart from this on; below, what is known is held flat.
LEAST_KNOWN: Final = 3 * QUARTERS // 2
# Of the range seen, how much further a load is believed to go.
_BEYOND: Final = 0.25
# A household of 3,500 kWh a year; how far single quarter-hours lie from such a mean (SimBench's homes).
TYPICAL_W: Final = 400.0
_WIDE: Final = (0.25, 0.35, 0.5, 0.8, 1.2, 2.2, 3.5)
# Without history: any temperature of a temperate climate, any sky.
_ANY_AIR_C: Final = (-8.0, -4.0, 3.0, 10.0, 17.0, 24.0, 28.0)
_NEXT_AIR_K: Final = (-8.0, -6.0, -3.0, 0.0, 3.0, 6.0, 8.0)
_ANY_SKY: Final = (0.03, 0.06, 0.2, 0.45, 0.75, 0.95, 1.0)


def load(history: Series, horizon: Horizon, zone: tzinfo, outdoor: Series | None = None) -> Forecast:
    """What is not steered (W). `outdoor`: temperature of the past and, forecast, of the horizon; None: not looked at."""
    sane, notes = _sane("load", history, -POWER_MOST_W, POWER_MOST_W)
    days = sheet(sane, horizon, zone)
    known = days.past[np.isfinite(days.past)]
    if len(known) < LEAST_KNOWN:
        values, note = _flat_load(known)
        return _flat(horizon, values, (*notes, f"load: {_hours(known)} of history, so {note}"))
    found = corrected(days, base(days, _weather(days, outdoor)))
    low, high = float(known.min()), float(known.max())
    # Not far beyond what was ever seen, whatever few days seem to teach.
    values = np.clip(found.middle + found.spread, min(0.0, low), high + _BEYOND * (high - low))
    return _forecast(days, horizon, values, notes)


def outdoor(history: Series, horizon: Horizon) -> Forecast:
    """Outdoor temperature (degC)."""
    sane, notes = _sane("outdoor", history, *OUTDOOR_C)
    days = sheet(sane, horizon)
    known = days.past[np.isfinite(days.past)]
    if len(known) == 0:
        return _flat(horizon, np.array(_ANY_AIR_C), (*notes, "outdoor: no history, so 10 degC is assumed"))
    if len(known) < LEAST_KNOWN:
        mean = float(known[-QUARTERS:].mean())
        note = f"outdoor: {_hours(known)} of history, so their mean {mean:.1f} degC is held"
        return _flat(horizon, mean + np.array(_NEXT_AIR_K), (*notes, note))
    found = corrected(days, base(days, kinds=False))
    least, most = known.min() - _NEXT_AIR_K[-1], known.max() + _NEXT_AIR_K[-1]
    return _forecast(days, horizon, np.clip(found.middle + found.spread, least, most), notes)


def pv(history: Series, horizon: Horizon, place: Place | None = None, rated_w: float | None = None) -> Forecast:
    """What the modules can make (W, a magnitude): exactly 0 at night, never above the rated or the largest ever seen."""
    sane, notes = _sane("pv", history, -POWER_MOST_W, POWER_MOST_W)
    days = sheet(sane, horizon)
    clear, most_w, note = clear_w(days, place, rated_w)
    notes += (f"pv: {note}",) if note else ()
    past = len(days.past)
    if most_w <= 0.0:
        return _flat(horizon, np.zeros(len(LEVELS)), notes)
    bright = clear[:past] > 0.03 * most_w
    share = np.where(bright, days.past / np.where(bright, clear[:past], 1.0), np.nan)
    sky = Sheet(days.start_s, share, days.place, days.folded(share), days.weekend)
    if np.isfinite(share).sum() < LEAST_KNOWN // 2:
        notes += (f"pv: {_hours(share[np.isfinite(share)])} of daylight in the history, so any sky is allowed for",)
        found = Corrected(np.zeros(days.future), np.tile(np.array(_ANY_SKY)[:, None], days.future))
    else:
        found = corrected(sky, base(sky, kinds=False))
    values = np.clip((found.middle + found.spread) * clear[past:], 0.0, most_w)
    return _forecast(days, horizon, values, notes)


def naive(history: Series, horizon: Horizon, zone: tzinfo = UTC, *, kinds: bool = True) -> Forecast:
    """Seasonal-naive: each quarter-hour as on the last day of its kind (weekday or weekend), by the zone's time.

    Without `kinds` as on the day before, as befits the weather.
    """
    days = sheet(_sane("naive", history, -POWER_MOST_W, POWER_MOST_W)[0], horizon, zone)
    if not np.isfinite(days.past).any():
        return _flat(horizon, np.zeros(len(LEVELS)), ("naive: no history, so 0",))
    found = corrected(days, plain(days, kinds=kinds), learns=False)
    return _forecast(days, horizon, found.middle + found.spread, ())


def _sane(name: str, history: Series, least: float, most: float) -> tuple[Series, tuple[str, ...]]:
    sane, absurd = history.within(least, most)
    note = f"{name}: {absurd} absurd values of the history are left out; {least:g} to {most:g} is allowed"
    return sane, (note,) if absurd else ()


def _weather(days: Sheet, outdoor: Series | None) -> Floats | None:
    """Temperature on the sheet's quarter-hours, holes closed; None where too little is known of it."""
    if outdoor is None:
        return None
    start = Horizon(_moment(days.start_s), QUARTER_S, len(days.place))
    found = outdoor.within(*OUTDOOR_C)[0].on(start)
    known = np.flatnonzero(np.isfinite(found))
    if len(known) < len(found) // 2:
        return None
    filled: Floats = np.interp(np.arange(len(found)), known, found[known])
    return filled


def _forecast(days: Sheet, horizon: Horizon, values: Floats, notes: tuple[str, ...]) -> Forecast:
    """Levels x quarter-hours as a forecast of the horizon's steps."""
    begins_s = days.start_s + len(days.past) * QUARTER_S
    return Forecast(horizon, LEVELS, rising(steps_of(values, begins_s, horizon)), notes)


def _flat(horizon: Horizon, levels: Floats, notes: tuple[str, ...]) -> Forecast:
    return Forecast(horizon, LEVELS, np.tile(levels[:, None], horizon.steps), notes)


def _flat_load(known: Floats) -> tuple[Floats, str]:
    wide = np.array(_WIDE)
    if len(known) == 0:
        return TYPICAL_W * wide, f"{TYPICAL_W:.0f} W are assumed"
    mean = float(known[-QUARTERS:].mean())
    levels = mean * wide if mean > 0.0 else mean + TYPICAL_W * (wide - 1.0)
    return np.sort(levels), f"their mean {mean:.0f} W is held"


def _hours(known: Floats) -> str:
    return f"{len(known) / 4:.0f} h"


def _moment(utc_s: float) -> datetime:
    return datetime.fromtimestamp(utc_s, UTC)
