"""The book on disk: a key for each contract, each issuer's used numbers and what came too early; what is over in an archive.

A change writes what it changes, in one transaction, and nothing of the rest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final

import msgspec

from controller.book import Book, Called, Early, Entry, Pending, entry_of
from controller.deeds import Archived, peer_of
from controller.replay import Answer, Window
from protocols.actions import Action, WithTerms, parse_action
from protocols.contracts import Contract, State, at_power, parse_contract, power_of, utc_text
from protocols.faults import Refused
from protocols.ports import Clock, Journal
from protocols.signing import APPROVAL, CONTRACT, DEED, SignedText

_CONTRACTS: Final = "book/contract/"
_WINDOWS: Final = "book/used/"
_EARLY: Final = "book/early"
_ARCHIVE: Final = "archive/"
KINDS: Final = (CONTRACT, DEED, APPROVAL)
Opened = Callable[[bytes], SignedText]


class _KeptCall(msgspec.Struct, frozen=True):
    start: str
    end: str
    change_w: float
    seq: int


class _KeptEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    token: str
    state: State
    start: str
    end: str
    power_w: float
    superseded_by: str = ""
    party: str = ""
    replaces: str = ""
    deadline: str = ""
    calls: tuple[_KeptCall, ...] = ()
    pending: str = ""
    pending_deadline: str = ""


class _KeptEarly(msgspec.Struct, frozen=True):
    token: str
    sender: str
    came: str


class _KeptWindow(msgspec.Struct, frozen=True):
    floor: int
    used: dict[int, Answer]


class Shelf:
    """Where a node keeps its book; `opened` checks the signature of what is read back."""

    def __init__(self, journal: Journal, clock: Clock, opened: Opened) -> None:
        self._journal, self._clock, self._opened = journal, clock, opened

    async def put(self, before: Book, after: Book, over: Iterable[tuple[Entry, State]] = ()) -> None:
        """Make the difference between two books durable, and archive what is over; StoreFailed leaves the disk as it was."""
        values: dict[str, bytes | None] = {}
        if before.entries is not after.entries:
            old = {entry.id: entry for entry in before.entries}
            for entry in after.entries:
                if old.pop(entry.id, None) is not entry:
                    values[_CONTRACTS + entry.id] = msgspec.json.encode(self._kept(entry))
            values |= dict.fromkeys(map(_CONTRACTS.__add__, old))
        for name, window in after.windows.items():
            if before.windows.get(name) is not window:
                values[_WINDOWS + name] = msgspec.json.encode(_KeptWindow(window.floor, dict(window.used)))
        if before.early is not after.early:
            kept = [_KeptEarly(each.token.decode(), each.sender, self._utc(each.came_s)) for each in after.early]
            values[_EARLY] = msgspec.json.encode(kept)
        for entry, state in over:
            gone = Archived(entry.id, state, entry.contract.iss, peer_of(entry.contract))
            values[_ARCHIVE + entry.id] = msgspec.json.encode(gone)
        if values:
            await self._journal.keep_all(values)

    async def archive(self, archived: Archived) -> None:
        """Keep what became of a contract that is over."""
        await self._journal.keep(_ARCHIVE + archived.id, msgspec.json.encode(archived))

    async def archived(self, contract_ids: Iterable[str]) -> dict[str, Archived]:
        """Those of these contracts that are over."""
        found = {name: await self._journal.kept(_ARCHIVE + name) for name in contract_ids}
        return {name: msgspec.json.decode(raw, type=Archived) for name, raw in found.items() if raw is not None}

    async def taken(self, dropped: Callable[[Refused], None]) -> Book:
        """The book as it stands on disk; what can no longer be opened is dropped, and told."""
        entries = []
        for raw in (await self._journal.kept_under(_CONTRACTS)).values():
            try:
                entries.append(self._entry(msgspec.json.decode(raw, type=_KeptEntry)))
            except Refused as refused:
                dropped(refused)
        kept = {name: msgspec.json.decode(raw, type=_KeptWindow) for name, raw in await self._windows()}
        windows = {name: Window(each.floor, each.used) for name, each in kept.items()}
        early = await self._early(dropped)
        return Book(tuple(sorted(entries, key=lambda entry: entry.start_s)), windows, early)

    async def _windows(self) -> Iterable[tuple[str, bytes]]:
        kept = await self._journal.kept_under(_WINDOWS)
        return [(key.removeprefix(_WINDOWS), raw) for key, raw in kept.items()]

    async def _early(self, dropped: Callable[[Refused], None]) -> tuple[Early, ...]:
        found = []
        for item in msgspec.json.decode(await self._journal.kept(_EARLY) or b"[]", type=list[_KeptEarly]):
            try:
                message = message_of(self._opened(item.token.encode()))
            except Refused as refused:
                dropped(refused)
                continue
            if not isinstance(message, Contract):
                found.append(Early(message, item.token.encode(), item.sender, self._mono_s(item.came)))
        return tuple(found)

    def _kept(self, entry: Entry) -> _KeptEntry:
        pending = entry.pending
        return _KeptEntry(
            token=entry.token.decode(),
            state=entry.state,
            start=self._utc(entry.start_s),
            end=self._utc(entry.end_s),
            power_w=abs(power_of(entry.contract)),
            superseded_by=entry.superseded_by,
            party=entry.party,
            replaces=entry.replaces,
            deadline=self._utc(entry.deadline_s),
            calls=tuple(_KeptCall(self._utc(c.start_s), self._utc(c.end_s), c.change_w, c.seq) for c in entry.calls),
            pending="" if pending is None else pending.token.decode(),
            pending_deadline="" if pending is None else self._utc(pending.deadline_s),
        )

    def _entry(self, item: _KeptEntry) -> Entry:
        terms = self._terms(item.token)
        entry = entry_of(at_power(terms, item.power_w), item.token.encode(), self._clock.now_s(), self._clock.utc())
        # What was written may have reverted while nobody was there: it must be written and observed again.
        state = State.REVERTED if item.state in (State.WRITTEN, State.OBSERVED) else item.state
        return replace(
            entry,
            state=state,
            end_s=min(entry.end_s, self._mono_s(item.end)),
            superseded_by=item.superseded_by,
            party=item.party,
            replaces=item.replaces,
            deadline_s=self._mono_s(item.deadline),
            calls=tuple(Called(self._mono_s(c.start), self._mono_s(c.end), c.change_w, c.seq) for c in item.calls),
            pending=self._pending(item),
        )

    def _pending(self, item: _KeptEntry) -> Pending | None:
        if not item.pending:
            return None
        terms = self._terms(item.pending)
        return Pending(terms, item.pending.encode(), terms.seq, self._mono_s(item.pending_deadline))

    def _terms(self, token: str) -> Contract:
        return terms_of(self._opened(token.encode()))

    def _utc(self, at_s: float) -> str:
        if at_s == inf:
            return ""
        return utc_text(self._clock.utc() + timedelta(seconds=at_s - self._clock.now_s()))

    def _mono_s(self, text: str) -> float:
        if not text:
            return inf
        moment = datetime.fromisoformat(text).astimezone(UTC)
        return self._clock.now_s() + (moment - self._clock.utc()).total_seconds()


def message_of(signed: SignedText) -> Contract | Action:
    """What a signed message says; its kind must be that of its content. Refused."""
    if signed.kind == CONTRACT:
        return parse_contract(signed.payload)
    action = parse_action(signed.payload)
    is_approval = action.__struct_config__.tag == "approve"
    if is_approval is not (signed.kind == APPROVAL):
        raise Refused("malformed", f"JWS type {signed.kind!r} does not go with action {action.__struct_config__.tag!r}")
    return action


def terms_of(signed: SignedText) -> Contract:
    """The terms that a signed message brings; Refused where it brings none."""
    message = message_of(signed)
    if isinstance(message, Contract):
        return message
    if isinstance(message, WithTerms):
        return message.terms
    raise Refused("malformed", "message brings no terms")


def ids_in(message: Contract | Action) -> Mapping[str, None]:
    """Every contract id that a message names."""
    if isinstance(message, Contract):
        return {message.id: None}
    inner = {message.terms.id: None} if isinstance(message, WithTerms) else {}
    return {message.contract: None, **inner}
