"""Two coupled masses: how they stand after a step, exactly, by the matrix exponential in closed form."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

# A number for one home or an array for many.
Real = TypeVar("Real", float, NDArray[np.float64], NDArray[np.float64] | float)
Matrix2 = tuple[Real, Real, Real, Real]


def exponential(a: Real, b: Real, c: Real, d: Real, dt_s: float) -> Matrix2[Real]:
    """exp([[a, b], [c, d]] dt) row by row, for b c > 0 (both masses warm each other): real eigenvalues.

    (A - l2 I) exp(l1 dt) / (l1 - l2) - (A - l1 I) exp(l2 dt) / (l1 - l2), Sylvester's formula.
    """
    middle = (a + d) * 0.5
    spread = np.sqrt((a - d) * (a - d) * 0.25 + b * c)
    high, low = middle + spread, middle - spread
    up, down = np.exp(high * dt_s), np.exp(low * dt_s)
    share = (up - down) / (2.0 * spread)
    keep = (high * down - low * up) / (2.0 * spread)
    return keep + a * share, b * share, c * share, keep + d * share
