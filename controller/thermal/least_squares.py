"""Least squares of a smooth function by Levenberg and Marquardt, slopes by differences. Small problems, few parameters.

Source: Marquardt, "An Algorithm for Least-Squares Estimation of Nonlinear Parameters", J. SIAM 11 (1963) 431.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Residuals = Callable[[Floats], Floats]

_STEP = 1e-5  # of parameters that are about 1: between rounding and curvature
_MOST_ROUNDS = 60
_STILL = 1e-7  # a relative gain of less is none


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where the sum of squares is least; `is_found` is False where the rounds ran out first."""

    x: Floats
    residuals: Floats
    slopes: Floats
    is_found: bool

    @property
    def squares(self) -> float:
        """The sum of squares."""
        return float(self.residuals @ self.residuals)


def minimise(residuals: Residuals, start: Floats, least: Floats, most: Floats) -> Minimum:
    """The minimum near `start` with every parameter between `least` and `most`; scale them to be about 1."""
    x, damping = np.clip(start, least, most), 1e-3
    r = residuals(x)
    for _ in range(_MOST_ROUNDS):
        slopes = slopes_of(residuals, x, r)
        x_new, r_new, damping = _round(residuals, x, r, slopes, least, most, damping)
        gain = float(r @ r - r_new @ r_new)
        if gain <= _STILL * float(r @ r):
            return Minimum(x, r, slopes, is_found=True)
        x, r = x_new, r_new
    return Minimum(x, r, slopes_of(residuals, x, r), is_found=False)


def slopes_of(residuals: Residuals, x: Floats, r: Floats) -> Floats:
    """The derivative of each residual by each parameter."""
    return np.stack([(residuals(x + _STEP * e) - r) / _STEP for e in np.eye(len(x))], axis=1)


def _round(
    residuals: Residuals, x: Floats, r: Floats, slopes: Floats, least: Floats, most: Floats, damping: float
) -> tuple[Floats, Floats, float]:
    """A step that lowers the squares, with ever more damping until it does (none: the same point again)."""
    squares, downhill = float(r @ r), -slopes.T @ r
    # What a bound stops would spoil the step of the others.
    free = ~((x <= least) & (downhill < 0.0) | (x >= most) & (downhill > 0.0))
    normal = slopes[:, free].T @ slopes[:, free]
    scale = np.diag(np.maximum(np.diag(normal), 1e-12))
    while damping < 1e9 and free.any():
        x_new = x.copy()
        x_new[free] += np.linalg.solve(normal + damping * scale, downhill[free])
        x_new = np.clip(x_new, least, most)
        r_new = residuals(x_new)
        if float(r_new @ r_new) < squares:
            return x_new, r_new, max(damping * 0.2, 1e-9)
        damping *= 5.0
    return x, r, damping


def spread(minimum: Minimum, free: int, ties: float) -> Floats:
    """The standard error of each parameter. `free`: values less everything fitted; `ties`: by how much more each residual
    counts for the residuals before it (1: independent). Inf where nothing tells a parameter.
    """
    normal = minimum.slopes.T @ minimum.slopes
    values, vectors = np.linalg.eigh(normal)
    floor = 1e-12 * max(float(values[-1]), 1e-300)
    inverse = np.where(values > floor, 1.0 / np.maximum(values, floor), np.inf)
    with np.errstate(invalid="ignore"):
        variances = np.nansum(vectors**2 * inverse, axis=1)
    return np.asarray(np.sqrt(variances * minimum.squares / max(free, 1) * ties))
