"""An MQTT broker in memory, and `protocols.ports.Uplink` onto it, for scenarios on virtual time.

What is kept of MQTT: topic filters with + and #, retained messages (an empty payload deletes one), last will, QoS 1
with a clean session (what is published while a subscriber is away is lost for it, unless retained). Delivery is in the
order of publishing, to subscribers in the order in which they connected.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import Final, Protocol

from protocols.faults import Fault, LinkDown, Refused
from protocols.ports import Message

LATENCY_S: Final = 0.005
RECONNECT_S: Final = 1.0


# A thousand nodes with ten topics each, and a head-end that has ten filters.
@lru_cache(maxsize=100_000)
def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic falls under a filter (MQTT 5, section 4.7): + is one level, # at the end all that follow."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


class Client(Protocol):
    """What the broker knows of a connected client."""

    client_id: str
    subscriptions: tuple[str, ...]
    will: tuple[str, bytes] | None  # published retained

    def deliver(self, message: Message) -> None:
        """Take a message."""
        ...

    def dropped(self) -> None:
        """The connection is gone."""
        ...


def _is_wild(topic_filter: str) -> bool:
    return "+" in topic_filter or "#" in topic_filter


class _Audience:
    """The connected clients, found by topic: those that named it at once, those with wildcards one by one."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._clients: dict[str, tuple[int, Client]] = {}
        self._named: dict[str, dict[str, Client]] = {}
        self._wild: dict[str, Client] = {}
        self._found: dict[str, list[Client]] = {}  # by topic, until somebody comes or goes

    def add(self, client: Client) -> None:
        self._found.clear()
        self._clients[client.client_id] = (next(self._numbers), client)
        for topic_filter in client.subscriptions:
            listeners = self._wild if _is_wild(topic_filter) else self._named.setdefault(topic_filter, {})
            listeners[client.client_id] = client

    def pop(self, client_id: str) -> Client | None:
        self._found.clear()
        _, client = self._clients.pop(client_id, (0, None))
        if client is not None:
            self._wild.pop(client_id, None)
            for topic_filter in client.subscriptions:
                self._named.get(topic_filter, {}).pop(client_id, None)
        return client

    def of(self, topic: str) -> list[Client]:
        """Who listens to a topic, each once, in the order in which they connected."""
        if topic not in self._found:
            self._found[topic] = self._sought(topic)
        return self._found[topic]

    def _sought(self, topic: str) -> list[Client]:
        named = self._named.get(topic, {})
        wild = {
            client_id: client
            for client_id, client in self._wild.items()
            if any(matches(each, topic) for each in client.subscriptions)
        }
        if not named or not wild:
            return list((named or wild).values())
        return [self._clients[key][1] for key in sorted({**named, **wild}, key=lambda key: self._clients[key][0])]

    def all(self) -> list[Client]:
        return [client for _, client in self._clients.values()]


