"""The meter's log: durable, chained, bounded, and said on the event topic until the broker has it.

The newest `most` entries stay on the device, whoever has read them; how many older ones were dropped is known (the anchor).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from firmware_py.supervise import Backoff, roused
from protocols.contracts import utc_text
from protocols.device_log import STREAM, Anchor, Detail, LogEntry, Logged, checked, read, written
from protocols.evidence import BadRecord, hash_of
from protocols.faults import Fault, Refused, StoreFailed
from protocols.messages import encode
from protocols.ocmf_writing import TimeStatus
from protocols.ports import Clock, Journal, Uplink
from protocols.signing import key_id, public_part

MOST: Final = 1000
ANCHOR: Final = "log.anchor"
_SAID: Final = "log.said"
_SUBJECT: Final = "log"
_BATCH: Final = 50
_AGAIN_S: Final = 30.0
_log = logging.getLogger("busbar.meter.log")


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is to be written as soon as the disk takes it; the moment is that of the happening."""

    at: str
    clock: TimeStatus
    event: str
    why: str
    details: dict[str, Detail]


class Logbook:
    """Writes and publishes; `trouble` says what was found wrong with the log of an earlier life."""

    def __init__(
        self,
        node: str,
        journal: Journal,
        clock: Clock,
        status: Callable[[], TimeStatus],
        private_key: str | None = None,
        most: int = MOST,
    ) -> None:
        self.trouble: str | None = None
        self.last: LogEntry | None = None
        self._node, self._journal, self._clock, self._status = node, journal, clock, status
        self._key, self._most = private_key, most
        self._keys = {} if private_key is None else {key_id(private_key): public_part(private_key)}
        self._anchor, self._head, self._tried = Anchor(), Anchor(), b""
        self._knows_head = False
        self._drafts: deque[_Draft] = deque()
        self._writing = asyncio.Lock()
        self._to_write, self._to_say = asyncio.Event(), asyncio.Event()
        self._said: int | None = None

    async def recall(self) -> list[LogEntry]:
        """Find where the log ended and whether it is right; what is left of it."""
        records = await self._recalled()
        entries: list[LogEntry] = []
        try:
            entries.extend(checked(records, self._anchor, self._node, self._keys))
        except BadRecord as bad:
            self.trouble = str(bad)
        self.last = self._latest(records)
        return entries

    def note(self, event: str, why: str = "", **details: Detail) -> None:
        """Write an entry as soon as can be, with the present time."""
        self._drafts.append(_Draft(utc_text(self._clock.utc()), self._status(), event, why, details))
        self._to_write.set()

    async def flush(self) -> None:
        """Return once everything noted is durable; StoreFailed leaves the rest to be written later."""
        async with self._writing:
            while self._drafts:
                await self._write(self._drafts[0])
                self._drafts.popleft()
                self._to_say.set()

    async def run(self) -> None:
        """Write what is noted, for ever; a full disk is waited out."""
        waits, attempt = Backoff(first_s=0.5, most_s=30.0), 0
        while True:
            await roused(self._to_write, _AGAIN_S)
            try:
                await self.flush()
                attempt = 0
            except StoreFailed as fault:
                _log.warning("log: %s", fault)
                await asyncio.sleep(waits.wait_s(attempt))
                attempt += 1
                self._to_write.set()

    async def publish(self, uplink: Uplink, topic: str) -> None:
        """Say every entry until the broker has taken it, in order, for ever; also those of earlier lives."""
        while True:
            await uplink.wait_up()
            try:
                await self._say_all(uplink, topic)
                await roused(self._to_say, _AGAIN_S)
            except Fault as fault:
                _log.info("log: not published: %s", fault)
                await asyncio.sleep(1.0)

    async def _say_all(self, uplink: Uplink, topic: str) -> None:
        if self._said is None:
            kept = await self._journal.kept(_SAID)
            self._said = 0 if kept is None else int(kept)
        while batch := await self._journal.pending(STREAM, self._said, _BATCH):
            for number, record in batch:
                await uplink.publish(topic, self._wrapped(number, record))
                self._said = number
            await self._journal.keep(_SAID, b"%d" % self._said)

    def _wrapped(self, number: int, record: bytes) -> bytes:
        try:
            entry = read(record, self._keys)
        except Refused as refused:  # changed on the disk, or of another key: said as it is
            entry = LogEntry(self._node, number, "0" * 64, "", TimeStatus.UNKNOWN, "unreadable", str(refused))
        logged = Logged(
            node=self._node,
            at=entry.at,
            subject=_SUBJECT,
            state=entry.event,
            why=entry.why,
            seq=number,
            clock=entry.clock,
            details=entry.details,
            dropped=self._anchor.seq,
            record=record.decode("utf-8", "replace"),
        )
        return encode(logged)

    async def _write(self, draft: _Draft) -> None:
        if not self._knows_head:
            await self._recalled()
            if self._tried and hash_of(self._tried) == self._head.hash:  # it was stored when somebody gave up waiting
                self._tried = b""
                return
        entry = LogEntry(
            self._node,
            self._head.seq + 1,
            self._head.hash,
            draft.at,
            draft.clock,
            draft.event,
            draft.why,
            draft.details,
        )
        record = written(entry, self._key)
        # Until the journal has answered nobody knows whether it is stored: the next attempt looks.
        self._knows_head, self._tried = False, record
        number = await self._journal.append(STREAM, record)
        self._head, self._knows_head, self._tried, self.last = Anchor(number, hash_of(record)), True, b"", entry
        await self._trim()

    async def _trim(self) -> None:
        """Drop the oldest tenth once there are more than allowed; where the log then begins is on disk before."""
        if self._head.seq - self._anchor.seq <= self._most:
            return
        up_to = self._head.seq - (self._most - self._most // 10)
        ((number, record),) = await self._journal.pending(STREAM, up_to - 1, 1)
        anchor = Anchor(number, hash_of(record))
        await self._journal.keep(ANCHOR, msgspec.json.encode(anchor))
        await self._journal.acknowledge(STREAM, up_to)
        self._anchor = anchor

    async def _recalled(self) -> list[tuple[int, bytes]]:
        kept = await self._journal.kept(ANCHOR)
        self._anchor = Anchor() if kept is None else msgspec.json.decode(kept, type=Anchor)
        records, after = [], 0
        while batch := await self._journal.pending(STREAM, after, 500):
            records += batch
            after = batch[-1][0]
        self._head = Anchor(records[-1][0], hash_of(records[-1][1])) if records else self._anchor
        self._knows_head = True
        return records

    def _latest(self, records: list[tuple[int, bytes]]) -> LogEntry | None:
        try:
            return read(records[-1][1], self._keys) if records else None
        except Refused:
            return None
