"""Telegrams without serial numbers: masked in place, with their check sums made anew.

What can not be masked so that it still reads the same is not given out at all: a spoilt telegram may hold half of a number
in a place nobody can tell, and in a ciphered one the system title, which names the meter, is a part of the cipher.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from drivers.recording.pseudonyms import Pseudonyms
from protocols.crc_x25 import x25
from protocols.dlms import DlmsReader
from protocols.iec62056_21 import Identified, ModeCReader, block_check, with_parity
from protocols.modbus_rtu import crc16
from protocols.obis_text import SEVEN_BITS
from protocols.p1 import P1Reader
from protocols.sml import BEGIN, ESCAPE, Item, Number, SmlReader, field_at, unwrapped
from protocols.telegrams import Malformed, Telegram, TelegramReader

READERS: Final[Mapping[str, Callable[[], TelegramReader]]] = {
    "p1": P1Reader,
    "sml": SmlReader,
    "dlms-push": DlmsReader,
    "iec62056-21-push": P1Reader,
}
# Numbers of the meter and of others on its bus (96.1, 0.0, 42.0.0) and messages to the customer (96.13); 96.1.4 is a version.
_P1_NUMBERS: Final = re.compile(
    rb"(?:(?<=\n)|(?<=[\r)]))(?:\d{1,3}-\d{1,3}:)?(?:96\.1\.(?!4\b)\d{1,3}|96\.13\.\d{1,3}|0\.0\.\d{1,3}|42\.0\.0)(?:\*255)?\(([^()]+)\)"
)
# The same in the short codes of a readout, in which C is 96: C.1 is 96.1.
_READOUT_NUMBERS: Final = re.compile(
    rb"(?<=[\n)])(?:\d{1,3}-\d{1,3}:)?(?:(?:C|96)\.(?:1|13|90)(?:\.\d{1,3})?|0\.0(?:\.\d{1,3})?|42\.0(?:\.0)?)(?:\*255)?\(([^()]+)\)"
)
_STX, _ETX = b"\x02", b"\x03"
_P1_SUM: Final = re.compile(rb"(/[^!]*!)([0-9A-F]{4})")
_HEXADECIMAL: Final = re.compile(rb"(?:[0-9A-F]{2})+")
# A name in SML has six bytes; what is longer may say who it is: server ids, keys, signatures.
_SML_IDENTITY_BYTES: Final = 7
# The codes under which meters tell their number, then the tag and length of a string (A-XDR).
_DLMS_NUMBERS: Final = re.compile(
    rb"(?:\x00\x00\x60\x01[\x00\x01]\xff|\x01\x00\x00\x00\x00\xff|\x00\x00\x2a\x00\x00\xff)[\x09\x0a\x0c](.)", re.DOTALL
)
_LOGICAL_NAME: Final = b"\x00\x00\x2a\x00\x00\xff"
_DLMS_CIPHERED: Final = b"\xe6\xe7\x00\xdb"


def masked(model: str, raw: bytes, pseudonyms: Pseudonyms) -> bytes:
    """The telegram without serial numbers; Malformed says why it can not be given out."""
    before = _read(model, raw)
    if before is None:
        if _DLMS_CIPHERED in raw:
            raise Malformed("ciphered: the system title, which names the meter, is a part of the cipher")
        raise Malformed("not a telegram that can be read")
    clean = _MASKS[model](raw, pseudonyms)
    after = _read(model, clean)
    if after is None or after.values != before.values or pseudonyms.shows(clean):
        raise Malformed("it would not read the same without its serial number")
    if before.serial.strip("0") and before.serial.encode("latin-1") in clean:
        raise Malformed("its serial number stands where it was not expected")
    return clean


def masked_block(head: str, text: bytes, pseudonyms: Pseudonyms) -> bytes:
    """The data block of mode C behind the identification `head`, without serial numbers; Malformed as above."""
    before = _readout(head, text)
    start, end = text.find(_STX) + 1, text.rfind(_ETX)
    if before is None or start < 1:
        raise Malformed("not a data block that can be read")
    body = _READOUT_NUMBERS.sub(lambda found: _p1_line(found, pseudonyms), b"\n" + text[start:end])[1:] + _ETX
    clean = _STX + body + bytes((block_check(body),))
    after = _readout(head, clean)
    if after is None or after.values != before.values or pseudonyms.shows(clean):
        raise Malformed("it would not read the same without its serial number")
    if before.serial.strip("0") and before.serial.encode("latin-1") in clean:
        raise Malformed("its serial number stands where it was not expected")
    return clean


def identified(text: bytes) -> Identified | None:
    """The identification in an answer; None where there is none."""
    events = ModeCReader().feed(text)
    return next((event for event in events if isinstance(event, Identified)), None)


def _readout(head: str, text: bytes) -> Telegram | None:
    events = ModeCReader().feed(f"{head}\r\n".encode("latin-1") + text)
    return next((event for event in events if isinstance(event, Telegram)), None)


def _read(model: str, raw: bytes) -> Telegram | None:
    """What stands in the bytes; told twice, as one without a check sum is believed only then."""
    reader = READERS[model]()
    events = [*reader.feed(raw), *reader.feed(raw)]
    return next((event for event in reversed(events) if isinstance(event, Telegram)), None)


def _p1(raw: bytes, pseudonyms: Pseudonyms) -> bytes:
    raw = raw[raw.translate(SEVEN_BITS).rfind(b"/") :]  # what stands before it may be half of another one
    text = raw.translate(SEVEN_BITS)
    clean = bytearray(_P1_NUMBERS.sub(lambda found: _p1_line(found, pseudonyms), text))
    for found in list(_P1_SUM.finditer(clean)):
        clean[found.start(2) : found.end(2)] = b"%04X" % crc16(found[1], 0)
    return bytes(clean) if raw.isascii() else with_parity(bytes(clean))


def _p1_line(found: re.Match[bytes], pseudonyms: Pseudonyms) -> bytes:
    line, value = found[0], found[1]
    text = bytes.fromhex(value.decode("ascii")) if _HEXADECIMAL.fullmatch(value) else b""
    if text and text.isascii() and text.decode("ascii").isprintable():
        masked_value = pseudonyms.text(text).hex().upper().encode("ascii")
    else:
        masked_value = pseudonyms.text(value)
    pseudonyms.learn(value, masked_value)
    return line[: found.start(1) - found.start()] + masked_value + b")"


def _sml(raw: bytes, pseudonyms: Pseudonyms) -> bytes:
    start = raw.rfind(BEGIN)
    body = unwrapped(raw[start:])
    for identity in sorted(_identities(body), key=len, reverse=True):
        body = body.replace(identity, _sml_identity(identity, pseudonyms))
    body = b"".join(_summed(message) for message in _messages(body))
    fill = -len(body) % 4
    whole = BEGIN + (body + bytes(fill)).replace(ESCAPE, 2 * ESCAPE) + ESCAPE + bytes((0x1A, fill))
    return whole + x25(whole)


def _sml_identity(identity: bytes, pseudonyms: Pseudonyms) -> bytes:
    """Of a server id of DIN 43863-5 the maker stays."""
    if len(identity) == 10 and identity[:1] in (b"\x09", b"\x0a") and identity[2:5].isalnum():
        return identity[:6] + pseudonyms.binary(identity[6:])
    if identity.isascii() and identity.decode("ascii").isprintable():
        return pseudonyms.text(identity)
    return pseudonyms.binary(identity)


def _identities(body: bytes) -> set[bytes]:
    found: set[bytes] = set()
    for message in _messages(body):
        found |= set(_strings(field_at(message, 0)[0]))
    return {each for each in found if len(each) >= _SML_IDENTITY_BYTES}


def _strings(item: Item) -> Iterator[bytes]:
    if isinstance(item, bytes):
        yield item
    elif isinstance(item, list):
        for inner in item:
            yield from _strings(inner)


def _messages(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        _, end = field_at(body, at)
        yield body[at:end]
        at = end


def _summed(message: bytes) -> bytes:
    """A message with the check sum that is now right, in two bytes."""
    match field_at(message, 0)[0]:
        case [*_, Number(size=size), b""]:
            content = message[: -2 - size]
            return content + b"\x63" + x25(content) + b"\x00"
        case _:
            raise Malformed("something that is no message")


def _dlms(raw: bytes, pseudonyms: Pseudonyms) -> bytes:
    clean = bytearray(raw)
    for found in _DLMS_NUMBERS.finditer(raw):
        # A logical device name begins with its maker.
        start, end = found.end() + (3 if found[0].startswith(_LOGICAL_NAME) else 0), found.end() + found[1][0]
        clean[start:end] = pseudonyms.text(raw[start:end])
    return b"".join(bytes(_framed(clean[start:end])) for start, end in _frames(raw))


def _frames(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where the good frames stand."""
    at = 0
    while (at := raw.find(0x7E, at)) >= 0 and at + 2 < len(raw):
        end = at + ((raw[at + 1] & 7) << 8 | raw[at + 2]) + 2
        if raw[at + 1] & 0xF0 == 0xA0 and raw[end - 3 : end - 1] == x25(raw[at + 1 : end - 3]):
            yield at, end
            at = end - 1
        else:
            at += 1


def _framed(frame: bytearray) -> bytearray:
    frame[-3:-1] = x25(bytes(frame[1:-3]))
    return frame


_MASKS: Final[Mapping[str, Callable[[bytes, Pseudonyms], bytes]]] = {
    "p1": _p1,
    "sml": _sml,
    "dlms-push": _dlms,
    "iec62056-21-push": _p1,
}
