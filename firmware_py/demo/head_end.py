"""The demo's head-end: an independent subscriber that keeps what it gets and says so; it also sends the contract."""

import asyncio
from collections import defaultdict
from typing import Final

import aiomqtt
import msgspec

from protocols.contracts import State
from protocols.messages import ContractEvent, Durable, Journalled, Status, Telemetry, encode
from protocols.topics import Topics

_RECONNECT_S: Final = 0.5


class HeadEnd:
    """Keeps telemetry counts, records by stream and number, and the contract's states; acknowledges what is whole."""

    def __init__(self, host: str, port: int, topics: Topics) -> None:
        self.telemetry: set[tuple[str, int]] = set()
        self.events: list[ContractEvent] = []
        self.refused = 0
        self._host, self._port, self._topics = host, port, topics
        self._kept: defaultdict[str, set[int]] = defaultdict(set)
        self._client: aiomqtt.Client | None = None
        self._node_online = asyncio.Event()

    def durable(self, stream: str) -> int:
        """The number up to which nothing of a stream is missing."""
        kept, number = self._kept[stream], 0
        while number + 1 in kept:
            number += 1
        return number

    async def run(self) -> None:
        """Stay subscribed until cancelled."""
        while True:
            try:
                async with aiomqtt.Client(self._host, self._port, identifier="busbar-demo-head-end") as client:
                    await client.subscribe(f"busbar/1/{self._topics.node}/#", qos=1)
                    self._client = client
                    async for message in client.messages:
                        await self._take(client, str(message.topic), bytes(message.payload))
            except aiomqtt.MqttError:
                self._client = None
                self._node_online.clear()
                await asyncio.sleep(_RECONNECT_S)

    async def send_contract(self, token: bytes) -> None:
        """Publish a signed contract once the node has said that it is there; before, nobody would hear it."""
        await self._node_online.wait()
        if self._client is not None:
            await self._client.publish(self._topics.contract_in, token, qos=1)

    async def _take(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        if topic in (self._topics.interval, self._topics.backfill, self._topics.ack):
            await self._keep(client, msgspec.json.decode(payload, type=Journalled))
        elif topic.startswith(self._topics.telemetry("")):
            reading = msgspec.json.decode(payload, type=Telemetry)
            self.telemetry.add((reading.device, reading.seq))
        elif topic == self._topics.status and msgspec.json.decode(payload, type=Status).state == "online":
            self._node_online.set()

    async def _keep(self, client: aiomqtt.Client, item: Journalled) -> None:
        if item.seq not in self._kept[item.stream] and item.stream == "contract":
            event = msgspec.json.decode(item.record, type=ContractEvent)
            self.events.append(event)
            self.refused += event.state is State.REFUSED
        self._kept[item.stream].add(item.seq)
        word = Durable(item.stream, self.durable(item.stream))
        await client.publish(self._topics.durable, encode(word), qos=1)
