"""The contract desk: opens what comes in, keeps the book on disk, and says every state of every contract.

Nothing is accepted before the book with it is durable. After a restart the book is read back, each contract's
signature is checked again, and windows are placed anew on the monotonic clock.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final

from controller.admission import AdmissionPolicy
from controller.book import Book, Entry, Note
from controller.dealings import Archived, Incoming, take, tick
from controller.observe import Said
from controller.roles import Party
from controller.tracking import Closed
from firmware_py.home.flood import Flood
from firmware_py.home.outbox import Outbox
from firmware_py.home.report import clock_status
from firmware_py.home.shelf import KINDS, Shelf, ids_in, message_of
from protocols.actions import action_name
from protocols.contracts import Contract, State, utc_text
from protocols.evidence import CONTRACT, TOKEN
from protocols.faults import Refused, StoreFailed
from protocols.messages import Agreed, ContractEvent, encode
from protocols.ports import Clock, Journal, Message
from protocols.signing import SignedText, open_signed
from protocols.topics import Topics

# A zone that was not there is asked again soon, and a broker is not flooded.
_ASK_EACH_S: Final = 10.0
Step = Callable[[Entry], tuple[Entry, tuple[Said, ...]]]
# A board without a battery-backed clock wakes up in 1970; before this no time window can be judged.
EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Of messages without a trusted signature so many are recorded at once, and then one each so many seconds: a mistake is
# recorded whole, a flood is 8,640 records a day.
STRANGERS: Final = 60
STRANGER_EACH_S: Final = 10.0
_log = logging.getLogger("busbar.contract")


@dataclass(frozen=True, slots=True)
class Trust:
    """Public keys (JWK text) by thumbprint, the issuer each belongs to, and what each issuer may do (absent: any)."""

    keys: dict[str, str]
    issuers: dict[str, str]
    parties: dict[str, Party] = field(default_factory=dict)


class ContractDesk:
    """Holds the book; every change of it goes through here."""

    def __init__(self, trust: Trust, policy: AdmissionPolicy, clock: Clock, journal: Journal, outbox: Outbox) -> None:
        self.book = Book()
        self._changing = asyncio.Lock()
        self._strangers = Flood(STRANGERS, STRANGER_EACH_S)
        self._trust, self._policy, self._clock, self._outbox = trust, policy, clock, outbox
        self._shelf = Shelf(journal, clock, self._opened)
        self._ask_s = -inf

    async def recall(self) -> None:
        """Read the book of an earlier life; a contract whose key is no longer trusted is left out and said so."""
        self.book = await self._shelf.taken(self._dropped)

    def _dropped(self, refused: Refused) -> None:
        _log.warning("a message of the kept book is dropped: %s", refused)
        self.say(None, Said(State.REFUSED, refused.reason, f"in the kept book: {refused}"))

    def _opened(self, token: bytes) -> SignedText:
        return open_signed(token, self._trust.keys, KINDS)

    async def receive(self, message: Message) -> bool:
        """Take in a message of `contract/in`; whether the book has changed. Every refusal is said, none escapes."""
        signed = incoming = None
        try:
            if message.retained:
                raise Refused("retained", "message was retained by the broker: a retained command is an immortal one")
            signed = self._opened(message.payload)
            issuer = self._trust.issuers[signed.key_id]
            party = self._trust.parties.get(issuer) or Party(issuer)
            incoming = Incoming(message_of(signed), signed.token, party)
            self.say(incoming.contract_id, Said(State.RECEIVED, why=self._arrival(incoming)))
            async with self._changing:
                return await self._take(incoming)
        except Refused as refused:
            self._refuse(refused, incoming.contract_id if incoming is not None else None, is_stranger=signed is None)
            return False

    def _arrival(self, incoming: Incoming) -> str:
        """Who sent what; a gap in the numbers is allowed and said, since a message may still be on its way."""
        message, window = incoming.message, self.book.windows.get(incoming.party.name)
        after = "" if window is None or message.seq <= window.highest + 1 else f" after {window.highest}"
        kind = "" if isinstance(message, Contract) else f"{action_name(message)} "
        return f"{kind}from {message.iss}, sequence {message.seq}{after}"

    async def _take(self, incoming: Incoming) -> bool:
        """Do what a message says, durably, and say what there is to say; whether anything but its number has changed."""
        utc = self._clock.utc()
        if utc < EARLIEST:
            raise Refused("clock", f"the wall clock says {utc}: no time window can be judged before it is set")
        archive = await self._shelf.archived(ids_in(incoming.message))
        before = self.book
        after, notes = take(before, incoming, self._policy, (self._clock.now_s(), utc), archive)
        try:
            await self._shelf.put(before, after, _over(notes))
            for name, archived in archive.items():
                await self._rearchive(archived, [note for note in notes if note.contract == name])
        except StoreFailed as fault:
            raise Refused("store", f"not accepted, because it could not be made durable: {fault}") from fault
        self.book = after
        if notes[0].state is not State.REFUSED:
            self._outbox.attest(TOKEN, b'"%b"' % incoming.token)
        for note in notes:
            self._note(note)
        return after.entries is not before.entries

    async def _rearchive(self, archived: Archived, notes: Sequence[Note]) -> None:
        """A contract that is over may still be settled or defaulted."""
        for note in notes:
            if note.state in (State.SETTLED, State.DEFAULTED):
                await self.archive(replace(archived, state=note.state))

    async def archive(self, archived: Archived) -> None:
        """Keep what became of a contract that is over; StoreFailed."""
        await self._shelf.archive(archived)

    async def tick(self) -> None:
        """Let time do its part: deadlines pass; who has to approve is asked again."""
        now_s = self._clock.now_s()
        if now_s >= self.book.due_s:
            async with self._changing:
                before = self.book
                after, notes = tick(before, self._policy, (now_s, self._clock.utc()))
                self.book = after
                for note in notes:
                    self._note(note)
                await self._keep_if_possible(before, _over(notes))
        if self._policy.zone.approver and now_s >= self._ask_s + _ASK_EACH_S:
            self._ask()

    def _ask(self) -> None:
        """Say each contract that waits for the zone, until it answers or its time is over."""
        self._ask_s = self._clock.now_s()
        for entry in self.book.entries:
            if entry.state is State.AGREED:
                self._say_agreed(entry.id, entry.token, entry.deadline_s)
            elif entry.pending is not None:
                self._say_agreed(entry.id, entry.pending.token, entry.pending.deadline_s)

    def _say_agreed(self, contract: str, token: bytes, deadline_s: float) -> None:
        until = self._clock.utc() + timedelta(seconds=deadline_s - self._clock.now_s())
        topics = Topics(self._policy.node)
        self._outbox.say(topics.agreed, encode(Agreed(topics.node, contract, token.decode(), utc_text(until))))

    def _note(self, note: Note) -> None:
        """Say what a message or the time has done to a contract; a refusal is logged too."""
        if note.state is State.REFUSED:
            _log.warning("contract refused: %s", note.why)
        if note.state is State.AGREED or note.reason == "agreed":
            self._ask_s = -inf
        tally = note.gone.tally if note.gone is not None and note.gone.tally.covered_s > 0 else None
        self.say(note.contract, Said(note.state, note.reason, note.why, tally=tally), answered=note.answered)

    def _refuse(self, refused: Refused, contract: str | None, *, is_stranger: bool) -> None:
        """Log and say a refusal; of those that anybody could have sent only so many, or they would fill the disk."""
        why = str(refused)
        if is_stranger:
            held = self._strangers.passes(self._clock.now_s())
            if held is None:
                return
            why += f" (and {held} before it, not recorded)" if held else ""
        _log.warning("contract refused: %s", why)
        self.say(contract, Said(State.REFUSED, refused.reason, why))

    async def advance(self, contract: str, step: Step, setpoints: dict[str, float | None]) -> None:
        """Take a contract one step on (out of the book once it has expired) and say what there is to say."""
        async with self._changing:
            entry = self.book.find(contract)
            if entry is None:
                return
            before = self.book
            after, said = step(entry)
            if after is entry and not said:
                return
            gone = after.state is State.EXPIRED
            self.book = before.without(contract) if gone else before.with_entry(after)
            for item in said:
                self.say(contract, item, setpoints)
            if said:
                await self._keep_if_possible(before, [(after, State.EXPIRED)] if gone else [])

    async def _keep_if_possible(self, before: Book, over: Sequence[tuple[Entry, State]]) -> None:
        """Control goes on with a full disk; after a restart the states are then found again from the window and the meter."""
        try:
            await self._shelf.put(before, self.book, over)
        except StoreFailed as fault:
            _log.error("book not kept: %s", fault)

    def say(
        self,
        contract: str | None,
        said: Said,
        setpoints: dict[str, float | None] | None = None,
        answered: str = "",
    ) -> None:
        """Journal a state, which also publishes it."""
        event = ContractEvent(
            contract=contract,
            state=said.state,
            at=utc_text(self._clock.utc()),
            clock=clock_status(self._clock),
            reason=said.reason,
            why=said.why,
            setpoints=setpoints or {},
            observed_w=said.observed_w,
            latency_s=said.latency_s,
            contracted_wh=said.tally.asked_wh if said.tally else None,
            metered_wh=said.tally.metered_wh if said.tally else None,
            outcome=said.outcome,
            answered=answered,
            short_wh=said.short_wh,
            **self._interval(said.closed),
        )
        self._outbox.record(CONTRACT, encode(event))

    def _interval(self, closed: Closed | None) -> dict[str, Any]:
        if closed is None:
            return {}
        utc, now_s = self._clock.utc(), self._clock.now_s()
        ends = [utc_text(utc + timedelta(seconds=at_s - now_s)) for at_s in (closed.start_s, closed.end_s)]
        figures = {"deviation_wh": closed.deviation_wh, "tolerance_wh": closed.tolerance_wh}
        return {"interval_start": ends[0], "interval_end": ends[1], **figures}


def _over(notes: Sequence[Note]) -> list[tuple[Entry, State]]:
    return [(note.gone, note.state) for note in notes if note.gone is not None]
