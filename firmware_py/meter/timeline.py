"""Which moments a window lies between: the stream's samples counted on the wall's clock. Pure.

Windows tile: each begins where the one before ended, so that no energy falls between two or counts twice. Their ends follow
the clock slowly, so that the jitter of reading is not in them and a sample clock that is 200 ppm off is evened out. A clock
that was set is followed at once; that is told, and the window keeps its own length.
"""

from dataclasses import dataclass
from typing import Final

# A tenth of what is between count and clock is taken over with each window.
_FOLLOW: Final = 0.1
STEP_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """The moments of a window in microseconds of UTC since 1970, and how far the clock was found set (0: it was not)."""

    begin_us: int
    end_us: int
    set_us: int = 0


@dataclass(slots=True)
class Timeline:
    """Where the stream has got to; `end_us` is None before the first window."""

    end_us: int | None = None

    def stretch(self, duration_us: int, now_us: int) -> Stretch:
        """The moments of the next window, which lasted so long by its samples and ended `now_us` by the clock."""
        if self.end_us is None:
            self.end_us = now_us
            return Stretch(now_us - duration_us, now_us)
        apart_us = now_us - (self.end_us + duration_us)
        if abs(apart_us) > STEP_US:
            self.end_us = now_us
            return Stretch(now_us - duration_us, now_us, apart_us)
        begin_us = self.end_us
        self.end_us = max(begin_us + 1, begin_us + duration_us + round(_FOLLOW * apart_us))
        return Stretch(begin_us, self.end_us)
