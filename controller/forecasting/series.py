"""A series of means on a grid of equal steps in UTC; NaN is a hole. Local time is no business of a series."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import numpy as np

from controller.planning.site import Bools, Floats, Horizon

QUARTER_S: Final = 900.0
DAY_S: Final = 86_400.0
# A mean of which less than this is known is a hole.
COVERAGE: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Means over steps of `step_s` from `start` on, which lies on a whole step since 1970-01-01 UTC; ValueError elsewhere."""

    start: datetime
    step_s: float
    values: Floats

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0):
            raise ValueError(f"series: start is {self.start}; it must be in UTC")
        if not 1.0 <= self.step_s <= DAY_S:
            raise ValueError(f"series: step_s is {self.step_s:g}; 1 to {DAY_S:g} is allowed")
        if self.start.timestamp() % self.step_s != 0.0:
            raise ValueError(f"series: start {self.start} does not lie on a whole step of {self.step_s:g} s")
        if self.values.ndim != 1:
            raise ValueError(f"series: values have {self.values.ndim} dimensions; 1 is allowed")
        if np.isinf(self.values).any():
            raise ValueError("series: a value is infinite; numbers and NaN (a hole) are allowed")

    @classmethod
    def empty(cls, step_s: float = QUARTER_S) -> Self:
        """Nothing known."""
        return cls(datetime(1970, 1, 1, tzinfo=UTC), step_s, np.empty(0))

    @property
    def end(self) -> datetime:
        """Where the last step ends."""
        return self.start + timedelta(seconds=len(self.values) * self.step_s)

    @property
    def known(self) -> Bools:
        """Which steps are no holes."""
        return np.isfinite(self.values)

    def cut(self, start: datetime, steps: int) -> Floats:
        """So many of its own steps from `start` on, NaN beyond its ends; ValueError off its grid."""
        offset = (start - self.start).total_seconds() / self.step_s
        if offset != int(offset):
            raise ValueError(f"series: {start} does not lie on a whole step of {self.step_s:g} s")
        first, found = int(offset), np.full(steps, np.nan)
        low, high = max(0, first), min(len(self.values), first + steps)
        if low < high:
            found[low - first : high - first] = self.values[low:high]
        return found

    def on(self, horizon: Horizon) -> Floats:
        """The means over the steps of a horizon; NaN where less than half of a step is known."""
        at = (horizon.start - self.start).total_seconds() / self.step_s
        if horizon.step_s == self.step_s and at == int(at):
            return self.cut(horizon.start, horizon.steps)
        edges: Floats = at + np.arange(horizon.steps + 1, dtype=np.float64) * (horizon.step_s / self.step_s)
        return _means(self.values, edges)

    def resampled(self, step_s: float) -> "Series":
        """On a grid of other steps (300, 900 …), one of which is a multiple of the other: means, or each repeated."""
        if step_s == self.step_s:
            return self
        if max(step_s, self.step_s) % min(step_s, self.step_s) != 0.0:
            raise ValueError(f"series: steps of {self.step_s:g} s cannot be made {step_s:g} s: neither is a multiple")
        if step_s < self.step_s:
            return Series(self.start, step_s, np.repeat(self.values, round(self.step_s / step_s)))
        first = self.start.timestamp() // step_s
        steps = int(-(-self.end.timestamp() // step_s) - first)
        start = datetime.fromtimestamp(first * step_s, UTC)
        return Series(start, step_s, self.on(Horizon(start, step_s, steps)))

    def joined(self, newer: "Series") -> "Series":
        """Both on this one's grid; where both know a value, the newer's counts."""
        newer = newer.resampled(self.step_s)
        if len(newer.values) == 0 or len(self.values) == 0:
            return newer if len(self.values) == 0 else self
        start, end = min(self.start, newer.start), max(self.end, newer.end)
        steps = round((end - start).total_seconds() / self.step_s)
        old, new = self.cut(start, steps), newer.cut(start, steps)
        return Series(start, self.step_s, np.where(np.isfinite(new), new, old))

    def checked(self, name: str, least: float, most: float) -> Self:
        """Itself; ValueError names the first value that lies outside."""
        wrong = np.flatnonzero((self.values < least) | (self.values > most))
        if len(wrong):
            moment = self.start + timedelta(seconds=float(wrong[0]) * self.step_s)
            raise ValueError(f"{name}: {self.values[wrong[0]]:g} at {moment}; {least:g} to {most:g} is allowed")
        return self

    def within(self, least: float, most: float) -> tuple["Series", int]:
        """With holes for what lies outside, and how many those are."""
        wrong = (self.values < least) | (self.values > most)
        count = int(wrong.sum())
        return (Series(self.start, self.step_s, np.where(wrong, np.nan, self.values)), count) if count else (self, 0)


def _means(values: Floats, edges: Floats) -> Floats:
    """Means between edges given in steps of the values; NaN where less than half is known."""
    known = np.isfinite(values)
    places = np.arange(len(values) + 1)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0.0], np.cumsum(known)])
    total, covered = np.diff(np.interp(edges, places, sums)), np.diff(np.interp(edges, places, counts))
    enough = (covered >= COVERAGE * np.diff(edges) - 1e-9) & (covered > 0.0)
    return np.where(enough, total / np.where(enough, covered, 1.0), np.nan)
