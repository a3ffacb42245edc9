"""One good telegram of each protocol with a check sum, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from protocols.dlms import DlmsReader, Keys
from protocols.p1 import P1Reader
from protocols.sml import SmlReader
from protocols.telegrams import Event, Telegram, TelegramReader
from sim_hardware.devices.dlms import Ciphering, Dlms, hdlc
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.push_reading import PushReading
from sim_hardware.devices.sml import Sml
from tests.sim_hardware.push_vectors import READING, dlms_apdus, lines_of, p1_telegram, sml_transmission

TIROL_KEY: Final = bytes.fromhex("101112131415161718191a1b1c1d1e1f")  # published with the capture
KEY, AUTHENTICATION, TITLE = bytes(range(16)), bytes(range(16, 32)), b"BSB12345"
OTHER: Final = replace(READING, power_w=(1.0, 2.0, 3.0), import_wh=12_345_999.0)


@dataclass(frozen=True, slots=True)
class Case:
    """A reader, a telegram, another one after it, and how many bytes at its end nothing depends on: CR LF, or a flag that
    the next frame has too.
    """

    reader: Callable[[], TelegramReader]
    telegram: bytes
    following: bytes
    unchecked: int = 0


def _two(encode: Callable[[PushReading], bytes]) -> tuple[bytes, bytes]:
    return encode(READING), encode(OTHER)


def aidon() -> bytes:
    """The captured frame of a Norwegian HAN port."""
    return bytes.fromhex("".join(lines_of("dlms_han_aidon.hex")))


def text_telegram(name: str) -> bytes:
    """A captured telegram of text lines."""
    return "".join(f"{line}\r\n" for line in lines_of(name)).encode("ascii")


CASES: Final = {
    "p1": Case(P1Reader, *_two(P1()), unchecked=2),
    "p1, captured": Case(P1Reader, p1_telegram(), P1()(OTHER), unchecked=2),
    "sml": Case(SmlReader, *_two(Sml())),
    "sml, captured": Case(SmlReader, sml_transmission(), Sml()(OTHER)),
    "dlms": Case(DlmsReader, *_two(Dlms()), unchecked=1),
    "dlms, captured": Case(DlmsReader, aidon(), Dlms()(OTHER), unchecked=1),
    "dlms, ciphered": Case(
        lambda: DlmsReader(Keys(KEY, AUTHENTICATION)),
        *_two(Dlms(ciphering=Ciphering(KEY, TITLE, AUTHENTICATION), segment=100)),
        unchecked=1,
    ),
    "dlms, ciphered, captured": Case(
        lambda: DlmsReader(Keys(TIROL_KEY)),
        hdlc(dlms_apdus()[0], 120),
        hdlc(Ciphering(TIROL_KEY, bytes.fromhex("4b464d1010000023")).sealed(Dlms().apdu(OTHER, 1), 0x295B9B)),
        unchecked=1,
    ),
}


def said(reader: TelegramReader, *pieces: bytes) -> list[Event]:
    """Every event of these pieces."""
    return [event for piece in pieces for event in reader.feed(piece)]


def believed(events: list[Event]) -> list[Telegram]:
    """The telegrams among the events."""
    return [event for event in events if isinstance(event, Telegram)]


def singles(data: bytes) -> list[bytes]:
    """Byte by byte."""
    return [data[at : at + 1] for at in range(len(data))]
