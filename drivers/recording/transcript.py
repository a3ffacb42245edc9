"""What goes over a Modbus line, told in the lines of a record: each request with what came of it.

The verdict on a reply is that of the client's own strict readers. Bytes that are not exactly a reply are kept as they
came, so that they can be sent again as they came.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.recording.pseudonyms import Pseudonyms
from drivers.recording.registers import RegisterMask
from protocols.faults import BadReply
from protocols.modbus import EXCEPTION_BIT, Function, Refusal, Reply, Request, Words, Written, parse
from protocols.modbus_requests import Asked, RtuRequests, TcpRequests, rtu_reply, tcp_reply
from protocols.modbus_rtu import RtuReader, crc16, rtu_frame
from protocols.modbus_tcp import TcpReader
from protocols.recording import (
    GotDone,
    GotDown,
    GotHungUp,
    GotLate,
    GotRaw,
    GotRefused,
    GotSilent,
    GotStray,
    GotWithheld,
    GotWords,
    Line,
    spelt,
    spelt_words,
)

# A time-out is as long as was told, less what rounding and a clock's grain take.
_GRAIN_S: Final = 0.005
Sink = Callable[[Line], None]


@dataclass(slots=True)
class _Pending:
    """The request on the line."""

    asked: Asked
    request: Request
    sent_s: float
    reader: "TcpReader | RtuReader | _SingleReader"
    came: bytearray = field(default_factory=bytearray)
    last_s: float = 0.0
    reply: Reply | None = None
    is_late: bool = False
    is_told: bool = False


class _SingleReader:
    """The reply to function 6 on a serial line, which looks like the request; heard twice, the second one is a stray."""

    def __init__(self, request: Request) -> None:
        self._request, self._came = request, b""

    def feed(self, data: bytes) -> Reply | None:
        """Take what arrived; the reply once it is complete."""
        self._came += data
        if self._came == rtu_frame(self._request):
            return Written()
        refused = bytes((self._request.unit, self._request.function | EXCEPTION_BIT))
        if len(self._came) == 5 and self._came.startswith(refused) and crc16(self._came) == 0:
            return parse(self._request, self._came[1:-2])
        return None


class ModbusTranscript:
    """Implements `drivers.recording.tap.Ear` for a Modbus line.

    `models`: the model by unit id, whose serial numbers are masked; None keeps every number. `hidden`: the host or path
    of the line, which stands in no record.
    """

    def __init__(
        self,
        sink: Sink,
        now_s: Callable[[], float],
        *,
        is_tcp: bool,
        timeout_s: float,
        models: Mapping[int, str] | None,
        hidden: str = "",
    ) -> None:
        self._sink, self._now_s = sink, now_s
        self._is_tcp, self._timeout_s, self._hidden = is_tcp, timeout_s, hidden
        self._pseudonyms = Pseudonyms()
        self._mask = None if models is None else RegisterMask(models, self._pseudonyms)
        self._began_s = now_s()
        self._pending: _Pending | None = None

    def sent(self, data: bytes) -> None:
        """A request leaves."""
        self._finish()
        (asked,) = (TcpRequests() if self._is_tcp else RtuRequests()).feed(data)
        request = asked.what
        assert isinstance(request, Request), f"our own client sent {data.hex(' ')}"
        self._pending = _Pending(asked, request, self._t(), self._reader(asked, request))

    def _reader(self, asked: Asked, request: Request) -> "TcpReader | RtuReader | _SingleReader":
        if self._is_tcp:
            return TcpReader(request, asked.transaction)
        return _SingleReader(request) if request.function is Function.WRITE_SINGLE else RtuReader(request)

    def heard(self, data: bytes, *, awaited: bool) -> None:
        """Something of a reply came, or something else."""
        pending = self._pending
        if pending is None:
            return  # before the first request, or behind one that was told: noise of a line just opened
        pending.came += data
        pending.last_s = self._t()
        if pending.reply is None:
            try:
                pending.reply = pending.reader.feed(data)
            except BadReply:
                return
            pending.is_late = pending.reply is not None and not awaited
        if pending.reply is not None and not pending.is_told and pending.came == self._frame(pending):
            self._tell_reply(pending, pending.reply)

    def changed_baud(self, baud: int) -> None:
        """A Modbus line has one rate."""

    def ended(self, why: str) -> None:
        """The stream ended by itself."""
        pending = self._pending
        if pending is not None and not pending.came and not pending.is_told:
            took_s = round(self._t() - pending.sent_s, 6)
            self._sink(GotHungUp(pending.sent_s, spelt(pending.request), took_s, why=self._said(why)))
            pending.is_told = True
        self._finish(self._t())

    def closed(self) -> None:
        """We hung up: for a reply that did not come, or because somebody ended the recording in the middle of one.

        Which of them, the next thing that happens will tell.
        """
        pending = self._pending
        waited_s = 0.0 if pending is None else self._t() - pending.sent_s
        if pending is None or pending.came or pending.is_told or waited_s >= self._timeout_s - _GRAIN_S:
            self._finish()

    def failed(self, why: str) -> None:
        """There is no line."""
        self._finish()
        self._sink(GotDown(self._t(), why=self._said(why)))

    def _said(self, why: str) -> str:
        return why.replace(self._hidden, "…") if self._hidden else why

    def _t(self) -> float:
        return round(self._now_s() - self._began_s, 6)

    def _frame(self, pending: _Pending) -> bytes:
        """The reply as it stands on the wire when nothing else does."""
        assert pending.reply is not None
        pdu = pending.asked.pdu(pending.reply)
        if self._is_tcp:
            return tcp_reply(pending.asked.transaction, pending.request.unit, pdu)
        return rtu_reply(pending.request.unit, pdu)

    def _tell_reply(self, pending: _Pending, reply: Reply) -> None:
        request, t = pending.request, pending.sent_s
        ask, took = spelt(request), round(pending.last_s - t, 6)
        if isinstance(reply, Words) and self._mask is not None:
            reply = Words(self._mask.words(request, reply.words))
        match reply:
            case _ if pending.is_late:
                self._sink(GotLate(t, ask, took, pdu=pending.asked.pdu(reply).hex()))
            case Words(words):
                self._sink(GotWords(t, ask, took, words=spelt_words(words)))
            case Refusal(code):
                self._sink(GotRefused(t, ask, took, code=code))
            case _:
                self._sink(GotDone(t, ask, took))
        pending.is_told = True
        pending.came.clear()

    def _finish(self, hung_up_s: float | None = None) -> None:
        """Nothing more comes of the request on the line: what came besides a reply, or that nothing came."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if pending.came:
            self._tell_rest(pending, hung_up_s)
        elif not pending.is_told:
            self._sink(GotSilent(pending.sent_s, spelt(pending.request)))

    def _tell_rest(self, pending: _Pending, hung_up_s: float | None) -> None:
        data, request = bytes(pending.came), pending.request
        took = round(pending.last_s - pending.sent_s, 6)
        if self._mask is not None and self._mask.touches(request):
            ask = "" if pending.is_told else spelt(request)
            t = pending.last_s if pending.is_told else pending.sent_s
            why = "not exactly a reply to a request for a serial number"
            self._sink(GotWithheld(t, took, ask=ask, size=len(data), why=why))
            return
        if self._mask is not None:
            data = self._pseudonyms.cleaned(data)
        if pending.is_told:
            self._sink(GotStray(pending.last_s, hex=data.hex()))
        else:
            id_ = pending.asked.transaction if self._is_tcp else None
            hung_up = None if hung_up_s is None else round(hung_up_s - pending.sent_s, 6)
            self._sink(GotRaw(pending.sent_s, spelt(request), took, hex=data.hex(), id=id_, hung_up=hung_up))
