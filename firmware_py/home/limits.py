"""The limits' desk: asks every source what it allows, opens what a guard sends, and keeps the history of what held."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from controller.limits.allowed import Allowed, wish
from controller.wishes import Wish
from firmware_py.home.contracts import EARLIEST, STRANGER_EACH_S, STRANGERS, Trust
from firmware_py.home.flood import Flood
from firmware_py.home.limit_history import History
from firmware_py.home.limit_sources import GuardedSource, LimitSource
from firmware_py.home.outbox import Outbox
from protocols.contracts import utc_text
from protocols.faults import Refused, StoreFailed
from protocols.limits import LIMIT, GuardMessage, Heartbeat, LimitRefusal, parse_guard
from protocols.messages import encode
from protocols.ports import Clock, Journal, Message
from protocols.signing import LIMIT as SIGNED_LIMIT
from protocols.signing import open_signed

# A message of a guard that is older was kept by a broker while the node was away, or is played again.
FRESH: Final = timedelta(seconds=60)
_SEQ: Final = "limit sequence"
_log = logging.getLogger("busbar.limit")


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the desk writes to and reads the time from."""

    clock: Clock
    journal: Journal
    outbox: Outbox


class LimitDesk:
    """Holds the sources; `guards` are those of them that MQTT messages are for."""

    def __init__(self, node: str, trust: Trust, sources: Sequence[LimitSource], keeping: Keeping) -> None:
        self.sources = tuple(sources)
        self.guards = tuple(source for source in sources if isinstance(source, GuardedSource))
        self.history = History(keeping.clock, keeping.outbox)
        self._node, self._trust = node, trust
        self._clock, self._journal, self._outbox = keeping.clock, keeping.journal, keeping.outbox
        self._last_seq: dict[str, int] = {}
        self._strangers = Flood(STRANGERS, STRANGER_EACH_S)

    async def recall(self) -> None:
        """Read what was kept over a power cut."""
        if raw := await self._journal.kept(_SEQ):
            self._last_seq = msgspec.json.decode(raw, type=dict[str, int])
        for source in self.sources:
            await source.recall()

    async def run(self, changed: Callable[[], None]) -> None:
        """Let every source listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source in self.sources:
                group.create_task(source.run(changed))

    async def tend(self, now_s: float) -> None:
        """Make durable what must be so before it counts."""
        for source in self.sources:
            await source.tend(now_s)

    def allowed(self, now_s: float, link_lost_s: float | None) -> tuple[Allowed, ...]:
        """What every source allows now."""
        return tuple(told for source in self.sources for told in source.allowed(now_s, link_lost_s))

    async def receive(self, message: Message) -> bool:
        """Take in a message of `limit/in`; whether the node should look at once. Every refusal is said, none escapes."""
        is_stranger = True
        try:
            if message.retained:
                raise Refused("retained", "message was retained by the broker: a retained command is an immortal one")
            signed = open_signed(message.payload, self._trust.keys, SIGNED_LIMIT)
            is_stranger = False
            told = parse_guard(signed.payload)
            self._judge(told, self._trust.issuers[signed.key_id])
            await self._use_up(told)
            for guard in self._guards_of(told):
                await guard.told(told)
        except Refused as refused:
            self._refuse(refused, is_stranger=is_stranger)
            return False
        return not isinstance(told, Heartbeat)

    def _judge(self, told: GuardMessage, issuer: str) -> None:
        if told.iss != issuer:
            raise Refused(
                "issuer", f"signed with a key of {issuer!r} but issued by {told.iss!r}: they must be the same"
            )
        if told.aud != self._node:
            raise Refused("audience", f"meant for {told.aud!r}: this node is {self._node!r}")
        if not self._guards_of(told):
            use = "" if isinstance(told, Heartbeat) else f" of {told.use}"
            raise Refused("operator", f"{issuer!r} is no guard{use} here")
        if told.seq <= (last := self._last_seq.get(issuer, 0)):
            raise Refused("sequence", f"sequence {told.seq} of {issuer} is used up: above {last} is allowed")
        utc = self._clock.utc()
        if utc < EARLIEST:
            raise Refused("clock", f"the wall clock says {utc}: no message can be dated before it is set")
        if abs(utc - told.at) > FRESH:
            raise Refused("late", f"made at {told.at}, it is {utc} now: {FRESH.seconds} s apart at most are allowed")

    async def _use_up(self, told: GuardMessage) -> None:
        """No message counts twice; across a restart none but heartbeats, which by themselves change nothing."""
        after = {**self._last_seq, told.iss: told.seq}
        if not isinstance(told, Heartbeat):
            try:
                await self._journal.keep(_SEQ, msgspec.json.encode(after))
            except StoreFailed as fault:
                # A stricter limit must hold with a full disk, too: its age still bounds how long it can be played again.
                _log.error("sequence of %s not kept: %s", told.iss, fault)
        self._last_seq = after

    def _guards_of(self, told: GuardMessage) -> tuple[GuardedSource, ...]:
        of_issuer = (guard for guard in self.guards if guard.issuer == told.iss)
        if isinstance(told, Heartbeat):
            return tuple(of_issuer)
        return tuple(guard for guard in of_issuer if guard.use is told.use)

    def _refuse(self, refused: Refused, *, is_stranger: bool) -> None:
        why = str(refused)
        if is_stranger:
            held = self._strangers.passes(self._clock.now_s())
            if held is None:
                return
            why += f" (and {held} before it, not recorded)" if held else ""
        _log.warning("limit refused: %s", why)
        self._outbox.record(LIMIT, encode(LimitRefusal(utc_text(self._clock.utc()), refused.reason, why)))


def wishes(told: Sequence[Allowed], good_until_s: float) -> tuple[Wish, ...]:
    """The demands of rank 2 that make of what the sources allow."""
    made = (wish(each, good_until_s) for each in told)
    return tuple(each for each in made if each is not None)
