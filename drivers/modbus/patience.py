"""Time-outs that cost next to nothing: one timer for all the waits of a line, set anew only when it goes off too early."""

import asyncio
from typing import Final

# A timer that goes off so late says that the process was held up: what came in meanwhile is read first.
_HELD_UP_S: Final = 0.005


class Patience:
    """Cancels the wait it was started for at its deadline, as `asyncio.timeout` does, and says that it did.

    One wait at a time: `start`, wait, `stop` in any case. After a CancelledError `is_over` tells a deadline from a
    cancellation that comes from outside.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._deadline_s = 0.0
        self._cancelling = 0
        self._over = self._put_off = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0

    def start(self, deadline_s: float) -> None:
        """The running task will wait until then, on the loop's clock, and no longer."""
        task = asyncio.current_task()
        assert task is not None, "only a task can wait"
        self._task, self._cancelling, self._deadline_s = task, task.cancelling(), deadline_s
        self._over = self._put_off = False
        if self._timer is None or deadline_s < self._timer_s:
            self._set_timer(deadline_s)

    def stop(self) -> None:
        """The wait has ended; the timer stays, for the next one."""
        self._task = None

    def is_over(self) -> bool:
        """Whether the CancelledError just caught is ours alone; asked once."""
        assert self._task is not None
        return self._over and self._task.uncancel() <= self._cancelling

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, at_s: float) -> None:
        self.close()
        self._timer_s = at_s
        self._timer = asyncio.get_running_loop().call_at(at_s, self._go_off)

    def _go_off(self) -> None:
        self._timer = None
        if self._task is None:
            return
        now_s = asyncio.get_running_loop().time()
        if now_s < self._deadline_s:
            self._set_timer(self._deadline_s)
        elif now_s > self._deadline_s + _HELD_UP_S and not self._put_off:
            self._put_off = True  # once: a process that is always late has time-outs all the same
            self._deadline_s = now_s + 0.001  # uvloop runs its timers before it reads
            self._set_timer(self._deadline_s)
        else:
            self._over = True
            self._task.cancel()
