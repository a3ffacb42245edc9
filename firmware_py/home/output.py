"""One output per controllable device: holds its lease, writes when a write is due, never blocks the cycle.

Before a value goes to the wire, the lease is on disk. After a crash the node finds there what it had promised: a lapsed
lease, which the next command renews or releases. A write that was not confirmed may have worked all the same: until it
would have lapsed, the device counts as holding something and is written again or let go. A device that does not revert
by itself holds what it was told until it confirms something else, however long that takes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from controller.devices import Role
from controller.lease import Lease, LeasePolicy, due
from firmware_py.home.loads import LoadDevice
from firmware_py.supervise import Backoff
from protocols.contracts import utc_text
from protocols.faults import Fault
from protocols.ports import Clock, Journal
from protocols.priority import Priority, asking

_log = logging.getLogger("busbar.output")
_RETRY: Final = Backoff(first_s=1.0, most_s=10.0)


class LeaseRecord(msgspec.Struct, frozen=True):
    """A lease as it stands on disk: the value (W), and the wall time at which the device has fallen back by itself."""

    value_w: float
    valid_until: str


def lease_key(device: str) -> str:
    """The journal key under which a device's lease is kept."""
    return f"lease/{device}"


@dataclass(frozen=True, slots=True)
class Line:
    """The way to a device: `tell` is its `Battery.follow` (a follower's power), `Inverter.limit` (a producer's limit), or
    `LoadDevice.tell` of a `load`.

    `rest_w` is its declared fallback: what it is told when it is let go (None: its own mode, or no limit).
    """

    name: str
    role: Role
    tell: Callable[[float | None, float], Awaitable[None]]
    rest_w: float | None = None
    load: LoadDevice | None = None

    async def let_go(self, valid_s: float) -> None:
        """Put the device into its fallback now."""
        await self.tell(self.rest_w, valid_s)


class Output:
    """The lease of one device. `command` says what is wanted; `run` writes it; `applied` says whether it holds.

    `reverts`: whether the device falls back by itself when its lease lapses, as far as is known.
    """

    def __init__(
        self, line: Line, policy: LeasePolicy, clock: Clock, journal: Journal, reverts: Callable[[], bool]
    ) -> None:
        self.name, self.role, self.falls_back = line.name, line.role, line.rest_w is not None
        self.load = line.load
        self.held: Lease | None = None
        self.wanted_w: float | None = None
        self.writes = 0
        self._line, self._policy, self._clock, self._journal = line, policy, clock, journal
        self._reverts = reverts
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._error = ""
        self._doubtful_until_s = 0.0
        self._failures, self._retry_s = 0, 0.0

    async def recall(self) -> None:
        """Take up what an earlier life promised: as a lapsed lease, so that the first command settles it."""
        raw = await self._journal.kept(lease_key(self.name))
        if raw:
            value_w = msgspec.json.decode(raw, type=LeaseRecord).value_w
            now_s = self._clock.now_s()
            self.held = Lease(value_w, now_s - self._policy.valid_s, now_s)
            self._doubtful_until_s = now_s + self._policy.valid_s

    def command(self, wanted_w: float | None) -> None:
        """Want this from now on (None: let the device go); written soon if a write is due."""
        self.wanted_w = wanted_w
        if self._clock.now_s() < self._retry_s:
            return
        if self._is_doubtful() or due(self._policy, self.held, wanted_w, self._clock.now_s()):
            self._idle.clear()
            self._wake.set()

    def applied(self) -> bool:
        """Whether the device holds what is wanted, or has fallen back by itself where it is to be let go."""
        if self._is_doubtful():
            return False
        if self.held is None:
            return self.wanted_w is None
        lapsed = self.held.lapsed(self._clock.now_s())
        if self.wanted_w is None or lapsed:
            return self.wanted_w is None and lapsed and self._reverts()
        return abs(self.held.value_w - self.wanted_w) <= self._policy.deadband_w

    @property
    def is_settled(self) -> bool:
        """Whether no write is under way or due."""
        return self._idle.is_set()

    async def settled(self) -> None:
        """Return once no write is under way or due."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write whenever a write is due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                with asking(Priority.CONTROL):
                    await self._write(self.wanted_w)
            except Fault as fault:
                # A failed write costs a time-out on a line that others share, and an fsync.
                self._retry_s = self._clock.now_s() + _RETRY.wait_s(self._failures)
                self._failures += 1
                self._tell(str(fault))
            finally:
                if not self._wake.is_set():
                    self._idle.set()

    async def release(self) -> None:
        """Let the device go now, if it may hold anything; for the end of the node. A Fault where it could not be told."""
        self.wanted_w = None
        if self.held is not None or self._is_doubtful():
            with asking(Priority.CONTROL):
                await self._write(None)

    async def _write(self, value_w: float | None) -> None:
        if value_w is None:
            await self._line.let_go(self._policy.valid_s)
        else:
            await self._promise(value_w)
            try:
                await self._line.tell(value_w, self._policy.valid_s)
            finally:
                self._doubtful_until_s = self._clock.now_s() + self._policy.valid_s
        now_s = self._clock.now_s()
        self._doubtful_until_s = 0.0
        self._failures, self._retry_s = 0, 0.0
        self.held = None if value_w is None else Lease(value_w, now_s, now_s + self._policy.valid_s)
        self.writes += 1
        self._tell("")
        if value_w is None:
            await self._journal.keep(lease_key(self.name), b"")

    async def _promise(self, value_w: float) -> None:
        until = self._clock.utc() + timedelta(seconds=self._policy.valid_s)
        await self._journal.keep(lease_key(self.name), msgspec.json.encode(LeaseRecord(value_w, utc_text(until))))

    def _is_doubtful(self) -> bool:
        return self._clock.now_s() < self._doubtful_until_s or (self._doubtful_until_s > 0.0 and not self._reverts())

    def _tell(self, error: str) -> None:
        if error and error != self._error:
            _log.warning("%s: setpoint not written: %s", self.name, error)
        self._error = error
