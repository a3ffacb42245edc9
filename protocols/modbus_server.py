"""A device that shows registers and takes no writes: requests in, answers out; TCP by connection, RTU frame by frame.

Every writing function is exception 1. A TCP header that cannot be one ends the session: nothing after it can be trusted
to begin where it seems to. On a serial line whatever is not for us, or damaged, gets no answer.
"""

from collections.abc import Callable, Sequence
from typing import Final

from protocols.modbus import Refusal, Reply, Request, Words
from protocols.modbus_requests import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    NO_RESPONSE,
    Asked,
    TcpRequests,
    request_of,
    rtu_reply,
    tcp_reply,
)
from protocols.modbus_rtu import crc16
from protocols.ports import Table

_RTU_MOST: Final = 256
# Units that every client may use for "the device itself" behind a TCP port (Messaging Guide 3.1.3): 255, and 0.
_ITSELF: Final = (0, 255)

# The words from an address on, exactly as many; None where there are none.
Read = Callable[[Table, int, int], Sequence[int] | None]


class ServerSession:
    """One client."""

    def __init__(self, unit: int, read: Read) -> None:
        self._units, self._read = (unit, *_ITSELF), read
        self._requests = TcpRequests()

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, in pieces of any size; the answers to every whole request in it. BadRequest: hang up."""
        asked = self._requests.feed(data)
        return b"".join(tcp_reply(each.transaction, each.unit, each.pdu(self._reply(each))) for each in asked)

    def _reply(self, asked: Asked) -> Reply:
        return _reply(self._read, asked.what) if asked.unit in self._units else Refusal(NO_RESPONSE)


def rtu_answer(unit: int, read: Read, frame: bytes) -> bytes | None:
    """The answer to one RTU frame, as it stood between two silences; None where it is not for us or damaged."""
    if not 4 <= len(frame) <= _RTU_MOST or frame[0] != unit or crc16(frame) != 0:
        return None
    asked = Asked(0, unit, frame[1], request_of(unit, frame[1:-2]))
    return rtu_reply(unit, asked.pdu(_reply(read, asked.what)))


def _reply(read: Read, what: Request | Refusal) -> Reply:
    if isinstance(what, Refusal):
        return what
    if not what.reads:
        return Refusal(ILLEGAL_FUNCTION)
    words = read(Table(what.function), what.address, what.count)
    return Refusal(ILLEGAL_ADDRESS) if words is None else Words(tuple(words))
