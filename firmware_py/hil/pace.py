"""The wall clock of a step lock: when a step may begin, when it is due, and what is said of one that was late.

Without a speed a step begins as soon as it is granted and is due `deadline_s` later. With one, step k begins at an absolute
instant, (k - 1) x step_s / speed after the first, and is due `deadline_s` after that instant, whenever it really began:
time that was lost is not forgotten with the step that lost it.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_py.hil.frames import Timing
from firmware_py.hil.histogram import Histogram


@dataclass(slots=True)
class Pace:
    """`begin` before and `end` after each step; `took` and `late` are the histograms, `late` of paced steps only."""

    step_s: float
    deadline_s: float
    speed: float | None = None  # simulated seconds to a second of the wall clock; None: as fast as it goes
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    took: Histogram = field(init=False)
    late: Histogram = field(init=False)
    _steps: int = field(default=0, init=False)
    _origin_s: float | None = field(default=None, init=False)
    _began_s: float = field(default=0.0, init=False)
    _meant_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        for name, value in (("deadline", self.deadline_s), ("speed", 1.0 if self.speed is None else self.speed)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} {value:g}: more than 0 is allowed")
        self.took, self.late = Histogram("step.took"), Histogram("step.late")
        self.took.deadline_us = round(self.deadline_s * 1e6)

    @property
    def histograms(self) -> list[Histogram]:
        """Those that say something."""
        return [self.took] if self.speed is None else [self.took, self.late]

    def begin(self) -> None:
        """Wait for the instant at which the next step may begin."""
        if self.speed is None:
            self._began_s = self._meant_s = self.now_s()
            return
        if self._origin_s is None:
            self._origin_s = self.now_s()
        self._meant_s = self._origin_s + self._steps * self.step_s / self.speed
        if (wait_s := self._meant_s - self.now_s()) > 0:
            self.sleep(wait_s)
        self._began_s = self.now_s()

    def end(self) -> Timing:
        """The step is done: what it took, and whether it was in time."""
        ended_s = self.now_s()
        self._steps += 1
        took_s, late_s = ended_s - self._began_s, self._began_s - self._meant_s
        over_us = max(math.ceil((ended_s - self._meant_s - self.deadline_s) * 1e6 - 1e-3), 0)
        self.took.add_s(took_s, over_us)
        if self.speed is not None:
            self.late.add_s(late_s)
        return Timing(round(took_s * 1e6), max(round(late_s * 1e6), 0), over_us > 0, over_us)
