"""The diary: the reasons of the node's decisions on disk, so that `busbar why` answers for any moment.

A reason that becomes another one is written at once; figures that move beyond noise once a minute; and once an hour in any
case, so that a gap is told from a quiet time. What is older than `keep_s` is deleted. A living house writes up to 1 MB a
day; reasons that flap are held back as a flood is.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from controller.cycle import Decision
from firmware_py.home.flood import Flood
from firmware_py.home.report import Explained, kind_of
from protocols.evidence import WHY
from protocols.faults import StoreFailed
from protocols.messages import Why, encode
from protocols.ports import Clock, Journal

FIGURES_EACH_S: Final = 60.0
ALWAYS_EACH_S: Final = 3600.0
# A meter's noise, a battery's regulation, a register's step.
NOISE_W: Final = 50.0
# So many changes of reason at once, and then one each so many seconds.
BURST: Final = 60
CHANGE_EACH_S: Final = 30.0
_PURGE_EACH_S: Final = 3600.0
_BATCH: Final = 500
_QUEUE: Final = 1000
_log = logging.getLogger("busbar.diary")


class Dated(msgspec.Struct, frozen=True):
    """Of a record, only when it was."""

    at: str


@dataclass(frozen=True, slots=True)
class _Written:
    kind: tuple[object, ...]
    figures: tuple[float | None, ...]
    at_s: float


class Diary:
    """Writes the reasons of decisions; with `keep_s` 0 none. `explain` makes the record of one."""

    def __init__(self, explain: Callable[[Explained], Why], clock: Clock, journal: Journal, keep_s: float) -> None:
        self._explain, self._clock, self._journal, self._keep_s = explain, clock, journal, keep_s
        self._flood = Flood(BURST, CHANGE_EACH_S)
        self._written: _Written | None = None
        self._records: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)

    def note(self, explained: Explained) -> None:
        """A cycle has decided: write it down if it says something new."""
        if self._keep_s <= 0.0:
            return
        now_s = explained.inputs.now_s
        now = _Written(kind_of(explained), _figures(explained.decision), now_s)
        if not self._is_due(now) or self._records.full():
            return
        self._written = now
        self._records.put_nowait(encode(self._explain(explained)))

    def _is_due(self, now: _Written) -> bool:
        last = self._written
        if last is None:
            return True
        if now.kind != last.kind:
            return self._flood.passes(now.at_s) is not None
        waited_s = now.at_s - last.at_s
        return waited_s >= ALWAYS_EACH_S or (waited_s >= FIGURES_EACH_S and _moved(now.figures, last.figures))

    async def run(self) -> None:
        """Write what was noted, and delete what is too old, until cancelled."""
        purged_s = -_PURGE_EACH_S
        while True:
            record = await self._records.get()
            try:
                await self._journal.append(WHY, record)
                if self._clock.now_s() - purged_s >= _PURGE_EACH_S:
                    purged_s = self._clock.now_s()
                    await self._purge()
            except StoreFailed as fault:
                _log.error("a reason is not written down: %s", fault)

    async def _purge(self) -> None:
        """Delete up to the newest record that is too old: records are in order, also where the clock was not."""
        before, last, old = self._clock.utc() - timedelta(seconds=self._keep_s), 0, 0
        while batch := await self._journal.pending(WHY, last, _BATCH):
            last = batch[-1][0]
            fits = [seq for seq, body in batch if _is_before(body, before)]
            if not fits:
                break
            old = fits[-1]
        if old:
            await self._journal.acknowledge(WHY, old)


def _is_before(record: bytes, moment: datetime) -> bool:
    return datetime.fromisoformat(msgspec.json.decode(record, type=Dated).at) < moment


def _figures(decision: Decision) -> tuple[float | None, ...]:
    verdict = decision.verdict
    overruled = (watts for each in verdict.overruled for watts in (each.asked_w, each.got_w))
    return (verdict.value_w, *overruled, *decision.commands.values())


def _moved(now: tuple[float | None, ...], last: tuple[float | None, ...]) -> bool:
    if len(now) != len(last):
        return True
    pairs = zip(now, last, strict=True)
    return any(
        one is not other and (one is None or other is None or abs(one - other) > NOISE_W) for one, other in pairs
    )
