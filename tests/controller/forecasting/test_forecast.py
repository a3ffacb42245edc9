"""A forecast's levels: what is refused, and any level between them."""

import numpy as np
import pytest

from controller.forecasting.forecast import Forecast
from tests.controller.forecasting.days import NOON, ahead

TWO = ahead(NOON, 0.5)


def test_levels_between_are_interpolated_and_beyond_held() -> None:
    told = Forecast(TWO, (0.1, 0.5, 0.9), np.array([[0.0, 10.0], [4.0, 10.0], [5.0, 30.0]]))
    assert told.at(0.3) == pytest.approx([2.0, 10.0])
    assert told.at(0.7) == pytest.approx([4.5, 20.0])
    assert told.median.tolist() == [4.0, 10.0]
    assert told.at(0.0).tolist() == told.at(0.1).tolist() == [0.0, 10.0]
    assert told.at(1.0).tolist() == [5.0, 30.0]
    with pytest.raises(ValueError, match=r"level is 1\.5; 0 to 1"):
        told.at(1.5)


@pytest.mark.parametrize(
    ("levels", "values", "says"),
    [
        ((0.5, 0.1), [[1.0, 1.0], [1.0, 1.0]], "must rise"),
        ((), np.empty((0, 2)), "must rise"),
        ((0.0, 0.5), [[1.0, 1.0], [1.0, 1.0]], "between 0 and 1"),
        ((0.1, 0.5), [[1.0, 2.0], [1.0, 1.9]], "fall from one level"),
        ((0.1, 0.5), [[1.0, 2.0], [1.0, np.nan]], "no number"),
        ((0.5,), [[1.0]], r"\(1, 2\) \(levels, steps\) is allowed"),
    ],
)
def test_what_is_no_forecast_is_refused(levels: tuple[float, ...], values: list[list[float]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Forecast(TWO, levels, np.array(values))
