"""Short sleeps that end on time: the loop's own timers are rounded up to whole milliseconds by epoll, a timerfd is not.

Source: timerfd_create(2), timerfd_settime(2). Python has them from 3.13 on; until then they are called in the C library.
"""

import asyncio
import ctypes
import functools
import os
import time
from typing import Any, Final, NamedTuple


class _Interval(ctypes.Structure):
    """struct itimerspec under its old name, whose seconds are a long on 32-bit machines too: period, then first time."""

    _fields_ = (("every_s", ctypes.c_long), ("every_ns", ctypes.c_long), ("s", ctypes.c_long), ("ns", ctypes.c_long))


class _Calls(NamedTuple):
    create: Any
    settime: Any


_SIZE: Final = 8  # what is read from a timerfd: the number of times it went off
# The way from the timer through epoll and the loop to the task is learnt and allowed for; no longer one is waited out busily.
_EARLY_MOST_S: Final = 0.0002
_LEARNS: Final = 1 / 32


@functools.cache
def _calls() -> _Calls | None:
    """The two calls; None where the system has none."""
    try:
        lib = ctypes.CDLL(None)
        return _Calls(lib.timerfd_create, lib.timerfd_settime)
    except (OSError, AttributeError, TypeError):
        return None


def now_s() -> float:
    """The running loop's clock; on uvloop, whose own stands still within a turn and counts milliseconds, the one beneath it."""
    loop = asyncio.get_running_loop()
    return time.monotonic() if type(loop).__module__.startswith("uvloop") else loop.time()


class Nap:
    """Sleeps of one task at a time, on a timer that is opened at the first one and watched until `close`.

    Where there is no timerfd, or a loop that watches no files, it sleeps with the loop's own timers.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._early_s = 0.0

    async def sleep(self, for_s: float) -> None:
        """Return after so many seconds, some hundredths of a millisecond late on an idle machine, and never early."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._open(loop)
        due_s = time.monotonic() + for_s
        if self._fd < 0 or not self._set(for_s - self._early_s):
            await asyncio.sleep(for_s)
            return
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        self._learn(time.monotonic() - due_s + self._early_s)
        while time.monotonic() < due_s:
            pass

    def close(self) -> None:
        """Give the timer back; the next sleep opens another."""
        if self._fd >= 0:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(self._fd)
            os.close(self._fd)
        self._fd, self._loop = -1, None

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        self._loop = loop
        calls = _calls()
        fd = -1 if calls is None else calls.create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            return
        try:
            loop.add_reader(fd, self._on_time)
        except NotImplementedError:
            os.close(fd)
        else:
            self._fd = fd

    def _set(self, for_s: float) -> bool:
        """Go off once after that time; whether the system took it."""
        calls = _calls()
        assert calls is not None, "there is a timer, so it was made"
        s, ns = divmod(max(round(for_s * 1e9), 1), 1_000_000_000)  # 0 would mean: never
        return bool(calls.settime(self._fd, 0, ctypes.byref(_Interval(0, 0, s, ns)), None) == 0)

    def _learn(self, late_s: float) -> None:
        """The least lateness is what can be relied on: it falls at once and rises slowly."""
        slowly_s = self._early_s + (late_s - self._early_s) * _LEARNS
        self._early_s = min(late_s, slowly_s, _EARLY_MOST_S)

    def _on_time(self) -> None:
        try:
            os.read(self._fd, _SIZE)
        except BlockingIOError:
            return  # set anew in the same turn of the loop
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
