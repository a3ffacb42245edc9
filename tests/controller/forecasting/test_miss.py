"""When a plan's forecast has been missed, by energies added up by hand."""

from datetime import timedelta

import numpy as np
import pytest

from controller.forecasting.forecast import Forecast
from controller.forecasting.miss import missed
from controller.forecasting.series import Series
from tests.controller.forecasting.days import NOON, ahead

TOLD = Forecast(ahead(NOON, 4.0), (0.1, 0.5, 0.9), np.tile([[600.0], [1000.0], [1600.0]], 16))


def measured(*values: float) -> Series:
    return Series(NOON, 900.0, np.array(values))


def test_a_band_left_by_enough_energy_is_a_miss() -> None:
    found = missed(TOLD, measured(2000.0, 2000.0, 1800.0), NOON, 400.0)
    assert found is not None
    # (5800 - 3000) / 4 Wh off; 450 to 1200 were expected.
    assert (found.off_wh, found.low_wh, found.high_wh) == pytest.approx((700.0, 450.0, 1200.0))
    assert str(found) == "+700 Wh off the forecast since 12:00 UTC, beyond its band: 450 to 1200 Wh were expected"
    less = missed(TOLD, measured(0.0, 0.0), NOON, 400.0)
    assert less is not None
    assert less.off_wh == pytest.approx(-500.0)


@pytest.mark.parametrize(
    "values",
    [
        (1500.0, 1500.0, 1500.0),  # inside the band, though 375 Wh off
        (2000.0,),  # outside, but only 250 Wh
        (3000.0, 0.0, 0.0, 1000.0),  # it came out even
        (np.nan, np.nan),
        (),
    ],
)
def test_less_is_none(values: tuple[float, ...]) -> None:
    assert missed(TOLD, measured(*values), NOON, 300.0) is None


def test_only_what_came_since_the_plan_counts_and_holes_do_not() -> None:
    real = measured(9000.0, np.nan, 2000.0)
    since = NOON + timedelta(minutes=10)  # after the first quarter-hour began
    assert missed(TOLD, real, since, 300.0) is None
    found = missed(TOLD, real, since, 200.0)
    assert found is not None
    assert found.off_wh == pytest.approx(250.0)
    assert missed(TOLD, real, NOON + timedelta(hours=9), 200.0) is None
