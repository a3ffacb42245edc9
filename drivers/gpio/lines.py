"""GPIO lines as the drivers need them: the port `Lines`, and how a line is named."""

import math
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

DEBOUNCE_MAX_S: Final = 1.0  # no contact bounces longer; more is a unit mistaken
_CHIP: Final = re.compile(r"(gpiochip\d+):(.+)")


@dataclass(frozen=True, slots=True)
class LineName:
    """A line by its offset or name; `chip` None: whichever chip has a line of that name."""

    chip: str | None
    line: int | str

    def __str__(self) -> str:
        return f"{self.chip}:{self.line}" if self.chip else str(self.line)


def line_name(text: str) -> LineName:
    """`gpiochip0:17`, `gpiochip0:RELAY1` or `RELAY1`; ValueError where a number comes without its chip."""
    if found := _CHIP.fullmatch(text):
        return LineName(found[1], int(found[2]) if found[2].isdecimal() else found[2])
    if not text or text.isdecimal() or re.fullmatch(r"gpiochip\d+:?", text):
        raise ValueError(f"GPIO line {text!r}: allowed is gpiochip0:17, gpiochip0:NAME or NAME")
    return LineName(None, text)


class Pull(StrEnum):
    """The resistor inside the chip."""

    AS_IS = "as-is"
    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How lines are wired. `active_low`: on, or closed, is the low level; `debounce_s` is kept by the kernel."""

    active_low: bool = False
    pull: Pull = Pull.AS_IS
    debounce_s: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.debounce_s) and 0 <= self.debounce_s <= DEBOUNCE_MAX_S):
            raise ValueError(f"debounce of {self.debounce_s} s: allowed is 0 to {DEBOUNCE_MAX_S} s")


class Held(Protocol):
    """Lines that only this process has. After a Fault it is of no more use and must be released."""

    def get(self) -> tuple[bool, ...]:
        """Which lines are active now, in the order of the request; LinkDown where the chip is gone."""
        ...

    def set(self, active: bool) -> None:
        """Drive the line (held by `request_output`)."""
        ...

    def edges(self) -> AsyncIterator[None]:
        """One item after each moment in which a line changed; several may be one item. LinkDown once released."""
        ...

    def release(self) -> None:
        """Give the lines back; once is enough, more does no harm."""
        ...


class Lines(Protocol):
    """The GPIO chips of this machine. Every request raises LinkDown or Unsupported, saying line and remedy."""

    def request_output(self, name: LineName, options: LineOptions, active: bool) -> Held:
        """Hold one line and drive it to `active` in the same moment, so that nothing twitches."""
        ...

    def request_inputs(self, names: Sequence[LineName], options: LineOptions) -> Held:
        """Hold lines of one chip as inputs and watch both edges."""
        ...
