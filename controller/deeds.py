"""What each message about a contract does to it: one function a message. Pure; every refusal leaves the book untouched."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from controller.admission import AdmissionPolicy, Refusal, judge
from controller.book import Book, Called, Early, Entry, Note, Pending, digest, entry_of
from controller.overlap import are_rivals, in_the_way, too_much
from controller.roles import Party, Role
from protocols.actions import (
    Accept,
    Action,
    Amend,
    Approve,
    Call,
    Cancel,
    Counter,
    Default,
    Settle,
    Supersede,
    action_name,
)
from protocols.contracts import Contract, Dispatch, Energy, Option, State, asked_text, at_power, product_of, utc_text

Taken = tuple[Book, tuple[Note, ...]]
# What a message answers that cannot be done yet: what it is about has still to come.
EARLY: Final[Taken] = (Book(), ())


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of a decision, on both clocks."""

    mono_s: float
    utc: datetime


@dataclass(frozen=True, slots=True)
class Archived:
    """What is left of a contract that is over: its state, and who it was between."""

    id: str
    state: State
    issuer: str
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a decision rests on besides the book."""

    policy: AdmissionPolicy
    now: Now
    archive: Mapping[str, Archived]


def entered(book: Book, new: Entry, scene: Scene, asked: str = "") -> Taken:
    """A contract that may enter: it waits for acceptance (of `asked`), for the zone's approval, or for its window."""
    if asked:
        entry = replace(new.to(State.PROPOSED), party=asked, deadline_s=new.end_s)
        return book.with_entry(entry), (Note(entry.id, State.PROPOSED, why=f"{asked} is asked to accept it"),)
    if scene.policy.zone.approves(new.contract):
        deadline_s = min(scene.now.mono_s + scene.policy.zone.within_s, new.end_s)
        entry = replace(new.to(State.AGREED), deadline_s=deadline_s)
        why = f"{scene.policy.zone.approver} is asked to approve it within {deadline_s - scene.now.mono_s:.0f} s"
        return book.with_entry(entry), (Note(entry.id, State.AGREED, why=why),)
    return in_force(book, new, scene)


def in_force(book: Book, entry: Entry, scene: Scene) -> Taken:
    """The contract binds from now on: it waits for its window, and ends what it takes the place of."""
    entry = replace(entry.to(State.ACCEPTED), deadline_s=float("inf"))
    notes = [Note(entry.id, State.ACCEPTED, why=plan(entry.contract))]
    if entry.replaces and (old := book.find(entry.replaces)) is not None:
        book, ended = _ended_by(book, old, entry, scene.now.mono_s)
        notes += ended
    book, entry = _cleared(book, entry)
    return book.with_entry(entry), tuple(notes)


def _cleared(book: Book, entry: Entry) -> tuple[Book, Entry]:
    """Of two dispatches of a common time the one with the lower number ends where the other begins, whichever came first."""
    if not isinstance(entry.contract, Dispatch):
        return book, entry
    for old in book.entries:
        if old.id != entry.id and old.binds and are_rivals(old, entry):
            older, newer = sorted((old, entry), key=lambda each: each.seq)
            cut = replace(older, end_s=min(older.end_s, newer.start_s), superseded_by=newer.id)
            book, entry = (book, cut) if older is entry else (book.with_entry(cut), entry)
    return book, entry


def _ended_by(book: Book, old: Entry, new: Entry, now_s: float) -> Taken:
    """A contract that binds ends where the new one begins; one that did not bind yet is gone."""
    if old.binds:
        end_s = min(old.end_s, max(new.start_s, now_s))
        return book.with_entry(replace(old, end_s=end_s, superseded_by=new.id)), ()
    gone = replace(old, superseded_by=new.id).to(State.EXPIRED)
    return book.without(old.id), (Note(old.id, State.EXPIRED, "superseded", f"superseded by {new.id}", gone=gone),)


def deal(book: Book, early: Early, party: Party, scene: Scene) -> Taken:
    """Do what a message says to its contract, which is in the book; EARLY where something else must come first."""
    entry, action = book.find(early.action.contract), early.action
    if entry is None:
        return EARLY
    if (refusal := _may(entry, action, party, scene.policy)) is not None:
        return _no(book, entry.id, refusal)
    match action:
        case Amend():
            return _amend(book, entry, action, early.token, scene)
        case Supersede() | Counter():
            return _succeed(book, entry, action, early.token, scene)
        case Accept():
            return _accept(book, entry, action, scene)
        case Approve():
            return _approve(book, entry, action, scene)
        case Call():
            return _call(book, entry, action, early.came_s, scene)
        case Cancel() | Default() | Settle():
            return _end(book, entry, action, party)


