"""The book of contracts of one node: who may go from which state to which, as data, and what a cycle adds to it.

A contract waits as ACCEPTED. Once its window is open and the devices hold what it asks, it is WRITTEN; once the meter
shows it, OBSERVED. While the law is blind or cut off it is REVERTED and may come back; at its end it is EXPIRED, with
what the meter says of it. A later dispatch of the same issuer ends an overlapping one at its own start.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from controller.admission import AdmissionPolicy, Refusal, judge
from controller.proof import Tally
from protocols.contracts import Contract, Dispatch, State

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.RECEIVED: frozenset({State.ACCEPTED, State.REFUSED}),
        State.ACCEPTED: frozenset({State.WRITTEN, State.REVERTED, State.EXPIRED}),
        State.WRITTEN: frozenset({State.OBSERVED, State.REVERTED, State.EXPIRED}),
        State.OBSERVED: frozenset({State.REVERTED, State.EXPIRED}),
        State.REVERTED: frozenset({State.WRITTEN, State.EXPIRED}),
        State.REFUSED: frozenset(),
        State.EXPIRED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class Called:
    """A call of an option: `change_w` between two monotonic moments; `seq` is the number of the message that called."""

    start_s: float
    end_s: float
    change_w: float
    seq: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A contract in the book. `start_s` and `end_s` are monotonic; `token` is the signed message, byte for byte.

    `calls`: what is called of an option, in order of time, no two at once.
    """

    contract: Contract
    token: bytes
    start_s: float
    end_s: float
    state: State = State.ACCEPTED
    clamp: str = ""
    written_s: float | None = None
    tally: Tally = field(default_factory=Tally)
    superseded_by: str = ""
    calls: tuple[Called, ...] = ()

    @property
    def id(self) -> str:
        """The contract's id."""
        return self.contract.id

    def is_open(self, now_s: float) -> bool:
        """Whether the window is open now."""
        return self.start_s <= now_s < self.end_s

    def is_over(self, now_s: float) -> bool:
        """Whether the contract can bind nothing any more."""
        return now_s >= self.end_s or self.end_s <= self.start_s

    def to(self, state: State) -> "Entry":
        """The entry in another state; ValueError where the table does not allow it."""
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"contract {self.id}: {self.state} to {state} is not in the table of transitions")
        return replace(self, state=state)


@dataclass(frozen=True, slots=True)
class Book:
    """The living contracts by start time, and the last sequence number of each issuer."""

    entries: tuple[Entry, ...] = ()
    last_seq: Mapping[str, int] = field(default_factory=dict)

    def open(self, now_s: float) -> tuple[Entry, ...]:
        """Every contract whose window is open: limits intersect, energy and reprofile add up, a dispatch supersedes."""
        begun = bisect_right(self.entries, now_s, key=lambda entry: entry.start_s)
        return tuple(entry for entry in self.entries[:begun] if entry.is_open(now_s))

    def in_force(self, now_s: float) -> Entry | None:
        """The dispatch whose window is open; admission leaves at most one."""
        return next((entry for entry in self.open(now_s) if isinstance(entry.contract, Dispatch)), None)

    def find(self, contract_id: str) -> Entry | None:
        """The contract of this id; None where it is not in the book."""
        return next((entry for entry in self.entries if entry.id == contract_id), None)

    def with_entry(self, entry: Entry) -> "Book":
        """The book with this entry in the place of its former self."""
        return replace(self, entries=tuple(entry if old.id == entry.id else old for old in self.entries))

    def without(self, contract_id: str) -> "Book":
        """The book without a contract that is over."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.id != contract_id))


def admit(
    book: Book, contract: Contract, token: bytes, issuer: str, policy: AdmissionPolicy, now: tuple[float, datetime]
) -> tuple[Book, Refusal | None]:
    """Judge an authentic contract and enter it; `now` is (monotonic, UTC).

    The sequence number of an authentic message to this node is used up even when the message is refused, so a refused
    one cannot be played again when it would fit.
    """
    now_s, utc = now
    refusal = judge(contract, issuer, policy, book.last_seq, utc) or _conflict(book, contract)
    if refusal is not None and refusal.reason in ("issuer", "audience", "sequence"):
        return book, refusal
    book = replace(book, last_seq={**book.last_seq, issuer: contract.seq})
    if refusal is not None:
        return book, refusal
    return _enter(book, entry_of(contract, token, now_s, utc)), None


def entry_of(contract: Contract, token: bytes, now_s: float, utc: datetime) -> Entry:
    """A fresh entry; from here on its window lives on the monotonic clock."""
    start_s = now_s + (contract.start - utc).total_seconds()
    return Entry(contract, token, start_s, start_s + contract.duration_s)


def _overlap(one: Contract, other: Contract) -> bool:
    """Whether both are dispatches of a common time; of the other products any number may be open at once."""
    both = isinstance(one, Dispatch) and isinstance(other, Dispatch)
    return both and one.start < other.end and other.start < one.end


def _conflict(book: Book, contract: Contract) -> Refusal | None:
    for entry in book.entries:
        if entry.id == contract.id:
            return Refusal("duplicate", f"id {contract.id!r} is in the book already: each contract needs its own")
        if _overlap(entry.contract, contract) and entry.contract.iss != contract.iss:
            text = f"overlaps contract {entry.id} of {entry.contract.iss}: only its own issuer may supersede it"
            return Refusal("overlap", text)
    return None


def _enter(book: Book, new: Entry) -> Book:
    older = (_superseded(old, new) if _overlap(old.contract, new.contract) else old for old in book.entries)
    return replace(book, entries=tuple(sorted((*older, new), key=lambda entry: entry.start_s)))


def _superseded(old: Entry, new: Entry) -> Entry:
    return replace(old, end_s=min(old.end_s, new.start_s), superseded_by=new.id)
