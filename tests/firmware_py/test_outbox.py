"""The outbox: a record is said until the head-end keeps it, as often as need be and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from firmware_py.home.outbox import Outbox
from firmware_py.journal import SqliteJournal
from protocols.evidence import INTERVAL
from protocols.ports import Message
from protocols.topics import Topics
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.virtual_time import VirtualClock, run_virtual

TOPICS = Topics("n")
RESEND_S = 60.0


async def inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    return work(*args)


class Bench:
    """An outbox on a broker without latency, and a head-end that notes when it hears what."""

    client_id = "head-end"
    subscriptions: tuple[str, ...] = ("#",)
    will: tuple[str, bytes] | None = None

    def __init__(self) -> None:
        self.broker, self.heard = MemoryBroker(), list[tuple[float, str]]()
        self.broker.connect(self)
        self.uplink = MemoryUplink(self.broker, "n", latency_s=0.0, reconnect_s=0.2)
        self.journal = SqliteJournal(Path(":memory:"), inline)
        self.outbox = Outbox(TOPICS, self.uplink, self.journal, VirtualClock(), RESEND_S)

    def deliver(self, message: Message) -> None:
        self.heard.append((round(asyncio.get_running_loop().time(), 3), message.topic.rpartition("/")[2]))

    def dropped(self) -> None:
        pass


def on_bench(film: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        bench = Bench()
        outbox = bench.outbox
        runs = (bench.uplink.run(), outbox.run_records(), outbox.run_live(), outbox.run_backfill(), outbox.run_watch())
        tasks = [asyncio.create_task(run) for run in runs]
        await film(bench)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await bench.journal.close()

    run_virtual(main(), horizon_s=1000.0)


def test_each_record_is_said_again_a_resend_time_after_it_was_said() -> None:
    async def film(bench: Bench) -> None:
        await asyncio.sleep(10.0)
        bench.outbox.record(INTERVAL, b"1")
        await asyncio.sleep(25.0)
        bench.outbox.record(INTERVAL, b"2")
        await asyncio.sleep(100.0)
        said = [(10.0, "interval"), (35.0, "interval"), (70.0, "backfill"), (95.0, "backfill"), (130.0, "backfill")]
        assert bench.heard == said

    on_bench(film)


def test_what_is_acknowledged_is_not_said_again() -> None:
    async def film(bench: Bench) -> None:
        bench.outbox.record(INTERVAL, b"1")
        await asyncio.sleep(30.0)
        bench.outbox.record(INTERVAL, b"2")
        await bench.outbox.acknowledge(INTERVAL, 1)
        await asyncio.sleep(70.0)
        assert [topic for _, topic in bench.heard] == ["interval", "interval", "backfill"]
        assert bench.heard[-1][0] == 90.0

    on_bench(film)


def test_a_link_that_was_gone_for_a_moment_has_everything_said_again_at_once() -> None:
    async def film(bench: Bench) -> None:
        bench.outbox.record(INTERVAL, b"1")
        await asyncio.sleep(10.5)
        bench.broker.cut("n")
        await asyncio.sleep(0.5)
        assert bench.heard == [(0.0, "interval"), (10.7, "backfill")]

    on_bench(film)


def test_what_the_broker_refuses_is_tried_once_a_round() -> None:
    async def film(bench: Bench) -> None:
        tries: list[float] = []
        publish = bench.uplink.publish

        async def counted(topic: str, payload: bytes, *, retain: bool = False) -> None:
            if topic == TOPICS.backfill:
                tries.append(asyncio.get_running_loop().time())
            await publish(topic, payload, retain=retain)

        bench.uplink.publish = counted  # type: ignore[method-assign]
        bench.broker.refuse(TOPICS.backfill)
        bench.outbox.record(INTERVAL, b"1")
        await asyncio.sleep(10 * RESEND_S - 1.0)
        assert tries == [RESEND_S * number for number in range(1, 10)]

    on_bench(film)
