"""Wishes: what a law would like a power to be, as immutable values that die of age."""

from enum import IntEnum
from math import inf

import msgspec


class Rank(IntEnum):
    """Who binds whom; a lower number is stronger."""

    SAFETY = 0
    GRID_CODE = 1
    GRID_LIMIT = 2
    COMFORT_BOUND = 3
    CONTRACT = 4
    COMFORT = 5
    OPTIMISER = 6
    DEFAULT = 7


class Band(msgspec.Struct, frozen=True):
    """A closed range of power in W, consumption positive; infinite ends are allowed, NaN and reversed ends are not."""

    least_w: float = -inf
    most_w: float = inf

    def __post_init__(self) -> None:
        if not self.least_w <= self.most_w:  # nor with NaN
            raise ValueError(f"band {self.least_w} W to {self.most_w} W: the first must not exceed the second")

    def nearest(self, power_w: float) -> float:
        """The power of the band closest to the one given."""
        return self.least_w if power_w < self.least_w else min(power_w, self.most_w)

    def within(self, stronger: "Band") -> "Band":
        """This band cut to a stronger one; where they do not meet, the stronger one's end that is nearest."""
        return Band(stronger.nearest(self.least_w), stronger.nearest(self.most_w))


class Wish(msgspec.Struct, frozen=True):
    """A demand (`within`), a preference (`want_w`) or both, from one source, good until a monotonic time."""

    source: str
    rank: Rank
    good_until_s: float
    why: str
    within: Band | None = None
    want_w: float | None = None
