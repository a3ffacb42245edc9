"""The uplink's own way to publish: over TLS, in its window, unanswered, cut off, and with a broker that falls silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware_py import mqtt_client
from firmware_py.mqtt import Announcement, Broker, MqttUplink
from firmware_py.mqtt_wire import packet_at
from firmware_py.supervise import ended
from protocols.faults import Fault, LinkDown
from protocols.ports import Message
from tests.system.eventually import eventually
from tests.system.mosquitto import Mosquitto

pytestmark = pytest.mark.system

TOPIC = "busbar/1/home-1/x"
WINDOW = 3
CONNACK = bytes.fromhex("20 06 00 00 03 21 00") + bytes((WINDOW,))  # success; property 0x21, Receive Maximum
CONNECT, PUBLISH, PINGREQ, PINGRESP = 0x10, 0x30, 0xC0, bytes.fromhex("d0 00")


@asynccontextmanager
async def up(broker: Broker, *subscriptions: str) -> AsyncIterator[MqttUplink]:
    status = "busbar/1/home-1/status"
    link = MqttUplink(broker, subscriptions, Announcement(status, b"online"), Announcement(status, b"offline"))
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(30.0):
            await link.wait_up()
        yield link
    finally:
        await ended(running)


def messages(count: int, length: int = 10) -> list[Message]:
    return [Message(TOPIC, b"%06d" % number + bytes(length)) for number in range(count)]


class Fake:
    """A broker by hand: takes a login and the birth; then answers publishes only when told to."""

    def __init__(self) -> None:
        self.numbers, self.pings, self.logins = list[bytes](), 0, 0
        self.answers_pings = True
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, data = writer, bytearray()
        while piece := await reader.read(4096):
            data += piece
            while data and (found := packet_at(data, 0)) is not None:
                self._take(data[0] & 0xF0, bytes(data[found[0] : found[1]]))
                del data[: found[1]]
        writer.close()

    def _take(self, kind: int, body: bytes) -> None:
        if kind == CONNECT:
            self.logins += 1
            self.send(CONNACK)
        elif kind == PUBLISH:
            after = 2 + int.from_bytes(body[:2], "big")
            number = body[after : after + 2]
            if body[2:after].endswith(b"/status"):
                self.send(b"\x40\x02" + number)
            else:
                self.numbers.append(number)
        elif kind == PINGREQ:
            self.pings += 1
            if self.answers_pings:
                self.send(PINGRESP)

    def send(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def cut(self) -> None:
        assert self._writer is not None
        self._writer.transport.abort()


@asynccontextmanager
async def fake() -> AsyncIterator[tuple[Fake, int]]:
    broker = Fake()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    try:
        yield broker, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_no_more_wait_for_an_answer_than_the_broker_allows() -> None:
    async with fake() as (broker, port), up(Broker("127.0.0.1", port, "x")) as link:
        sending = asyncio.create_task(link.publish_all(messages(5)))
        await eventually("as many as it allows", lambda: len(broker.numbers) == WINDOW)
        broker.send(b"\x40\x02" + broker.numbers[0] + b"\x40\x03" + broker.numbers[1] + b"\x10")
        await eventually("the next two", lambda: len(broker.numbers) == 5)
        assert len(set(broker.numbers)) == 5
        for number, reason in zip(broker.numbers[2:], (b"\x97", b"\x10", b"\x7f"), strict=True):
            broker.send(b"\x40\x04" + number + reason + b"\x00")
        assert [None if fault is None else str(fault) for fault in await sending] == [
            None, None, f"broker refused {TOPIC}: Quota exceeded (0x97)", None, None
        ]  # fmt: skip


async def test_a_reason_that_nobody_knows_is_a_refusal_too() -> None:
    async with fake() as (broker, port), up(Broker("127.0.0.1", port, "x")) as link:
        sending = asyncio.create_task(link.publish_all(messages(1)))
        await eventually("it is there", lambda: broker.numbers)
        broker.send(b"\x40\x03" + broker.numbers[0] + b"\xee")
        assert "0xee" in str((await sending)[0])
        broker.send(b"\x40\x02\x12\x34")  # an answer to nothing
        sending = asyncio.create_task(link.publish_all(messages(1)))
        await eventually("it goes on", lambda: len(broker.numbers) == 2)
        broker.send(b"\x40\x02" + broker.numbers[1])
        assert await sending == [None]


async def test_what_is_never_answered_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_client, "PUBACK_S", 0.2)
    monkeypatch.setattr(mqtt_client, "_LOOK_S", 0.05)
    async with fake() as (_, port), up(Broker("127.0.0.1", port, "x")) as link:
        faults = await link.publish_all(messages(WINDOW + 1))
        assert [str(fault) for fault in faults] == [f"broker: no PUBACK for {TOPIC} within 0.2 s"] * (WINDOW + 1)
        assert link.is_up


async def test_a_cut_fails_all_that_waits_and_the_link_comes_back() -> None:
    async with fake() as (broker, port), up(Broker("127.0.0.1", port, "x")) as link:
        sending = asyncio.create_task(link.publish_all(messages(WINDOW + 2)))
        await eventually("some wait", lambda: len(broker.numbers) == WINDOW)
        broker.cut()
        async with asyncio.timeout(30.0):
            faults: list[Fault | None] = await sending
        assert [type(fault) for fault in faults] == [LinkDown] * (WINDOW + 2)
        await eventually("another login", lambda: broker.logins == 2 and link.is_up)


async def test_a_silent_broker_is_asked_and_then_left() -> None:
    async with fake() as (broker, port), up(Broker("127.0.0.1", port, "x", keepalive_s=1)) as link:
        await eventually("a ping, answered", lambda: broker.pings >= 2)
        assert broker.logins == 1
        broker.answers_pings = False
        await eventually("a new login", lambda: broker.logins == 2 and link.is_up)


# TLS


def write_keys(folder: Path) -> None:
    """A CA that is its own server, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    unlocked = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    )


