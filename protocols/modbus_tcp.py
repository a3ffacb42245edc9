"""Modbus TCP framing without I/O.

Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b (MBAP header: 3.1.3).
"""

import struct
from collections.abc import Iterator
from typing import Final

from protocols.faults import BadReply
from protocols.modbus import ADU_MAX, EXCEPTION_BIT, EXCEPTIONS, Noise, Reply, Request, Words, cut, parse

_HEADER: Final = 7  # transaction, protocol (0), length of the rest, unit
_MBAP: Final = struct.Struct(">HHHB")
_RECENT: Final = 16  # how far behind a transaction may be to count as a late one of ours
_ZEROS: Final = bytes(3)  # protocol, and the high byte of a length: what every head of a reply has in it
_COUNTED: Final = (1, 2, 3, 4)  # functions whose reply states its bytes
_ECHOED: Final = (5, 6, 15, 16)  # and those whose reply has four
_REPLY: Final = struct.Struct(">HHHBBB")  # the same, function, byte count
# Transactions are numbered from here to there: small numbers, and what is near -1, -32768 or a float's 230.0, stand in every
# second register, and data must not look like the head of a recent reply.
FIRST: Final = 0x5A00
LAST: Final = 0x7BFF


def following(transaction: int) -> int:
    """The number of the next transaction; never 0, which only a device that ignores them answers."""
    return transaction + 1 if FIRST <= transaction < LAST else FIRST


def tcp_frame(request: Request, transaction: int) -> bytes:
    """The request behind its MBAP header (Messaging Guide 3.1.3)."""
    pdu = request.pdu
    return _MBAP.pack(transaction, 0, len(pdu) + 1, request.unit) + pdu


def whole_reply(request: Request, transaction: int, data: bytes) -> Words | None:
    """The words, where these bytes are the good reply to a read and nothing else; None: a `TcpReader` must look closer.

    The usual case by far: transaction, protocol, length, unit, function and byte count, all compared at once.
    """
    size = request.reply_size
    if not request.reads or request.of_bits or len(data) != _HEADER + size:
        return None
    if _REPLY.unpack_from(data) != (transaction, 0, size + 1, request.unit, request.function, size - 2):
        return None
    if data.find(_ZEROS, _HEADER + 2) > 0 and swallowed(data, transaction):
        return None
    return Words(cut(data, _HEADER + 2, request.count))


def swallowed(frame: bytes, transaction: int) -> bool:
    """Whether a frame that looks whole has the head of another recent reply among its data.

    Then it was torn, and filled up by what came in between: TCP keeps the order of bytes, not that of their writers.
    """
    at = frame.find(_ZEROS, _HEADER + 4)
    while at > 0:
        behind = (transaction - int.from_bytes(frame[at - 2 : at], "big")) % 0x10000
        if behind <= _RECENT and _is_head(frame[at + 3 : at + 7]):
            return True
        at = frame.find(_ZEROS, at + 1)
    return False


def _is_head(rest: bytes) -> bool:
    """Whether length, unit, function and byte count or code (as far as they are there) are those of a reply.

    Registers that say "not implemented" look much like an exception, but for its function and code: ff ff 00 00 00 03 ff ff.
    """
    if len(rest) < 3 or rest[0] < 3:
        return False
    length, function = rest[0], rest[2]
    if function & EXCEPTION_BIT:
        known = function & ~EXCEPTION_BIT in (*_COUNTED, *_ECHOED)
        return known and length == 3 and (len(rest) < 4 or rest[3] in EXCEPTIONS)
    if function in _COUNTED:
        return len(rest) < 4 or rest[3] == length - 3
    return function in _ECHOED and length == 6


def _heads(request: Request, transaction: int) -> Iterator[tuple[bytes, int]]:
    """How the reply and an exception begin, and how long they are."""
    for function, size in ((request.function, request.reply_size), (request.function | EXCEPTION_BIT, 2)):
        yield struct.pack(">HHHBB", transaction, 0, size + 1, request.unit, function), 6 + 1 + size


class TcpReader:
    """Waits for the reply to one request on a TCP stream.

    Late or doubled replies to the last few transactions are skipped. Bytes that can not be a header are thrown away up
    to NOISE_MAX, and so are bytes that could be one, when our own reply is complete before theirs. Transaction 0 is accepted only for a device known to answer so (`answers_id_0`): some gateways do.
    """

    def __init__(self, request: Request, transaction: int, *, answers_id_0: bool = False) -> None:
        self._request = request
        self._transaction = transaction
        self._answers_id_0 = answers_id_0
        self._buffer = bytearray()
        self._noise = Noise()

    def feed(self, data: bytes) -> Reply | None:
        """Take what arrived; the reply once it is complete, None until then."""
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            transaction = int.from_bytes(frame[:2], "big")
            if self._is_late(transaction):
                continue
            self._check_header(transaction, frame[6])
            self._check_rest()
            if swallowed(frame, self._transaction):
                raise BadReply("has the head of another reply among its data: it was torn")
            return parse(self._request, frame[_HEADER:])
        return None

    @property
    def leftover(self) -> str:
        """What was thrown away or is incomplete, for the message of a time-out."""
        return self._noise.leftover(self._buffer)

    def _next_frame(self) -> bytes | None:
        buffer = self._buffer
        while len(buffer) >= _HEADER:
            transaction, protocol, length = struct.unpack_from(">HHH", buffer)
            if protocol != 0 or not 3 <= length <= ADU_MAX - 6:  # unit, function and at least one byte
                noise = 1
            else:
                noise = 0 if transaction == self._transaction else self._before_reply(6 + length)
            if noise == 0:
                return self._take(6 + length) if len(buffer) >= 6 + length else None
            del buffer[:noise]
            self._noise.add(noise)
        return None

    def _before_reply(self, end: int) -> int:
        """How much of a plausible frame is noise, because our reply is complete inside it; 0 where it is not."""
        for head, size in _heads(self._request, self._transaction):
            start = self._buffer.find(head, 1, end)
            if start > 0 and start + size <= min(end, len(self._buffer)):
                return start
        return 0

    def _take(self, size: int) -> bytes:
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        return frame

    def _is_late(self, transaction: int) -> bool:
        late = transaction != 0 and 1 <= (self._transaction - transaction) % 0x10000 <= _RECENT
        if late:
            self._noise.add(_HEADER)
        return late

    def _check_rest(self) -> None:
        """What follows must begin as a frame of ours does: else the reply was cut short and filled up by the next one."""
        rest = bytes(self._buffer[:4])
        recent = ((self._transaction - behind) % 0x10000 for behind in range(_RECENT + 1))
        if rest and not any(struct.pack(">HH", transaction, 0).startswith(rest) for transaction in recent):
            raise BadReply(f"is followed by {rest.hex(' ')}, which begins no frame: bytes of it are missing")

    def _check_header(self, transaction: int, unit: int) -> None:
        if transaction != self._transaction and not (transaction == 0 and self._answers_id_0):
            raise BadReply(f"answers transaction {transaction}, asked was transaction {self._transaction}")
        if unit != self._request.unit:
            raise BadReply(f"answers as unit {unit}, asked was unit {self._request.unit}")
