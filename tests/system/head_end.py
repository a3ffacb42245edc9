"""A head-end on a real broker: hears everything of a node, keeps records by number, and says so."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiomqtt
import msgspec

from firmware_py.supervise import ended
from protocols.messages import ContractEvent, Durable, Happening, Interval, Journalled, Status, Telemetry, Why, encode
from protocols.topics import Topics
from tests.system.eventually import eventually
from tests.system.mosquitto import NODE, PASSWORDS, Mosquitto


class HeadEnd:
    """`kept` by stream and number, everything else in the order of arrival."""

    def __init__(self, broker: Mosquitto) -> None:
        self.topics, self._broker = Topics(NODE), broker
        self.kept: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
        self.telemetry: list[Telemetry] = []
        self.happenings: list[Happening] = []
        self.status: list[str] = []
        self.why: list[Why] = []
        self.is_up = False

    async def run(self) -> None:
        """Listen until cancelled, across reconnections; always quicker to be back than the node."""
        while True:
            with suppress(aiomqtt.MqttError):
                async with self._client() as client:
                    await client.subscribe(f"busbar/1/{NODE}/#", qos=1)
                    self.is_up = True
                    async for message in client.messages:
                        await self._take(client, str(message.topic), bytes(message.payload))
            self.is_up = False
            await asyncio.sleep(0.05)

    def _client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            self._broker.port,
            username="head-end",
            password=PASSWORDS["head-end"],
            protocol=aiomqtt.ProtocolVersion.V5,
        )

    async def _take(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        topics = self.topics
        if topic in (topics.interval, topics.backfill, topics.ack):
            item = msgspec.json.decode(payload, type=Journalled)
            self.kept[item.stream].setdefault(item.seq, bytes(item.record))
            word = Durable(item.stream, self.whole(item.stream))
            # QoS 0: to wait for a broker that was killed would cost ten seconds, and the next word says it again.
            await client.publish(topics.durable, encode(word), qos=0)
        elif topic.startswith(topics.telemetry("")):
            self.telemetry.append(msgspec.json.decode(payload, type=Telemetry))
        elif topic == topics.event:
            self.happenings.append(msgspec.json.decode(payload, type=Happening))
        elif topic == topics.status:
            self.status.append(msgspec.json.decode(payload, type=Status).state)
        elif topic == topics.why:
            self.why.append(msgspec.json.decode(payload, type=Why))

    def whole(self, stream: str) -> int:
        """The number up to which nothing of a stream is missing."""
        number = 0
        while number + 1 in self.kept[stream]:
            number += 1
        return number

    @property
    def contract_events(self) -> list[ContractEvent]:
        """States of contracts by number."""
        return [msgspec.json.decode(body, type=ContractEvent) for _, body in sorted(self.kept["contract"].items())]

    @property
    def intervals(self) -> list[Interval]:
        """Interval readings by number, up to the first that has not come yet."""
        kept = self.kept["interval"]
        return [msgspec.json.decode(kept[number], type=Interval) for number in range(1, self.whole("interval") + 1)]

    def healths(self, device: str) -> list[str]:
        """What was said of a device."""
        return [event.state for event in self.happenings if event.subject == device]

    async def readings(self, count: int, *devices: str) -> list[Telemetry]:
        """The next readings, at least this many of each of these devices."""
        before = len(self.telemetry)

        def news() -> list[Telemetry]:
            new = self.telemetry[before:]
            enough = all(sum(item.device == device for item in new) >= count for device in devices)
            return new if enough else []

        return await eventually(f"{count} readings of {', '.join(devices)}", news, seen=self._said)

    async def event(self, state: str, contract: str | None = None) -> ContractEvent:
        """The event of this state, of this contract where one is given."""

        def look() -> list[ContractEvent]:
            return [item for item in self.contract_events if item.state == state and contract in (None, item.contract)]

        return (await eventually(f"contract {state}", look, seen=self._said))[-1]

    def _said(self) -> str:
        events: list[Any] = [*self.contract_events, *self.happenings]
        return "\n".join(map(str, events))


@asynccontextmanager
async def head_end(broker: Mosquitto) -> AsyncIterator[HeadEnd]:
    """A head-end that listens for as long as the block lasts."""
    listener = HeadEnd(broker)
    running = asyncio.create_task(listener.run(), name="head-end")
    try:
        await eventually("the head-end is subscribed", lambda: listener.is_up)
        yield listener
    finally:
        await ended(running)
