"""IEC 62056-21 mode C: a meter that is asked, names its baud rate, and answers with a data block.

Source: IEC 62056-21 (2002), protocol mode C: request, identification with the figure of the baud rate, acknowledgement
        `ACK 0 Z 0`, data block between STX and ETX with a block check character (exclusive or from behind STX up to
        ETX). Read through pwitab/iec62056-21 (BSD-3), the paper was not at hand: no clause is cited. Times are in
        drivers/telegrams/mode_c.py.
Doubt:  the block check finds every error of one bit, but not two in the same bit of two characters; on a serial line
        the parity of each character is checked too.
"""

from dataclasses import dataclass
from typing import Final

from protocols.obis_text import SEVEN_BITS, identification, parse_lines, seven_bits
from protocols.telegrams import Event, Malformed, Rejected

REQUEST: Final = b"/?!\r\n"
FIRST_BAUD: Final = 300
BAUDS: Final = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
# A readout of every register with its history is about 6 kB.
LONGEST: Final = 16_384
_STX, _ETX = b"\x02", b"\x03"


@dataclass(frozen=True, slots=True)
class Identified:
    """The meter has answered the request: its line, and the baud rate it offers."""

    line: str
    figure: str

    @property
    def baud(self) -> int:
        """What the figure means."""
        return BAUDS[self.figure]


def acknowledgement(figure: str) -> bytes:
    """Asks for the readout at the baud rate of a figure; "0" stays at 300."""
    return f"\x060{figure}0\r\n".encode("ascii")


def with_parity(text: bytes) -> bytes:
    """Seven bits and even parity, for a line that is opened with eight bits and none."""
    return bytes(byte | 0x80 * (byte.bit_count() % 2) for byte in text)


def block_check(text: bytes) -> int:
    """The block check character over what stands behind STX, with ETX."""
    check = 0
    for byte in text:
        check ^= byte
    return check


class ModeCReader:
    """Bytes in, events out, for one readout: `Identified`, then one telegram or `Rejected`; never raises.

    Our own request and acknowledgement, which an optical head echoes, are skipped.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._identified: Identified | None = None

    def feed(self, data: bytes) -> list[Event | Identified]:
        """Take what arrived; what has become whole by it."""
        self._buffer += data
        events = self._identification() if self._identified is None else []
        return events if self._identified is None else [*events, *self._block(self._identified.line)]

    def _identification(self) -> list[Event | Identified]:
        while (found := self._line()) is not None:
            try:
                _, figure, _ = identification(seven_bits(found).decode("ascii").strip())
            except Malformed:
                continue  # an echo, or noise: there will be no reply
            line = seven_bits(found).decode("ascii").strip()
            if figure not in BAUDS:
                return [Rejected(f"{line!r} is no meter of mode C")]
            self._identified = Identified(line, figure)
            return [self._identified]
        return []

    def _line(self) -> bytes | None:
        """What begins with "/" up to the end of its line."""
        text = self._buffer.translate(SEVEN_BITS)
        start = max(text.rfind(b"/", 0, text.find(b"\n") + 1), 0)
        end = text.find(b"\n")
        if end < 0:
            del self._buffer[: max(0, len(text) - LONGEST)]
            return None
        line = bytes(self._buffer[start : end + 1])
        del self._buffer[: end + 1]
        return line

    def _block(self, head: str) -> list[Event | Identified]:
        text = self._buffer.translate(SEVEN_BITS)
        start = text.find(_STX)
        end = text.find(_ETX, start) if start >= 0 else -1
        if end < 0 or len(text) < end + 2:
            if len(text) <= LONGEST:
                return []
            self._buffer.clear()
            return [Rejected(f"more than {LONGEST} bytes without a data block")]
        raw = bytes(self._buffer[start : end + 2])
        del self._buffer[: end + 2]
        return [_judged(head, raw)]


def _judged(head: str, raw: bytes) -> Event:
    """The telegram of a block from STX to its check character."""
    try:
        text = seven_bits(raw)
        if block_check(text[1:-1]) != text[-1]:
            raise Malformed("the block check is wrong")
        body, mark, _ = text[1:-2].decode("ascii").rpartition("!")
        if not mark:
            raise Malformed("a data block without its end")
        return parse_lines(head, body).telegram()
    except Malformed as error:
        return Rejected(str(error))