def _end(book: Book, entry: Entry, action: Cancel | Default | Settle, party: Party) -> Taken:
    match action:
        case Cancel():
            return _cancel(book, entry, action, party)
        case Default():
            return _default(book, entry, action, party)
        case Settle():
            return _no(book, entry.id, Refusal("state", f"is {entry.state}: settled is what has ended"))


def deal_with_archived(book: Book, action: Action, party: Party, scene: Scene) -> Taken:
    """A message about a contract that is over: it can still be paid, or said to have been broken."""
    old = scene.archive[action.contract]
    if old.state is not State.EXPIRED or not isinstance(action, Default | Settle):
        return _no(book, old.id, Refusal("late", f"is {old.state} already: {action_name(action)} comes too late"))
    if party.name != old.issuer and party.role is not Role.HOUSEHOLD:
        return _no(book, old.id, Refusal("party", f"{party.name} is no party to it: {old.issuer} is"))
    if isinstance(action, Settle):
        return book, (Note(old.id, State.SETTLED, why=f"{action.amount_due} {action.currency}, says {party.name}"),)
    if action.party not in _parties(old.issuer, old.peer, scene.policy):
        return _no(book, old.id, Refusal("party", f"{action.party} is no party to it"))
    return book, (
        Note(old.id, State.DEFAULTED, action.party, f"{action.party} defaulted, says {party.name}: {action.why}"),
    )


def _no(book: Book, contract: str, refusal: Refusal) -> Taken:
    return book, (Note(contract, State.REFUSED, refusal.reason, refusal.why),)


def _may(entry: Entry, action: Action, party: Party, policy: AdmissionPolicy) -> Refusal | None:
    """Whether the signer has a say in this contract."""
    issuer, answers = entry.contract.iss, isinstance(action, Cancel | Counter) and entry.state is State.PROPOSED
    match action:
        case Approve():
            allowed = {policy.zone.approver}
        case Accept():
            allowed = {entry.party}
        case Default():
            allowed = {issuer, policy.household}
        case Counter():
            allowed = {entry.party} if answers else set()
        case _:
            allowed = {issuer, entry.party} if answers else {issuer}
    if party.name in allowed and party.name:
        return None
    text = f"{action_name(action)} by {party.name} while it is {entry.state}: allowed is {', '.join(sorted(allowed)) or 'nobody'}"
    return Refusal("party", text)


def _parties(issuer: str, peer: str, policy: AdmissionPolicy) -> set[str]:
    return {issuer, peer, policy.node, policy.household} - {""}


def _cancel(book: Book, entry: Entry, action: Cancel, party: Party) -> Taken:
    because = f": {action.why}" if action.why else ""
    if party.name != entry.contract.iss:
        note = Note(
            entry.id, State.REFUSED, "declined", f"{party.name} declined{because}", gone=entry.to(State.REFUSED)
        )
    else:
        note = Note(
            entry.id, State.CANCELLED, "", f"cancelled by {party.name}{because}", gone=entry.to(State.CANCELLED)
        )
    return book.without(entry.id), (note,)


def _amend(book: Book, entry: Entry, action: Amend, token: bytes, scene: Scene) -> Taken:
    """New terms, or not at all: whatever is against them leaves the old ones as they are."""
    newest = entry.seq if entry.pending is None else entry.pending.seq
    if action.seq < newest:
        return _no(
            book, entry.id, Refusal("late", f"amendment {action.seq} is older than the terms of message {newest}")
        )
    new = replace(entry_of(action.terms, token, scene.now.mono_s, scene.now.utc), replaces=entry.replaces)
    refusal = _same_kind(entry.contract, action.terms) or judge(action.terms, scene.policy, scene.now.utc)
    refusal = refusal or in_the_way(book.entries, new) or too_much(book.entries, new, scene.policy)
    if refusal is not None:
        return _no(book, entry.id, refusal)
    if entry.state is not State.PROPOSED and scene.policy.zone.approves(action.terms):
        pending = Pending(
            action.terms, token, action.seq, min(scene.now.mono_s + scene.policy.zone.within_s, new.end_s)
        )
        note = Note(entry.id, State.AMENDED, "agreed", f"{scene.policy.zone.approver} is asked: {plan(action.terms)}")
        return book.with_entry(replace(entry, pending=pending)), (note,)
    return _amended(book, entry, new)


