"""The Modbus TCP port for strangers: bounded clients, each answered in its order; none of them holds the bus.

A client that does not read its answers, asks much without waiting, or sends what is no Modbus is dropped. A request
that is under way when its client leaves is carried to its end: to break it off would cost the owner the connection.
"""

import asyncio
import logging
from collections import deque
from typing import Final, Self

from firmware_py.proxy.desk import Desk
from protocols.modbus_requests import Asked, BadRequest, TcpRequests, tcp_reply

_log = logging.getLogger("busbar.proxy")

# Requests of one client that may wait; one that pipelines more has lost its mind.
_WAITING_MOST: Final = 16
# Answers nobody reads: 250 of the longest.
_UNREAD_MOST: Final = 65_536
# Whoever asks nothing for so long is taken to be gone.
_IDLE_S: Final = 300.0
_AGAIN_S: Final = 10.0


class Proxy:
    """One port in front of a desk; port 0 takes a free one."""

    def __init__(self, desk: Desk, host: str, port: int, *, clients_most: int = 8) -> None:
        self.desk, self.host, self.port, self._most = desk, host, port, clients_most
        self._clients: set[_Client] = set()
        self.working: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._is_full = False

    @property
    def url(self) -> str:
        """Where strangers find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen; OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close port and connections, and break off what is under way: by now the owner has let go of the bus."""
        assert self._server is not None
        self._server.close()
        for client in tuple(self._clients):
            client.drop()
        for work in tuple(self.working):
            work.cancel()
        await asyncio.gather(*self.working, return_exceptions=True)

    async def run(self) -> None:
        """Serve until cancelled, beside a node that must not wait for a port: one that is taken is tried again."""
        said = ""
        while True:
            try:
                async with self:
                    _log.info("%s: shared", self.url)
                    await asyncio.Event().wait()
            except OSError as error:
                if str(error) != said:
                    _log.warning("%s: can not listen, tried again every %g s: %s", self.url, _AGAIN_S, error)
                said = str(error)
            await asyncio.sleep(_AGAIN_S)

    def admit(self, client: "_Client") -> bool:
        """Whether one more client may stay."""
        is_full = len(self._clients) >= self._most
        if is_full and not self._is_full:
            _log.warning("%s: %d clients are there, no more are let in", self.url, self._most)
        self._is_full = is_full
        if not is_full:
            self._clients.add(client)
        return not is_full

    def leave(self, client: "_Client") -> None:
        """A client is gone."""
        self._clients.discard(client)


class _Client(asyncio.Protocol):
    """One stranger."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._requests = TcpRequests()
        self._waiting: deque[Asked] = deque()
        self._transport: asyncio.Transport | None = None
        self._work: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._proxy.admit(self):
            self.drop()
            return
        self._heard()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._heard()
        try:
            self._waiting.extend(self._requests.feed(data))
        except BadRequest as error:
            _log.info("%s: a client is dropped: %s", self._proxy.url, error)
            self.drop()
            return
        if len(self._waiting) > _WAITING_MOST:
            _log.info("%s: a client is dropped: %d requests at once", self._proxy.url, len(self._waiting))
            self.drop()
        elif self._waiting and self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._answer_all(), name=f"proxy {self._proxy.url}")
            self._proxy.working.add(self._work)
            self._work.add_done_callback(self._proxy.working.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        self._transport = None
        if self._idle is not None:
            self._idle.cancel()
        self._proxy.leave(self)

    def drop(self) -> None:
        """Hang up without a word."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()

    def _heard(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.drop)

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                asked = self._waiting.popleft()
                self._send(tcp_reply(asked.transaction, asked.unit, await self._proxy.desk.answer(asked)))
        finally:
            self._work = None

    def _send(self, frame: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _UNREAD_MOST:
            _log.info("%s: a client is dropped: it does not read its answers", self._proxy.url)
            self.drop()
        else:
            transport.write(frame)
