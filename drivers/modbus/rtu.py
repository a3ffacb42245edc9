"""Modbus RTU, on a serial port or through a TCP connection to one.

RTU has no transaction id: a late reply looks exactly like the reply to the next request for as many registers of the
same unit. Two rules keep it from being taken for one, however late it is:

- quarantine: after a time-out that unit is asked nothing for as long again, and each request waits for silence;
- sounding: as long as a unit owes a reply that would look like the next one, a short read of another size goes first.
  A device answers in order, so behind the sounding's reply the old one can not come any more.

Other units go on meanwhile: their frames carry their own address. What a line learns of its units is in manners.py.
"""

import asyncio
from typing import Final, NamedTuple

from drivers.modbus.audience import Through, directly
from drivers.modbus.bus import Bus
from drivers.modbus.channel import Channel, Dial, Opener
from drivers.modbus.manners import Units
from drivers.modbus.nap import Nap
from drivers.modbus.nap import now_s as _now_s
from drivers.modbus.serial_channel import Parity, SerialSettings, StopBits, open_port
from drivers.modbus.tcp_channel import connect
from drivers.modbus.turns import Turns
from protocols.faults import BadReply, NoReply
from protocols.modbus import GATEWAY, Function, Refusal, Reply, Request, read
from protocols.modbus_rtu import RtuReader, rtu_frame
from protocols.ports import Table
from protocols.priority import Priority, priority

# Serial Line V1.02, 2.5.1.1: 3.5 characters of silence between frames, a fixed 1.75 ms above 19200 Bd.
_GAP_CHARACTERS: Final = 3.5
_GAP_LEAST_S: Final = 0.00175
# Frames through a TCP converter arrive in segments; shorter pauses inside one are the network's.
CONVERTER_GAP_S: Final = 0.02
# A line that is never silent is babbling: after this many time-outs nothing is sent into it.
_BABBLE_TIMEOUTS: Final = 2
# Register counts of a sounding; even, because a meter may refuse to cut a 32-bit value in two.
_SOUNDINGS: Final = (2, 4)
# A reply that has not come for so long will not come any more; the slowest known take seconds.
_LATEST_S: Final = 60.0


class _Owed(NamedTuple):
    """A request whose reply may still come."""

    request: Request
    sent_s: float


