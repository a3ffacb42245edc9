"""Dips, swells, interruptions and rapid voltage changes, from the voltages of each half cycle.

Over all phases together: a dip or swell begins when the first phase leaves its band and ends when the last has come back
past the hysteresis; an interruption needs every phase. A rapid change is a departure from the mean of the second before
that ends in a new steady second and never was a dip or a swell.

A cycle's voltage says at its end what happened within it. How much of a cycle a step from the nominal to the event's extreme
must fill before the threshold is passed follows from the squares of the three; the step lay in the half cycle around that.
Its middle is told: begin and end of rectangular events are right within a quarter of a
cycle each, and 1 / 2 pi of a cycle more when the step lies off a zero crossing. (Clauses of IEC 61000-4-30 unverified.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.results import Array, Config, Event, EventKind

Snippet = tuple[Array, float]


@dataclass(slots=True)
class Open:
    """An event that has not ended."""

    start_s: float
    extreme_v: float
    touched: NDArray[np.bool_]
    snippet_v: NDArray[np.float32]
    snippet_start_s: float


@dataclass(frozen=True, slots=True)
class Band:
    """When a kind begins and ends: `sense` -1 looks for low voltages, +1 for high ones."""

    kind: EventKind
    sense: int
    begin_v: float
    end_v: float
    every_phase: bool = False


def bands(config: Config) -> tuple[Band, ...]:
    """Dip, swell and interruption of a configuration."""
    limits, nominal = config.limits, config.nominal_voltage_v
    slack = limits.hysteresis * nominal
    return (
        Band(EventKind.DIP, -1, limits.dip * nominal, limits.dip * nominal + slack),
        Band(EventKind.SWELL, 1, limits.swell * nominal, limits.swell * nominal - slack),
        Band(
            EventKind.INTERRUPTION,
            -1,
            limits.interruption * nominal,
            limits.interruption * nominal + slack,
            every_phase=True,
        ),
    )


class BandWatch:
    """Follows one band through the half cycles."""

    def __init__(self, band: Band, config: Config) -> None:
        self.band = band
        self.nominal_v = config.nominal_voltage_v
        self.cycle_s = 1 / config.nominal_frequency_hz
        self.open: Open | None = None

    def quiet(self, voltage_v: Array) -> bool:
        """Whether nothing of this block can matter."""
        worst = voltage_v.min() if self.band.sense < 0 else voltage_v.max()
        return self.open is None and not self._beyond(worst, self.band.begin_v)

    def step(self, at_s: float, voltage_v: Array, snippet: Snippet) -> Event | None:
        """One half cycle of three voltages; the event that has ended with it."""
        beyond = self._beyond(voltage_v, self.band.begin_v)
        if self.open is None:
            if beyond.all() if self.band.every_phase else beyond.any():
                self.open = opened(at_s, self._worst(voltage_v), beyond, snippet)
            return None
        back = ~self._beyond(voltage_v, self.band.end_v)
        if back.any() if self.band.every_phase else back.all():
            return self._closed(at_s)
        self.open.touched = self.open.touched | beyond
        self.open.extreme_v = self._worst(np.append(voltage_v, self.open.extreme_v))
        return None

    def _beyond(self, voltage_v: Array, limit_v: float) -> NDArray[np.bool_]:
        return np.asarray(voltage_v < limit_v if self.band.sense < 0 else voltage_v > limit_v)

    def _worst(self, voltage_v: Array) -> float:
        return float(voltage_v.min() if self.band.sense < 0 else voltage_v.max())

    def _share(self, extreme_v: float, limit_v: float) -> float:
        """Part of a cycle at the extreme, the rest at nominal, whose RMS is the limit."""
        nominal = self.nominal_v**2
        return min(1.0, (nominal - limit_v**2) / (nominal - extreme_v**2))

    def _closed(self, at_s: float) -> Event:
        found, self.open = self.open, None
        assert found is not None
        start_s = found.start_s - (self._share(found.extreme_v, self.band.begin_v) + 0.25) * self.cycle_s
        end_s = at_s - (1.25 - self._share(found.extreme_v, self.band.end_v)) * self.cycle_s
        return Event(
            kind=self.band.kind,
            phases=phases_of(found.touched),
            start_s=start_s,
            duration_s=max(end_s - start_s, 0.0),
            extreme_v=found.extreme_v,
            depth=abs(self.nominal_v - found.extreme_v) / self.nominal_v,
            steady_change=float("nan"),
            snippet_v=found.snippet_v,
            snippet_start_s=found.snippet_start_s,
        )


def opened(at_s: float, extreme_v: float, touched: NDArray[np.bool_], snippet: Snippet) -> Open:
    """With a copy of the snippet: what is handed in will be overwritten."""
    return Open(at_s, extreme_v, touched, snippet[0].astype(np.float32), snippet[1])


def phases_of(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """1 to 3."""
    return tuple(int(k) + 1 for k in np.flatnonzero(mask))


class ChangeWatch:
    """Follows one phase for rapid changes; steady is a second of half cycles that all lie within the limit of their mean."""

    def __init__(self, config: Config, phase: int) -> None:
        self.phase = phase
        self.nominal_v = config.nominal_voltage_v
        self.limit_v = config.limits.rapid_change * config.nominal_voltage_v
        self.low_v, self.high_v = (each * config.nominal_voltage_v for each in (config.limits.dip, config.limits.swell))
        self.last = np.empty(0)
        self.length = int(2 * config.nominal_frequency_hz)
        self.steady_v = float("nan")
        self.open: Open | None = None

    def quiet(self, voltage_v: Array) -> bool:
        """Whether this block lies so near its own past that nothing can begin; takes it into the past when it does."""
        joined = np.concatenate((self.last, voltage_v))
        if self.open is not None or len(self.last) < self.length or np.ptp(joined) >= self.limit_v:
            return False
        self.last = joined[-self.length :]
        self.steady_v = float(self.last.mean())
        return True

    def step(self, at_s: float, voltage_v: float, snippet: Snippet) -> Event | None:
        """One half cycle; the change that has ended a second ago, known now."""
        mean = float(self.last.mean()) if self._steady() else float("nan")
        self.last = np.append(self.last, voltage_v)[-self.length :]
        if self.open is not None:
            return self._follow(at_s, voltage_v)
        if abs(voltage_v - mean) > self.limit_v:
            self.steady_v = mean
            self.open = opened(at_s - 1 / self.length, voltage_v, np.arange(3) == self.phase, snippet)
        return None

    def _steady(self) -> bool:
        """Whether a whole second of half cycles lies near its mean."""
        return len(self.last) == self.length and float(np.abs(self.last - self.last.mean()).max()) <= self.limit_v

    def _follow(self, at_s: float, voltage_v: float) -> Event | None:
        found = self.open
        assert found is not None
        if abs(voltage_v - self.steady_v) > abs(found.extreme_v - self.steady_v):
            found.extreme_v = voltage_v
        steady = float(self.last.mean())
        settled = at_s - found.start_s >= (self.length - 1) / self.length
        if not settled or not self._steady():
            return None
        self.open = None
        was_in_band = all(self.low_v <= each <= self.high_v for each in (found.extreme_v, self.steady_v))
        return self._event(found, at_s, steady) if was_in_band else None

    def _event(self, found: Open, at_s: float, steady_v: float) -> Event:
        return Event(
            kind=EventKind.RAPID_CHANGE,
            phases=phases_of(found.touched),
            start_s=found.start_s,
            duration_s=at_s - found.start_s - (self.length - 1) / self.length,
            extreme_v=found.extreme_v,
            depth=abs(found.extreme_v - self.steady_v) / self.nominal_v,
            steady_change=(steady_v - self.steady_v) / self.nominal_v,
            snippet_v=found.snippet_v,
            snippet_start_s=found.snippet_start_s,
        )


class Events:
    """All watches over a block of half cycles."""

    def __init__(self, config: Config) -> None:
        self.bands = [BandWatch(each, config) for each in bands(config)]
        self.changes = [ChangeWatch(config, phase) for phase in range(3)]

    @property
    def pending(self) -> bool:
        """An event has begun and not ended."""
        return any(each.open is not None for each in self.bands) or any(each.open is not None for each in self.changes)

    def take(self, end_s: Array, voltage_v: Array, snippet: Snippet) -> list[Event]:
        """What ended in a block of (3, n) half cycles; quiet blocks cost next to nothing."""
        if not end_s.size:
            return []
        found: list[Event | None] = []
        for watch in self.bands:
            if not watch.quiet(voltage_v):
                found += [watch.step(float(at), each, snippet) for at, each in zip(end_s, voltage_v.T, strict=True)]
        for change in self.changes:
            row = voltage_v[change.phase]
            if not change.quiet(row):
                found += [change.step(float(at), float(each), snippet) for at, each in zip(end_s, row, strict=True)]
        return sorted((each for each in found if each is not None), key=lambda event: event.start_s)
