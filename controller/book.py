"""The book of contracts of one node: the living ones by start time, and whose numbers are used up.

What may enter and what messages do to it stands in `controller.dealings`; which state follows which in `controller.life`. What
is over leaves the book, so that a cycle costs the same however many contracts there ever were.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Final

from controller.life import BINDING, insist
from controller.proof import Tally
from controller.replay import Window
from protocols.actions import Action
from protocols.contracts import Contract, Dispatch, State

# A message that comes before the contract it is about is kept so long; broker and issuer are back by then, or say it again.
EARLY_S: Final = 600.0
EARLY_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Called:
    """A call of an option: `change_w` between two monotonic moments; `seq` is the number of the message that called."""

    start_s: float
    end_s: float
    change_w: float
    seq: int


@dataclass(frozen=True, slots=True)
class Pending:
    """Amended terms that the zone has not approved yet; until it has, the old ones hold."""

    contract: Contract
    token: bytes
    seq: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Entry:
    """A contract in the book. `start_s` and `end_s` are monotonic; `token` is the signed message, byte for byte.

    `contract` are the terms as they hold: amended, or approved at less power than the token says. `seq` is the number of the
    message they came with. `party`: who is asked to accept it; `replaces`: the contract it ends once it is accepted;
    `deadline_s`: until when acceptance or approval must come. `calls`: what is called of an option, in order of time.
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
    seq: int = 0
    party: str = ""
    replaces: str = ""
    deadline_s: float = inf
    pending: Pending | None = None

    @property
    def id(self) -> str:
        """The contract's id."""
        return self.contract.id

    @property
    def binds(self) -> bool:
        """Whether it is agreed, approved and not over."""
        return self.state in BINDING

    def is_open(self, now_s: float) -> bool:
        """Whether the window is open now."""
        return self.start_s <= now_s < self.end_s

    def is_over(self, now_s: float) -> bool:
        """Whether a contract that bound can bind nothing any more."""
        return self.binds and (now_s >= self.end_s or self.end_s <= self.start_s)

    def to(self, state: State) -> "Entry":
        """The entry in another state; ValueError where the table does not allow it."""
        insist(self.id, self.state, state)
        return replace(self, state=state)


@dataclass(frozen=True, slots=True)
class Early:
    """A message that came before the contract it is about; `role` and `sender` are its signer's."""

    action: Action
    token: bytes
    sender: str
    came_s: float


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be said of a contract; `gone` where it left the book with it. `answered`: what was said the first time."""

    contract: str | None
    state: State
    reason: str = ""
    why: str = ""
    answered: str = ""
    gone: Entry | None = None


@dataclass(frozen=True)
class Book:
    """The living contracts by start time, the used numbers of each issuer, and messages that came too early."""

    entries: tuple[Entry, ...] = ()
    windows: Mapping[str, Window] = field(default_factory=dict)
    early: tuple[Early, ...] = ()

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def due_s(self) -> float:
        """When the next thing happens by itself: a deadline passes, or an early message is given up."""
        deadlines = (entry.deadline_s for entry in self.entries)
        pending = (entry.pending.deadline_s for entry in self.entries if entry.pending is not None)
        return min((*deadlines, *pending, *(each.came_s + EARLY_S for each in self.early)), default=inf)

    def open(self, now_s: float) -> tuple[Entry, ...]:
        """Every contract that binds now: limits intersect, energy and reprofile add up, a dispatch supersedes."""
        return tuple(entry for entry in self._begun(now_s) if entry.binds and entry.is_open(now_s))

    def over(self, now_s: float) -> tuple[Entry, ...]:
        """Every contract that bound and has ended or was superseded."""
        return tuple(entry for entry in self.entries if entry.is_over(now_s))

    def _begun(self, now_s: float) -> tuple[Entry, ...]:
        return self.entries[: bisect_right(self.entries, now_s, key=lambda entry: entry.start_s)]

    def in_force(self, now_s: float) -> Entry | None:
        """The dispatch whose window is open; admission leaves at most one."""
        return next((entry for entry in self.open(now_s) if isinstance(entry.contract, Dispatch)), None)

    def find(self, contract_id: str) -> Entry | None:
        """The contract of this id; None where it is not in the book."""
        return self._by_id.get(contract_id)

    def with_entry(self, entry: Entry) -> "Book":
        """The book with this entry in the place of its former self, or new."""
        others = self.without(entry.id).entries
        place = bisect_right(others, entry.start_s, key=lambda each: each.start_s)
        return self._of((*others[:place], entry, *others[place:]), {**self._by_id, entry.id: entry})

    def without(self, contract_id: str) -> "Book":
        """The book without a contract that is over."""
        old = self._by_id.get(contract_id)
        if old is None:
            return self
        # The entry itself is found where it starts; comparing contracts would cost far more.
        place = bisect_left(self.entries, old.start_s, key=lambda each: each.start_s)
        while self.entries[place] is not old:
            place += 1
        by_id = {name: entry for name, entry in self._by_id.items() if name != contract_id}
        return self._of((*self.entries[:place], *self.entries[place + 1 :]), by_id)

    def with_used(self, name: str, window: Window) -> "Book":
        """The book with an issuer's numbers."""
        book = replace(self, windows={**self.windows, name: window})
        book.__dict__.update(self.__dict__ | {"windows": book.windows})
        return book

    def _of(self, entries: tuple[Entry, ...], by_id: dict[str, Entry]) -> "Book":
        """The book with other entries, whose index is known already: making it anew costs more than the rest."""
        book = replace(self, entries=entries)
        book.__dict__["_by_id"] = by_id
        return book


def entry_of(contract: Contract, token: bytes, now_s: float, utc: datetime, state: State = State.ACCEPTED) -> Entry:
    """A fresh entry; from here on its window lives on the monotonic clock."""
    start_s = now_s + (contract.start - utc).total_seconds()
    return Entry(contract, token, start_s, start_s + contract.duration_s, state, seq=contract.seq)


def digest(token: bytes) -> str:
    """By which an acceptance or approval names a signed message: its SHA-256."""
    return hashlib.sha256(token).hexdigest()