class RtuLine:
    """Transactions on a serial line, one at a time, between silences of `gap_s`.

    `timeout_s` counts from the end of the request to the begin of the reply: the time both need on the wire
    (`character_s` each) is added. `keep_open` is for a port; a TCP connection is given up after a failure instead.
    `nap` sleeps through the silences; without one the loop does, to whole milliseconds.
    """

    def __init__(
        self,
        name: str,
        opener: Opener,
        *,
        timeout_s: float,
        gap_s: float,
        settle_s: float = 0.0,
        character_s: float = 0.0,
        keep_open: bool,
        nap: Nap | None = None,
    ) -> None:
        self._name = name
        self._dial = Dial(opener)
        self._timeout_s = timeout_s
        self._gap_s = gap_s
        self._settle_s = settle_s
        self._character_s = character_s
        self._keep_open = keep_open
        self._units = Units(timeout_s)
        self._turns = Turns()
        self._nap = nap
        self._echoes: bool | None = None  # None: not known yet
        self._channel: Channel | None = None
        self._heard_s = float("-inf")  # the line was busy until then
        self._active_s = float("-inf")  # when the last request was sent, or its reply heard
        self._quarantine_s: dict[int, float] = {}  # unit -> nothing is sent before, on the loop's clock
        self._owed: dict[int, list[_Owed]] = {}  # unit -> sent and not answered, oldest first

    @property
    def name(self) -> str:
        """The URL of the port."""
        return self._name

    async def exchange(self, request: Request) -> Reply:
        """One transaction; queues for the line after the quarantine of its unit."""
        how = priority(reads=request.reads)
        while True:
            self._units.check(request.unit, _now_s(), how)
            if (rest_s := self._rest_s(request.unit)) > 0:
                await asyncio.sleep(rest_s)
            await self._turns.take(how)
            try:
                if self._rest_s(request.unit) <= 0:  # nobody failed with this unit while we queued
                    self._units.check(request.unit, _now_s(), how)
                    return await self._transact(request)
            finally:
                self._turns.give()

    async def close(self) -> None:
        """Give the port back once the transaction in flight is over; what is owed stays owed."""
        await self._turns.take(Priority.SLOW)
        self._let_go()
        self._turns.give()

    async def _transact(self, request: Request) -> Reply:
        owed = self._owed.setdefault(request.unit, [])
        while any(_alike(old.request, request) for old in owed):
            await self._ask(_sounding(request), owed)
        if request.function is Function.WRITE_SINGLE and self._echoes is None:
            await self._ask(_sounding(request), owed)
        alone = not owed
        reply = await self._ask(request, owed)
        if isinstance(reply, Refusal) and not alone:
            raise BadReply(f"refused with exception {reply.code}, or that was a late reply to an earlier request")
        return reply

    async def _ask(self, request: Request, owed: list[_Owed]) -> Reply:
        channel, manners, frame = await self._opened(), self._units.of(request.unit), rtu_frame(request)
        await self._wait_for_silence(channel, max(self._gap_s, manners.gap_s))
        sent_s, timeout_s = _now_s(), self._units.patience_s(request)
        silence_s, self._active_s = sent_s - self._active_s, sent_s
        on_wire_s = (len(frame) + request.reply_size + 3) * self._character_s
        deadline_s = sent_s + timeout_s + on_wire_s
        owed[:] = [*(old for old in owed if sent_s - old.sent_s < _LATEST_S), _Owed(request, sent_s)]
        reader = RtuReader(request, echoes=self._echoes)
        try:
            channel.write(frame)
            reply = await self._hear(channel, reader, deadline_s, skip_bad=len(owed) > 1)
        except BaseException as failure:
            # A cancelled call may have left its request half on the wire.
            self._heard_s = max(_now_s(), sent_s + len(frame) * self._character_s)
            if isinstance(failure, NoReply | asyncio.CancelledError):
                self._quarantine_s[request.unit] = deadline_s + timeout_s
            if isinstance(failure, NoReply):
                manners.missed(_now_s(), deadline_s - sent_s, silence_s)
            if not self._keep_open:
                self._let_go()
            raise
        self._active_s = self._heard_s
        self._learn(request, reader, reply, (sent_s, on_wire_s, silence_s))
        _settle(owed, request, reply)
        return reply

    def _learn(self, request: Request, reader: RtuReader, reply: Reply, times_s: tuple[float, float, float]) -> None:
        """From a reply: `times_s` is (sent, on the wire, silence before)."""
        sent_s, on_wire_s, silence_s = times_s
        took_s, manners = self._heard_s - sent_s, self._units.of(request.unit)
        if (
            request.function is not Function.WRITE_SINGLE
        ):  # an echo heard once is believed until the port is opened anew
            self._echoes = reader.echoed or bool(self._echoes)
        if isinstance(reply, Refusal) and reply.code in GATEWAY:
            manners.missed(self._heard_s, took_s, silence_s)
        else:
            manners.answered(max(took_s - on_wire_s, 0.0), silence_s)

    async def _hear(self, channel: Channel, reader: RtuReader, deadline_s: float, *, skip_bad: bool) -> Reply:
        """The reply before the deadline; with `skip_bad` a bad one counts only when no good one follows."""
        bad: BadReply | None = None
        began_s = _now_s()
        try:
            async with asyncio.timeout_at(deadline_s):
                while True:
                    data = await channel.some()
                    self._heard_s = _now_s()  # what is computed from here on is in the silence
                    try:
                        if (reply := reader.feed(data)) is not None:
                            return reply
                    except BadReply as fault:
                        if not skip_bad:
                            raise
                        bad = fault
        except TimeoutError:
            raise bad or NoReply(f"no reply within {deadline_s - began_s:.3g} s ({reader.leftover})") from None

    async def _wait_for_silence(self, channel: Channel, gap_s: float) -> None:
        """Throw away what comes until nothing came for a gap; NoReply on a line that never falls silent."""
        give_up_s = _now_s() + _BABBLE_TIMEOUTS * self._timeout_s
        self._discard(channel)
        while (rest_s := self._heard_s + gap_s - _now_s()) > 0:
            if _now_s() > give_up_s:
                raise NoReply(f"the line is never silent for {gap_s * 1000:.2f} ms, nothing was sent")
            await (asyncio.sleep if self._nap is None else self._nap.sleep)(rest_s)
            self._discard(channel)

    def _discard(self, channel: Channel) -> None:
        if channel.drain():
            self._heard_s = _now_s()

    async def _opened(self) -> Channel:
        if self._channel is not None and self._channel.ended:
            self._let_go()
        if self._channel is None:
            self._channel, self._echoes = await self._dial.open(), None
            await asyncio.sleep(self._settle_s)
        return self._channel

    def _rest_s(self, unit: int) -> float:
        return self._quarantine_s.get(unit, float("-inf")) - _now_s()

    def _let_go(self) -> None:
        if self._nap is not None:
            self._nap.close()
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _alike(one: Request, other: Request) -> bool:
    """Whether a reply to the one could be taken for a reply to the other.

    Reads of as many bytes look alike whatever their function: some devices answer for one table under that of the other.
    """
    if one.reads and other.reads:
        return one.bytes_asked == other.bytes_asked
    return one.function == other.function and one.count == other.count and one.address == other.address


