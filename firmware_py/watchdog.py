"""The service manager's watchdog: fed by finished cycles only, so that a process whose loop is dead gets restarted.

Protocol: sd_notify(3), a datagram to the socket named in NOTIFY_SOCKET (a leading @ is the abstract namespace).
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress


def watchdog() -> Callable[[], None]:
    """What to call after each finished cycle; does nothing where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return lambda: None
    target = "\0" + address[1:] if address.startswith("@") else address
    words = iter((b"READY=1\nWATCHDOG=1",))

    def finished() -> None:
        # A manager that does not listen now misses one beat, which is what a watchdog is for.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(next(words, b"WATCHDOG=1"), target)

    return finished
