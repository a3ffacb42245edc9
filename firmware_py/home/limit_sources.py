"""Where limits of a grid operator come from: an energy guard on MQTT, relay contacts, operating envelopes in the book.

Each is a `LimitSource`. Another protocol, such as OpenADR, is one more.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import msgspec

from controller.book import Entry
from controller.limits import contacts as relay
from controller.limits import guarded
from controller.limits.allowed import Allowed, Caps, Known
from controller.limits.allowed import allowed as spoken
from controller.limits.envelope import Default, Envelope, View, default_of, envelope_of, holds, newer
from protocols.contracts import Limit
from protocols.faults import Fault, Refused, StoreFailed
from protocols.limits import Failsafe, GuardMessage, Heartbeat, Use, Write
from protocols.ports import Clock, Contacts, Journal
from protocols.priority import Priority, asking

# A contact that closes is seen within this; a reading of eight inputs takes 20 ms at 9600 Bd.
CONTACTS_EACH_S: Final = 0.25
_log = logging.getLogger("busbar.limit")


class LimitSource(Protocol):
    """What a front end is to the node."""

    async def recall(self) -> None:
        """Read what was kept over a power cut; before anything else."""
        ...

    async def run(self, changed: Callable[[], None]) -> None:
        """Listen until cancelled; `changed` is called when the node should look at once."""
        ...

    async def tend(self, now_s: float) -> None:
        """Make durable what must be so before it counts; once a cycle, before `allowed`. Never a Fault."""
        ...

    def allowed(self, now_s: float, link_lost_s: float | None) -> tuple[Allowed, ...]:
        """What it allows now."""
        ...


class _Kept(msgspec.Struct, frozen=True):
    """The failsafe that a guard has set."""

    limit_w: float
    duration_s: float


class GuardedSource:
    """One use (LPC or LPP) of one energy guard; its messages come by `told`."""

    def __init__(
        self, name: str, guard: tuple[str, Use], failsafe: guarded.Failsafe, clock: Clock, journal: Journal
    ) -> None:
        self.name, self.failsafe = name, failsafe
        self.issuer, self.use = guard
        self._clock, self._journal = clock, journal
        self._memory = guarded.restarted(clock.now_s())

    @property
    def _key(self) -> str:
        return f"limit/{self.name}"

    async def recall(self) -> None:
        """The failsafe that the guard set last; the state itself is not kept: a restart is `init`."""
        if raw := await self._journal.kept(self._key):
            kept = msgspec.json.decode(raw, type=_Kept)
            self.failsafe = guarded.Failsafe(kept.limit_w, kept.duration_s)
        self._memory = guarded.restarted(self._clock.now_s())

    async def run(self, changed: Callable[[], None]) -> None:
        """Rouse the node when time alone brings something."""
        while True:
            due = guarded.due(self.failsafe, self._passed())
            # Whatever is told meanwhile can only be due as late as this; a minute is soon enough to look again.
            wait_s = 60.0 if due is None else min(due[0] - self._clock.now_s(), 60.0)
            await asyncio.sleep(max(wait_s, 0.01))
            changed()

    async def tend(self, now_s: float) -> None:
        """Nothing to do: a failsafe is kept when it is told."""

    async def told(self, message: GuardMessage) -> None:
        """Take what the guard says; Refused, also where a new failsafe could not be made durable."""
        memory, now_s = self._passed(), self._clock.now_s()
        match message:
            case Heartbeat():
                self._memory = guarded.heard(memory, now_s)
            case Write(limit_w=limit_w, duration_s=duration_s):
                self._memory, refusal = guarded.written(memory, guarded.Write(limit_w, duration_s), now_s)
                if refusal is not None:
                    raise Refused(refusal.reason, f"{self.name}: {refusal.why}")
            case Failsafe(limit_w=least_w, duration_s=least_s):
                await self._keep(guarded.Failsafe(least_w, least_s))

    async def _keep(self, failsafe: guarded.Failsafe) -> None:
        kept = _Kept(failsafe.limit_w, failsafe.duration_s)
        try:
            await self._journal.keep(self._key, msgspec.json.encode(kept))
        except StoreFailed as fault:
            raise Refused("store", f"{self.name}: failsafe not taken, it could not be made durable: {fault}") from fault
        self.failsafe = failsafe

    def allowed(self, now_s: float, link_lost_s: float | None) -> tuple[Allowed, ...]:
        """By the state of its machine; in `init` and `failsafe` nobody knows, and the failsafe holds."""
        memory = self._passed()
        limit_w = guarded.limit_w(self.failsafe, memory)
        caps = Caps(limit_w, None) if self.use is Use.CONSUMPTION else Caps(None, limit_w)
        until_s = guarded.ends_s(self.failsafe, memory)
        why = f"{self.name}: {_SAID[memory.state].format(issuer=self.issuer)}"
        if memory.state in (guarded.State.INIT, guarded.State.FAILSAFE):
            return (Allowed(self.name, Known.UNKNOWN, caps, memory.state, why, until_s),)
        return (spoken(self.name, caps, memory.state, why, until_s),)

    def _passed(self) -> guarded.Memory:
        self._memory = guarded.passed(self.failsafe, self._memory, self._clock.now_s())
        return self._memory


_SAID: Final = {
    guarded.State.INIT: "failsafe after a restart, until {issuer} speaks",
    guarded.State.LIMITED: "limited by {issuer}",
    guarded.State.UNLIMITED_CONTROLLED: "{issuer} limits nothing",
    guarded.State.FAILSAFE: "failsafe, no heartbeat of {issuer}",
    guarded.State.UNLIMITED_AUTONOMOUS: "on its own, nothing is heard of {issuer}",
}


class NoContacts:
    """Contacts that this machine cannot read at all, and why; they count as unreadable."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    async def closed(self) -> tuple[bool, ...]:
        """Raises the fault."""
        raise self._fault


