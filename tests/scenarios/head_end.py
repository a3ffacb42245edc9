"""A simulated head-end: hears everything a node says, keeps records by number, and says so if it is told to."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from protocols.faults import Fault
from protocols.limits import LimitRecord, LimitRefusal
from protocols.messages import ContractEvent, Durable, Happening, Interval, Journalled, Telemetry, encode
from protocols.topics import Topics
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and when it came."""

    at_s: float
    topic: str
    payload: bytes


class HeadEnd:
    """`heard` in the order of arrival, `kept` by stream and number; `said_again` counts records it had already."""

    def __init__(self, broker: MemoryBroker, topics: Topics) -> None:
        self.heard: list[Heard] = []
        self.kept: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
        self.said_again = 0
        self.acknowledges = True
        self._topics = topics
        own = [topics.status, topics.telemetry("+"), topics.interval, topics.backfill, topics.event, topics.ack]
        self.uplink = MemoryUplink(broker, "head-end", (*own, topics.why, topics.limit))

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.uplink.run(), name="head-end link")
            group.create_task(self._listen(), name="head-end")

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        async for message in self.uplink.messages():
            if not message.retained:
                self.heard.append(Heard(loop.time(), message.topic, message.payload))
            if message.topic in (self._topics.interval, self._topics.backfill, self._topics.ack, self._topics.limit):
                await self._keep(msgspec.json.decode(message.payload, type=Journalled))

    async def _keep(self, item: Journalled) -> None:
        kept = self.kept[item.stream]
        if item.seq in kept:
            self.said_again += 1
            assert kept[item.seq] == bytes(item.record), f"{item.stream} {item.seq} was said again and differed"
        kept[item.seq] = bytes(item.record)
        if self.acknowledges:
            with suppress(Fault):  # an outage in this moment: the node will say it again
                word = Durable(item.stream, self.whole(item.stream))
                await self.uplink.publish(self._topics.durable, encode(word))

    def whole(self, stream: str) -> int:
        """The number up to which nothing of a stream is missing."""
        number = 0
        while number + 1 in self.kept[stream]:
            number += 1
        return number

    def payloads(self, topic: str) -> Iterator[bytes]:
        """What came on a topic."""
        return (heard.payload for heard in self.heard if heard.topic == topic)

    @property
    def contract_events(self) -> list[ContractEvent]:
        """States of contracts, in the order in which the node recorded them, each once."""
        return [msgspec.json.decode(body, type=ContractEvent) for _, body in sorted(self.kept["contract"].items())]

    @property
    def intervals(self) -> list[Interval]:
        """Interval readings, each once."""
        return [msgspec.json.decode(body, type=Interval) for _, body in sorted(self.kept["interval"].items())]

    @property
    def limits(self) -> list[LimitRecord]:
        """The limit history, each record once; refusals are left out."""
        kept = (body for _, body in sorted(self.kept["limit"].items()) if b'"refused"' not in body)
        return [msgspec.json.decode(body, type=LimitRecord) for body in kept]

    @property
    def limit_refusals(self) -> list[LimitRefusal]:
        """What was refused of a guard."""
        kept = (body for _, body in sorted(self.kept["limit"].items()) if b'"refused"' in body)
        return [msgspec.json.decode(body, type=LimitRefusal) for body in kept]

    def telemetry(self, device: str) -> list[tuple[float, Telemetry]]:
        """Readings of a device with the time at which each came."""
        topic = self._topics.telemetry(device)
        return [
            (heard.at_s, msgspec.json.decode(heard.payload, type=Telemetry))
            for heard in self.heard
            if heard.topic == topic
        ]

    @property
    def happenings(self) -> list[Happening]:
        """Changes of state that the node spoke of."""
        return [msgspec.json.decode(payload, type=Happening) for payload in self.payloads(self._topics.event)]
