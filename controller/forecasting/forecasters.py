"""The forecasters: load, sun and outdoor temperature from a home's own history, and the plain one they are measured by."""

from zoneinfo import ZoneInfo

from controller.forecasting.forecast import Forecast
from controller.forecasting.series import Series
from controller.forecasting.sun import Place
from controller.planning.site import Horizon


def load(history: Series, horizon: Horizon, zone: ZoneInfo, outdoor: Series | None = None) -> Forecast:
    """What is not steered (W). `outdoor`: temperature of the past and, forecast, of the horizon; None: not looked at."""
    raise NotImplementedError


def pv(history: Series, horizon: Horizon, place: Place | None = None, rated_w: float | None = None) -> Forecast:
    """What the modules can make (W, a magnitude): exactly 0 at night, never above the rated or the largest ever seen."""
    raise NotImplementedError


def outdoor(history: Series, horizon: Horizon) -> Forecast:
    """Outdoor temperature (degC)."""
    raise NotImplementedError


def naive(history: Series, horizon: Horizon, zone: ZoneInfo) -> Forecast:
    """Seasonal-naive: each quarter-hour as on the last day of its kind (weekday or weekend), by local time."""
    raise NotImplementedError
