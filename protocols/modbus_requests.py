"""The server's side of Modbus without I/O: requests out of a stream, replies into frames.

A request that is whole but can not be carried out comes out with the exception it deserves; a stream whose frames can
not be told apart any more is a `BadRequest`: nothing that follows could be trusted.

Source: MODBUS Application Protocol Specification V1.1b3 (which exception for what: the state diagrams of 6.3, 6.4, 6.6
        and 6.12); Messaging on TCP/IP V1.0b (MBAP header: 3.1.3); Serial Line V1.02 (RTU framing: 2.5.1).
"""

import struct
from dataclasses import dataclass
from typing import Final

from protocols.modbus import (
    ADU_MAX,
    EXCEPTION_BIT,
    READ_MAX,
    WRITE_MAX,
    Function,
    Refusal,
    Reply,
    Request,
    Words,
    Written,
)
from protocols.modbus_rtu import crc16

ILLEGAL_FUNCTION: Final = 1
# Registers only: nobody shares coils.
_SERVED: Final = (Function.READ_HOLDING, Function.READ_INPUT, Function.WRITE_SINGLE, Function.WRITE_MULTIPLE)
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
NO_PATH: Final = 10
NO_RESPONSE: Final = 11

_HEADER: Final = 7  # transaction, protocol (0), length of the rest, unit
_RTU_MAX: Final = 256


class BadRequest(ValueError):
    """The stream is no Modbus, or has lost its step."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One whole request of a client; `what` is a Refusal where it is to be answered so without asking anybody."""

    transaction: int
    unit: int
    function: int
    what: Request | Refusal

    def pdu(self, reply: Reply) -> bytes:
        """The PDU of a reply to this; ValueError where it is a reply to something else."""
        request = self.what
        match reply:
            case Refusal(code):
                return bytes((self.function | EXCEPTION_BIT, code))
            case Words(words) if isinstance(request, Request) and request.reads and len(words) == request.count:
                return struct.pack(f">BB{len(words)}H", self.function, 2 * len(words), *words)
            case Written() if isinstance(request, Request) and not request.reads:
                return request.pdu[:5]
            case _:
                raise ValueError(f"{reply!r} is no answer to {request!r}")


def request_of(unit: int, pdu: bytes) -> Request | Refusal:
    """The request in a PDU, or the exception that it is answered with."""
    if pdu[0] not in _SERVED:
        return Refusal(ILLEGAL_FUNCTION)
    function = Function(pdu[0])
    if len(pdu) < 5:
        return Refusal(ILLEGAL_VALUE)
    address, number = struct.unpack_from(">HH", pdu, 1)
    if function is Function.WRITE_SINGLE:
        return Request(unit, function, address, 1, (number,)) if len(pdu) == 5 else Refusal(ILLEGAL_VALUE)
    words = _written(pdu, number) if function is Function.WRITE_MULTIPLE else ()
    most = WRITE_MAX if function is Function.WRITE_MULTIPLE else READ_MAX
    if words is None or not 1 <= number <= most or (not words and len(pdu) != 5):
        return Refusal(ILLEGAL_VALUE)
    if address + number > 0x10000:
        return Refusal(ILLEGAL_ADDRESS)
    return Request(unit, function, address, number, words)


def _written(pdu: bytes, count: int) -> tuple[int, ...] | None:
    if len(pdu) != 6 + 2 * count or pdu[5] != 2 * count & 0xFF:
        return None
    return struct.unpack_from(f">{count}H", pdu, 6)


class TcpRequests:
    """Requests of one TCP connection; keeps less than one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Asked]:
        """Take what arrived; the requests that are whole by it. BadRequest where a header can not be one."""
        self._buffer += data
        found = []
        while len(self._buffer) >= _HEADER:
            transaction, protocol, length, unit = struct.unpack_from(">HHHB", self._buffer)
            if protocol != 0 or not 2 <= length <= ADU_MAX - 6:
                raise BadRequest(f"{bytes(self._buffer[:_HEADER]).hex(' ')} is no MBAP header")
            if len(self._buffer) < 6 + length:
                break
            pdu = bytes(self._buffer[_HEADER : 6 + length])
            del self._buffer[: 6 + length]
            found.append(Asked(transaction, unit, pdu[0], request_of(unit, pdu)))
        return found


class RtuRequests:
    """Requests on a serial line, found by length and check sum behind any noise; keeps one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Asked]:
        """Take what arrived; the requests that are whole by it."""
        self._buffer += data
        found = []
        while (frame := self._next()) is not None:
            found.append(Asked(0, frame[0], frame[1], request_of(frame[0], frame[1:-2])))
        del self._buffer[: max(0, len(self._buffer) - _RTU_MAX)]
        return found

    def _next(self) -> bytes | None:
        for start in range(len(self._buffer) - 7):
            size = 8
            if self._buffer[start + 1] == Function.WRITE_MULTIPLE:
                size = 9 + self._buffer[start + 6]
            frame = bytes(self._buffer[start : start + size])
            if len(frame) == size and crc16(frame) == 0:
                del self._buffer[: start + size]
                return frame
        return None


def tcp_reply(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A reply behind its MBAP header."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def rtu_reply(unit: int, pdu: bytes) -> bytes:
    """A reply between its unit and its check sum."""
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")
