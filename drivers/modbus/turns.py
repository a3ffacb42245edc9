"""Who may use a line next: control before telemetry before slow data before guests, in each the first come first."""

import asyncio
from collections import deque
from typing import Final

from protocols.priority import Priority

# Slow data that has waited so long goes before telemetry once: a full line must not starve it for ever.
STARVED_S: Final = 10.0


class Turns:
    """The right to use a line, held by one task at a time and handed on to the most urgent that waits."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: dict[Priority, deque[tuple[float, asyncio.Future[None]]]] = {how: deque() for how in Priority}

    def take_free(self) -> bool:
        """Take the line if nobody has it."""
        free = not self._held
        self._held = True
        return free

    async def take(self, how: Priority) -> None:
        """Return once the line is ours."""
        if self.take_free():
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting[how].append((loop.time(), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was handed to us in the same instant
                self.give()
            raise

    def give(self) -> None:
        """Hand the line on; only for who has it."""
        for how in self._order():
            waiting = self._waiting[how]
            while waiting:
                _, turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._held = False

    def _order(self) -> tuple[Priority, ...]:
        slow = self._waiting[Priority.SLOW]
        if slow and asyncio.get_running_loop().time() - slow[0][0] > STARVED_S:
            return (Priority.CONTROL, Priority.SLOW, Priority.TELEMETRY, Priority.GUEST)
        return tuple(Priority)
