"""The configuration of what a meter is besides measuring: contacts, disconnect relay, clock, log, signed readings."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from drivers.gpio.lines import LineName, LineOptions, Pull, line_name
from firmware_py.config_parts import Number, Part
from firmware_py.meter.contacts import NAMES
from firmware_py.meter.discipline import Qualities
from firmware_py.meter.logbook import MOST


def _line(value: str | None) -> str | None:
    if value is not None:
        line_name(value)
    return value


class ContactsPart(Part):
    """`[contacts]`: GPIO lines of one chip; closed is: cover closed, magnet there, supply good, button pressed."""

    cover: str | None = None
    magnet: str | None = None
    supply: str | None = None
    button: str | None = None
    active_low: bool = True
    pull: Pull = Pull.UP
    debounce_s: Annotated[Number, Field(ge=0, le=1)] = 0.02

    _lines = field_validator(*NAMES)(_line)

    @property
    def names(self) -> tuple[str, ...]:
        """Which are there, in the order of their lines."""
        return tuple(name for name in NAMES if getattr(self, name) is not None)

    def lines(self) -> tuple[LineName, ...]:
        """Their lines."""
        return tuple(line_name(getattr(self, name)) for name in self.names)

    def options(self) -> LineOptions:
        """How they are wired."""
        return LineOptions(self.active_low, self.pull, self.debounce_s)


class DisconnectPart(Part):
    """`[disconnect]`: the relay's GPIO line, active where the site is connected, and the control mode (1 to 6).

    A relay that opens when it is powered: `active_low`. `line` absent: a simulated relay only.
    """

    line: str | None = None
    active_low: bool = False
    mode: Annotated[int, Field(ge=1, le=6)] = 1

    _lines = field_validator("line")(_line)

    def name(self) -> LineName | None:
        """Its line."""
        return None if self.line is None else line_name(self.line)


class ClockPart(Part):
    """`[clock]`: whether a battery-backed clock keeps the time, and whether durations are known to be right."""

    rtc: bool = False
    durations_verified: bool = False

    def qualities(self) -> Qualities:
        """As the clock's discipline takes it."""
        return Qualities(self.rtc, self.durations_verified)


class LogPart(Part):
    """`[log]`: how many entries stay on the device; the key (JWK) that signs them."""

    entries_most: Annotated[int, Field(ge=20, le=100_000)] = MOST
    key_file: Path | None = None


class OcmfPart(Part):
    """`[ocmf]`: the key (PEM) that signs a record for each period of the load profile.

    `user_assignment`: say in each record that there is no user, for readers that insist.
    """

    key_file: Path
    user_assignment: bool = False
