"""The contract desk: opens what comes in, keeps the book on disk, and says every state of every contract.

Nothing is accepted before the book with it is durable. After a restart the book is read back, each contract's
signature is checked again, and windows are placed anew on the monotonic clock.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from controller.admission import AdmissionPolicy, Refusal
from controller.book import Book, Entry, admit, entry_of
from controller.observe import Said
from firmware_py.home.flood import Flood
from firmware_py.home.outbox import Outbox
from firmware_py.home.report import clock_status
from protocols.contracts import Contract, State, asked_text, parse_contract, utc_text
from protocols.evidence import CONTRACT, TOKEN
from protocols.faults import Refused, StoreFailed
from protocols.messages import ContractEvent, encode
from protocols.ports import Clock, Journal, Message
from protocols.signing import open_signed

_BOOK: Final = "book"
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
    """Public keys (JWK text) by thumbprint, and the issuer each belongs to."""

    keys: dict[str, str]
    issuers: dict[str, str]


class _KeptEntry(msgspec.Struct, frozen=True):
    token: str
    state: State
    end: str
    superseded_by: str = ""


class _KeptBook(msgspec.Struct, frozen=True):
    last_seq: dict[str, int]
    entries: list[_KeptEntry]


class ContractDesk:
    """Holds the book; every change of it goes through here."""

    def __init__(self, trust: Trust, policy: AdmissionPolicy, clock: Clock, journal: Journal, outbox: Outbox) -> None:
        self.book = Book()
        self._changing = asyncio.Lock()
        self._strangers = Flood(STRANGERS, STRANGER_EACH_S)
        self._trust, self._policy, self._clock, self._journal, self._outbox = trust, policy, clock, journal, outbox

    async def recall(self) -> None:
        """Read the book of an earlier life; a contract whose key is no longer trusted is left out and said so."""
        raw = await self._journal.kept(_BOOK)
        if not raw:
            return
        kept = msgspec.json.decode(raw, type=_KeptBook)
        entries = [entry for item in kept.entries if (entry := self._recalled(item)) is not None]
        self.book = Book(tuple(sorted(entries, key=lambda entry: entry.start_s)), kept.last_seq)

    async def receive(self, message: Message) -> bool:
        """Take in a message of `contract/in`; whether the book has changed. Every refusal is said, none escapes."""
        signed = contract = None
        try:
            if message.retained:
                raise Refused("retained", "message was retained by the broker: a retained command is an immortal one")
            signed = open_signed(message.payload, self._trust.keys)
            contract = parse_contract(signed.payload)
            self.say(contract.id, Said(State.RECEIVED, why=f"from {contract.iss}, sequence {contract.seq}"))
            async with self._changing:
                await self._admit(contract, signed.token, self._trust.issuers[signed.key_id])
            self._outbox.attest(TOKEN, b'"%b"' % signed.token)
        except Refused as refused:
            self._refuse(refused, contract.id if contract is not None else None, is_stranger=signed is None)
            return False
        self.say(contract.id, Said(State.ACCEPTED, why=_plan(contract)))
        return True

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
            before = self.book.find(contract)
            if before is None:
                return
            after, said = step(before)
            gone = after.state is State.EXPIRED
            self.book = self.book.without(contract) if gone else self.book.with_entry(after)
            for item in said:
                self.say(contract, item, setpoints)
            if said:
                await self._keep_if_possible()

    async def _keep_if_possible(self) -> None:
        """Control goes on with a full disk; after a restart the states are then found again from the window and the meter."""
        try:
            await self._keep()
        except StoreFailed as fault:
            _log.error("book not kept: %s", fault)

    def say(self, contract: str | None, said: Said, setpoints: dict[str, float | None] | None = None) -> None:
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
        )
        self._outbox.record(CONTRACT, encode(event))

    async def _admit(self, contract: Contract, token: bytes, issuer: str) -> None:
        utc = self._clock.utc()
        if utc < EARLIEST:
            raise Refused("clock", f"the wall clock says {utc}: no time window can be judged before it is set")
        now = (self._clock.now_s(), utc)
        before = self.book
        self.book, refusal = admit(self.book, contract, token, issuer, self._policy, now)
        if self.book is not before:
            try:
                await self._keep()
            except StoreFailed as fault:
                self.book = before
                raise Refused("store", f"not accepted, because it could not be made durable: {fault}") from fault
        if refusal is not None:
            raise _refused(refusal)

    async def _keep(self) -> None:
        utc, now_s = self._clock.utc(), self._clock.now_s()
        entries = [_kept(entry, utc, now_s) for entry in self.book.entries]
        await self._journal.keep(_BOOK, msgspec.json.encode(_KeptBook(dict(self.book.last_seq), entries)))

    def _recalled(self, item: _KeptEntry) -> Entry | None:
        try:
            signed = open_signed(item.token.encode(), self._trust.keys)
            contract = parse_contract(signed.payload)
        except Refused as refused:
            _log.warning("a contract of the kept book is dropped: %s", refused)
            self.say(None, Said(State.REFUSED, refused.reason, f"in the kept book: {refused}"))
            return None
        now_s, utc = self._clock.now_s(), self._clock.utc()
        entry = entry_of(contract, signed.token, now_s, utc)
        end_s = now_s + (datetime.fromisoformat(item.end) - utc).total_seconds()
        # What was written may have reverted while nobody was there: it must be written and observed again.
        state = State.REVERTED if item.state in (State.WRITTEN, State.OBSERVED) else item.state
        return replace(entry, state=state, end_s=min(entry.end_s, end_s), superseded_by=item.superseded_by)


def _kept(entry: Entry, utc: datetime, now_s: float) -> _KeptEntry:
    end = entry.contract.end
    if entry.superseded_by:
        end = datetime.fromtimestamp(utc.timestamp() + entry.end_s - now_s, UTC)
    return _KeptEntry(entry.token.decode(), entry.state, utc_text(end), entry.superseded_by)


def _refused(refusal: Refusal) -> Refused:
    return Refused(refusal.reason, refusal.why)


def _plan(contract: Contract) -> str:
    window = f"from {utc_text(contract.start)} to {utc_text(contract.end)}"
    return f"{asked_text(contract)} {window}, fallback {contract.fallback}"