def _amended(book: Book, entry: Entry, new: Entry) -> Taken:
    """The entry under new terms; what was metered under the old ones stays counted."""
    note = Note(entry.id, State.AMENDED, "", plan(new.contract))
    kept = replace(
        entry,
        contract=new.contract,
        token=new.token,
        start_s=new.start_s,
        end_s=new.end_s,
        seq=new.seq,
        pending=None,
        written_s=None,
        superseded_by="",
    )
    if not entry.binds:
        return book.with_entry(replace(kept, deadline_s=new.end_s)), (note,)
    waits = replace(kept, state=State.ACCEPTED, clamp="")
    book, waits = _cleared(book, waits)
    return book.with_entry(waits), (note, Note(entry.id, State.ACCEPTED, "amended", plan(new.contract)))


def _same_kind(old: Contract, new: Contract) -> Refusal | None:
    if type(old) is type(new):
        return None
    return Refusal("product", f"is {product_of(new)}: the contract is {product_of(old)}, and another one supersedes it")


def _succeed(book: Book, entry: Entry, action: Supersede | Counter, token: bytes, scene: Scene) -> Taken:
    """Another contract in the place of this one: at once, or, of a counter-offer, when it is accepted."""
    terms = action.terms
    new = entry_of(terms, token, scene.now.mono_s, scene.now.utc, State.RECEIVED)
    new = replace(new, replaces=entry.id)
    if book.find(terms.id) is not None or terms.id in scene.archive:
        return _no(
            book, entry.id, Refusal("duplicate", f"id {terms.id!r} is in the book already: each contract needs its own")
        )
    refusal = judge(terms, scene.policy, scene.now.utc) or in_the_way(book.entries, new)
    refusal = refusal or too_much(book.entries, new, scene.policy)
    if refusal is not None:
        return _no(book, entry.id, refusal)
    other = entry.contract.iss if action.iss == entry.party else entry.party
    return entered(book, new, scene, asked=other if isinstance(action, Counter) else "")


def _accept(book: Book, entry: Entry, action: Accept, scene: Scene) -> Taken:
    if entry.state is not State.PROPOSED:
        return _no(book, entry.id, Refusal("state", f"is {entry.state}: accepted is what is proposed"))
    if action.sha256 != digest(entry.token):
        return EARLY
    return entered(book, replace(entry, party=""), scene)


def _approve(book: Book, entry: Entry, action: Approve, scene: Scene) -> Taken:
    """The zone's word on exactly these terms: those that wait, or amended ones that do."""
    if entry.pending is not None and action.sha256 == digest(entry.pending.token):
        return _approve_pending(book, entry, entry.pending, action, scene)
    if action.sha256 != digest(entry.token) or entry.state is State.PROPOSED:
        return EARLY
    if entry.state is not State.AGREED:
        return _no(book, entry.id, Refusal("state", f"is {entry.state}: approved is what is agreed"))
    if action.verdict == "refused":
        return without_approval(book, entry, Refusal("zone", _because(action)))
    granted = replace(entry, contract=_granted(entry.contract, action))
    book, notes = in_force(book, granted, scene)
    return book, (_approved(entry, action), *notes)


def _approve_pending(book: Book, entry: Entry, pending: Pending, action: Approve, scene: Scene) -> Taken:
    if action.verdict == "refused":
        why = f"{_because(action)}; the old terms stay in force"
        return book.with_entry(replace(entry, pending=None)), (Note(entry.id, State.REFUSED, "zone", why),)
    terms = _granted(pending.contract, action)
    new = replace(
        entry_of(terms, pending.token, scene.now.mono_s, scene.now.utc), seq=pending.seq, replaces=entry.replaces
    )
    refusal = in_the_way(book.entries, new) or too_much(book.entries, new, scene.policy)
    if refusal is not None:
        return _no(book.with_entry(replace(entry, pending=None)), entry.id, refusal)
    if entry.binds:
        book, notes = _amended(book, entry, new)
    else:
        book, notes = in_force(book, replace(new, state=State.AGREED), scene)
        notes = (Note(entry.id, State.AMENDED, "", plan(new.contract)), *notes)
    return book, (_approved(entry, action), *notes)


