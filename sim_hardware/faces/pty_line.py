"""A serial line as a pseudo terminal: we keep our end, a client opens the other by its path.

The client's end stays open here too, so that a client may close and reopen it without the line going away.
"""

import asyncio
import os
import termios
import tty
from collections.abc import Callable
from typing import Final

READ_BYTES = 512
_SPEEDS: Final = {getattr(termios, f"B{baud}"): baud for baud in (300, 600, 1200, 2400, 4800, 9600, 19200)}


class PtyLine:
    """One line; made in `__init__`, within a running loop. `received` gets what the client writes."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self._loop.add_reader(self._ours, self._readable)

    def close(self) -> None:
        """Take the line away."""
        self._loop.remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)

    def client_baud(self) -> int:
        """The rate that the client has set its end to, of those of IEC 62056-21; 0 for any other."""
        return _SPEEDS.get(termios.tcgetattr(self._theirs)[5], 0)

    def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        try:
            os.write(self._ours, data)
        except BlockingIOError:
            return  # nobody has read for 4 kB: bytes on a wire without a listener are gone

    def _readable(self) -> None:
        try:
            data = os.read(self._ours, READ_BYTES)
        except BlockingIOError:
            return
        self._received(data)
