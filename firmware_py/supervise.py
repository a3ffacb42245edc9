"""Supervision: a daemon is a TaskGroup of kept tasks; only named faults are survived."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from protocols.faults import Fault

_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between restarts: twice as long each time, from `first_s` up to `most_s`."""

    first_s: float = 0.5
    most_s: float = 30.0

    def wait_s(self, attempt: int) -> float:
        """The wait before restart number `attempt`, counted from 0."""
        return min(self.first_s * 2.0 ** min(attempt, 16), self.most_s)


async def keep(
    run: Callable[[], Awaitable[None]], tell: Callable[[Fault], None], backoff: Backoff | None = None
) -> None:
    """Run until it returns; restart after a Fault; let everything else escape."""
    waits = backoff or Backoff()
    attempt = 0
    while True:
        try:
            await run()
        except Fault as fault:
            tell(fault)
        else:
            return
        await asyncio.sleep(waits.wait_s(attempt))
        attempt += 1


async def roused(event: asyncio.Event, after_s: float) -> None:
    """Return once the event is set, by itself after so many seconds, and clear it.

    Cheaper than `asyncio.timeout`, which cancels the task and catches that again.
    """
    timer = asyncio.get_running_loop().call_later(max(after_s, 0.0), event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()
    event.clear()


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended, whatever they end with.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which aiomqtt uses, loses a cancellation that comes together
    with its result (fixed in 3.12); the task would go on for ever.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