def without_approval(book: Book, entry: Entry, refusal: Refusal) -> Taken:
    """What waited for the zone is refused; an amendment that waits too takes its place."""
    if entry.pending is not None:
        waits = replace(entry, contract=entry.pending.contract, token=entry.pending.token, seq=entry.pending.seq)
        waits = replace(waits, deadline_s=entry.pending.deadline_s, pending=None)
        why = f"{refusal.why}; its amendment waits for approval"
        return book.with_entry(waits), (Note(entry.id, State.AMENDED, "", why),)
    note = Note(entry.id, State.REFUSED, refusal.reason, refusal.why, gone=entry.to(State.REFUSED))
    return book.without(entry.id), (note,)


def _granted(contract: Contract, action: Approve) -> Contract:
    return contract if action.power_w is None else at_power(contract, action.power_w)


def _approved(entry: Entry, action: Approve) -> Note:
    return Note(entry.id, State.APPROVED, action.verdict, _because(action))


def _because(action: Approve) -> str:
    left = f" at {action.power_w:g} W" if action.power_w is not None else ""
    binding = f": {action.binding} binds" if action.binding else ""
    word = "refused" if action.verdict == "refused" else f"approved{left}"
    return f"{word} by {action.iss}{binding}"


def _call(book: Book, entry: Entry, action: Call, came_s: float, scene: Scene) -> Taken:
    """An option is called: notice, length and power are those of its terms. A call with a higher number goes before."""
    option = entry.contract
    if not isinstance(option, Option):
        return _no(book, entry.id, Refusal("product", f"is {product_of(option)}: only an option is called"))
    if not entry.binds:
        return EARLY
    start_s = scene.now.mono_s + (action.start - scene.now.utc).total_seconds()
    call = Called(start_s, start_s + action.duration_s, action.change_w, action.seq)
    if (refusal := _callable(option, entry, call, came_s)) is not None:
        return _no(book, entry.id, refusal)
    calls: tuple[Called, ...] = ()
    for each in sorted((*entry.calls, call), key=lambda each: each.seq):
        calls = (*(_before(old, each) for old in calls), each)
    calls = tuple(sorted((each for each in calls if each.end_s > each.start_s), key=lambda each: each.start_s))
    why = f"{call.change_w:+g} W from {utc_text(action.start)} for {action.duration_s:g} s"
    return book.with_entry(replace(entry, calls=calls)), (Note(entry.id, State.CALLED, "", why),)


def _before(old: Called, new: Called) -> Called:
    """An earlier call, ended where a later one begins."""
    apart = old.end_s <= new.start_s or new.end_s <= old.start_s
    return old if apart else replace(old, end_s=max(new.start_s, old.start_s))


def _callable(option: Option, entry: Entry, call: Called, came_s: float) -> Refusal | None:
    # Moments come from two clocks and texts of milliseconds.
    slack_s, lasts_s = 0.5, call.end_s - call.start_s
    if call.start_s < came_s + option.notice_s - slack_s:
        ahead = f"{call.start_s - came_s:.0f} s ahead"
        return Refusal("notice", f"called {ahead}: at least notice_s {option.notice_s:g} is needed")
    if call.start_s < entry.start_s - slack_s or call.end_s > entry.end_s + slack_s:
        return Refusal("window", f"called for {lasts_s:g} s outside the option's window")
    if option.longest_s is not None and lasts_s > option.longest_s:
        return Refusal("window", f"called for {lasts_s:g} s: at most longest_s {option.longest_s:g} is allowed")
    if not option.least_w <= call.change_w <= option.most_w:
        text = f"called {call.change_w:+g} W: {option.least_w:+g} to {option.most_w:+g} W is allowed"
        return Refusal("out_of_range", text)
    return None


def _default(book: Book, entry: Entry, action: Default, party: Party) -> Taken:
    if not entry.binds:
        return _no(book, entry.id, Refusal("state", f"is {entry.state}: nothing binds yet that could be broken"))
    why = f"{action.party} defaulted, says {party.name}: {action.why}"
    note = Note(entry.id, State.DEFAULTED, action.party, why, gone=entry.to(State.DEFAULTED))
    return book.without(entry.id), (note,)


def peer_of(contract: Contract) -> str:
    """The other side of a trade, where the terms name one."""
    return contract.peer if isinstance(contract, Energy) else ""


def plan(contract: Contract) -> str:
    """What is asked for, when, and what follows."""
    window = f"from {utc_text(contract.start)} to {utc_text(contract.end)}"
    return f"{asked_text(contract)} {window}, fallback {contract.fallback}"
