"""A linear problem put together from arrays: columns, rows and coefficients, in kW, kWh, °C and money.

Blocks of columns and rows are vectors over the steps; nothing here knows what they mean.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from controller.planning.site import Floats

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """The whole problem: least `cost @ x` with both kinds of bounds; the matrix by columns. `whole`: columns of 0 or 1."""

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Floats
    whole: Index


class Problem:
    """Collects blocks; `arrays` closes it."""

    def __init__(self) -> None:
        self._columns: list[tuple[Floats, Floats, Floats]] = []
        self._rows: list[tuple[Floats, Floats]] = []
        self._entries: list[tuple[Index, Index, Floats]] = []
        self._whole: list[Index] = []
        self._n_columns = 0
        self._n_rows = 0

    def columns(
        self,
        count: int,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        cost: ArrayLike = 0.0,
        *,
        whole: bool = False,
    ) -> Index:
        """So many new columns; bounds and cost are one for all or one for each."""
        new = np.arange(self._n_columns, self._n_columns + count)
        self._columns.append((_full(count, lower), _full(count, upper), _full(count, cost)))
        self._n_columns += count
        if whole:
            self._whole.append(new)
        return new

    def rows(self, count: int, lower: ArrayLike, upper: ArrayLike) -> Index:
        """So many new rows, lower <= coefficients @ x <= upper."""
        new = np.arange(self._n_rows, self._n_rows + count)
        self._rows.append((_full(count, lower), _full(count, upper)))
        self._n_rows += count
        return new

    def put(self, rows: Index, columns: Index, values: ArrayLike) -> None:
        """One coefficient for each pair; what is given twice adds up."""
        rows, columns, given = np.broadcast_arrays(rows, columns, np.asarray(values, np.float64))
        self._entries.append((rows.ravel(), columns.ravel(), given.ravel()))

    def arrays(self) -> Arrays:
        """Everything as arrays, the matrix by columns."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        key = columns * self._n_rows + rows
        places, which = np.unique(key, return_inverse=True)
        summed = np.bincount(which, weights=values, minlength=places.size)
        start = np.searchsorted(places, np.arange(self._n_columns + 1) * self._n_rows)
        lower, upper, cost = (np.concatenate(part) for part in zip(*self._columns, strict=True))
        row_lower, row_upper = (np.concatenate(part) for part in zip(*self._rows, strict=True))
        return Arrays(
            cost,
            lower,
            upper,
            row_lower,
            row_upper,
            start.astype(np.int32),
            (places % self._n_rows).astype(np.int32),
            np.asarray(summed, np.float64),
            np.concatenate([*self._whole, np.zeros(0, np.int64)]),
        )


def _full(count: int, value: ArrayLike) -> Floats:
    return np.array(np.broadcast_to(np.asarray(value, np.float64), (count,)))
