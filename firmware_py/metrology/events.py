"""Dips, swells, interruptions and rapid voltage changes, from the voltages of each half cycle.

Over all phases together: a dip or swell begins when the first phase leaves its band and ends when the last has come back
past the hysteresis; an interruption needs every phase. A rapid change is a departure from the mean of the second before
that ends in a new steady second and never was a dip or a swell.

`start_s` and `duration_s` say when the voltage itself changed: the step is found in the samples (`scene.step_at`), within a
quarter of a millisecond for rectangular events without noise. `detected_start_s` and `detected_duration_s` are those of IEC 61000-4-30
class A as commonly described (clauses unverified): the ends of the first cycle beyond the threshold and of the first that is
back past the hysteresis, which differ from the truth by up to a cycle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.results import Array, Config, Event, EventKind
from firmware_py.metrology.scene import Scene

NONE = np.zeros(3, dtype=np.bool_)


@dataclass(slots=True)
class Open:
    """An event that has not ended."""

    start_s: float
    detected_s: float
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
        self.open: Open | None = None
        self.out = NONE
        """Phases that were beyond, and have not come back, a half cycle ago."""

    def quiet(self, least_v: float, greatest_v: float) -> bool:
        """Whether nothing of a block with these voltages can matter."""
        worst = least_v if self.band.sense < 0 else greatest_v
        calm = self.open is None and not self._beyond(worst, self.band.begin_v)
        self.out = NONE if calm else self.out
        return calm

    def step(self, half: int, scene: Scene) -> Event | None:
        """One half cycle of three voltages; the event that has ended with it."""
        voltage_v, was = scene.voltage_v[:, half], self.out
        beyond = np.asarray(self._beyond(voltage_v, self.band.begin_v))
        self.out = np.asarray(beyond | (was & self._beyond(voltage_v, self.band.end_v)))
        if self.open is None:
            if beyond.all() if self.band.every_phase else beyond.any():
                moments = scene.steps_s(half, beyond & ~was, self.band.sense) or [float(scene.end_s[half])]
                start_s = max(moments) if self.band.every_phase else min(moments)
                self.open = opened(start_s, scene, half, self._worst(voltage_v), beyond)
            return None
        if not self.out.all() if self.band.every_phase else not self.out.any():
            moments = scene.steps_s(half, was & ~self.out, -self.band.sense) or [float(scene.end_s[half])]
            return self._closed(min(moments) if self.band.every_phase else max(moments), float(scene.end_s[half]))
        self.open.touched = self.open.touched | beyond
        self.open.extreme_v = self._worst(np.append(voltage_v, self.open.extreme_v))
        return None

    def _beyond(self, voltage_v: Array | float, limit_v: float) -> NDArray[np.bool_] | bool:
        return voltage_v < limit_v if self.band.sense < 0 else voltage_v > limit_v

    def _worst(self, voltage_v: Array) -> float:
        return float(voltage_v.min() if self.band.sense < 0 else voltage_v.max())

    def _closed(self, end_s: float, detected_s: float) -> Event:
        found, self.open = self.open, None
        assert found is not None
        return Event(
            kind=self.band.kind,
            phases=phases_of(found.touched),
            start_s=found.start_s,
            duration_s=max(end_s - found.start_s, 0.0),
            detected_start_s=found.detected_s,
            detected_duration_s=detected_s - found.detected_s,
            extreme_v=found.extreme_v,
            depth=abs(self.nominal_v - found.extreme_v) / self.nominal_v,
            steady_change=float("nan"),
            snippet_v=found.snippet_v,
            snippet_start_s=found.snippet_start_s,
        )


def opened(start_s: float, scene: Scene, half: int, extreme_v: float, touched: NDArray[np.bool_]) -> Open:
    """An event noticed at the end of this half cycle."""
    return Open(start_s, float(scene.end_s[half]), extreme_v, touched, *scene.snippet())


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

    def step(self, half: int, scene: Scene) -> Event | None:
        """One half cycle; the change that has ended a second ago, known now."""
        at_s, voltage_v = float(scene.end_s[half]), float(scene.voltage_v[self.phase, half])
        mean = float(self.last.mean()) if self._steady() else float("nan")
        self.last = np.append(self.last, voltage_v)[-self.length :]
        if self.open is not None:
            return self._follow(at_s, voltage_v)
        if abs(voltage_v - mean) > self.limit_v:
            self.steady_v = mean
            self.open = opened(at_s - 1 / self.length, scene, half, voltage_v, np.arange(3) == self.phase)
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
            detected_start_s=found.detected_s,
            detected_duration_s=at_s - found.detected_s - (self.length - 1) / self.length,
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
        self.length = self.changes[0].length
        self.limit_v = self.changes[0].limit_v
        self.past = np.empty((3, 0))
        """Voltages of the last second's half cycles."""

    @property
    def pending(self) -> bool:
        """An event has begun and not ended."""
        return any(each.open is not None for each in self.bands) or any(each.open is not None for each in self.changes)

    def take(self, scene: Scene) -> list[Event]:
        """What ended in a block of half cycles; quiet blocks cost next to nothing."""
        joined = np.concatenate((self.past, scene.voltage_v), axis=1)
        low, high = joined.min(axis=1), joined.max(axis=1)
        long = self.past.shape[1] >= self.length
        least, greatest = float(low.min()), float(high.max())
        # What went before is looked at again: it costs nothing but a block of steps more at the end of an event.
        busy: list[BandWatch | ChangeWatch] = [each for each in self.bands if not each.quiet(least, greatest)]
        for change, swing in zip(self.changes, high - low, strict=True):
            if change.open is not None or not long or swing >= self.limit_v:
                change.last = self.past[change.phase]
                busy.append(change)
        halves = range(scene.voltage_v.shape[1])
        found = [watch.step(half, scene) for watch in busy for half in halves]
        self.past = joined[:, -self.length :]
        return sorted((each for each in found if each is not None), key=lambda event: event.start_s)
