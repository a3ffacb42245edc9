"""Homes whose every quarter-hour follows a rule, so that what a forecast must say is known without asking one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from controller.forecasting.series import QUARTER_S, Series
from controller.planning.site import Floats, Horizon

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)  # a Wednesday
Rule = Callable[[datetime], float]


def lived(local: datetime) -> float:
    """People rise later at weekends; by their own clock."""
    rises = 9 if local.weekday() >= 5 else 6
    return 200.0 + 900.0 * (rises <= local.hour < rises + 2) + 1500.0 * (18 <= local.hour < 22) + 3.0 * local.minute


def quarters(start: datetime, count: int) -> list[datetime]:
    return [start + timedelta(seconds=QUARTER_S * step) for step in range(count)]


def ruled(rule: Rule, start: datetime, count: int) -> Floats:
    """What the rule says of each quarter-hour, by clocks in Berlin."""
    return np.array([rule(moment.astimezone(BERLIN)) for moment in quarters(start, count)])


def before(end: datetime, days: float, rule: Rule = lived) -> Series:
    """The history of so many days that ends there."""
    count = round(days * 96)
    start = end - timedelta(seconds=QUARTER_S * count)
    return Series(start, QUARTER_S, ruled(rule, start, count))


def ahead(start: datetime = NOON, hours: float = 48.0, step_s: float = QUARTER_S) -> Horizon:
    return Horizon(start, step_s, round(hours * 3600.0 / step_s))
