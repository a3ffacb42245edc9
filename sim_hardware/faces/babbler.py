"""The fault word `babble` on a wire: rubbish without a pause, for as long as any device on the line babbles."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from sim_hardware.faults import Faults, Word

# What a line at 9600 Bd carries, in pieces that leave no silence of 3.5 characters (3.6 ms at 9600 Bd).
PERIOD_S: Final = 0.002
PIECE_BYTES: Final = 2


class Babbler:
    """Sends rubbish through `send` while a fault says so; it belongs to one wire."""

    def __init__(self, send: Callable[[bytes], None], faults: Iterable[Faults]) -> None:
        self._send, self._faults = send, list(faults)
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._forget = [each.on_change(self._switched) for each in self._faults]
        self._switched()

    def close(self) -> None:
        """Fall silent for good."""
        for forget in self._forget:
            forget()
        self._forget = []
        self._stop()

    def _culprit(self) -> Faults | None:
        return next((each for each in self._faults if each.is_on(Word.BABBLE)), None)

    def _switched(self) -> None:
        if self._culprit() is None:
            self._stop()
        elif self._next is None:
            self._say()

    def _say(self) -> None:
        culprit = self._culprit()
        if culprit is None:
            return
        culprit.strikes(Word.BABBLE)
        self._next = self._loop.call_later(PERIOD_S, self._say)
        self._send(culprit.random.randbytes(PIECE_BYTES))

    def _stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
