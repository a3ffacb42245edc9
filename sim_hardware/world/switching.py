"""Things that people switch on for a while: appliances, showers. Each home has its own random generator.

A heap of the moments at which something switches: a step in which nothing does costs one comparison.
"""

import heapq
from collections.abc import Callable
from random import Random

from sim_hardware.physics.load import Appliance


class Switching:
    """`changed(home, what, is_on)` is called at each switch; the first pause of each thing is drawn like any other."""

    def __init__(
        self, things: tuple[Appliance, ...], randoms: list[Random], changed: Callable[[int, int, bool], None]
    ) -> None:
        self._things, self._randoms, self._changed = things, randoms, changed
        self._now_s = 0.0
        self._is_on = [[False] * len(things) for _ in randoms]
        self._heap = [
            (random.expovariate(1.0 / thing.mean_pause_s), home, what)
            for home, random in enumerate(randoms)
            for what, thing in enumerate(things)
        ]
        heapq.heapify(self._heap)

    def after(self, dt_s: float) -> None:
        """Let time pass."""
        self._now_s += dt_s
        while self._heap and self._heap[0][0] <= self._now_s:
            at_s, home, what = self._heap[0]
            is_on = self._is_on[home][what] = not self._is_on[home][what]
            thing = self._things[what]
            lasts_s = self._randoms[home].expovariate(1.0 / (thing.mean_run_s if is_on else thing.mean_pause_s))
            heapq.heapreplace(self._heap, (at_s + lasts_s, home, what))
            self._changed(home, what, is_on)
