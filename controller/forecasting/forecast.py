"""A forecast: of each step not one value but levels, from what is hardly ever fallen below to what is hardly ever exceeded."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from controller.planning.site import Floats, Horizon

LEVELS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """`values[i, t]`: with the probability `levels[i]` the mean over step t lies below it. Finite and rising over the levels;
    ValueError where they are not. `notes` say what was assumed where something was not known.
    """

    horizon: Horizon
    levels: tuple[float, ...]
    values: Floats
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        inside = all(0.0 < level < 1.0 for level in self.levels)
        if not inside or not self.levels or any(np.diff(self.levels) <= 0.0):
            raise ValueError(f"forecast: levels are {self.levels}; they must rise between 0 and 1")
        if self.values.shape != (len(self.levels), self.horizon.steps):
            allowed = (len(self.levels), self.horizon.steps)
            raise ValueError(f"forecast: values are {self.values.shape}; {allowed} (levels, steps) is allowed")
        if not np.isfinite(self.values).all():
            raise ValueError("forecast: a value is no number")
        if (np.diff(self.values, axis=0) < 0.0).any():
            raise ValueError("forecast: values fall from one level to the next")

    def at(self, level: float) -> Floats:
        """The values of any level: between two they are interpolated, beyond the outermost theirs hold."""
        if not 0.0 <= level <= 1.0:
            raise ValueError(f"forecast: level is {level:g}; 0 to 1 is allowed")
        place = float(np.interp(level, self.levels, np.arange(len(self.levels))))
        low = min(int(place), len(self.levels) - 1)
        high = min(low + 1, len(self.levels) - 1)
        found: Floats = self.values[low] + (place - low) * (self.values[high] - self.values[low])
        return found

    @property
    def median(self) -> Floats:
        """What is as likely exceeded as not."""
        return self.at(0.5)


def rising(values: Floats) -> Floats:
    """The same values with each step's levels in order."""
    ordered: Floats = np.sort(values, axis=0)
    return ordered
