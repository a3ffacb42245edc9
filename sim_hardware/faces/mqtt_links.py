"""A device's connection to a broker that can die as by a pulled plug: in memory, or on a real broker through aiomqtt."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, Protocol

import aiomqtt

from protocols.faults import LinkDown
from protocols.ports import Message
from sim_hardware.devices.smart_plug import OFFLINE, ONLINE, SmartPlug
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink

RECONNECT_S: Final = 1.0
KEEPALIVE_S: Final = 20


class Link(Protocol):
    """A connection with a will, which `sever` ends without a goodbye until `restore`."""

    async def run(self) -> None:
        """Connect and reconnect until cancelled."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send; LinkDown without a connection."""
        ...

    def messages(self) -> AsyncIterator[Message]:
        """What arrives on the subscribed topics."""
        ...

    def sever(self) -> None:
        """The power fails: no goodbye, so that the broker publishes the will."""
        ...

    def restore(self) -> None:
        """The power is back."""
        ...


class MemoryLink(MemoryUplink):
    """On a MemoryBroker."""

    def __init__(self, broker: MemoryBroker, plug: SmartPlug) -> None:
        super().__init__(broker, plug.topic, plug.subscriptions, will=(plug.lwt, OFFLINE), birth=(plug.lwt, ONLINE))
        self._cutter = broker

    def sever(self) -> None:
        """As the protocol says."""
        self._cutter.cut(self.client_id, bar=True)

    def restore(self) -> None:
        """As the protocol says."""
        self._cutter.admit(self.client_id)


class AiomqttLink:
    """On a real broker (MQTT 3.1.1, as Tasmota speaks it, QoS 0); it reconnects by itself."""

    def __init__(self, host: str, port: int, plug: SmartPlug) -> None:
        self._host, self._port, self._plug = host, port, plug
        self._client: aiomqtt.Client | None = None
        self._powered = asyncio.Event()
        self._powered.set()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()

    async def run(self) -> None:
        """As the protocol says."""
        while True:
            await self._powered.wait()
            with suppress(aiomqtt.MqttError, OSError):
                await self._live()
            await asyncio.sleep(RECONNECT_S)

    async def _live(self) -> None:
        plug = self._plug
        async with aiomqtt.Client(
            self._host,
            self._port,
            identifier=plug.topic,
            protocol=aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(plug.lwt, OFFLINE, retain=True),
            keepalive=KEEPALIVE_S,
        ) as client:
            for topic in plug.subscriptions:
                await client.subscribe(topic)
            await client.publish(plug.lwt, ONLINE, retain=True)
            self._client = client
            if not self._powered.is_set():  # severed while it connected
                self.sever()
            try:
                async for message in client.messages:
                    self._inbox.put_nowait(Message(str(message.topic), message.payload, bool(message.retain)))
            finally:
                self._client = None

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """As the protocol says."""
        if self._client is None:
            raise LinkDown(f"{self._plug.topic}: no connection to publish {topic}")
        try:
            await self._client.publish(topic, payload, retain=retain)
        except aiomqtt.MqttError as error:
            raise LinkDown(f"{self._plug.topic}: {error}") from error

    async def messages(self) -> AsyncIterator[Message]:
        """As the protocol says."""
        while True:
            yield await self._inbox.get()

    def sever(self) -> None:
        """As the protocol says: the socket ends without DISCONNECT."""
        self._powered.clear()
        line = self._client._client.socket() if self._client is not None else None
        if isinstance(line, socket.socket):
            with suppress(OSError):  # it had gone by itself
                line.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """As the protocol says."""
        self._powered.set()
