"""A recorded Modbus device at the end of a stream: request bytes in, what arrives and when out."""

import struct
from enum import Enum, auto
from typing import Final, NamedTuple

from protocols.modbus import ADU_MAX, Refusal
from protocols.modbus_requests import Asked, BadRequest, RtuRequests, TcpRequests, rtu_reply, tcp_reply
from sim_hardware.replay.player import Answer, Player

_HEADER: Final = 7
_RECENT: Final = 16  # how far behind a transaction still belongs to those before


class Framing(Enum):
    """How frames stand on the wire."""

    TCP = auto()
    RTU = auto()


class Arrival(NamedTuple):
    """These bytes arrive so many seconds after the request; None: the device hangs up."""

    after_s: float
    data: bytes | None


class ReplayedDevice:
    """One connection to a recorded device."""

    def __init__(self, player: Player, framing: Framing) -> None:
        self._player, self._framing = player, framing
        self._requests = TcpRequests() if framing is Framing.TCP else RtuRequests()

    def hear(self, data: bytes, now_s: float) -> list[Arrival]:
        """Take what a client sent."""
        try:
            heard = self._requests.feed(data)
        except BadRequest:
            return [Arrival(0.0, None)]
        return [arrival for asked in heard for arrival in self._arrivals(asked, now_s)]

    def _arrivals(self, asked: Asked, now_s: float) -> list[Arrival]:
        if isinstance(asked.what, Refusal):
            return [Arrival(0.0, self._framed(asked, asked.pdu(asked.what)))]
        answer = self._player.answer(asked.what, now_s)
        found = [Arrival(*stray) for stray in answer.strays]
        if answer.hung_up_s is not None:
            found.append(Arrival(answer.hung_up_s, None))
        if (reply := self._reply(asked, answer)) is not None:
            found.insert(0, Arrival(answer.after_s, reply))
        return found

    def _reply(self, asked: Asked, answer: Answer) -> bytes | None:
        if answer.pdu is not None:
            return self._framed(asked, answer.pdu)
        if answer.raw is not None and answer.id is not None and self._framing is Framing.TCP:
            return renumbered(answer.raw, answer.id, asked.transaction)
        return answer.raw

    def _framed(self, asked: Asked, pdu: bytes) -> bytes:
        if self._framing is Framing.TCP:
            return tcp_reply(asked.transaction, asked.unit, pdu)
        return rtu_reply(asked.unit, pdu)


def renumbered(raw: bytes, recorded: int, now: int) -> bytes:
    """Bytes as they came for a request of one transaction, for one of another: its frames and those just before it."""
    data, at = bytearray(raw), 0
    while at + _HEADER <= len(data):
        transaction, protocol, length = struct.unpack_from(">HHH", data, at)
        if protocol != 0 or not 3 <= length <= ADU_MAX - 6:
            at += 1
            continue
        behind = (recorded - transaction) % 0x10000
        if behind <= _RECENT:
            struct.pack_into(">H", data, at, (now - behind) % 0x10000)
        at += 6 + length
    return bytes(data)
