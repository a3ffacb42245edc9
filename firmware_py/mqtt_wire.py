"""The socket below paho: what goes out is gathered for a turn of the loop, what comes in is read in large pieces.

paho reads its socket byte by byte and sends every packet by itself; through this that is memory, and the system is asked
once for many packets. While the system takes no more, paho is told so (BlockingIOError) and keeps its packets itself.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

READ_BYTES: Final = 65_536
_NOT_NOW: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# A length has at most four bytes of seven bits each (MQTT 5.0, 1.5.5).
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: `received` takes whole packets from the front of what has come and returns how many bytes it took,
    `writable` hears that there is room again, `lost` that the connection has ended.
    """

    received: Callable[[bytearray], int]
    writable: Callable[[], object]
    lost: Callable[[], None]


@dataclass(slots=True)
class Traffic:
    """Bytes of MQTT, before TLS and TCP: what the system took, what came."""

    sent_bytes: int = 0
    received_bytes: int = 0


class Wire:
    """A connected socket, plain or TLS. Until `start` it only gathers, so that another thread may connect it.

    paho's side is `send`, `recv`, `fileno`, `setblocking` and `close`.
    """

    def __init__(
        self, line: socket.socket, listener: Listener, loop: asyncio.AbstractEventLoop, traffic: Traffic
    ) -> None:
        self._line, self._listener, self._loop, self._traffic = line, listener, loop, traffic
        self._unsent, self._came, self._passed = bytearray(), bytearray(), bytearray()
        self._flushing: asyncio.Handle | None = None
        self._is_running, self._is_blocked, self._has_ended = False, False, False
        line.setblocking(False)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed from this side."""
        return self._line.fileno() < 0

    def start(self) -> None:
        """Begin to send and receive, on the loop."""
        self._is_running = True
        self._loop.add_reader(self._line.fileno(), self._readable)
        if self._unsent:
            self._flush()

    def write(self, data: bytes | bytearray) -> None:
        """Send with everything else of this turn; whoever calls sees to it that there is no end to what is unsent."""
        self._unsent += data
        if self._is_running and self._flushing is None and not self._is_blocked:
            self._flushing = self._loop.call_soon(self._flush)

    def pass_on(self, packet: bytearray) -> None:
        """Let paho read this."""
        self._passed += packet

    @property
    def has_passed(self) -> bool:
        """Whether there is something for paho to read."""
        return len(self._passed) > 0 and not self.is_closed

    def send(self, buffer: bytes | bytearray) -> int:
        """paho's way to send; BlockingIOError while there is no room."""
        if self._is_blocked:
            raise BlockingIOError
        self.write(buffer)
        return len(buffer)

    def recv(self, buffer_size: int) -> bytes:
        """paho's way to read: only what was passed on to it; empty once the connection has ended."""
        if not self._passed and not self._has_ended:
            raise BlockingIOError
        piece = bytes(self._passed[:buffer_size])
        del self._passed[:buffer_size]
        return piece

    def fileno(self) -> int:
        """The socket's number; -1 once it is closed."""
        return self._line.fileno()

    def setblocking(self, flag: bool) -> None:
        """Never: the loop waits, not the socket."""

    def close(self) -> None:
        """Send what still can be sent, such as a goodbye, and close."""
        if self.is_closed:
            return
        if self._flushing is not None:
            self._flushing.cancel()
        if self._is_running:
            self._loop.remove_reader(self._line.fileno())
            self._loop.remove_writer(self._line.fileno())
        if self._unsent and not self._has_ended:
            self._send_some()
        self._line.close()

    def _flush(self) -> None:
        self._flushing = None
        wait_to_write = self._send_some()
        if self._has_ended:
            self._listener.lost()
        elif wait_to_write and not self._is_blocked:
            self._is_blocked = True
            self._loop.add_writer(self._line.fileno(), self._flush)
        elif not self._unsent and self._is_blocked:
            self._is_blocked = False
            self._loop.remove_writer(self._line.fileno())
            self._listener.writable()

    def _send_some(self) -> bool:
        """Send as much as the system takes; whether the rest waits for it. TLS may wait for the other side instead."""
        try:
            sent_bytes = self._line.send(self._unsent)
            del self._unsent[:sent_bytes]
            self._traffic.sent_bytes += sent_bytes
        except ssl.SSLWantReadError:
            return False
        except _NOT_NOW:
            return True
        except OSError:
            self._has_ended = True
        return len(self._unsent) > 0

    def _readable(self) -> None:
        self._read()
        del self._came[: self._listener.received(self._came)]
        if self.is_closed:
            return
        if self._has_ended:
            self._listener.lost()
        elif self._unsent and self._flushing is None and not self._is_blocked:
            self._flush()  # TLS had waited for what has just come

    def _read(self) -> None:
        """Read what there is: of TLS everything that is decrypted already, as the loop cannot see that."""
        while True:
            try:
                piece = self._line.recv(READ_BYTES)
            except _NOT_NOW:
                return
            except OSError:
                piece = b""
            self._came += piece
            self._traffic.received_bytes += len(piece)
            self._has_ended = not piece
            if not (piece and isinstance(self._line, ssl.SSLSocket) and self._line.pending() > 0):
                return


def packet_at(data: bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and where it ends; None while it is not whole.

    One whose length has no end is taken as it stands: paho says what is wrong with it.
    """
    length, have = 0, len(data)
    for place in range(_LENGTH_BYTES):
        if (index := at + 1 + place) >= have:
            return None
        length |= (data[index] & 0x7F) << 7 * place
        if data[index] < 0x80:
            end = index + 1 + length
            return (index + 1, end) if end <= have else None
    return at + 1, have


def publish_packet(number: int, topic: str, payload: bytes, *, retain: bool, has_properties: bool) -> bytes:
    """A PUBLISH of QoS 1 (MQTT 5.0, 3.3), with empty properties where the version has them."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big") + (b"\0" if has_properties else b"")
    return bytes((0x33 if retain else 0x32,)) + _length(len(head) + len(payload)) + head + payload


def _length(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
