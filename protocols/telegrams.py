"""What meters that talk by themselves say, whatever they speak: the events of every reader, and a guess at a stranger."""

from dataclasses import dataclass
from typing import Final, Protocol

from protocols.readings import Measurement


@dataclass(frozen=True, slots=True)
class Telegram:
    """One whole telegram: who sent it (`serial` empty where it does not say) and what was measured, in our signs."""

    maker: str
    model: str
    serial: str
    values: Measurement


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that began like a telegram and can not be believed."""

    why: str


Event = Telegram | Rejected


class Malformed(ValueError):
    """Bytes that are no telegram; readers turn it into `Rejected`."""


class TelegramReader(Protocol):
    """Bytes in, events out: never raises, keeps a bounded number of bytes, finds the next telegram behind any junk.

    How the bytes are cut into calls makes no difference to the events.
    """

    def feed(self, data: bytes) -> list[Event]:
        """Take what arrived; what has become whole by it, in order."""
        ...


_MARKS: Final = (
    (b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01", "SML"),
    (b"\xe6\xe7\x00", "DLMS in HDLC frames"),
    (b"(", "P1 or IEC 62056-21"),
)


def looks_like(data: bytes) -> str:
    """What bytes that are no telegram seem to be, for the message of a fault."""
    if not data:
        return "nothing"
    for mark, name in _MARKS:
        if mark in data and (mark != b"(" or data.isascii()):
            return f"{name}: is it another meter's cable?"
    return f"{data[-8:].hex(' ')}: are baud rate, polarity and cable right?"
