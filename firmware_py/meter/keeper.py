"""Registers that survive a power cut.

What others see is what is on disk: `shown` follows `live` as saves are confirmed, so that no reader ever sees a register
fall, not even across a power cut. What is lost then is what had flowed since the last save: less than 1 Wh of each kind,
and what flows in `pause_s` and one commit. A standstill is saved after `idle_s`. A closed period of the load profile is
on disk, inside the registers, before it is handed on; it is handed on again where the power went in between, the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec

from firmware_py.meter.registers import (
    KINDS,
    TOTAL,
    Counts,
    Flow,
    Open,
    Peak,
    ProfileEntry,
    Registers,
    Settings,
    shown_mwh,
)
from firmware_py.meter.tariff import RemoteTariff
from firmware_py.supervise import Backoff, roused
from protocols.faults import StoreFailed
from protocols.ports import Journal

KEY: Final = "registers"
_VERSION: Final = 1
_WH: Final = 1000  # in the mWh that are compared


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The registers on disk: counts as decimal text (they have more than 64 bits), by `kind/tariff`."""

    version: int
    counts: dict[str, str]
    profile: tuple[int, dict[str, str], int] | None
    demand: tuple[int, dict[str, str], int] | None
    peaks: dict[str, tuple[float, int]]
    closed: list[tuple[int, int, dict[str, str], dict[str, str], float]]
    remote: tuple[int, int] | None


def encode_registers(state: Registers) -> bytes:
    """The registers as they stand on disk."""
    stored = _Stored(
        version=_VERSION,
        counts=_texts(state.counts),
        profile=_open_texts(state.profile),
        demand=_open_texts(state.demand),
        peaks={f"{kind}/{month}": (peak.power_w, peak.end_us) for (kind, month), peak in state.peaks.items()},
        closed=[(e.begin_us, e.end_us, _texts(e.counts), _texts(e.added), e.measured_ratio) for e in state.closed],
        remote=None if state.remote is None else (state.remote.tariff, state.remote.until_us),
    )
    return msgspec.json.encode(stored)


def decode_registers(body: bytes) -> Registers:
    """What `encode_registers` has made; StoreFailed for anything else: a meter does not begin at 0 by itself."""
    try:
        stored = msgspec.json.decode(body, type=_Stored)
        if stored.version != _VERSION:
            raise ValueError(f"version {stored.version}: {_VERSION} is allowed")
        return Registers(
            counts=_counts(stored.counts),
            profile=_opened(stored.profile),
            demand=_opened(stored.demand),
            peaks=MappingProxyType({_pair(key): Peak(*peak) for key, peak in stored.peaks.items()}),
            closed=tuple(ProfileEntry(b, e, _counts(c), _counts(a), r) for b, e, c, a, r in stored.closed),
            remote=None if stored.remote is None else RemoteTariff(*stored.remote),
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise StoreFailed(f"the registers on disk cannot be read: {error}; they are left as they are") from error


class Keeper:
    """The registers of a running meter: `live` counts, `shown` is durable."""

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        closed: Callable[[ProfileEntry], Awaitable[None]],
        *,
        pause_s: float = 1.0,
        idle_s: float = 60.0,
    ) -> None:
        self.live = self.shown = Registers()
        self.settings = settings
        self.trouble: str | None = None
        self._journal, self._closed = journal, closed
        self._pause_s, self._idle_s = pause_s, idle_s
        self._due = asyncio.Event()
        self._saving = asyncio.Lock()

    async def recall(self) -> None:
        """Go on where the registers on disk ended; StoreFailed where they cannot be read."""
        body = await self._journal.kept(KEY)
        if body is not None:
            self.live = self.shown = decode_registers(body)
            await self._hand_on()

    def count(self, flow: Flow) -> None:
        """Add what flowed."""
        self._now(self.live.counted(flow, self.settings))

    def tick(self, at_us: int) -> None:
        """Close the periods that are over."""
        self._now(self.live.ticked(at_us, self.settings))

    def set_tariff(self, remote: RemoteTariff | None) -> None:
        """A tariff from outside, or None: the calendar's again."""
        self._now(replace(self.live, remote=remote))
        self._due.set()

    async def run(self) -> None:
        """Save when there is something to save, for ever; a full disk is waited out, and `shown` stands still meanwhile."""
        waits, attempt = Backoff(first_s=0.5, most_s=30.0), 0
        while True:
            await roused(self._due, self._idle_s)
            try:
                await self.save()
            except StoreFailed as fault:
                self.trouble = str(fault)
                await asyncio.sleep(waits.wait_s(attempt))
                attempt += 1
                self._due.set()
                continue
            attempt, self.trouble = 0, None
            await asyncio.sleep(self._pause_s)

    async def save(self) -> None:
        """Make the live registers durable and show them; StoreFailed where that cannot be done."""
        async with self._saving:  # two at once would hand on the same periods
            state = self.live
            if state != self.shown:
                await self._journal.keep(KEY, encode_registers(state))
                self.shown = state
                await self._hand_on()

    def _now(self, state: Registers) -> None:
        self.live = state
        if len(state.closed) or any(_whole_wh_apart(state, self.shown, kind) for kind in KINDS):
            self._due.set()

    async def _hand_on(self) -> None:
        """Give the closed periods that are on disk to whoever keeps them from now on; only then are they forgotten here."""
        for entry in self.shown.closed:
            await self._closed(entry)
        self.live = self.live.handed_on(len(self.shown.closed))


def _whole_wh_apart(state: Registers, other: Registers, kind: str) -> bool:
    return shown_mwh(state.count(kind, TOTAL), 30) - shown_mwh(other.count(kind, TOTAL), 30) >= _WH


def _texts(counts: Counts) -> dict[str, str]:
    return {f"{kind}/{tariff}": str(count) for (kind, tariff), count in counts.items()}


def _open_texts(period: Open | None) -> tuple[int, dict[str, str], int] | None:
    return None if period is None else (period.begin_us, _texts(period.counts), period.measured_us)


def _counts(texts: dict[str, str]) -> Counts:
    return MappingProxyType({(kind, int(tariff)): int(texts[f"{kind}/{tariff}"]) for kind, tariff in map(_pair, texts)})


def _opened(stored: tuple[int, dict[str, str], int] | None) -> Open | None:
    return None if stored is None else Open(stored[0], _counts(stored[1]), stored[2])


def _pair(key: str) -> tuple[str, Any]:
    kind, sign, rest = key.partition("/")
    if not sign:
        raise ValueError(f"key {key!r}: kind/number is needed")
    return kind, rest
