"""The meter as a Modbus TCP server: SunSpec from 40000, our own registers from 0."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from firmware_py.meter.own_map import within
from protocols.modbus_requests import BadRequest
from protocols.modbus_server import Read, ServerSession
from protocols.ports import Table

CLIENTS_MOST: Final = 16
# A client that asks nothing for so long has gone; its socket may not know yet.
IDLE_S: Final = 300.0
_log = logging.getLogger("busbar.meter.modbus")

# The words of one block, from its base address on.
Block = tuple[int, Callable[[], Sequence[int]]]


def reader(blocks: Sequence[Block]) -> Read:
    """Reads from blocks of words; a request must lie in one of them as a whole."""

    def read(table: Table, address: int, count: int) -> Sequence[int] | None:
        for base, words in blocks:
            if address >= base and (found := within(words(), base, address, count)) is not None:
                return found
        return None

    return read


class ModbusFace:
    """Serves until cancelled; `port` is the one it got."""

    def __init__(self, host: str, port: int, unit: int, read: Read) -> None:
        self.port = port
        self._host, self._unit, self._read = host, unit, read
        self._clients: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen; OSError where the port is taken."""
        server = await asyncio.start_server(self._connected, self._host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for client in list(self._clients):
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def _connected(self, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= CLIENTS_MOST:
            outgoing.close()
            return
        self._clients.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                await self._serve(incoming, outgoing)
        finally:
            self._clients.discard(task)
            outgoing.close()

    async def _serve(self, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        session = ServerSession(self._unit, self._read)
        while True:
            async with asyncio.timeout(IDLE_S):
                data = await incoming.read(4096)
            if not data:
                return
            try:
                outgoing.write(session.feed(data))
            except BadRequest as fault:
                _log.info("client %s: %s", outgoing.get_extra_info("peername"), fault)
                return
            await outgoing.drain()