class MemoryBroker:
    """The broker; `stop`/`start`, `cut`/`admit` and `refuse` are for the test that plays fate."""

    def __init__(self) -> None:
        self.is_running = True
        self.retained: dict[str, bytes] = {}
        self._audience = _Audience()
        self._barred: set[str] = set()
        self._refused: list[str] = []

    def stop(self) -> None:
        """An outage: every connection drops, no will is published; retained messages survive."""
        self.is_running = False
        clients, self._audience = self._audience.all(), _Audience()
        for client in clients:
            client.dropped()

    def start(self) -> None:
        """The end of the outage; clients come back by themselves."""
        self.is_running = True

    def cut(self, client_id: str, *, bar: bool = False) -> None:
        """Drop one client as by a dead link: its last will is published. With `bar` it stays out until `admit`."""
        if bar:
            self._barred.add(client_id)
        client = self._audience.pop(client_id)
        if client is None:
            return
        client.dropped()
        if client.will:
            self._route(Message(*client.will), retain=True)

    def admit(self, client_id: str) -> None:
        """Let a barred client in again."""
        self._barred.discard(client_id)

    def refuse(self, topic_filter: str) -> None:
        """From now on refuse to take messages under this filter ("Not authorized")."""
        self._refused.append(topic_filter)

    def connect(self, client: Client) -> bool:
        """Let a client in, hand it what is retained; False while the broker is down or the client barred.

        A second connection under the same id ends the first (MQTT 5, section 3.1.4).
        """
        if not self.is_running or client.client_id in self._barred:
            return False
        self.cut(client.client_id)
        self._audience.add(client)
        for topic, payload in self.retained.items():
            if any(matches(each, topic) for each in client.subscriptions):
                client.deliver(Message(topic, payload, retained=True))
        return True

    def disconnect(self, client_id: str) -> None:
        """A client says goodbye: no will."""
        self._audience.pop(client_id)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Take a message and deliver it; LinkDown during an outage, Refused where a filter forbids it."""
        if _is_wild(topic) or not topic:
            raise ValueError(f"topic {topic!r}: not empty and without wildcards")
        if not self.is_running:
            raise LinkDown("memory broker: down")
        if any(matches(each, topic) for each in self._refused):
            raise Refused("not_authorized", f"memory broker: {topic} not authorized")
        self._route(Message(topic, payload), retain=retain)

    def _route(self, message: Message, *, retain: bool) -> None:
        if retain and message.payload:
            self.retained[message.topic] = message.payload
        elif retain:
            self.retained.pop(message.topic, None)
        for client in self._audience.of(message.topic):
            client.deliver(message)


class MemoryUplink:
    """`protocols.ports.Uplink` onto a MemoryBroker.

    Cancelling `run` is a clean goodbye (no will). To play a process that dies, `broker.cut(client_id)` first.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        client_id: str,
        subscriptions: Sequence[str] = (),
        will: tuple[str, bytes] | None = None,
        birth: tuple[str, bytes] | None = None,
        *,
        latency_s: float = LATENCY_S,
        reconnect_s: float = RECONNECT_S,
    ) -> None:
        self.client_id = client_id
        self.subscriptions = tuple(subscriptions)
        self.will = will
        self._broker, self._birth = broker, birth
        self._latency_s, self._reconnect_s = latency_s, reconnect_s
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._down.set()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()

    @property
    def is_up(self) -> bool:
        """As the port says."""
        return self._up.is_set()

    async def wait_up(self) -> None:
        """As the port says."""
        await self._up.wait()

    async def wait_down(self) -> None:
        """As the port says."""
        await self._down.wait()

    async def run(self) -> None:
        """As the port says."""
        try:
            while True:
                await self._connect()
                await self._down.wait()
                await asyncio.sleep(self._reconnect_s)
        finally:
            if self.is_up:
                self._broker.disconnect(self.client_id)
                self.dropped()

    async def _connect(self) -> None:
        while not self._broker.connect(self):  # noqa: ASYNC110 - a client has no other way than to try again
            await asyncio.sleep(self._reconnect_s)
        self._down.clear()
        if self._birth:
            self._broker.publish(*self._birth, retain=True)
        self._up.set()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """As the port says; the message counts as taken after `latency_s`, if the connection stood all that time.

        At a latency of 0 it is taken at once, without a turn of the loop.
        """
        self._insist_up(topic)
        if self._latency_s > 0.0:
            await asyncio.sleep(self._latency_s)
            self._insist_up(topic)
        self._broker.publish(topic, payload, retain=retain)

    async def publish_all(self, messages: Sequence[Message]) -> list[Fault | None]:
        """As the port says, but one after the other."""
        faults: list[Fault | None] = []
        for message in messages:
            try:
                await self.publish(message.topic, message.payload, retain=message.retained)
                faults.append(None)
            except (LinkDown, Refused) as fault:
                faults.append(fault)
        return faults

    def _insist_up(self, topic: str) -> None:
        if not self.is_up:
            raise LinkDown(f"memory broker: {self.client_id} has no connection to publish {topic}")

    async def messages(self) -> AsyncIterator[Message]:
        """As the port says."""
        while True:
            yield await self._inbox.get()

    def deliver(self, message: Message) -> None:
        """The broker's side: a message arrives."""
        self._inbox.put_nowait(message)

    def dropped(self) -> None:
        """The broker's side: the connection is gone."""
        self._up.clear()
        self._down.set()
