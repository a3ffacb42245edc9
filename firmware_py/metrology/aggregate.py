"""Windows taken together: 15 make three seconds; those that begin in ten minutes or two hours of the clock make these.

An interval ends with the first window that begins after its end (resynchronisation with overlap, IEC 61000-4-30 class A,
is not done: clause unread). Sums only are kept, no windows: memory does not depend on the interval.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from firmware_py.metrology.results import Aggregate, Array, Config, Frequency10s, Span, Window

LENGTHS_S = {Span.MIN10: 600.0, Span.H2: 7200.0}
PER_3S = 15

SQUARED = ("voltage_v", "current_a", "unbalance")
PLAIN = ("frequency_hz", "power_w", "reactive_var", "apparent_va", "energy_ws", "reactive_energy_vars")
SUMMED = ("energy_ws", "reactive_energy_vars")


class Sums:
    """Running sums of one interval."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.sums: dict[str, Array | float] = {}
        self.windows = 0
        self.start_s = self.end_s = 0.0
        self.flagged = False

    def add(self, window: Window, flagged: bool) -> None:
        """Take a window in."""
        if self.windows == 0:
            self.start_s = window.start_s
        self.windows, self.end_s = self.windows + 1, window.end_s
        self.flagged = self.flagged or flagged
        for name in PLAIN:
            self._sum(name, getattr(window, name))
        for name in SQUARED:
            self._sum(name, getattr(window, name) ** 2)
        if window.spectrum is not None:
            for name in ("group_v", "group_a", "thd_v", "thd_a"):
                self._sum(name, getattr(window.spectrum, name) ** 2)

    def _sum(self, name: str, value: Array | float) -> None:
        self.sums[name] = self.sums[name] + value if name in self.sums else value

    def result(self) -> Aggregate:
        """The aggregate of what was added."""
        mean = {name: each / self.windows for name, each in self.sums.items()}
        squared = {name: np.sqrt(each) for name, each in mean.items() if name not in PLAIN}
        plain = {name: self.sums[name] if name in SUMMED else mean[name] for name in PLAIN}
        absent: dict[str, Any] = {
            "group_v": None,
            "group_a": None,
            "thd_v": np.full(3, np.nan),
            "thd_a": np.full(3, np.nan),
        }
        return Aggregate(
            span=self.span,
            start_s=self.start_s,
            end_s=self.end_s,
            windows=self.windows,
            flagged=self.flagged,
            **{**absent, **plain, **squared},
        )


class Aggregator:
    """Takes windows, answers with the intervals they complete."""

    def __init__(self) -> None:
        self.short = Sums(Span.S3)
        self.long = [Sums(span) for span in LENGTHS_S]

    def take(self, window: Window, event: bool) -> Iterator[Aggregate]:
        """`event`: one was open or ended while the window lasted."""
        flagged = event or bool(len(window.faults))
        for sums in self.long:
            length = LENGTHS_S[sums.span]
            if sums.windows > 0 and np.floor(window.start_s / length) > np.floor(sums.start_s / length):
                yield sums.result()
                sums.clear()
            sums.add(window, flagged)
        self.short.add(window, flagged)
        if self.short.windows == PER_3S:
            yield self.short.result()
            self.short.clear()


class FrequencyMeter:
    """Whole cycles in each ten seconds of the clock, over the time they took."""

    def __init__(self, config: Config) -> None:
        self.first: float | None = None
        self.last = 0.0
        self.halves = 0

    def take(self, crossing_s: Array) -> Iterator[Frequency10s]:
        """Ends of half cycles, ascending."""
        for at in crossing_s:
            if self.first is not None and np.floor(at / 10) > np.floor(self.first / 10):
                yield from self._closed()
            if self.first is None:
                self.first, self.halves = float(at), 0
                continue
            self.halves += 1
            if self.halves % 2 == 0:
                self.last = float(at)

    def _closed(self) -> Iterator[Frequency10s]:
        cycles = self.halves // 2
        if self.first is not None and cycles > 0:
            yield Frequency10s(np.floor(self.first / 10) * 10, cycles / (self.last - self.first), cycles)
        self.first = None
