"""The analyser: blocks of samples in, results out, the same for every cut of the same samples."""

from dataclasses import dataclass, field

import numpy as np

from firmware_py.metrology.aggregate import Aggregator, FrequencyMeter
from firmware_py.metrology.crossings import Tracker
from firmware_py.metrology.events import Events
from firmware_py.metrology.flicker import FlickerMeter
from firmware_py.metrology.history import History
from firmware_py.metrology.results import (
    Aggregate,
    Array,
    Config,
    Event,
    Flicker,
    Frequency10s,
    HalfCycles,
    MistakenBlock,
    Rest,
    Results,
    Window,
)
from firmware_py.metrology.scene import Scene
from firmware_py.metrology.windows import Windows


@dataclass(slots=True)
class Harvest:
    """Results in the making."""

    windows: list[Window] = field(default_factory=list)
    half_cycles: list[HalfCycles] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    flicker: list[Flicker] = field(default_factory=list)
    aggregates: list[Aggregate] = field(default_factory=list)
    frequencies: list[Frequency10s] = field(default_factory=list)
    sensations: list[Array] = field(default_factory=list)

    def results(self) -> Results:
        """As handed out."""
        return Results(
            windows=self.windows,
            half_cycles=self.half_cycles,
            events=self.events,
            flicker=self.flicker,
            aggregates=self.aggregates,
            frequencies=self.frequencies,
            instant_flicker=np.concatenate(self.sensations, axis=1) if self.sensations else None,
        )


class Analyser:
    """Feed it samples; it answers with what became complete, 0.1 to 0.5 s later. Not thread-safe."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.history = History(config)
        self.tracker = Tracker(config)
        self.windows = Windows(config)
        self.events = Events(config)
        self.aggregator = Aggregator()
        self.frequency = FrequencyMeter(config)
        self.flicker = FlickerMeter(config) if config.flicker else None
        self.waiting = np.empty((3 + config.currents, self.history.hop))
        self.waits = 0
        self.positions: Array = np.empty(0)
        self.integrals: Array = np.empty((6 + config.currents, 0))
        self.halves_told = 2
        """Index into the kept crossings of the first whose cycle has not been told."""
        self.lead = 0
        """Index of the crossing where the next window begins."""
        self.before: Rest | None = None
        """What flowed before the first window; known with it."""
        self.reactive_var = np.full(3, np.nan)
        """Of the newest window."""

    def feed(self, voltage_v: Array, current_a: Array) -> Results:
        """Take (3, n) volts and (3 or 4, n) amperes, n >= 0, of the instants after those fed before.

        NaN is a missing sample. Raises MistakenBlock on a wrong shape. Keeps no reference to its arguments.
        """
        self._demand_shape(np.shape(voltage_v), np.shape(current_a))
        harvest, taken, total = Harvest(), 0, np.shape(voltage_v)[1]
        while taken < total:
            part = min(total - taken, self.history.hop - self.waits)
            into = slice(self.waits, self.waits + part)
            self.waiting[:3, into] = voltage_v[:, taken : taken + part]
            self.waiting[3:, into] = current_a[:, taken : taken + part]
            taken, self.waits = taken + part, self.waits + part
            if self.waits == self.history.hop:
                self._hop(harvest)
                self.waits = 0
        return harvest.results()

    def rest(self) -> Rest:
        """What flowed after the newest window, up to the last sample fed; all of it when there was no window."""
        channels = 3 + self.config.currents
        begin, counted = (
            (self.positions[self.lead], self.integrals[channels:, self.lead]) if self.windows.count else (0.0, 0.0)
        )
        waits = self.history.mended(self.waiting[:, : self.waits])
        energy = self.history.total()[channels:] - counted + np.einsum("cn,cn->c", waits[:3], waits[3:6])
        return self._rest(float(begin), float(self.history.end + self.waits), energy)

    def _rest(self, begin: float, end: float, energy: Array) -> Rest:
        rate, start = self.config.true_rate_hz, self.history.start
        reactive = self.reactive_var * (end - begin) / rate
        return Rest(
            start_sample=start + begin, end_sample=start + end, energy_ws=energy / rate, reactive_energy_vars=reactive
        )

    def _demand_shape(self, voltages: tuple[int, ...], currents: tuple[int, ...]) -> None:
        n = voltages[-1] if voltages else 0
        if voltages != (3, n) or currents != (self.config.currents, n):
            allowed = f"(3, n) and ({self.config.currents}, n)"
            raise MistakenBlock(f"a block has voltages {voltages} and currents {currents}, allowed are {allowed}")

    def _hop(self, harvest: Harvest) -> None:
        shift, less = self.history.forget()
        self.positions, self.integrals = self.positions - shift, self.integrals - less[:, None]
        self.history.push(self.waiting)
        begin = self.history.end - self.history.hop
        found = self.tracker.follow(self.history)
        self._told_flicker(harvest, begin)
        if found.size:
            self.positions = np.concatenate((self.positions, found))
            self.integrals = np.concatenate((self.integrals, self.history.integrals(found)), axis=1)
            harvest.frequencies += self.frequency.take(self._seconds(found))
            self._tell_half_cycles(harvest)
            self._tell_windows(harvest)

    def _seconds(self, positions: Array) -> Array:
        return np.asarray(self.config.epoch_s + (self.history.start + positions) / self.config.true_rate_hz)

    def _told_flicker(self, harvest: Harvest, begin: int) -> None:
        if self.flicker is None:
            return
        end_s = self.config.epoch_s + (self.history.start + self.history.end) / self.config.true_rate_hz
        sensation, severity = self.flicker.take(self.history.samples[:3, begin : self.history.end], end_s)
        harvest.sensations.append(sensation)
        if severity is not None:
            harvest.flicker.append(severity)

    def _tell_half_cycles(self, harvest: Harvest) -> None:
        first, count = self.halves_told, len(self.positions)
        if count <= first:
            return
        ends = self.positions[first:]
        length = ends - self.positions[first - 2 : -2]
        channels = 3 + self.config.currents
        mean = (self.integrals[:channels, first:] - self.integrals[:channels, first - 2 : -2]) / length
        rms = np.sqrt(np.maximum(mean, 0.0))
        end_s = self._seconds(ends)
        harvest.half_cycles.append(
            HalfCycles(
                end_s=end_s,
                frequency_hz=self.config.true_rate_hz / length,
                voltage_v=rms[:3],
                current_a=rms[3:],
            )
        )
        harvest.events += self.events.take(Scene(self.config, self.history, ends, end_s, length, rms[:3]))
        self.halves_told = count

    def _tell_windows(self, harvest: Harvest) -> None:
        span = 2 * self.config.cycles
        while len(self.positions) > self.lead + span:
            ends = [self.lead, self.lead + span]
            begin, end = (float(each) for each in self.positions[ends])
            grown = self.integrals[:, ends[1]] - self.integrals[:, ends[0]]
            window = self.windows.make(self.history, begin, end, grown, self.tracker.synchronised)
            harvest.windows.append(window)
            self.reactive_var = window.reactive_var
            if self.before is None:
                self.before = self._rest(0.0, begin, self.integrals[3 + self.config.currents :, ends[0]])
            harvest.aggregates += self.aggregator.take(window, self.events.pending or bool(len(harvest.events)))
            self._drop(ends[1] - 2)
            self.lead = 2

    def _drop(self, count: int) -> None:
        """Forget the oldest crossings; two stay before the next window, for the first cycle that ends in it."""
        self.positions, self.integrals = self.positions[count:], self.integrals[:, count:]
        self.halves_told -= count
