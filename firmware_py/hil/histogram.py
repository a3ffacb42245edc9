"""Histograms of times: buckets that grow with the value, so that memory is bounded and the tail keeps its digits.

As in HdrHistogram, each octave has as many buckets: a percentile is at most one part in 32 too high, never too low.
Counts, least and most are exact. Pure, and mergeable: the sum of two histograms is that of all their values.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_BITS: Final = 5
_EACH: Final = 1 << _BITS  # buckets in an octave
# 2^40 us are twelve days: whatever took longer is counted there, with its true size as the most.
TOP_US: Final = 1 << 40
_LAST: Final = 36 * _EACH


def bucket(value_us: int) -> int:
    """The bucket of a value: the value itself up to 63, then 32 buckets to each doubling."""
    shift = max(min(value_us, TOP_US).bit_length() - _BITS - 1, 0)
    return shift * _EACH + (min(value_us, TOP_US) >> shift)


def highest_us(index: int) -> int:
    """The highest value that falls into a bucket."""
    shift = max(index // _EACH - 1, 0)
    return ((index - shift * _EACH + 1) << shift) - 1


@dataclass(slots=True)
class Histogram:
    """Times of one source, in whole microseconds; what took longer than `deadline_us` (None: any time) is an overrun.

    `overrun_worst_us` is how far the worst one lay beyond its deadline. `lost` counts what was expected and never came.
    """

    source: str
    deadline_us: int | None = None
    count: int = 0
    least_us: int = 0
    most_us: int = 0
    overruns: int = 0
    overrun_worst_us: int = 0
    lost: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def add_s(self, seconds: float, over_us: int | None = None) -> None:
        """Count a time; what is negative, by the resolution of a clock, is 0. ValueError for what is not finite.

        `over_us` is how far it lay beyond a deadline of its own (0: in time); None: beyond `deadline_us`.
        """
        if not math.isfinite(seconds):
            raise ValueError(f"{self.source}: a time of {seconds} s; allowed is any finite number")
        value_us = max(round(seconds * 1e6), 0)
        if over_us is None:
            over_us = 0 if self.deadline_us is None else max(value_us - self.deadline_us, 0)
        self.least_us = value_us if not self.count else min(self.least_us, value_us)
        self.most_us = max(self.most_us, value_us)
        self.count += 1
        self.overruns += over_us > 0
        self.overrun_worst_us = max(self.overrun_worst_us, over_us)
        index = bucket(value_us)
        self.buckets[index] = self.buckets.get(index, 0) + 1

    def percentile_us(self, percent: float) -> int | None:
        """The time that this share of the values does not exceed; None where there are no values."""
        if not 0 <= percent <= 100:
            raise ValueError(f"percentile {percent}: 0 to 100 is allowed")
        rank = max(math.ceil(self.count * percent / 100), 1)
        for index, reached in self._reached():
            if reached >= rank:
                return max(min(highest_us(index), self.most_us), self.least_us)
        return None

    def _reached(self) -> Iterator[tuple[int, int]]:
        reached = 0
        for index in sorted(self.buckets):
            reached += self.buckets[index]
            yield index, reached

    def merge(self, other: "Histogram") -> None:
        """Take in another one of the same source; where the deadlines differ, none is left, and the overruns stay."""
        if other.source != self.source:
            raise ValueError(f"{other.source} cannot be merged into {self.source}")
        if other.count:
            self.least_us = other.least_us if not self.count else min(self.least_us, other.least_us)
        self.deadline_us = self.deadline_us if self.deadline_us == other.deadline_us else None
        self.most_us = max(self.most_us, other.most_us)
        self.count += other.count
        self.overruns += other.overruns
        self.overrun_worst_us = max(self.overrun_worst_us, other.overrun_worst_us)
        self.lost += other.lost
        for index, count in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + count

    def contradiction(self) -> str | None:
        """What in it cannot be true; None where all is well."""
        total = sum(self.buckets.values())
        if any(count < 1 for count in self.buckets.values()) or not all(0 <= index <= _LAST for index in self.buckets):
            return f"buckets: indices of 0 to {_LAST} and counts of 1 and more are allowed"
        if total != self.count:
            return f"count {self.count}: the buckets hold {total}"
        if not 0 <= self.overruns <= self.count or (self.overruns > 0) != (self.overrun_worst_us > 0):
            return (
                f"overruns {self.overruns}, the worst {self.overrun_worst_us} us: at odds with the count or each other"
            )
        ends = (min(self.buckets), max(self.buckets)) if self.buckets else (0, 0)
        if (bucket(self.least_us), bucket(self.most_us)) != ends or self.lost < 0:
            return f"least_us {self.least_us}, most_us {self.most_us}: the buckets say otherwise"
        return None
