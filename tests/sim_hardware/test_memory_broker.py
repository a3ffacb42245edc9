"""The broker in memory: topics, retained messages, wills, outages."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from protocols.faults import LinkDown, Refused
from protocols.ports import Message, Uplink
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink, matches
from sim_hardware.virtual_time import run_virtual


@pytest.mark.parametrize(
    ("topic_filter", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("+/b", "a/b", True),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),  # MQTT 5, 4.7.1.2: "sport/tennis/player1/#" also matches the parent
        ("#", "a/b", True),
        ("#", "$SYS/load", False),
        ("+/load", "$SYS/load", False),
        ("$SYS/#", "$SYS/load", True),
        ("a/b", "A/b", False),
    ],
)
def test_topics_fall_under_filters(topic_filter: str, topic: str, fits: bool) -> None:
    assert matches(topic_filter, topic) is fits


class Bench:
    """A broker with a node (will and birth on its status) and a listener to everything."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.node = MemoryUplink(
            self.broker, "node", ["n/in"], will=("n/status", b"offline"), birth=("n/status", b"online")
        )
        self.listener = MemoryUplink(self.broker, "listener", ["n/#"])
        self.heard: list[tuple[str, bytes]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for uplink in (self.listener, self.node):
            self.tasks.append(asyncio.create_task(uplink.run()))
        self.tasks.append(asyncio.create_task(self._hear()))
        await asyncio.sleep(0.1)

    async def _hear(self) -> None:
        async for message in self.listener.messages():
            self.heard.append((message.topic, message.payload))

    async def new(self) -> list[tuple[str, bytes]]:
        await asyncio.sleep(0.1)
        heard, self.heard = self.heard, []
        return heard


def on_bench(film: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.start()
        await film(bench)

    run_virtual(main(), horizon_s=1000)


def test_birth_comes_first_and_messages_in_order() -> None:
    async def film(bench: Bench) -> None:
        uplink: Uplink = bench.node
        assert uplink.is_up
        for number in range(5):
            await uplink.publish("n/t", b"%d" % number)
        assert await bench.new() == [("n/status", b"online")] + [("n/t", b"%d" % number) for number in range(5)]

    on_bench(film)


def test_a_retained_message_meets_a_late_subscriber_marked_as_such() -> None:
    async def film(bench: Bench) -> None:
        late = MemoryUplink(bench.broker, "late", ["n/status"])
        task = asyncio.create_task(late.run())
        messages = late.messages()
        assert await anext(messages) == Message("n/status", b"online", retained=True)
        await bench.node.publish("n/status", b"busy", retain=True)
        assert await anext(messages) == Message("n/status", b"busy", retained=False)
        await bench.node.publish("n/status", b"", retain=True)
        assert bench.broker.retained == {}
        task.cancel()

    on_bench(film)


def test_a_cut_client_leaves_its_will_and_comes_back() -> None:
    async def film(bench: Bench) -> None:
        await bench.new()
        bench.broker.cut("node")
        assert not bench.node.is_up
        with pytest.raises(LinkDown, match="no connection to publish n/t"):
            await bench.node.publish("n/t", b"lost")
        assert await bench.new() == [("n/status", b"offline")]
        await bench.node.wait_up()
        assert await bench.new() == [("n/status", b"online")]

    on_bench(film)


def test_a_barred_client_stays_out_until_it_is_admitted() -> None:
    async def film(bench: Bench) -> None:
        bench.broker.cut("node", bar=True)
        await asyncio.sleep(100.0)
        assert not bench.node.is_up
        bench.broker.admit("node")
        await asyncio.wait_for(bench.node.wait_up(), 2.0)

    on_bench(film)


def test_a_clean_goodbye_leaves_no_will() -> None:
    async def film(bench: Bench) -> None:
        await bench.new()
        bench.tasks[1].cancel()
        assert await bench.new() == []
        assert not bench.node.is_up

    on_bench(film)


def test_an_outage_drops_everybody_keeps_what_is_retained_and_ends() -> None:
    async def film(bench: Bench) -> None:
        await bench.node.publish("n/kept", b"1", retain=True)
        await bench.new()
        bench.broker.stop()
        with pytest.raises(LinkDown):
            await bench.node.publish("n/t", b"lost")
        await asyncio.sleep(60.0)
        assert not bench.node.is_up
        bench.broker.start()
        await bench.node.wait_up()
        await bench.listener.wait_up()
        await bench.node.publish("n/t", b"again")
        heard = await bench.new()
        assert ("n/kept", b"1") in heard
        assert heard[-1] == ("n/t", b"again")

    on_bench(film)


def test_a_message_on_its_way_when_the_broker_stops_was_not_taken() -> None:
    async def film(bench: Bench) -> None:
        sending = asyncio.create_task(bench.node.publish("n/t", b"half"))
        await asyncio.sleep(0.001)
        bench.broker.stop()
        with pytest.raises(LinkDown):
            await sending
        assert ("n/t", b"half") not in await bench.new()

    on_bench(film)


def test_a_message_on_its_way_when_its_client_is_cut_was_not_taken() -> None:
    async def film(bench: Bench) -> None:
        sending = asyncio.create_task(bench.node.publish("n/t", b"half"))
        await asyncio.sleep(0.001)
        bench.broker.cut("node")
        with pytest.raises(LinkDown):
            await sending
        assert ("n/t", b"half") not in await bench.new()

    on_bench(film)


def test_after_an_outage_nobody_is_connected_until_he_comes_back() -> None:
    async def film(bench: Bench) -> None:
        await bench.new()
        bench.broker.stop()
        bench.broker.start()
        bench.broker.publish("n/t", b"missed")
        assert await bench.new() == []

    on_bench(film)


def test_a_refused_publish_says_so() -> None:
    async def film(bench: Bench) -> None:
        bench.broker.refuse("n/forbidden/#")
        with pytest.raises(Refused, match="n/forbidden/x not authorized") as refused:
            await bench.node.publish("n/forbidden/x", b"")
        assert refused.value.reason == "not_authorized"

    on_bench(film)


@pytest.mark.parametrize("topic", ["", "a/+", "#"])
def test_a_topic_with_wildcards_cannot_be_published_to(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        MemoryBroker().publish(topic, b"")


def test_a_second_connection_ends_the_first() -> None:
    async def film(bench: Bench) -> None:
        twin = MemoryUplink(bench.broker, "node", ["n/in"])
        task = asyncio.create_task(twin.run())
        await twin.wait_up()
        assert not bench.node.is_up
        task.cancel()

    on_bench(film)


def test_without_latency_a_message_is_taken_at_once() -> None:
    async def film(bench: Bench) -> None:
        await bench.new()
        quick = MemoryUplink(bench.broker, "quick", latency_s=0.0)
        task = asyncio.create_task(quick.run())
        await quick.wait_up()
        with pytest.raises(StopIteration):
            quick.publish("n/t", b"now").send(None)
        bench.broker.stop()
        with pytest.raises(LinkDown):
            await quick.publish("n/t", b"lost")
        assert await bench.new() == [("n/t", b"now")]
        task.cancel()

    on_bench(film)


class Ear:
    """A client that notes who heard what, in a list that all share."""

    will: tuple[str, bytes] | None = None

    def __init__(self, broker: MemoryBroker, client_id: str, *subscriptions: str, notes: list[str]) -> None:
        self.client_id, self.subscriptions, self._notes = client_id, subscriptions, notes
        assert broker.connect(self)

    def deliver(self, message: Message) -> None:
        self._notes.append(f"{self.client_id} {message.topic}")

    def dropped(self) -> None:
        pass


def test_each_hears_once_in_the_order_of_connecting_by_name_or_wildcard() -> None:
    broker, notes = MemoryBroker(), list[str]()
    for client_id, *filters in (("c", "x/1"), ("a", "x/#", "+/1", "x/1"), ("b", "x/1", "x/2"), ("d", "y/1")):
        Ear(broker, client_id, *filters, notes=notes)
    for topic in ("x/1", "x/2", "z/3"):
        broker.publish(topic, b"")
    assert notes == ["c x/1", "a x/1", "b x/1", "a x/2", "b x/2"]


def test_who_has_left_hears_nothing_and_who_comes_again_is_the_last() -> None:
    broker, notes = MemoryBroker(), list[str]()
    for client_id in ("a", "b", "c"):
        Ear(broker, client_id, "x", "#", notes=notes)
    broker.disconnect("b")
    broker.publish("x", b"")
    Ear(broker, "a", "x", notes=notes)
    broker.publish("x", b"")
    broker.publish("y", b"")
    assert notes == ["a x", "c x", "c x", "a x", "c y"]


def test_who_comes_or_goes_between_two_messages_of_a_topic_counts_for_the_second() -> None:
    broker, notes = MemoryBroker(), list[str]()
    Ear(broker, "a", "x", notes=notes)
    broker.publish("x", b"")
    Ear(broker, "b", "#", notes=notes)
    broker.publish("x", b"")
    broker.disconnect("a")
    broker.publish("x", b"")
    assert notes == ["a x", "a x", "b x", "b x"]
