"""The server side of Modbus without I/O: bytes in, answers out; TCP one session a connection, RTU frame by frame.

Source: MODBUS Application Protocol Specification V1.1b3 (6.3, 6.4, 7); Messaging on TCP/IP Implementation Guide V1.0b (3.1.3);
        MODBUS over Serial Line V1.02 (2.5.1).
It only reads: every writing function is exception 1. A TCP header that cannot be one ends the session: nothing after it
can be trusted to begin where it seems to. On a serial line whatever is not for us, or damaged, gets no answer.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Final

from protocols.faults import BadReply
from protocols.modbus import ADU_MAX, EXCEPTION_BIT, READ_MAX, Function
from protocols.modbus_rtu import crc16
from protocols.ports import Table

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_SUCH_UNIT = 1, 2, 3, 11
_HEADER: Final = 7
_RTU_MOST: Final = 256
# Units that every client may use for "the device itself" behind a TCP port (Messaging Guide 3.1.3): 255, and 0.
_ITSELF: Final = (0, 255)

# The words from an address on, exactly as many; None where there are none.
Read = Callable[[Table, int, int], Sequence[int] | None]


class ServerSession:
    """One client."""

    def __init__(self, unit: int, read: Read) -> None:
        self._units = (unit, *_ITSELF)
        self._read = read
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, in pieces of any size; the answers to every whole request in it. BadReply: hang up."""
        self._buffer += data
        answers = bytearray()
        while len(self._buffer) >= _HEADER:
            transaction, protocol, length, unit = struct.unpack_from(">HHHB", self._buffer)
            if protocol != 0 or not 2 <= length <= ADU_MAX - 6:
                raise BadReply(f"no Modbus TCP header: {self._buffer[:_HEADER].hex(' ')}")
            if len(self._buffer) < 6 + length:
                break
            pdu = self._answer(unit, bytes(self._buffer[_HEADER : 6 + length]))
            answers += struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu
            del self._buffer[: 6 + length]
        return bytes(answers)

    def _answer(self, unit: int, pdu: bytes) -> bytes:
        return _answered(self._read, pdu) if unit in self._units else _exception(pdu[0], NO_SUCH_UNIT)


def rtu_answer(unit: int, read: Read, frame: bytes) -> bytes | None:
    """The answer to one RTU frame, as it stood between two silences; None where it is not for us or damaged."""
    if not 4 <= len(frame) <= _RTU_MOST or frame[0] != unit or crc16(frame) != 0:
        return None
    body = bytes([unit]) + _answered(read, frame[1:-2])
    return body + crc16(body).to_bytes(2, "little")


def _answered(read: Read, pdu: bytes) -> bytes:
    function = pdu[0]
    if function not in (Function.READ_HOLDING, Function.READ_INPUT):
        return _exception(function, ILLEGAL_FUNCTION)
    if len(pdu) != 5:
        return _exception(function, ILLEGAL_VALUE)
    address, count = struct.unpack_from(">HH", pdu, 1)
    if not 1 <= count <= READ_MAX:
        return _exception(function, ILLEGAL_VALUE)
    words = read(Table(function), address, count)
    if words is None:
        return _exception(function, ILLEGAL_ADDRESS)
    return struct.pack(f">BB{count}H", function, 2 * count, *words)


def _exception(function: int, code: int) -> bytes:
    return bytes([function & 0x7F | EXCEPTION_BIT, code])
