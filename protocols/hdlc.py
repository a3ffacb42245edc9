"""HDLC frames as DLMS meters push them: found in a byte stream, checked, and their segments put together.

Source: DLMS UA Green Book, HDLC frame format type 3 (two bytes of format with an 11-bit length, addresses of up to four
        bytes, control, header check sequence, information, frame check sequence; no byte stuffing) and LLC. Read
        through dlms-cosem 25.1 (MIT) and the capture in tests/vectors/, the book was not at hand: no clause is cited.
"""

from dataclasses import dataclass
from typing import Final

from protocols.crc_x25 import x25
from protocols.telegrams import Malformed

_FLAG: Final = 0x7E
_TYPE_3: Final = 0xA0
_SEGMENTED: Final = 0x08
_LLC: Final = b"\xe6\xe7\x00"
_SPOILT: Final = "a frame that is spoilt or cut short"
APDU_MOST: Final = 16_384


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose check sequences are right."""

    addresses: bytes
    information: bytes
    is_segment: bool


class HdlcReader:
    """Bytes in, whole APDUs or what was wrong out; keeps one frame and the segments before it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._segments = bytearray()
        self._addresses = b""

    def feed(self, data: bytes) -> list[bytes | Malformed]:
        """Take what arrived; the APDUs that are whole now."""
        self._buffer += data
        found: list[bytes | Malformed] = []
        while (start := self._buffer.find(_FLAG)) >= 0:
            del self._buffer[:start]
            try:
                frame, size = _frame_at(bytes(self._buffer))
            except _StillComingError:
                if not self._is_overtaken():
                    return found
                found.append(Malformed(_SPOILT))
                del self._buffer[:1]
            except Malformed as error:
                found.extend([error] if error.args else [])
                del self._buffer[:1]
            else:
                del self._buffer[: size - 1]  # the flag that ends one frame may begin the next
                found.extend(self._joined(frame))
        self._buffer.clear()
        return found

    def _is_overtaken(self) -> bool:
        """Whether a good frame stands inside the one that is still awaited: that one was cut short."""
        at = 0
        while (at := self._buffer.find(_FLAG, at + 1)) >= 0:
            try:
                _frame_at(bytes(self._buffer[at:]))
            except (_StillComingError, Malformed):
                continue
            return True
        return False

    def _joined(self, frame: Frame) -> list[bytes | Malformed]:
        """The APDU that this frame completes."""
        lost: list[bytes | Malformed] = []
        if frame.information.startswith(_LLC):
            if self._segments:
                lost.append(Malformed("the last segments never came"))
            self._segments[:], self._addresses = frame.information, frame.addresses
        elif self._segments and frame.addresses == self._addresses:
            self._segments += frame.information
        else:
            return [Malformed("a segment without those before it")]
        if frame.is_segment and len(self._segments) <= APDU_MOST:
            return lost
        apdu = bytes(self._segments[len(_LLC) :])
        self._segments.clear()
        return [*lost, Malformed(f"more than {APDU_MOST} bytes of segments") if frame.is_segment else apdu]


class _StillComingError(Exception):
    """The rest of a frame may still be coming."""


def _frame_at(data: bytes) -> tuple[Frame, int]:
    """The frame whose opening flag the data begin with, and its size with both flags.

    Malformed without a word where there is none: the header has a check sequence of its own, so that what only looks
    like a frame does not hold up the one behind it.
    """
    if len(data) > 1 and data[1] & 0xF0 != _TYPE_3:
        raise Malformed
    if len(data) < 3:
        raise _StillComingError
    size = ((data[1] & 7) << 8 | data[2]) + 2
    header = _header_end(data)
    if size < header + 3 or x25(data[1:header]) != data[header : header + 2]:
        raise Malformed
    if len(data) < size:
        raise _StillComingError
    if data[size - 1] != _FLAG or x25(data[1 : size - 3]) != data[size - 3 : size - 1]:
        raise Malformed(_SPOILT)
    return Frame(data[3 : header - 1], data[header + 2 : size - 3], bool(data[1] & _SEGMENTED)), size


def _header_end(data: bytes) -> int:
    """Where format, addresses and control end, and the check sequence of the header stands."""
    at = 3
    for _ in range(2):
        end = next((n for n in range(at, min(at + 4, len(data))) if data[n] & 1), None)
        if end is None and len(data) >= at + 4:
            raise Malformed
        if end is None:
            raise _StillComingError
        at = end + 1
    if len(data) < at + 3:
        raise _StillComingError
    return at + 1
