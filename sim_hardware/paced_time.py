"""Real time, or so many times faster: an asyncio loop with real sockets whose seconds are shorter than the wall's."""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _PacedSelector(selectors.DefaultSelector):
    """Waits in the loop's seconds."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As the base class, a second being a `speed`th of the wall's."""
        return super().select(None if timeout is None else timeout / self._speed)


class PacedLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` runs `speed` times as fast as the wall clock."""

    def __init__(self, speed: float) -> None:
        self.speed, self._began_s = speed, time.monotonic()
        super().__init__(_PacedSelector(speed))

    def time(self) -> float:
        """Seconds since the wall's monotonic zero when it began, counted `speed` times as fast from there."""
        return self._began_s + (time.monotonic() - self._began_s) * self.speed


def run_paced(main: Coroutine[Any, Any, T], speed: float) -> T:
    """As `asyncio.run`, at this speed; at 1 the loop is asyncio's own, whose clock costs less."""
    with asyncio.Runner(loop_factory=None if speed == 1.0 else lambda: PacedLoop(speed)) as runner:
        return runner.run(main)
