"""The search against scipy's, and its standard errors against a straight line's textbook ones."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from controller.thermal.least_squares import Floats, minimise, spread

_T = np.linspace(0.0, 5.0, 60)
_SEEN = 2.0 * np.exp(-0.7 * _T) + 0.3 + np.random.default_rng(4).normal(0.0, 0.02, 60)


def _decay(x: Floats) -> Floats:
    return np.asarray(x[0] * np.exp(-np.exp(x[1]) * _T) + x[2] - _SEEN)


@pytest.mark.parametrize("start", [[1.0, 0.0, 0.0], [5.0, 1.5, 2.0], [0.5, -2.0, -1.0]])
def test_it_finds_what_scipy_finds(start: list[float]) -> None:
    wide = np.full(3, 10.0)
    truth = least_squares(_decay, start, xtol=1e-12, ftol=1e-12)
    found = minimise(_decay, np.array(start), -wide, wide)
    assert found.is_found
    assert found.x == pytest.approx(truth.x, rel=1e-3)
    assert found.squares == pytest.approx(2.0 * truth.cost, rel=1e-6)


def test_bounds_are_kept_as_scipy_keeps_them() -> None:
    least, most = np.array([-10.0, -10.0, 0.4]), np.full(3, 10.0)
    truth = least_squares(_decay, [1.0, 0.0, 0.5], bounds=(least, most), xtol=1e-12, ftol=1e-12)
    found = minimise(_decay, np.array([1.0, 0.0, 0.5]), least, most)
    assert found.x[2] == pytest.approx(0.4, abs=1e-6)
    assert found.squares == pytest.approx(2.0 * truth.cost, rel=1e-3)


def test_errors_of_a_straight_line_are_those_of_the_textbook() -> None:
    y = 3.0 + 0.5 * _T + np.random.default_rng(1).normal(0.0, 0.2, 60)
    found = minimise(lambda x: x[0] + x[1] * _T - y, np.zeros(2), np.full(2, -9.0), np.full(2, 9.0))
    fitted, cov = np.polyfit(_T, y, 1, cov=True)
    assert found.x[::-1] == pytest.approx(fitted, rel=1e-4)
    assert spread(found, 58, 1.0)[::-1] == pytest.approx(np.sqrt(np.diag(cov)), rel=1e-3)
    assert spread(found, 58, 4.0) == pytest.approx(2.0 * spread(found, 58, 1.0))


def test_what_nothing_tells_has_no_error_but_inf() -> None:
    found = minimise(lambda x: x[0] + 0.0 * x[1] - _SEEN, np.ones(2), np.full(2, -9.0), np.full(2, 9.0))
    errors = spread(found, 58, 1.0)
    assert np.isfinite(errors[0])
    assert errors[1] == np.inf
