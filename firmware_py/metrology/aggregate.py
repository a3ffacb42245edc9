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

PLAIN = ("frequency_hz", "power_w", "reactive_var", "apparent_va", "energy_ws", "reactive_energy_vars")
SUMMED = ("energy_ws", "reactive_energy_vars")
SQUARED = ("voltage_v", "current_a", "unbalance")
SPECTRAL = ("group_v", "group_a", "thd_v", "thd_a")
PLAIN_NUMBERS = 16


def numbers(window: Window) -> Array:
    """All that is summed, in a row: as it is, then squares."""
    parts = [np.array((window.frequency_hz,)), *(getattr(window, name) for name in PLAIN[1:])]
    parts += [window.voltage_v, window.current_a, np.array((window.unbalance,))]
    if window.spectrum is not None:
        parts += [getattr(window.spectrum, name).ravel() for name in SPECTRAL]
    row = np.concatenate(parts)
    row[PLAIN_NUMBERS:] *= row[PLAIN_NUMBERS:]
    return row


def named(row: Array, currents: int) -> dict[str, Any]:
    """The row's parts by their names, in the shapes of a window's."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(PLAIN + SQUARED, (3,))
    shapes |= {"frequency_hz": (), "current_a": (currents,), "unbalance": ()}
    absent = {"group_v": None, "group_a": None, "thd_v": np.full(3, np.nan), "thd_a": np.full(3, np.nan)}
    found: dict[str, Any] = dict(absent)
    spectral = {"group_v": (3, 51), "group_a": (currents, 51), "thd_v": (3,), "thd_a": (currents,)}
    at = 0
    for name, shape in (shapes | spectral).items():
        size = int(np.prod(shape))
        if at < len(row):
            found[name] = row[at : at + size].reshape(shape) if shape else float(row[at])
        at += size
    return found


class Sums:
    """Running sums of one interval."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.sums: Array | None = None
        self.windows = self.currents = 0
        self.start_s = self.end_s = 0.0
        self.flagged = False

    def add(self, window: Window, row: Array, flagged: bool) -> None:
        """Take a window and its numbers in."""
        if self.sums is None:
            self.start_s, self.currents, self.sums = window.start_s, len(window.current_a), row.copy()
        else:
            self.sums += row
        self.windows, self.end_s = self.windows + 1, window.end_s
        self.flagged = self.flagged or flagged

    def result(self) -> Aggregate:
        """The aggregate of what was added."""
        assert self.sums is not None
        mean = self.sums / self.windows
        np.sqrt(mean[PLAIN_NUMBERS:], out=mean[PLAIN_NUMBERS:])
        whole = named(self.sums, self.currents)
        return Aggregate(
            span=self.span,
            start_s=self.start_s,
            end_s=self.end_s,
            windows=self.windows,
            flagged=self.flagged,
            **named(mean, self.currents) | {name: whole[name] for name in SUMMED},
        )


class Aggregator:
    """Takes windows, answers with the intervals they complete."""

    def __init__(self) -> None:
        self.short = Sums(Span.S3)
        self.long = [Sums(span) for span in LENGTHS_S]

    def take(self, window: Window, event: bool) -> Iterator[Aggregate]:
        """`event`: one was open or ended while the window lasted."""
        flagged, row = event or bool(len(window.faults)), numbers(window)
        for sums in self.long:
            length = LENGTHS_S[sums.span]
            if sums.windows > 0 and np.floor(window.start_s / length) > np.floor(sums.start_s / length):
                yield sums.result()
                sums.clear()
            sums.add(window, row, flagged)
        self.short.add(window, row, flagged)
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
