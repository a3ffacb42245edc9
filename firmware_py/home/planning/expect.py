"""What is expected of the horizon: forecasts from the home's own history, with what others told laid over them. Pure.

A forecast from outside counts where it says something; its holes are filled by our own. Without quantiles it has our own spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from math import nan

import numpy as np

from controller.forecasting import forecasters
from controller.forecasting.forecast import Forecast, rising
from controller.forecasting.series import Series
from controller.forecasting.sun import Place
from controller.planning.site import Floats, Horizon
from protocols import outlook
from protocols.outlook import CELL_S, Kind


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What forecasts are made of: what was measured, by kind, and where; `rated_w` of all modules."""

    history: Mapping[Kind, Series]
    zone: tzinfo
    place: Place | None = None
    rated_w: float | None = None


Forecasts = dict[Kind, Forecast]


def forecasts(known: Known, horizon: Horizon, outside: Mapping[Kind, outlook.Forecast]) -> tuple[Forecasts, Forecasts]:
    """Every kind over the horizon, and what each is measured by: the same time of the day before."""
    air = laid_over(forecasters.outdoor(known.history[Kind.OUTDOOR], horizon), outside.get(Kind.OUTDOOR))
    weather = known.history[Kind.OUTDOOR].joined(Series(horizon.start, horizon.step_s, air.median))
    load = forecasters.load(known.history[Kind.LOAD], horizon, known.zone, weather)
    sun = forecasters.pv(known.history[Kind.PV], horizon, known.place, known.rated_w)
    found = {
        Kind.OUTDOOR: air,
        Kind.LOAD: laid_over(load, outside.get(Kind.LOAD)),
        Kind.PV: laid_over(sun, outside.get(Kind.PV), least=0.0),
    }
    plain = {
        kind: forecasters.naive(known.history[kind], horizon, known.zone, kinds=kind is Kind.LOAD) for kind in found
    }
    return found, plain


def laid_over(own: Forecast, told: outlook.Forecast | None, least: float = -np.inf) -> Forecast:
    """Our forecast, and another one where it says something."""
    if told is None:
        return own
    middle = _on(told, told.values, own.horizon)
    levels = {each.level: _on(told, each.values, own.horizon) for each in told.quantiles} | {0.5: middle}
    said = np.isfinite(np.array(list(levels.values()))).all(axis=0)
    values = np.where(said, own.values + np.where(said, middle - own.median, 0.0), own.values)
    if len(levels) > 1:
        at = sorted(levels)
        for step in np.flatnonzero(said):
            values[:, step] = np.interp(own.levels, at, [levels[level][step] for level in at])
    return Forecast(own.horizon, own.levels, rising(np.maximum(values, least)), own.notes if not said.all() else ())


def _on(told: outlook.Forecast, values: tuple[float | None, ...], horizon: Horizon) -> Floats:
    """A list of a message over the steps of a horizon."""
    cells = np.repeat([nan if value is None else value for value in values], told.step_s // CELL_S)
    return Series(told.start.astimezone(UTC), float(CELL_S), cells).on(horizon)
