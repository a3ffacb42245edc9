"""A wire with a mind of its own: passes bytes to a real device, or swallows them, or hangs up in the middle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from urllib.parse import urlsplit


class Manner(Enum):
    """What the wire does now."""

    HONEST = "passes everything"
    HALF_OPEN = "takes the connection and whatever is asked, and never answers"
    CUT_SHORT = "hangs up in the middle of each answer"


# A Modbus TCP header is seven bytes: five of them are an answer that began and never became one.
_BITTEN_OFF = 5


class Wire:
    """Stands between a node and a device; `struck` counts the connections or answers it has spoilt."""

    def __init__(self, device_url: str) -> None:
        parts = urlsplit(device_url)
        assert parts.hostname is not None
        self._device = (parts.hostname, parts.port)
        self.manner = Manner.HONEST
        self.struck = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._device)
            try:
                await self._talk(reader, writer, far_reader, far_writer)
            finally:
                for line in (writer, far_writer):
                    line.close()
                    with suppress(OSError):
                        await line.wait_closed()

    async def _talk(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        while request := await reader.read(4096):
            if self.manner is Manner.HALF_OPEN:
                self.struck += 1
                continue
            far_writer.write(request)
            answer = await far_reader.read(4096)
            if self.manner is Manner.CUT_SHORT:
                self.struck += 1
                writer.write(answer[:_BITTEN_OFF])
                await writer.drain()
                return
            writer.write(answer)
            await writer.drain()


@asynccontextmanager
async def wire(device_url: str) -> AsyncIterator[Wire]:
    """A wire to a device, for as long as the block lasts."""
    between, talks = Wire(device_url), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        task.add_done_callback(talks.discard)
        await between.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    between.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield between
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()
