"""Thousands of homes at once: the equations of the scalar parts on numpy arrays, one element per home.

Every class steps like its scalar twin (`tests/sim_hardware/physics/test_vector.py` holds them together). A parameter is an
array of one value per home, or a plain number where all homes share it, which saves its memory.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]
Values = Floats | float
# Work on chosen homes is done for so many at once.
PIECE: Final = 1_024


def per_home(count: int, name: str, value: Values) -> Values:
    """The value, where it is one number or one per home, all finite."""
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), (count,)):
        raise ValueError(f"{name} has shape {array.shape}; it must be one number or ({count},), one per home")
    if not np.isfinite(array).all():
        home = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"{name} of home {home} is {array.flat[home]}; it must be a finite number")
    return float(array) if array.shape == () else array


def above_zero(count: int, name: str, value: Values) -> Values:
    """The value, where it is more than 0 for every home."""
    checked = per_home(count, name, value)
    array = np.atleast_1d(checked)
    if (array <= 0.0).any():
        home = int(np.argmax(array <= 0.0))
        raise ValueError(f"{name} of home {home} is {array[home]:g}; it must be more than 0")
    return checked


def filled(count: int, value: Values) -> Floats:
    """A new array with this value in every home."""
    out = np.empty(count)
    out[:] = value
    return out


def held(values: Values, least: float, most: float) -> Values:
    """The values, none beyond the bounds. (A clip is three times faster than a maximum with a plain number.)"""
    return min(max(values, least), most) if isinstance(values, float) else values.clip(least, most)


def pick(values: Values, rows: Rows) -> Values:
    """The values of these homes."""
    return values if isinstance(values, float) else values.take(rows)


def pieces(rows: Rows) -> Iterator[Rows]:
    """These homes, a few at a time: a step in which all switch needs hardly more memory than any other."""
    return (rows[first : first + PIECE] for first in range(0, rows.size, PIECE))