class ContactSource:
    """Relay contacts, asked for ever."""

    def __init__(self, params: relay.Params, contacts: Contacts, picked: tuple[int, ...] | None, clock: Clock) -> None:
        """`picked`: which of the contacts that the driver reads these are (None: all, in their order)."""
        self._params, self._contacts, self._picked, self._clock = params, contacts, picked, clock
        self._memory = relay.Memory()
        self._trouble = ""

    async def recall(self) -> None:
        """Nothing is kept: contacts say at once how they stand."""

    async def tend(self, now_s: float) -> None:
        """Nothing to do."""

    async def run(self, changed: Callable[[], None]) -> None:
        """Ask until cancelled."""
        while True:
            before = self._stands()
            await self._ask()
            if self._stands() != before:
                changed()
            await asyncio.sleep(CONTACTS_EACH_S)

    def _stands(self) -> tuple[Caps, str]:
        told = relay.holds(self._params, self._memory, self._clock.now_s())
        return told.caps, told.state

    async def _ask(self) -> None:
        try:
            with asking(Priority.CONTROL):
                closed = await self._contacts.closed()
        except Fault as fault:
            if str(fault) != self._trouble:
                _log.warning("%s: contacts not read: %s", self._params.name, fault)
            self._trouble = str(fault)
            self._memory = relay.unread(self._memory, self._clock.now_s())
            return
        self._trouble = ""
        picked = closed if self._picked is None else tuple(closed[index] for index in self._picked)
        self._memory = relay.read(self._params, self._memory, picked, self._clock.now_s())

    def allowed(self, now_s: float, link_lost_s: float | None) -> tuple[Allowed, ...]:
        """What the contacts say."""
        return (relay.holds(self._params, self._memory, now_s),)


class EnvelopeSource:
    """Operating envelopes: the contracts `limit` of operators in the book, and the default that the newest left."""

    _KEY: Final = "limit defaults"

    def __init__(self, book: Callable[[], tuple[Entry, ...]], operators: frozenset[str], journal: Journal) -> None:
        self._book, self._operators, self._journal = book, operators, journal
        self._defaults: dict[str, Default] = {}
        self._seen: tuple[Entry, ...] = ()
        self._limits: tuple[tuple[Limit, Envelope], ...] = ()

    async def recall(self) -> None:
        """The defaults hold through a power cycle."""
        if raw := await self._journal.kept(self._KEY):
            self._defaults = msgspec.json.decode(raw, type=dict[str, Default])

    async def run(self, changed: Callable[[], None]) -> None:
        """Nothing to listen to: contracts come in by the desk."""
        await asyncio.Event().wait()

    async def tend(self, now_s: float) -> None:
        """Keep the default of an envelope whose window has opened, while the envelope itself is still in the book."""
        found = dict(self._defaults)
        for contract, envelope in self._known():
            if envelope.start_s <= now_s:
                found[contract.iss] = newer(found.get(contract.iss), default_of(contract))
        if found == self._defaults:
            return
        try:
            await self._journal.keep(self._KEY, msgspec.json.encode(found))
        except StoreFailed as fault:
            _log.error("default of an envelope not kept: %s", fault)
            return
        self._defaults = found

    def allowed(self, now_s: float, link_lost_s: float | None) -> tuple[Allowed, ...]:
        """What each operator's envelopes allow; those of several operators hold at once."""
        views = sorted(self.views(link_lost_s).items())
        return tuple(holds(view, issuer, now_s) for issuer, view in views)

    def views(self, link_lost_s: float | None = None) -> dict[str, View]:
        """The schedules of each operator, for whoever looks ahead."""
        of_issuer: dict[str, list[Envelope]] = {issuer: [] for issuer in self._defaults}
        for _, envelope in self._known():
            of_issuer.setdefault(envelope.issuer, []).append(envelope)
        return {
            issuer: View(tuple(envelopes), self._defaults.get(issuer), link_lost_s)
            for issuer, envelopes in of_issuer.items()
        }

    def _known(self) -> tuple[tuple[Limit, Envelope], ...]:
        """The operators' limits of the book; looked for anew only where the book is another one."""
        if (entries := self._book()) is not self._seen:
            self._seen, self._limits = entries, tuple(_limits(entries, self._operators))
        return self._limits


def _limits(entries: Iterable[Entry], operators: frozenset[str]) -> Iterator[tuple[Limit, Envelope]]:
    for entry in entries:
        if entry.binds and isinstance(entry.contract, Limit) and entry.contract.iss in operators:
            yield entry.contract, envelope_of(entry.contract, entry.start_s, entry.end_s)
