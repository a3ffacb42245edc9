"""A recorded meter of IEC 62056-21 mode C: asked, it gives the readout of the present time of its record."""

from bisect import bisect_right
from typing import Final, NamedTuple

from protocols.obis_text import SEVEN_BITS
from protocols.recording import GotAnswer
from sim_hardware.replay.device import Arrival
from sim_hardware.replay.player import EARLY_S, FILLER, Player

_REQUEST: Final = b"/?!\r\n"
_ACK: Final = b"\x06"
_ACK_BYTES: Final = 6


class _Readout(NamedTuple):
    identification: GotAnswer
    block: GotAnswer | None  # None: it was never acknowledged


class AskedMeter:
    """One line to the meter; whatever rate an acknowledgement asks for, the block comes at the recorded one: `baud`."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._readouts = _readouts([line for line in player.recording.lines if isinstance(line, GotAnswer)])
        self._next = 0
        self._now: _Readout | None = None
        self._heard = b""
        self.baud: int | None = None

    def hear(self, data: bytes, now_s: float) -> list[Arrival]:
        """Take what a client sent, with parity or without; what comes of it, without."""
        self._heard = (self._heard + data.translate(SEVEN_BITS))[-32:]
        if self._heard.endswith(_REQUEST):
            self._heard, self._now = b"", self._chosen(now_s)
            return self._said(self._now.identification)
        if self._heard[-_ACK_BYTES:].startswith(_ACK) and self._now is not None and self._now.block is not None:
            self._heard = b""
            return self._said(self._now.block)
        return []

    def _chosen(self, now_s: float) -> _Readout:
        """The latest readout by now, or with `in_order` the next one."""
        if self._player.in_order:
            place, self._next = self._next, self._next + 1
            count = len(self._readouts)
            return self._readouts[place % count if self._player.loops else min(place, count - 1)]
        at_s = self._player.at_s(now_s) + EARLY_S
        return self._readouts[max(bisect_right(self._readouts, at_s, key=lambda each: each.identification.t) - 1, 0)]

    def _said(self, answer: GotAnswer) -> list[Arrival]:
        self.baud = answer.baud
        data = answer.text.encode("ascii") or bytes.fromhex(answer.hex) or answer.size * FILLER
        times_s = [each / self._player.speed for each in (answer.after, answer.took)]
        pieces = [Arrival(times_s[0], data[:1]), Arrival(times_s[1], data[1:])]
        return [piece for piece in pieces if piece.data]


def _readouts(answers: list[GotAnswer]) -> list[_Readout]:
    """Each request with the acknowledgement that follows it."""
    found: list[_Readout] = []
    for answer in answers:
        if not answer.say.startswith(_ACK.decode("ascii")):
            found.append(_Readout(answer, None))
        elif found:
            found[-1] = _Readout(found[-1].identification, answer)
    return found
