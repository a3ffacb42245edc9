"""The uplink to a real broker: aiomqtt, with the things it leaves out.

It reconnects for ever, and it looks at the reason code of every PUBACK: with MQTT 5 a code of 0x80 and above means that
the broker threw the message away (MQTT 5.0, 4.13.2), which aiomqtt reports as success. It also never watches a socket
that was closed a moment ago.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from firmware_py.supervise import Backoff
from protocols.faults import LinkDown, Refused
from protocols.ports import Message

# Nothing a node subscribes to is longer than a signed contract; a 10 MB message stays with the broker (MQTT 5).
MAX_PACKET_BYTES: Final = 64 * 1024
_PUBACK_S: Final = 10.0
_QUEUE: Final = 256
_log = logging.getLogger("busbar.mqtt")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to sign in. `ca_file` None with `tls`: the system's own list."""

    host: str
    port: int
    client_id: str
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    version: str = "5"
    keepalive_s: int = 20


@dataclass(frozen=True, slots=True)
class Announcement:
    """A retained message said at each connection (birth) or by the broker for a client that is gone (will)."""

    topic: str
    payload: bytes


class _Client(aiomqtt.Client):
    """aiomqtt's client that also tells what the broker answered to a publish."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._acks: dict[int, asyncio.Future[ReasonCode]] = {}

    async def publish_checked(self, topic: str, payload: bytes, retain: bool) -> None:
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTT_ERR_SUCCESS:
            raise LinkDown(f"broker: publish to {topic} failed with paho code {info.rc}")
        ack = self._acks[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_PUBACK_S):
                reason = await ack
        except TimeoutError as error:
            raise LinkDown(f"broker: no PUBACK for {topic} within {_PUBACK_S:g} s") from error
        finally:
            self._acks.pop(info.mid, None)
        if reason.is_failure:
            raise Refused("broker", f"broker refused {topic}: {reason} (0x{reason.value:02x})")

    def drop(self) -> None:
        """Fail every publish whose answer can no longer come."""
        for ack in self._acks.values():
            if not ack.done():
                ack.set_exception(LinkDown("broker: the connection went away before the PUBACK"))

    def _on_publish(
        self, client: object, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        ack = self._acks.get(mid)
        if ack is not None and not ack.done():
            ack.set_result(reason_code)

    def _on_socket_register_write(self, client: Client, userdata: object, sock: Any) -> None:  # noqa: ANN401 - or TLS
        """As aiomqtt 2.5.1 does, but for a socket that was closed meanwhile: its number may be another socket's now."""

        def watch() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        def write() -> None:
            try:
                client.loop_write()
            except (OSError, ValueError) as error:
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        self._loop.call_soon_threadsafe(watch)


class MqttUplink:
    """`protocols.ports.Uplink` on a real broker."""

    def __init__(self, broker: Broker, subscriptions: tuple[str, ...], birth: Announcement, will: Announcement) -> None:
        self._broker, self._subscriptions = broker, subscriptions
        self._birth, self._will = birth, will
        self._client: _Client | None = None
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._down.set()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(_QUEUE)
        self._last_error = ""

    @property
    def is_up(self) -> bool:
        """Whether the connection stands now."""
        return self._up.is_set()

    async def wait_up(self) -> None:
        """Return once the connection stands."""
        await self._up.wait()

    async def wait_down(self) -> None:
        """Return once there is no connection."""
        await self._down.wait()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        waits, attempt = Backoff(first_s=0.2, most_s=15.0), 0
        while True:
            try:
                async with self._connected() as client:
                    attempt = 0
                    await self._receive(client)
            except (aiomqtt.MqttError, OSError, ValueError, LinkDown, Refused) as error:
                self._tell(error)
            await asyncio.sleep(waits.wait_s(attempt))
            attempt += 1

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Return once the broker has taken the message."""
        if self._client is None:
            raise LinkDown(f"broker {self._broker.host}:{self._broker.port} is not connected")
        await self._client.publish_checked(topic, payload, retain)

    async def messages(self) -> AsyncIterator[Message]:
        """Everything that arrives, across reconnections."""
        while True:
            yield await self._inbox.get()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Client]:
        client = self._new_client()
        try:
            async with client:
                for topic in self._subscriptions:
                    await client.subscribe(topic, qos=1)
                await client.publish_checked(self._birth.topic, self._birth.payload, retain=True)
                self._client, self._last_error = client, ""
                self._down.clear()
                self._up.set()
                _log.info("connected to %s:%d", self._broker.host, self._broker.port)
                yield client
        finally:
            self._up.clear()
            self._down.set()
            self._client = None
            client.drop()

    async def _receive(self, client: _Client) -> None:
        async for message in client.messages:
            if self._inbox.full():
                self._inbox.get_nowait()
                _log.warning("more than %d messages wait; the oldest was thrown away", _QUEUE)
            self._inbox.put_nowait(Message(str(message.topic), bytes(message.payload), bool(message.retain)))

    def _new_client(self) -> _Client:
        broker, five = self._broker, self._broker.version == "5"
        properties = Properties(PacketTypes.CONNECT) if five else None  # type: ignore[no-untyped-call]
        if properties is not None:
            properties.MaximumPacketSize = MAX_PACKET_BYTES
        return _Client(
            broker.host,
            broker.port,
            identifier=broker.client_id,
            username=broker.username,
            password=broker.password,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            clean_session=None if five else True,
            will=aiomqtt.Will(self._will.topic, self._will.payload, qos=1, retain=True),
            keepalive=broker.keepalive_s,
            timeout=_PUBACK_S,
            properties=properties,
            tls_context=ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None,
            max_queued_incoming_messages=_QUEUE,
        )

    def _tell(self, error: Exception) -> None:
        text = str(error)
        if text != self._last_error:  # a broker that is away for a week is one line, not a million
            _log.warning("broker %s:%d: %s", self._broker.host, self._broker.port, text)
        self._last_error = text
