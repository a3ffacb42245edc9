"""What has flowed in the intervals of contracts on energy, on disk: a restart in the middle goes on from there.

Written when an interval or a contract begins or ends, not in every cycle: the meter's own counters bridge the rest.
"""

import logging
from datetime import datetime
from typing import Final

import msgspec

from controller.tracking import Memory, shifted
from protocols.contracts import utc_text
from protocols.faults import StoreFailed
from protocols.ports import Clock, Journal

_KEY: Final = "tracking"
_log = logging.getLogger("busbar.register")


class _Kept(msgspec.Struct, frozen=True):
    """The memory, and one moment on both clocks."""

    now_s: float
    utc: str
    memory: Memory


class Register:
    """Keeps the memory of tracking; `tracked` is the one that is kept, or that an earlier life kept."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self.tracked = Memory()
        self._clock, self._journal = clock, journal

    async def recall(self) -> None:
        """Take up what an earlier life kept; what cannot be read begins anew, and is then unproven."""
        raw = await self._journal.kept(_KEY)
        if raw is None or len(raw) == 0:
            return
        try:
            kept = msgspec.json.decode(raw, type=_Kept)
        except msgspec.DecodeError as error:
            _log.warning("intervals begin anew, what was kept of them cannot be read: %s", error)
            return
        off_s = (self._clock.utc() - datetime.fromisoformat(kept.utc)).total_seconds()
        self.tracked = shifted(kept.memory, self._clock.now_s() - off_s - kept.now_s)

    def differs(self, memory: Memory) -> bool:
        """Whether an interval or a contract has begun or ended since it was kept."""
        return memory.segment is not self.tracked.segment or memory.tallies is not self.tracked.tallies

    async def keep(self, memory: Memory) -> None:
        """Keep it; with a full disk control goes on."""
        self.tracked = memory
        now_s, utc = self._clock.now_s(), utc_text(self._clock.utc())
        try:
            await self._journal.keep(_KEY, msgspec.json.encode(_Kept(now_s, utc, memory)))
        except StoreFailed as fault:
            _log.error("intervals not kept: %s", fault)