async def test_a_megabyte_each_way_over_tls(tmp_path: Path) -> None:
    """Far more than a record of TLS or a buffer of the system, sent in one turn and heard again, to the byte."""
    broker = Mosquitto(tmp_path, users=False)
    write_keys(tmp_path)
    settings = tmp_path / "mosquitto.conf"
    keys = f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/ca.pem\nkeyfile {tmp_path}/key.pem\n"
    settings.write_text(f"{settings.read_text()}max_queued_messages 0\n{keys}")
    try:
        await broker.start()
        login = Broker("127.0.0.1", broker.port, "x", tls=True, ca_file=str(tmp_path / "ca.pem"))
        async with up(login, TOPIC) as link:
            sent, heard = messages(100, 10_000), list[Message]()

            async def hear() -> None:
                async for message in link.messages():
                    heard.append(message)

            hearing = asyncio.create_task(hear())
            try:
                assert await link.publish_all(sent) == [None] * len(sent)
                await eventually("all of it", lambda: len(heard) == len(sent))
            finally:
                await ended(hearing)
            assert heard == sent
            assert link.traffic.sent_bytes > 1_000_000 < link.traffic.received_bytes
        await eventually("a goodbye, not a cut", lambda: "Client x disconnected." in broker.log)
    finally:
        await broker.stop()


# paho leaves the socket of a failed handshake to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_stranger_s_certificate_is_refused(tmp_path: Path) -> None:
    write_keys(tmp_path)
    ours = (tmp_path / "ca.pem").read_bytes()
    broker = Mosquitto(tmp_path, users=False)
    write_keys(tmp_path)
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"{settings.read_text()}certfile {tmp_path}/ca.pem\nkeyfile {tmp_path}/key.pem\n")
    (tmp_path / "other.pem").write_bytes(ours)
    try:
        await broker.start()
        login = Broker("127.0.0.1", broker.port, "x", tls=True, ca_file=str(tmp_path / "other.pem"))
        link = MqttUplink(login, (), Announcement(TOPIC, b""), Announcement(TOPIC, b""))
        running = asyncio.create_task(link.run())
        await eventually("it is told off", lambda: "unknown ca" in broker.log or "alert" in broker.log)
        assert not link.is_up
        await ended(running)
    finally:
        await broker.stop()
