"""What leaves the node. Live values are said once; journalled records are said until the head-end keeps them.

Live first: a record goes out on its own topic as it is made. Whatever was not acknowledged by the head-end is said
again on the backfill topic after each reconnection and every `resend_s`; the head-end drops what it has by number.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

import msgspec

from firmware_py.evidence.notary import Notary
from firmware_py.supervise import Backoff, ended, roused
from protocols.evidence import COMMAND, CONTRACT, INTERVAL, OCMF
from protocols.faults import Fault, LinkDown, Refused, StoreFailed
from protocols.limits import LIMIT
from protocols.messages import Journalled, encode
from protocols.ports import Clock, Journal, Message, Uplink
from protocols.topics import Topics

T = TypeVar("T")
STREAMS: Final = (INTERVAL, CONTRACT, LIMIT)
METER_STREAMS: Final = (INTERVAL, OCMF, COMMAND)
_BATCH: Final = 50
_LIVE_QUEUE: Final = 200
_LINK: Final = "link"
_log = logging.getLogger("busbar.outbox")


class Outbox:
    """Publishes for the node; `published` counts what the broker confirmed, `dropped` the live messages it could not."""

    def __init__(
        self,
        topics: Topics,
        uplink: Uplink,
        journal: Journal,
        clock: Clock,
        resend_s: float = 60.0,
        notary: Notary | None = None,
        streams: Sequence[str] = STREAMS,
    ) -> None:
        self.published: dict[str, int] = {}
        self.dropped = 0
        self._topics, self._uplink, self._journal, self._clock = topics, uplink, journal, clock
        self._resend_s, self._notary, self._streams = resend_s, notary, tuple(streams)
        self._live: asyncio.Queue[Message] = asyncio.Queue(_LIVE_QUEUE)
        self._records: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._sent_s: dict[tuple[str, int], float] = {}
        self._again = asyncio.Event()
        self._troubles: dict[str, str] = {}

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """The link and all that leaves by it, for as long as the block lasts: whatever the block ends with is still sent."""
        runs = (self._uplink.run(), self.run_records(), self.run_live(), self.run_backfill(), self.run_watch())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run) for run in runs]
            try:
                yield
            finally:
                await ended(*tasks)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish soon, once; dropped (and counted, and False) where the link is down or the queue is full."""
        if not self._uplink.is_up or self._live.full():
            self.dropped += 1
            return False
        self._live.put_nowait(Message(topic, payload, retain))
        return True

    def record(self, stream: str, body: bytes) -> None:
        """Make a record durable as soon as can be, then say it live; records keep their order."""
        self._records.put_nowait((stream, body))

    def attest(self, stream: str, body: bytes) -> None:
        """Sign a record into the node's evidence and say nothing of it; without a key of its own a node has none."""
        if self._notary is not None:
            self._records.put_nowait((stream, body))

    async def run_records(self) -> None:
        """Store what is to be recorded; a full disk is waited out, with the records held in memory meanwhile."""
        while True:
            stream, body = await self._records.get()
            await self.store(stream, body)
            self._records.task_done()

    async def store(self, stream: str, body: bytes) -> None:
        """Return once a record is durable, signed where the node has a key; then it is said live, if it is to be said."""
        if self._notary is not None:
            await self._insistently(partial(self._notary.attest, stream, body))
        if stream in self._streams:
            seq = await self._insistently(partial(self._journal.append, stream, body))
            if self.say(self._live_topic(stream), self._wrapped(stream, seq, body)):
                self._sent_s[stream, seq] = self._clock.now_s()

    async def _insistently(self, store: Callable[[], Coroutine[None, None, T]]) -> T:
        """Try until it is stored."""
        waits, attempt = Backoff(first_s=0.5, most_s=30.0), 0
        while True:
            try:
                stored = await store()
            except StoreFailed as fault:
                self._note("journal", fault)
                await asyncio.sleep(waits.wait_s(attempt))
                attempt += 1
                continue
            self._troubles.pop("journal", None)
            return stored

    def _live_topic(self, stream: str) -> str:
        of_stream = {INTERVAL: self._topics.interval, OCMF: self._topics.ocmf, LIMIT: self._topics.limit}
        return of_stream.get(stream, self._topics.ack)

    async def flush(self) -> None:
        """Return once everything recorded is stored and everything said has been tried."""
        await self._records.join()
        await self._live.join()

    async def acknowledge(self, stream: str, up_to: int) -> None:
        """The head-end keeps everything up to this number: forget it. Refused for a stream or number that never was."""
        if stream not in self._streams:
            raise Refused(
                "stream", f"acknowledgement of stream {stream[:64]!r}: allowed are {', '.join(self._streams)}"
            )
        await self._journal.acknowledge(stream, up_to)
        self._sent_s = {key: at for key, at in self._sent_s.items() if key[0] != stream or key[1] > up_to}

    async def run_live(self) -> None:
        """Send what is said, in order; what was said meanwhile goes out together."""
        while True:
            said = [await self._live.get()]
            while len(said) < _BATCH and not self._live.empty():
                said.append(self._live.get_nowait())
            try:
                for message, fault in zip(said, await self._uplink.publish_all(said), strict=True):
                    self._answered(message.topic, fault)
            finally:
                for _ in said:
                    self._live.task_done()

    def _answered(self, topic: str, fault: Fault | None) -> None:
        if fault is None:
            self._confirmed(topic)
            return
        self.dropped += 1
        # A live value that the broker refuses says nothing of the records; a link that went away does.
        if isinstance(fault, LinkDown) or topic in map(self._live_topic, self._streams):
            self._say_all_again()
        self._note(topic, fault)

    async def run_backfill(self) -> None:
        """Say again what nobody has acknowledged: after each connection, after a failed send, and every `resend_s`."""
        while True:
            await self._uplink.wait_up()
            self._again.clear()
            for stream in self._streams:
                await self._backfill(stream)
            await roused(self._again, self._next_due_s() - self._clock.now_s())

    async def run_watch(self) -> None:
        """Say everything again after each connection: what a broker has confirmed is lost where it was killed."""
        while True:
            await self._uplink.wait_up()
            await self._uplink.wait_down()
            self._say_all_again()

    def _say_all_again(self) -> None:
        self._sent_s.clear()
        self._again.set()

    def _next_due_s(self) -> float:
        """When the next record is to be said again; one that could not be said just now waits a whole round."""
        now_s = self._clock.now_s()
        due = (sent_s + self._resend_s for sent_s in self._sent_s.values())
        return min((due_s for due_s in due if due_s > now_s), default=now_s + self._resend_s)

    async def _backfill(self, stream: str) -> None:
        topic = self._topics.backfill if stream == INTERVAL else self._live_topic(stream)
        after = 0
        while batch := await self._journal.pending(stream, after, _BATCH):
            after = batch[-1][0]
            now_s = self._clock.now_s()
            for seq, body in batch:
                sent_s = self._sent_s.get((stream, seq))
                if sent_s is not None and sent_s + self._resend_s > now_s:
                    continue
                try:
                    await self._publish(topic, self._wrapped(stream, seq, body), retain=False)
                except (LinkDown, Refused) as fault:
                    self._note(topic, fault)
                    return
                self._sent_s[stream, seq] = self._clock.now_s()

    async def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        await self._uplink.publish(topic, payload, retain=retain)
        self._confirmed(topic)

    def _confirmed(self, topic: str) -> None:
        self.published[topic] = self.published.get(topic, 0) + 1
        self._troubles.pop(topic, None)
        self._troubles.pop(_LINK, None)

    def _wrapped(self, stream: str, seq: int, body: bytes) -> bytes:
        return encode(Journalled(self._topics.node, stream, seq, msgspec.Raw(body)))

    def _note(self, where: str, fault: Fault) -> None:
        """One line for each state of each topic, not for each message."""
        key = _LINK if isinstance(fault, LinkDown) else where
        if str(fault) != self._troubles.get(key):
            _log.warning("not published: %s", fault)
        self._troubles[key] = str(fault)
