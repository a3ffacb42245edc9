"""Whether a forecast has been missed by so much that the plan built on it should be made anew."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from controller.forecasting.forecast import Forecast
from controller.forecasting.series import Series


@dataclass(frozen=True, slots=True)
class Missed:
    """`off_wh` positive: more than the median; the band is the energy between the forecast's low and high level."""

    since: datetime
    off_wh: float
    low_wh: float
    high_wh: float

    def __str__(self) -> str:
        band = f"{self.low_wh:.0f} to {self.high_wh:.0f} Wh were expected"
        return f"{self.off_wh:+.0f} Wh off the forecast since {self.since:%H:%M} UTC, beyond its band: {band}"


def missed(
    forecast: Forecast, measured: Series, since: datetime, most_wh: float, band: tuple[float, float] = (0.1, 0.9)
) -> Missed | None:
    """The miss since a moment (when the plan was made), if the energy measured is off by more than `most_wh` and outside the band.

    Steps that begin before `since`, or of which less than half was measured, are not looked at.
    """
    horizon = forecast.horizon
    real = measured.on(horizon)
    begins = max(0, -int((since - horizon.start).total_seconds() // -horizon.step_s))
    seen = np.isfinite(real) & (np.arange(horizon.steps) >= begins)
    if not seen.any():
        return None
    energy = float(real[seen].sum()) * horizon.hours
    low, middle, high = (float(forecast.at(level)[seen].sum()) * horizon.hours for level in (band[0], 0.5, band[1]))
    if abs(energy - middle) <= most_wh or low <= energy <= high:
        return None
    return Missed(since, energy - middle, low, high)
