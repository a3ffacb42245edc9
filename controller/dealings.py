"""What a signed message does to the book, and what time does. Pure: a book and a message in, a book and what is to be said out.

The same message twice changes nothing, and is refused with the answer that it had the first time. Messages about one contract
may come in any order: whichever terms have the higher number hold, and what comes before its contract waits for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from controller.admission import AdmissionPolicy, Refusal, addressed, judge
from controller.book import EARLY_MOST, EARLY_S, Book, Early, Entry, Note, digest, entry_of
from controller.deeds import EARLY, Archived, Now, Scene, deal, deal_with_archived, entered, without_approval
from controller.overlap import in_the_way, too_much
from controller.replay import Answer, Window
from controller.roles import Party, forbidden
from protocols.actions import Action
from protocols.contracts import Contract, State

__all__ = ["Archived", "Incoming", "take", "tick"]
# Reasons that use up no number: anybody who is trusted could spend another's, or another node's.
_FREE: Final = frozenset({"issuer", "audience", "sequence"})
Taken = tuple[Book, tuple[Note, ...]]


@dataclass(frozen=True, slots=True)
class Incoming:
    """An authentic message: what it says, its bytes, whose key signed it."""

    message: Contract | Action
    token: bytes
    party: Party

    @property
    def contract_id(self) -> str:
        """The contract that it is or is about."""
        return self.message.id if isinstance(self.message, Contract) else self.message.contract


def take(
    book: Book,
    incoming: Incoming,
    policy: AdmissionPolicy,
    now: tuple[float, datetime],
    archive: Mapping[str, Archived],
) -> Taken:
    """Judge an authentic message and do what it says; `now` is (monotonic, UTC), `archive` what is known of ids that are over.

    The number of an authentic message to this node is used up even when the message is refused, so a refused
    one cannot be played again when it would fit.
    """
    message, party = incoming.message, incoming.party
    window = book.windows.get(party.name, Window())
    refusal = addressed(message, party.name, policy) or _numbered(message, party, window)
    if refusal is not None:
        seen = window.answered(message.seq, digest(incoming.token)) if refusal.reason == "sequence" else None
        return book, (_refused(incoming.contract_id, refusal, "" if seen is None else seen.state),)
    book, notes = _taken(book, incoming, Scene(policy, Now(*now), archive))
    answer = Answer(digest(incoming.token), notes[0].state, notes[0].reason)
    return book.with_used(party.name, window.with_used(message.seq, answer)), notes


def tick(book: Book, policy: AdmissionPolicy, now: tuple[float, datetime]) -> Taken:
    """What happens by itself: who was not answered or approved in time is refused, an early message is given up."""
    now_s = now[0]
    if now_s < book.due_s:
        return book, ()
    notes: list[Note] = []
    for entry in book.entries:
        book = _past_deadline(book, entry, policy, now_s, notes)
    given_up = [each for each in book.early if now_s >= each.came_s + EARLY_S]
    for each in given_up:
        why = f"contract {each.action.contract} did not come within {EARLY_S:g} s"
        notes.append(_refused(each.action.contract, Refusal("unknown", why)))
    return replace(book, early=tuple(each for each in book.early if each not in given_up)), tuple(notes)


def _past_deadline(book: Book, entry: Entry, policy: AdmissionPolicy, now_s: float, notes: list[Note]) -> Book:
    who = policy.zone.approver
    if entry.state is State.AGREED and now_s >= entry.deadline_s:
        book, said = without_approval(book, entry, Refusal("unapproved", f"{who} did not approve it in time"))
        notes += said
        return book
    if entry.pending is not None and now_s >= entry.pending.deadline_s:
        why = f"{who} did not approve the amended terms in time: the old ones stay in force"
        notes.append(_refused(entry.id, Refusal("unapproved", why)))
        return book.with_entry(replace(entry, pending=None))
    if entry.binds or now_s < entry.deadline_s:
        return book
    refusal = Refusal("unanswered", f"{entry.party} did not accept it in time")
    notes.append(replace(_refused(entry.id, refusal), gone=entry.to(State.REFUSED)))
    return book.without(entry.id)


def _numbered(message: Contract | Action, party: Party, window: Window) -> Refusal | None:
    if window.is_fresh(message.seq):
        return None
    text = f"sequence {message.seq} of {party.name} is used up: the highest is {window.highest}, each counts once"
    return Refusal("sequence", text)


def _refused(contract: str | None, refusal: Refusal, answered: str = "") -> Note:
    return Note(contract, State.REFUSED, refusal.reason, refusal.why, answered)


def _taken(book: Book, incoming: Incoming, scene: Scene) -> Taken:
    """A fresh message: at least one note, of which the first is the answer to it."""
    message, party = incoming.message, incoming.party
    if (named := forbidden(party, message)) is not None:
        text = f"{party.name} is {party.role}: it may not send {named}"
        return book, (_refused(incoming.contract_id, Refusal("role", text)),)
    if isinstance(message, Contract):
        book, notes = _proposed(book, message, incoming.token, party, scene)
    else:
        book, notes = _dealt(book, message, incoming.token, party, scene)
    return _with_early(book, incoming.contract_id, scene, notes)


def _proposed(book: Book, contract: Contract, token: bytes, party: Party, scene: Scene) -> Taken:
    new = entry_of(contract, token, scene.now.mono_s, scene.now.utc, State.RECEIVED)
    refusal = (
        _known(book, contract.id, scene.archive)
        or judge(contract, scene.policy, scene.now.utc)
        or in_the_way(book.entries, new)
        or too_much(book.entries, new, scene.policy)
    )
    if refusal is not None:
        return book, (_refused(contract.id, refusal),)
    return entered(book, new, scene, asked=scene.policy.household if party.is_asked else "")


def _known(book: Book, contract_id: str, archive: Mapping[str, Archived]) -> Refusal | None:
    if book.find(contract_id) is None and contract_id not in archive:
        return None
    return Refusal("duplicate", f"id {contract_id!r} is in the book already: each contract needs its own")


def _dealt(book: Book, action: Action, token: bytes, party: Party, scene: Scene) -> Taken:
    """A message about a contract; one that comes before its contract waits for it."""
    if action.until is not None and action.until <= scene.now.utc:
        text = f"counted until {action.until}: it is {scene.now.utc} now"
        return book, (_refused(action.contract, Refusal("expired", text)),)
    early = Early(action, token, party.name, scene.now.mono_s)
    if book.find(action.contract) is None and action.contract in scene.archive:
        return deal_with_archived(book, action, party, scene)
    done = deal(book, early, party, scene) if book.find(action.contract) is not None else EARLY
    if done is not EARLY:
        return done
    if sum(each.sender == party.name for each in book.early) >= EARLY_MOST:
        text = f"contract {action.contract} is not in the book, and {EARLY_MOST} messages wait for others already"
        return book, (_refused(action.contract, Refusal("unknown", text)),)
    why = f"came before what it is about: kept for {EARLY_S:g} s"
    return replace(book, early=(*book.early, early)), (Note(action.contract, State.RECEIVED, "early", why),)


def _with_early(book: Book, contract_id: str, scene: Scene, notes: tuple[Note, ...]) -> Taken:
    """Do what waited for this contract, lowest number first, as long as anything of it can be done."""
    for early in sorted(book.early, key=lambda each: each.action.seq):
        if early.action.contract != contract_id or book.find(contract_id) is None or early not in book.early:
            continue
        without = replace(book, early=tuple(each for each in book.early if each != early))
        done = deal(without, early, Party(early.sender), scene)
        if done is not EARLY:
            return _with_early(done[0], contract_id, scene, (*notes, *done[1]))
    return book, notes
