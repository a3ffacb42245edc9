"""Modbus TCP: one connection per device or gateway.

Any time-out, bad reply or cancellation in the middle closes the connection and the next call makes a new one: what
arrives late dies with its connection, and a half-open one is left.
"""

import asyncio

from drivers.modbus.audience import Through, directly
from drivers.modbus.bus import Bus
from drivers.modbus.channel import Channel, Opener
from drivers.modbus.tcp_channel import connect
from protocols.faults import NoReply
from protocols.modbus import Reply, Request
from protocols.modbus_tcp import TcpReader, tcp_frame


class TcpLine:
    """Transactions on a TCP connection, one at a time, at least `gap_s` apart."""

    def __init__(
        self, name: str, opener: Opener, *, timeout_s: float, gap_s: float = 0.0, answers_id_0: bool = False
    ) -> None:
        self._name = name
        self._open = opener
        self._timeout_s = timeout_s
        self._gap_s = gap_s
        self._answers_id_0 = answers_id_0
        self._turn = asyncio.Lock()
        self._channel: Channel | None = None
        self._transaction = 0
        self._ended_s = float("-inf")

    @property
    def name(self) -> str:
        """The URL of the peer."""
        return self._name

    async def exchange(self, request: Request) -> Reply:
        """One transaction; whatever goes wrong in it ends the connection."""
        async with self._turn:
            channel = await self._connected()
            await self._keep_gap()
            try:
                return await self._ask(channel, request)
            except BaseException:  # cancellation too: the reply under way must not meet the next request
                self._hang_up()
                raise
            finally:
                self._ended_s = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Hang up once the transaction in flight is over."""
        async with self._turn:
            self._hang_up()

    async def _ask(self, channel: Channel, request: Request) -> Reply:
        self._transaction = self._transaction % 0xFFFF + 1  # 1 to 65535: only a device that ignores ids answers 0
        reader = TcpReader(request, self._transaction, answers_id_0=self._answers_id_0)
        channel.drain()
        channel.write(tcp_frame(request, self._transaction))
        try:
            async with asyncio.timeout(self._timeout_s):
                while (reply := reader.feed(await channel.some())) is None:
                    pass
                return reply
        except TimeoutError:
            raise NoReply(f"no reply within {self._timeout_s:g} s ({reader.leftover})") from None

    async def _connected(self) -> Channel:
        if self._channel is not None and self._channel.ended:
            self._hang_up()
        if self._channel is None:
            self._channel = await self._open()
        return self._channel

    async def _keep_gap(self) -> None:
        rest_s = self._ended_s + self._gap_s - asyncio.get_running_loop().time()
        if rest_s > 0:
            await asyncio.sleep(rest_s)

    def _hang_up(self) -> None:
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
        answers_id_0: bool = False,
        retries: int = 1,
    ) -> None:
        line = TcpLine(
            f"tcp://{host}:{port}",
            through(lambda: connect(host, port, timeout_s)),
            timeout_s=timeout_s,
            gap_s=gap_s,
            answers_id_0=answers_id_0,
        )
        super().__init__(line, retries=retries)
