"""A relay on a GPIO line.

Source: libgpiod 2, gpioset(1): a line's output is kept until the process exits, "but after that is not guaranteed".
Quirk:  what a released line does is its chip's affair: raspberrypi/linux pull request 6117 lets the same pin stay as it is or
        become an input, by an option of the kernel. The module must be off with the line floating: give it a resistor.
Lease:  no hardware fallback. A killed process leaves the line as the kernel leaves it; `close` drives the safe state first.
"""

from drivers.gpio.lines import Held, LineName, LineOptions, Lines
from drivers.valid import check_valid
from protocols.faults import Fault, NotApplied


class GpioRelay:
    """Implements `protocols.ports.Relay`. The line is taken by the first call, and again after a Fault."""

    def __init__(self, lines: Lines, name: LineName, options: LineOptions | None = None, *, safe: bool = False) -> None:
        """`safe`: whether the contact is closed when nobody decides, at the first `is_on` and after `close`."""
        self.name = name
        self._lines = lines
        self._options = options or LineOptions()
        self._safe = safe
        self._held: Held | None = None
        if self._options.debounce_s != 0:
            raise ValueError(f"{name}: a debounce of {self._options.debounce_s} s; a relay's line takes none")

    async def switch(self, on: bool, valid_s: float) -> None:
        """As `protocols.ports.Relay`; a line has no timer, so `valid_s` is its owner's to keep."""
        check_valid(valid_s)
        try:
            self._take(on).set(on)
        except Fault:
            self._let_go()
            raise
        if await self.is_on() is not on:
            raise NotApplied(f"{self.name}: switched {_word(on)}, reads {_word(not on)}")

    async def is_on(self) -> bool:
        """Whether the line reads as on; a line not held yet is taken, and driven to its safe state."""
        try:
            (on,) = self._take(self._safe).get()
        except Fault:
            self._let_go()
            raise
        return on

    async def close(self) -> None:
        """Drive the safe state and give the line back, also where driving it fails; a Fault says that it did."""
        if self._held is None:
            return
        try:
            self._held.set(self._safe)
        finally:
            self._let_go()

    def _take(self, active: bool) -> Held:
        if self._held is None:
            self._held = self._lines.request_output(self.name, self._options, active)
        return self._held

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()


def _word(on: bool) -> str:
    return "on" if on else "off"
