"""Supervision: a daemon is a TaskGroup of kept tasks; only named faults are survived."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protocols.faults import Fault


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
