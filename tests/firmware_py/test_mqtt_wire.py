"""The socket below paho, on a socket pair: gathered, in pieces, blocked, ended, closed."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware_py.mqtt_wire import Listener, Traffic, Wire, packet_at, publish_packet

MEGABYTE = 1_000_000


class Line:
    """A wire and its far end; `packets`, `rooms` and `ends` are what the listener was told."""

    def __init__(self, ours: socket.socket, far: socket.socket) -> None:
        self.far, self.packets, self.rooms, self.ends = far, list[bytes](), 0, 0
        listener = Listener(self._received, self._writable, self._lost)
        self.traffic = Traffic()
        self.wire = Wire(ours, listener, asyncio.get_running_loop(), self.traffic)

    def _received(self, data: bytearray) -> int:
        at = 0
        while (found := packet_at(data, at)) is not None:
            self.packets.append(bytes(data[at : found[1]]))
            at = found[1]
        return at

    def _writable(self) -> None:
        self.rooms += 1

    def _lost(self) -> None:
        self.ends += 1
        self.wire.close()


def on_line(film: Callable[[Line], Awaitable[None]], kind: int = socket.SOCK_STREAM) -> None:
    async def main() -> None:
        ours, far = socket.socketpair(socket.AF_UNIX, kind)
        far.setblocking(False)
        line = Line(ours, far)
        try:
            await film(line)
        finally:
            line.wire.close()
            far.close()

    asyncio.run(main())


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_is_written_in_a_turn_goes_out_in_one_call() -> None:
    async def film(line: Line) -> None:
        line.wire.start()
        for piece in (b"one", b"two", b"three"):
            assert line.wire.send(piece) == len(piece)
        await turns()
        assert line.far.recv(100) == b"onetwothree"
        assert line.traffic == Traffic(11, 0)

    on_line(film, socket.SOCK_SEQPACKET)  # keeps the borders between calls


def test_nothing_leaves_before_the_start() -> None:
    async def film(line: Line) -> None:
        line.wire.send(b"connect")
        await turns()
        with pytest.raises(BlockingIOError):
            line.far.recv(100)
        line.wire.start()
        assert line.far.recv(100) == b"connect"

    on_line(film)


def test_a_full_system_is_waited_for_and_paho_is_told() -> None:
    async def film(line: Line) -> None:
        line.wire.start()
        told = bytes(range(250)) * (MEGABYTE // 250)
        line.wire.write(told)
        await turns()
        with pytest.raises(BlockingIOError):
            line.wire.send(b"ping")
        line.wire.write(b"end")
        heard = b""
        while len(heard) < len(told) + 3:
            heard += await asyncio.get_running_loop().sock_recv(line.far, 65_536)
        assert heard == told + b"end"
        await turns()
        assert line.rooms == 1
        assert line.wire.send(b"ping") == 4

    on_line(film)


def test_packets_come_whole_however_they_are_cut() -> None:
    packets = [b"\x40\x02\x00\x07", b"\x30\x81\x01" + bytes(129), b"\xd0\x00"]

    async def film(line: Line) -> None:
        line.wire.start()
        for byte in b"".join(packets):
            line.far.send(bytes((byte,)))
            await turns()
        line.far.send(b"".join(packets))
        await turns()
        assert line.packets == packets + packets
        assert line.traffic.received_bytes == 2 * sum(map(len, packets))

    on_line(film)


def test_the_end_is_told_once_after_what_came_before_it() -> None:
    async def film(line: Line) -> None:
        line.wire.start()
        line.far.send(b"\x40\x02\x00\x07")
        line.far.close()
        await turns(6)
        assert (line.packets, line.ends) == ([b"\x40\x02\x00\x07"], 1)

    on_line(film)


def test_a_goodbye_is_sent_before_the_socket_closes() -> None:
    async def film(line: Line) -> None:
        line.wire.start()
        line.wire.send(b"\xe0\x00")
        line.wire.close()
        assert line.wire.is_closed
        assert line.far.recv(100) == b"\xe0\x00"
        assert line.far.recv(100) == b""
        line.wire.close()

    on_line(film)


def test_a_peer_that_is_gone_ends_it() -> None:
    async def film(line: Line) -> None:
        line.wire.start()
        line.far.close()
        line.wire.send(b"x")
        await turns(6)
        assert line.ends == 1

    on_line(film)


def test_paho_reads_only_what_is_passed_on() -> None:
    async def film(line: Line) -> None:
        with pytest.raises(BlockingIOError):
            line.wire.recv(1)
        line.wire.pass_on(bytearray(b"\xd0\x00"))
        assert line.wire.has_passed
        assert [line.wire.recv(1), line.wire.recv(5)] == [b"\xd0", b"\x00"]
        assert not line.wire.has_passed

    on_line(film)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("", None),
        ("40", None),
        ("40 02 00", None),
        ("40 02 00 07", (2, 4)),
        ("30 80", None),
        ("30 80 01" + "00" * 127, None),
        ("30 80 01" + "00" * 128, (3, 131)),
        ("d0 00 d0", (2, 2)),
        ("30 ff ff ff ff 7f", (1, 6)),  # a length without end: paho's to judge
    ],
)
def test_where_a_packet_ends(data: str, found: tuple[int, int] | None) -> None:
    assert packet_at(bytearray.fromhex(data), 0) == found


class Ear:
    """A socket that keeps what paho sends."""

    def __init__(self) -> None:
        self.heard = b""

    def send(self, buffer: bytes | bytearray) -> int:
        self.heard += buffer
        return len(buffer)

    def recv(self, buffer_size: int) -> bytes:
        raise BlockingIOError

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None: ...

    def close(self) -> None: ...


@given(
    st.sampled_from([4, 5]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40),
    st.integers(0, 20_000),
    st.booleans(),
)
def test_a_publish_is_what_paho_would_write(version: int, topic: str, length: int, retain: bool) -> None:
    payload, ear = bytes(length), Ear()
    paho = Paho(CallbackAPIVersion.VERSION2, "x", protocol=version)  # type: ignore[arg-type] # 4 and 5 are its numbers
    paho._sock = ear
    paho.publish(topic, payload, qos=1, retain=retain)  # its first number is 1
    assert publish_packet(1, topic, payload, retain=retain, has_properties=version == 5) == ear.heard
