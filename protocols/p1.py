"""P1 telegrams (DSMR 2.2 to 5, and the Belgian, Luxembourgish and Hungarian ones), and IEC 62056-21 mode D.

Source: Netbeheer Nederland, "P1 Companion Standard" 5.0.2: from version 4 on a CRC16 (x16+x15+x2+1, begun at 0, low bit
        first, from "/" to "!") stands behind the "!" as four upper-case hexadecimal digits. Read through dsmr_parser
        (MIT) and the telegrams in tests/vectors/; the document was not at hand.
Doubt:  a telegram without a check sum is believed only when the one before it had the same shape: the same lines, with
        as many digits in each value. A lost character (dsmr-reader#1408) changes the shape; a digit that became another
        digit does not, unless the line carries parity. Once a sum was good, none without is believed on that line.
"""

import re
from typing import Final

from protocols.modbus_rtu import crc16
from protocols.obis_text import SEVEN_BITS, Lines, parse_lines, seven_bits
from protocols.telegrams import Event, Malformed, Rejected

# The longest known is about 4 kB: 1,024 characters of message in hexadecimal, a failure log and four other meters.
LONGEST: Final = 8192
_FIRST_WITH_CRC: Final = 40
_ENDLESS: Final = Rejected("a telegram without its end")
_TELEGRAM: Final = re.compile(rb"(/[^\r\n]*)\r?\n(.*)!([0-9A-F]{4})?\r?\n", re.DOTALL)


class P1Reader:
    """Implements `protocols.telegrams.TelegramReader` for P1 and mode D."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._has_crc = False
        self._shape: tuple[str, ...] = ()

    def feed(self, data: bytes) -> list[Event]:
        """Take what arrived; what has become whole by it, in order."""
        self._buffer += data
        events: list[Event] = []
        while self._steps(events):
            pass
        return events

    def _steps(self, events: list[Event]) -> bool:
        """Take one telegram, or what is none, out of the buffer; whether there may be more."""
        text = self._buffer.translate(SEVEN_BITS)
        first = text.find(b"/")
        mark = text.find(b"!", first) if first >= 0 else -1
        # A telegram has one "/": what stands before the last one has lost its end.
        start = text.rfind(b"/", 0, mark if mark >= 0 else len(text))
        events.extend(text.count(b"/", max(first, 0), max(start, 0)) * [_ENDLESS])
        del self._buffer[: start if start >= 0 else len(text)]
        end = text.find(b"\n", mark) + 1 - start if mark >= 0 else 0
        if 0 < end <= LONGEST:
            events.append(self._judged(bytes(self._buffer[:end])))
            # Another one may begin in what should have been the check sum.
            del self._buffer[: mark + 1 - start if isinstance(events[-1], Rejected) else end]
            return True
        if len(self._buffer) < LONGEST:
            return False
        events.append(_ENDLESS)
        del self._buffer[:1]
        return True

    def _judged(self, raw: bytes) -> Event:
        try:
            return self._believed(raw).telegram()
        except Malformed as error:
            return Rejected(str(error))

    def _believed(self, raw: bytes) -> Lines:
        """The telegram taken apart, where its check sum or the one before it vouches for it."""
        if _ends_with_sum(raw):
            found = _taken_apart(_checked(raw))
            self._has_crc = True
            return found
        found = _taken_apart(seven_bits(raw))
        if self._has_crc or found.version >= _FIRST_WITH_CRC:
            raise Malformed("the check sum is missing")
        before, self._shape = self._shape, found.shape
        if found.shape != before:
            raise Malformed("no check sum, and not of the same shape as the telegram before it")
        return found


def _ends_with_sum(raw: bytes) -> bool:
    """Whether anything but the end of the line stands behind the "!"."""
    return raw.translate(SEVEN_BITS).rpartition(b"!")[2].strip() != b""


def _checked(raw: bytes) -> bytes:
    text, mark, told = raw.partition(b"!")
    found = crc16(text + mark, 0)
    if told.rstrip(b"\r\n") != b"%04X" % found:
        raise Malformed(f"check sum {told[:8]!r}, it is {found:04X}")
    return raw


def _taken_apart(raw: bytes) -> Lines:
    found = _TELEGRAM.fullmatch(raw)
    if found is None:
        raise Malformed(f"no telegram: {raw[:30]!r}")
    return parse_lines(found[1].decode("latin-1"), found[2].decode("latin-1"))
