"""What an event is located by: half cycles as they are told, and the samples around them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_py.metrology.history import History
from firmware_py.metrology.results import Array, Config

SNIPPET_S = 0.4


@dataclass(frozen=True, slots=True)
class Scene:
    """A block of (3, n) voltages of half cycles; `ends` and `lengths` of their cycles are in samples of the history."""

    config: Config
    history: History
    ends: Array
    end_s: Array
    lengths: Array
    voltage_v: Array

    def snippet(self) -> tuple[NDArray[np.float32], float]:
        """A copy of the newest samples, and the moment of the first."""
        begin = max(0, self.history.end - int(SNIPPET_S * self.config.sample_rate_hz))
        return self.history.samples[:3, begin : self.history.end].astype(np.float32), self._second(begin)

    def steps_s(self, half: int, phases: NDArray[np.bool_], sense: int) -> list[float]:
        """When, around the end of this half cycle, each of these phases became stronger (`sense` 1) or weaker (-1)."""
        at, cycle = float(self.ends[half]), float(self.lengths[half])
        first = max(int(at - 3 * cycle) - 2, 0)
        squares = np.square(self.history.samples[:3, first : min(int(at + cycle) + 2, self.history.end)][phases])
        sums = np.add.accumulate(sense * squares, axis=1)
        return [self._second(first + step_at(row, at - first, cycle)) for row in sums]

    def _second(self, position: float) -> float:
        return self.config.epoch_s + (self.history.start + position) / self.config.true_rate_hz


def step_at(sums: Array, at: float, cycle: float) -> float:
    """The place of a step, given running sums of squares and the first end of a cycle at which it was noticed.

    Half a cycle of a sine has half a cycle's energy wherever it begins: half a cycle after the step the energy of a cycle is half-way
    between before and after. A slow change is placed in the middle of the cycle whose energy is half-way.
    """
    first, last = max(int(at - 1.5 * cycle), int(cycle) + 2), min(int(at + cycle) + 1, len(sums) - 1)
    places = np.arange(first, last + 1)
    whole = int(np.floor(cycle)) + 1
    earlier = sums[places - whole]
    energy = sums[places] - earlier - (whole - cycle) * (sums[places - whole + 1] - earlier)
    noticed = int(at) - first + 1
    least = int(np.argmin(energy[:noticed]))
    middle = (energy[least] + energy[noticed - 1 :].max()) / 2
    passed = least + int(np.argmax(energy[least:] >= middle))
    below, above = energy[max(passed - 1, 0)], energy[passed]
    back = (above - middle) / (above - below) if above > below else 0.0
    return float(places[passed] - back + 0.5 - cycle / 2)
