"""Virtual time that somebody else hands out: a loop that runs what is due until a granted instant and stands there."""

import math
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from sim_hardware.virtual_time import VirtualLoop

T = TypeVar("T")


class SteppedLoop(VirtualLoop):
    """A VirtualLoop that jumps no further than it was granted; between two grants nothing runs at all."""

    def __init__(self) -> None:
        super().__init__(horizon_s=math.inf)
        self._granted_s = 0.0

    def advance(self, until_s: float) -> None:
        """Run everything due until then, that instant included, and stand exactly there; ValueError for going back."""
        if not (math.isfinite(until_s) and until_s >= self.time()):
            raise ValueError(f"a grant of {until_s} s; the loop stands at {self.time():g} s and never goes back")
        self._granted_s = until_s
        self.run_forever()

    def finish(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, with all the time that it needs: for what comes before and after the steps."""
        self._granted_s = math.inf
        return self.run_until_complete(self.create_task(main, name="main"))

    def jump(self, timeout: float | None) -> None:
        """As in a VirtualLoop up to the grant; there the loop stops."""
        if (timeout is not None and timeout <= 0) or self._due_s() < self._granted_s + self._clock_resolution:
            super().jump(timeout)
        elif math.isinf(self._granted_s):
            super().jump(timeout)  # nothing scheduled and nobody to grant more: it says who waits
        else:
            self._now_s = max(self._now_s, self._granted_s)
            self.stop()

    def _due_s(self) -> float:
        scheduled = cast(list[Any], self._scheduled)  # type: ignore[attr-defined]
        return float(scheduled[0].when()) if scheduled else math.inf
