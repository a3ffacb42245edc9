"""Contacts on GPIO lines, such as a ripple-control receiver or a fault signal.

Quirk: a contact to ground with a pull-up is closed when the line is low: options `active_low` and `Pull.UP`.
       The kernel forgets old edges when nobody fetches them, so an edge only says "look": what is told is the level.
"""

from collections.abc import AsyncIterator, Sequence

from drivers.gpio.lines import Held, LineName, LineOptions, Lines
from protocols.faults import Fault


class GpioContacts:
    """Implements `protocols.ports.Contacts`. The lines are taken by the first call, and again after a Fault."""

    def __init__(self, lines: Lines, names: Sequence[LineName], options: LineOptions | None = None) -> None:
        """Lines of one chip, each once; ValueError otherwise."""
        self.names = tuple(names)
        self._lines = lines
        self._options = options or LineOptions()
        self._held: Held | None = None
        _check_names(self.names)

    async def closed(self) -> tuple[bool, ...]:
        """Each contact, the first first."""
        try:
            return self._take().get()
        except Fault:
            self._let_go()
            raise

    async def changes(self) -> AsyncIterator[tuple[bool, ...]]:
        """How the contacts stand now, and then each time they stand otherwise; ends by a Fault only (LinkDown after `close`). One caller."""
        held = self._take()
        try:
            yield (told := held.get())
            async for _ in held.edges():
                if (now := held.get()) != told:
                    yield (told := now)
        except Fault:
            if self._held is held:  # not one that was taken anew meanwhile
                self._let_go()
            raise

    async def close(self) -> None:
        """Give the lines back."""
        self._let_go()

    def _take(self) -> Held:
        if self._held is None:
            self._held = self._lines.request_inputs(self.names, self._options)
        return self._held

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()


def _check_names(names: tuple[LineName, ...]) -> None:
    listed = ", ".join(map(str, names))
    if not names or len(set(names)) < len(names):
        raise ValueError(f"contacts on lines ({listed}): allowed is one line or more, each once")
    if len({name.chip for name in names}) > 1:
        raise ValueError(f"contacts on lines ({listed}): allowed are lines of one chip")
