"""The uplink to a real broker: it connects, subscribes, announces, and comes back for ever."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from firmware_py.mqtt_client import Client
from firmware_py.mqtt_wire import Traffic
from firmware_py.supervise import Backoff
from protocols.faults import Fault, LinkDown, Refused
from protocols.ports import Message

# Nothing a node subscribes to is longer than a signed contract; a 10 MB message stays with the broker (MQTT 5).
MAX_PACKET_BYTES: Final = 64 * 1024
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


class MqttUplink:
    """`protocols.ports.Uplink` on a real broker; `traffic` counts over all its connections."""

    def __init__(self, broker: Broker, subscriptions: tuple[str, ...], birth: Announcement, will: Announcement) -> None:
        self._broker, self._subscriptions = broker, subscriptions
        self._birth, self._will = birth, will
        self._client: Client | None = None
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._down.set()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(_QUEUE)
        self._last_error = ""
        # As published: a broker that retains what it passes on says so, and a command that is to be retained is refused
        # at once and not only after the next connection (MQTT 5.0, 3.8.3.1). 3.1.1 has no word for it.
        five: dict[str, Any] = {"options": SubscribeOptions(qos=1, retainAsPublished=True)}
        self._subscription = five if broker.version == "5" else {"qos": 1}
        self.traffic = Traffic()

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
        _insist(await self.publish_all([Message(topic, payload, retain)]))

    async def publish_all(self, messages: Sequence[Message]) -> list[Fault | None]:
        """As the port says."""
        if self._client is None:
            return [LinkDown(f"broker {self._broker.host}:{self._broker.port} is not connected")] * len(messages)
        return await self._client.publish_all(messages)

    async def messages(self) -> AsyncIterator[Message]:
        """Everything that arrives, across reconnections."""
        while True:
            yield await self._inbox.get()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        client = self._new_client()
        try:
            async with client:
                for topic in self._subscriptions:
                    await client.subscribe(topic, **self._subscription)
                _insist(await client.publish_all([Message(self._birth.topic, self._birth.payload, retained=True)]))
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

    async def _receive(self, client: Client) -> None:
        async for message in client.messages:
            if self._inbox.full():
                self._inbox.get_nowait()
                _log.warning("more than %d messages wait; the oldest was thrown away", _QUEUE)
            self._inbox.put_nowait(Message(str(message.topic), bytes(message.payload), bool(message.retain)))

    def _new_client(self) -> Client:
        broker, five = self._broker, self._broker.version == "5"
        properties = Properties(PacketTypes.CONNECT) if five else None  # type: ignore[no-untyped-call]
        if properties is not None:
            properties.MaximumPacketSize = MAX_PACKET_BYTES
        return Client(
            broker.host,
            broker.port,
            identifier=broker.client_id,
            username=broker.username,
            password=broker.password,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            clean_session=None if five else True,
            will=aiomqtt.Will(self._will.topic, self._will.payload, qos=1, retain=True),
            keepalive=broker.keepalive_s,
            traffic=self.traffic,
            properties=properties,
            tls_context=ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None,
            max_queued_incoming_messages=_QUEUE,
        )

    def _tell(self, error: Exception) -> None:
        text = str(error)
        if text != self._last_error:  # a broker that is away for a week is one line, not a million
            _log.warning("broker %s:%d: %s", self._broker.host, self._broker.port, text)
        self._last_error = text


def _insist(faults: Sequence[Fault | None]) -> None:
    for fault in faults:
        if fault is not None:
            raise fault