def _sounding(upcoming: Request) -> Request:
    """A short read whose reply can be told from the upcoming one's."""
    count = next(count for count in _SOUNDINGS if count != upcoming.count)
    table = Table(upcoming.function) if upcoming.reads else Table.HOLDING
    return read(upcoming.unit, table, min(upcoming.address, 0x10000 - count), count)


def _settle(owed: list[_Owed], request: Request, reply: Reply) -> None:
    """Strike out what can not be answered any more now that this reply has come, giving the oldest the benefit."""
    oldest = 0 if isinstance(reply, Refusal) else next(n for n, old in enumerate(owed) if _alike(old.request, request))
    del owed[: oldest + 1]


def gap_s(settings: SerialSettings) -> float:
    """The silence that separates two frames on this line."""
    return _GAP_CHARACTERS * settings.character_s if settings.baud <= 19200 else _GAP_LEAST_S


class RtuBus(Bus):
    """A register bus on a serial port; opens it when first used, again after it was unplugged."""

    def __init__(
        self,
        path: str,
        *,
        through: Through = directly,
        baud: int = 9600,
        parity: Parity = "N",
        stopbits: StopBits = 1,
        timeout_s: float,
        retries: int = 1,
    ) -> None:
        settings = SerialSettings(path, baud, parity, stopbits)
        line = RtuLine(
            f"serial://{path}",
            through(lambda: open_port(settings)),
            timeout_s=timeout_s,
            gap_s=gap_s(settings),
            character_s=settings.character_s,
            keep_open=True,
            nap=Nap(),
        )
        super().__init__(line, retries=retries)


class RtuOverTcpBus(Bus):
    """A register bus on a serial port behind a TCP converter that passes RTU frames through."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        through: Through = directly,
        timeout_s: float,
        gap_s: float = CONVERTER_GAP_S,
        settle_s: float = 0.0,
        function_6: bool = False,
        retries: int = 1,
    ) -> None:
        line = RtuLine(
            f"rtu+tcp://{host}:{port}",
            through(lambda: connect(host, port, timeout_s)),
            timeout_s=timeout_s,
            gap_s=gap_s,
            settle_s=settle_s,
            keep_open=False,
        )
        super().__init__(line, retries=retries, function_6=function_6)
