"""How urgent a question to a device is: where devices share a line, control goes before telemetry, slow data last.

The urgency belongs to whoever asks, not to a driver: it travels with the task, past every driver, to the line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first; the smaller the sooner."""

    CONTROL = 0  # setpoints and their read-back
    TELEMETRY = 1  # what is measured, at every period
    SLOW = 2  # nameplates, settings, probing
    GUEST = 3  # what other programs ask through us, for registers that may not even be there


_asks: ContextVar[Priority] = ContextVar("priority", default=Priority.TELEMETRY)


def priority(*, reads: bool = True) -> Priority:
    """How urgent what the running task asks is; telemetry where nobody said. A write of our own is control."""
    asks = _asks.get()
    return asks if reads or asks is Priority.GUEST else Priority.CONTROL


@contextmanager
def asking(how: Priority) -> Iterator[None]:
    """What is asked of devices inside this block is this urgent."""
    token = _asks.set(how)
    try:
        yield
    finally:
        _asks.reset(token)
