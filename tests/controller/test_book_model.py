"""The book against a plain model: what holds depends on which messages came, and not on their order or number.

The model knows no windows, waiting lists or sequences of notes: it looks at the set of messages that were delivered.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from controller.admission import AdmissionPolicy, ZonePolicy
from controller.book import Book, digest
from controller.dealings import Archived, Incoming, take, tick
from controller.roles import Party, Role
from protocols.actions import Action, Amend, Approve, Cancel, encode_action
from protocols.contracts import Contract, Energy, Reprofile, State, encode_contract, power_of

UTC_NOW = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
POLICY = AdmissionPolicy("home-1", 50_000.0, 50_000.0, zone=ZonePolicy("zone", frozenset({"reprofile"}), 900.0))
BOUND = Party("market", Role.MARKET)
FREE = Party("dso")
ZONE = Party("zone", Role.APPROVER)
START = UTC_NOW + timedelta(hours=1)
END = START + timedelta(minutes=15)
CONTRACTS = 4
Verdict = Literal["full", "partly", "refused"]


@dataclass(frozen=True)
class Sent:
    """A message that exists, delivered or not."""

    kind: str
    contract: int
    incoming: Incoming
    power_w: float = 0.0
    verdict: Verdict = "full"
    about: bytes = b""


def token_of(message: Contract | Action) -> bytes:
    return encode_contract(message) if isinstance(message, Contract) else encode_action(message)


def terms(number: int, seq: int, power_w: float) -> Contract:
    name, window = f"c{number}", (START, END)
    if number % 2:
        return Reprofile(id=name, seq=seq, iss="market", aud="home-1", start=window[0], end=window[1], change_w=power_w)
    energy_wh = power_w / 4
    return Energy(
        id=name, seq=seq, iss="dso", aud="home-1", start=window[0], end=window[1], energy_wh=energy_wh, peer="p"
    )


class BookMachine(RuleBasedStateMachine):
    """Makes messages, delivers any of them any number of times, and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.archive, self.now_s = Book(), dict[str, Archived](), 1000.0
        self.sent: list[Sent] = []
        self.delivered: list[Sent] = []
        self.answers: dict[bytes, State] = {}
        self.seqs = {"dso": 0, "market": 0, "zone": 0}

    def made(self, party: Party) -> int:
        self.seqs[party.name] += 1
        return self.seqs[party.name]

    def add(self, kind: str, number: int, message: Contract | Action, party: Party, **more: object) -> None:
        incoming = Incoming(message, token_of(message), party)
        self.sent.append(Sent(kind, number, incoming, **more))  # type: ignore[arg-type]

    def of(self, kind: str, number: int) -> list[Sent]:
        return [each for each in self.sent if each.kind == kind and each.contract == number]

    @rule(number=st.integers(0, CONTRACTS - 1), power_w=st.integers(-1000, 1000))
    def propose(self, number: int, power_w: int) -> None:
        if not self.of("terms", number):
            party = BOUND if number % 2 else FREE
            self.add("terms", number, terms(number, self.made(party), power_w), party, power_w=float(power_w))

    @rule(number=st.integers(0, CONTRACTS - 1), power_w=st.sampled_from([-800, 0, 700, 900, 900_000]))
    def amend(self, number: int, power_w: int) -> None:
        if self.of("terms", number) and len(self.of("amend", number)) < (1 if number % 2 else 4):
            party = BOUND if number % 2 else FREE
            new = terms(number, self.made(party), power_w)
            action = Amend(seq=new.seq, iss=new.iss, aud=new.aud, contract=new.id, terms=new)
            self.add("amend", number, action, party, power_w=float(power_w))

    @rule(number=st.integers(0, CONTRACTS - 1), really=st.integers(0, 3))
    def cancel(self, number: int, really: int) -> None:
        if self.of("terms", number) and not self.of("cancel", number) and really == 0:
            party = BOUND if number % 2 else FREE
            action = Cancel(seq=self.made(party), iss=party.name, aud="home-1", contract=f"c{number}")
            self.add("cancel", number, action, party)

    @rule(number=st.sampled_from([1, 3]), verdict=st.sampled_from(["full", "partly", "refused"]))
    def approve(self, number: int, verdict: Verdict) -> None:
        for on in (*self.of("terms", number), *self.of("amend", number)):
            if any(each.about == on.incoming.token for each in self.of("approve", number)):
                continue
            # A refusal of the first terms ends the contract, so that what comes later comes too late.
            word: Verdict = "full" if verdict == "refused" and on.kind == "terms" else verdict
            left_w = 100.0 if word == "partly" else None
            action = Approve(
                seq=self.made(ZONE),
                iss="zone",
                aud="home-1",
                contract=f"c{number}",
                sha256=digest(on.incoming.token),
                verdict=word,
                power_w=left_w,
            )
            self.add("approve", number, action, ZONE, verdict=word, about=on.incoming.token)

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 10_000))
    def deliver(self, pick: int) -> None:
        sent = self.sent[pick % len(self.sent)]
        before = self.book
        now = (self.now_s, UTC_NOW + timedelta(seconds=self.now_s - 1000.0))
        known = {key: value for key, value in self.archive.items() if key == f"c{sent.contract}"}
        self.book, notes = take(before, sent.incoming, POLICY, now, known)
        for note in notes:
            if note.gone is not None and note.contract is not None:
                self.archive[note.contract] = Archived(note.contract, note.state, note.gone.contract.iss)
        if sent.incoming.token in self.answers:
            assert self.book is before
            assert (notes[0].reason, notes[0].answered) == ("sequence", self.answers[sent.incoming.token])
        else:
            self.answers[sent.incoming.token] = notes[0].state
            self.delivered.append(sent)

    @rule(wait_s=st.floats(0.0, 2.0))
    def time_passes(self, wait_s: float) -> None:
        self.now_s += wait_s
        self.book, notes = tick(self.book, POLICY, (self.now_s, UTC_NOW + timedelta(seconds=self.now_s - 1000.0)))
        assert not notes, "nothing is late yet"

    @invariant()
    def as_the_model_says(self) -> None:
        for number in range(CONTRACTS):
            entry = self.book.find(f"c{number}")
            found = None if entry is None else (entry.state, round(power_of(entry.contract), 6))
            assert found == self.expected(number), f"c{number}"

    def expected(self, number: int) -> tuple[State, float] | None:
        came = [each for each in self.delivered if each.contract == number]
        kinds = {each.kind for each in came}
        if "terms" not in kinds or "cancel" in kinds:
            return None
        (first,) = [each for each in came if each.kind == "terms"]
        amended = [each for each in came if each.kind == "amend" and abs(each.power_w) < 50_000]
        newest = max((first, *amended), key=lambda each: each.incoming.message.seq)
        if number % 2 == 0:
            return State.ACCEPTED, newest.power_w
        verdicts = {each.about: each.verdict for each in came if each.kind == "approve"}
        for on in (newest, first):
            verdict = verdicts.get(on.incoming.token)
            if verdict in ("full", "partly"):
                cut = 100.0 if verdict == "partly" else 50_000.0
                return State.ACCEPTED, max(-cut, min(cut, on.power_w))
        return State.AGREED, first.power_w


def run(examples: int) -> None:
    run_state_machine_as_test(
        BookMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_order_any_number_of_times() -> None:
    run(30)


@pytest.mark.slow
def test_some_thousand_steps() -> None:
    run(100)


@pytest.mark.torture
def test_a_hundred_thousand_steps() -> None:
    run(int(os.environ.get("BUSBAR_BOOK_EXAMPLES", "2000")))
