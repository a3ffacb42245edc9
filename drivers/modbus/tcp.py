"""Modbus TCP: one connection per device or gateway.

Any time-out, bad reply or cancellation in the middle closes the connection and the next call makes a new one: what
arrives late dies with its connection, and a half-open one is left.
"""

import asyncio

from drivers.modbus.audience import Through, directly
from drivers.modbus.bus import Bus
from drivers.modbus.channel import Channel, Dial, Opener
from drivers.modbus.manners import Manners, Units
from drivers.modbus.patience import Patience
from drivers.modbus.tcp_channel import connect
from drivers.modbus.turns import Turns
from protocols.faults import NoReply
from protocols.modbus import GATEWAY, Refusal, Reply, Request
from protocols.modbus_tcp import TcpReader, following, tcp_frame, whole_reply
from protocols.priority import Priority, priority


class TcpLine:
    """Transactions on a TCP connection, one at a time, at least `gap_s` apart, the first `settle_s` after connecting."""

    def __init__(
        self,
        name: str,
        opener: Opener,
        *,
        timeout_s: float,
        gap_s: float = 0.0,
        settle_s: float = 0.0,
        answers_id_0: bool = False,
    ) -> None:
        self._name = name
        self._dial = Dial(opener)
        self._gap_s = gap_s
        self._settle_s = settle_s
        self._answers_id_0 = answers_id_0
        self._units = Units(timeout_s)
        self._turns = Turns()
        self._patience = Patience()
        self._channel: Channel | None = None
        self._transaction = 0
        self._ended_s = float("-inf")

    @property
    def name(self) -> str:
        """The URL of the peer."""
        return self._name

    async def exchange(self, request: Request) -> Reply:
        """One transaction; whatever goes wrong in it ends the connection."""
        loop = asyncio.get_running_loop()
        how = priority(reads=request.reads)
        self._units.check(request.unit, loop.time(), how)
        if not self._turns.take_free():
            await self._turns.take(how)
        try:
            manners = self._units.check(request.unit, loop.time(), how)  # it may have died while we queued
            try:
                channel = self._channel
                if channel is None or channel.ended:
                    channel = await self._connected()
                gap_s = max(manners.gap_s, self._gap_s)
                if gap_s > 0:
                    await self._keep(gap_s)
                return await self._ask(channel, request, manners)
            except BaseException:  # cancellation too: the reply under way must not meet the next request
                self._hang_up()
                raise
        finally:
            self._turns.give()

    async def close(self) -> None:
        """Hang up once the transaction in flight is over."""
        await self._turns.take(Priority.SLOW)
        self._hang_up()
        self._turns.give()

    async def _ask(self, channel: Channel, request: Request, manners: Manners) -> Reply:
        loop = asyncio.get_running_loop()
        self._transaction = following(self._transaction)
        timeout_s, sent_s = self._units.patience_s(request), loop.time()
        silence_s, self._ended_s = sent_s - self._ended_s, sent_s
        channel.drain()
        channel.write(tcp_frame(request, self._transaction))
        self._patience.start(sent_s + timeout_s)
        reader: TcpReader | None = None
        try:
            data = await channel.some()
            reply: Reply | None = whole_reply(request, self._transaction, data)
            if reply is None:
                reader = TcpReader(request, self._transaction, answers_id_0=self._answers_id_0)
                while (reply := reader.feed(data)) is None:
                    data = await channel.some()
        except asyncio.CancelledError:
            if not self._patience.is_over():
                raise
            manners.missed(loop.time(), timeout_s, silence_s)
            came = "nothing came" if reader is None else reader.leftover
            raise NoReply(f"no reply within {timeout_s:g} s ({came})") from None
        finally:
            self._patience.stop()
        self._ended_s = loop.time()
        if isinstance(reply, Refusal) and reply.code in GATEWAY:
            manners.missed(self._ended_s, self._ended_s - sent_s, silence_s)
        else:
            manners.answered(self._ended_s - sent_s, silence_s)
        return reply

    async def _connected(self) -> Channel:
        self._hang_up()
        self._channel = await self._dial.open()
        if self._settle_s > 0:
            await asyncio.sleep(self._settle_s)
        return self._channel

    async def _keep(self, gap_s: float) -> None:
        rest_s = self._ended_s + gap_s - asyncio.get_running_loop().time()
        if rest_s > 0:
            await asyncio.sleep(rest_s)

    def _hang_up(self) -> None:
        self._patience.close()
        if self._channel is not None:
            self._channel.close()
            self._channel = None


class TcpBus(Bus):
    """A register bus over Modbus TCP; connects when first used, again after every failure."""

    def __init__(
        self,
        host: str,
        port: int = 502,
        *,
        through: Through = directly,
        timeout_s: float,
        gap_s: float = 0.0,
        settle_s: float = 0.0,
        answers_id_0: bool = False,
        function_6: bool = False,
        retries: int = 1,
    ) -> None:
        line = TcpLine(
            f"tcp://{host}:{port}",
            through(lambda: connect(host, port, timeout_s)),
            timeout_s=timeout_s,
            gap_s=gap_s,
            settle_s=settle_s,
            answers_id_0=answers_id_0,
        )
        super().__init__(line, retries=retries, function_6=function_6)
