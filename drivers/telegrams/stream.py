"""A line that talks by itself: listened to for as long as it is needed, opened again whenever it ends."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from drivers.modbus.channel import Channel, Opener
from protocols.faults import LinkDown

# A converter reboots in seconds, a cable is put back in minutes; nobody is helped by asking more often.
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


class Stream:
    """One line. `heard` gets the bytes as they come, `failed` why there is no line (empty: it stands)."""

    def __init__(self, name: str, opener: Opener) -> None:
        self.name = name
        self._open = opener
        self._channel: Channel | None = None
        self._is_renewed = False
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> Channel:
        """The line for one exchange, to be closed by whoever asked; LinkDown names it."""
        try:
            return await self._open()
        except LinkDown as fault:
            raise LinkDown(f"{self.name}: {fault}") from fault

    def listen(self, heard: Callable[[bytes], None], failed: Callable[[str], None]) -> None:
        """Begin to listen, unless that was done before; what broke the listener, if that is why it ended."""
        if self._task is not None and self._task.done():
            self._task.result()
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(heard, failed), name=f"listen to {self.name}")

    def renew(self) -> None:
        """Drop the line and open it again: a peer that vanished without a word looks just like a silent one."""
        if self._channel is not None:
            self._is_renewed = True
            self._channel.close()

    async def close(self) -> None:
        """Let go of the line; `listen` takes it again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, heard: Callable[[bytes], None], failed: Callable[[str], None]) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            self._is_renewed = False
            try:
                self._channel = await self._open()
                failed("")
                while True:
                    heard(await self._channel.some())
                    pause_s = _FIRST_PAUSE_S
            except LinkDown as fault:
                if self._is_renewed:
                    continue
                failed(str(fault))
            finally:
                if self._channel is not None:
                    self._channel.close()
                self._channel = None
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, _LONGEST_PAUSE_S)
