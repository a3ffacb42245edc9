"""The book: what may enter, what supersedes what, and the table of transitions."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.admission import AdmissionPolicy
from controller.book import Book, Note, entry_of
from controller.dealings import Incoming, take
from controller.life import REPORTS, STAGES, TRANSITIONS, stage_of
from controller.roles import Party
from protocols.contracts import Contract, Dispatch, Energy, State

UTC_NOW = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
NOW = (1000.0, UTC_NOW)
POLICY = AdmissionPolicy("home-1", import_limit_w=9000.0, export_limit_w=6000.0)


def contract(number: int = 1, start_s: float = 0.0, end_s: float = 900.0, **changes: object) -> Dispatch:
    made = Dispatch(
        id=f"c{number}",
        seq=number,
        iss="dso",
        aud="home-1",
        start=UTC_NOW + timedelta(seconds=start_s),
        end=UTC_NOW + timedelta(seconds=end_s),
        power_w=-2000.0,
    )
    return msgspec.structs.replace(made, **changes)


def admit(
    book: Book, message: Contract, token: bytes, issuer: str, policy: AdmissionPolicy, now: tuple[float, datetime]
) -> tuple[Book, Note | None]:
    """The book afterwards, and the refusal where there is one."""
    book, notes = take(book, Incoming(message, token, Party(issuer)), policy, now, {})
    return book, notes[0] if notes[0].state is State.REFUSED else None


def entered(*contracts: Dispatch) -> Book:
    book = Book()
    for each in contracts:
        book, refusal = admit(book, each, b"token", each.iss, POLICY, NOW)
        assert refusal is None, refusal
    return book


def test_a_good_contract_enters_on_the_monotonic_clock() -> None:
    (entry,) = entered(contract(start_s=60.0, end_s=960.0)).entries
    assert (entry.start_s, entry.end_s, entry.state, entry.token) == (1060.0, 1960.0, State.ACCEPTED, b"token")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "somebody"}, "issuer"),
        ({"aud": "home-2"}, "audience"),
        ({"start": UTC_NOW, "end": UTC_NOW}, "window"),
        ({"start": UTC_NOW, "end": UTC_NOW - timedelta(seconds=1)}, "window"),
        ({"start": UTC_NOW - timedelta(hours=2), "end": UTC_NOW - timedelta(hours=1)}, "window"),
        ({"start": UTC_NOW + timedelta(days=32), "end": UTC_NOW + timedelta(days=33)}, "window"),
        ({"end": UTC_NOW + timedelta(days=8)}, "window"),
        ({"end": UTC_NOW + timedelta(seconds=10), "settle_s": 10.0}, "window"),
        ({"power_w": 9000.1}, "out_of_range"),
        ({"power_w": -6000.1}, "out_of_range"),
    ],
)
def test_what_is_refused(changes: dict[str, object], reason: str) -> None:
    book, refusal = admit(Book(), contract(**changes), b"", "dso", POLICY, NOW)  # type: ignore[arg-type]
    assert refusal is not None
    assert (refusal.reason, book.entries) == (reason, ())


@pytest.mark.parametrize("power_w", [9000.0, -6000.0, 0.0])
def test_the_limits_themselves_are_allowed(power_w: float) -> None:
    assert len(entered(contract(power_w=power_w)).entries) == 1


def test_a_sequence_number_is_used_up_once() -> None:
    book = entered(contract(5))
    _, refusal = admit(book, contract(6, 1000, 2000, seq=5), b"", "dso", POLICY, NOW)
    assert refusal is not None
    assert refusal.reason == "sequence"


def test_a_refused_message_cannot_be_played_again_when_it_would_fit() -> None:
    early = contract(1, start_s=40 * 86400.0, end_s=40 * 86400.0 + 900)
    book, refusal = admit(Book(), early, b"", "dso", POLICY, NOW)
    assert refusal is not None
    later = (NOW[0] + 30 * 86400, UTC_NOW + timedelta(days=30))
    _, again = admit(book, early, b"", "dso", POLICY, later)
    assert again is not None
    assert again.reason == "sequence"


def test_a_foreign_message_uses_up_nobodys_number() -> None:
    book, _ = admit(Book(), contract(7, iss="dso"), b"", "mallory", POLICY, NOW)
    assert book.windows == {}
    book, _ = admit(Book(), contract(7, aud="other"), b"", "dso", POLICY, NOW)
    assert book.windows == {}


def test_a_later_dispatch_of_the_same_issuer_ends_the_older_at_its_start() -> None:
    book = entered(contract(1, 0, 900), contract(2, 300, 600))
    assert [(e.id, e.start_s, e.end_s, e.superseded_by) for e in book.entries] == [
        ("c1", 1000.0, 1300.0, "c2"),
        ("c2", 1300.0, 1600.0, ""),
    ]
    in_force = [getattr(book.in_force(1000.0 + at), "id", None) for at in (0, 299, 300, 599, 600, 800)]
    assert in_force == ["c1", "c1", "c2", "c2", None, None]


def test_of_other_products_any_number_is_open() -> None:
    book = entered(contract(1), contract(4, 1000, 1500))
    for number in (2, 3):
        energy = Energy(
            id=f"c{number}",
            seq=number,
            iss="p2p",
            aud="home-1",
            start=UTC_NOW,
            end=UTC_NOW + timedelta(seconds=900),
            peer="home-2",
            energy_wh=250.0,
        )
        book, refusal = admit(book, energy, b"", "p2p", POLICY, NOW)
        assert refusal is None
    assert {entry.id for entry in book.open(1000.0)} == {"c1", "c2", "c3"}
    assert [entry.id for entry in book.open(2100.0)] == ["c4"]
    assert book.open(999.0) == ()


def test_another_issuer_cannot_supersede() -> None:
    _, refusal = admit(entered(contract(1)), contract(2, 300, 600, iss="dno"), b"", "dno", POLICY, NOW)
    assert refusal is not None
    assert refusal.reason == "overlap"


def test_an_id_stands_in_the_book_once() -> None:
    _, refusal = admit(entered(contract(1)), contract(2, 2000, 3000, id="c1"), b"", "dso", POLICY, NOW)
    assert refusal is not None
    assert refusal.reason == "duplicate"


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(20, 900)), max_size=8), st.integers(0, 3000))
def test_at_most_one_contract_is_in_force(windows: list[tuple[int, int]], at_s: int) -> None:
    made = [contract(n, start, start + length) for n, (start, length) in enumerate(windows, start=1)]
    book = entered(*made)
    opened = [entry for entry in book.entries if entry.is_open(1000.0 + at_s)]
    assert len(opened) <= 1
    covering = [each for each, (start, length) in zip(made, windows, strict=True) if start <= at_s < start + length]
    if covering and opened:
        assert opened[0].contract.seq >= covering[-1].seq


def test_states_only_go_where_the_table_allows() -> None:
    entry = entry_of(contract(), b"", *NOW)
    with pytest.raises(ValueError, match="accepted to observed is not in the table"):
        entry.to(State.OBSERVED)


def test_every_state_is_reached_and_ends_well() -> None:
    """From RECEIVED each state but the reports is reachable, and each path can reach an end; each is a stage of a trade."""
    reached, frontier = {State.RECEIVED}, [State.RECEIVED]
    while frontier:
        new = TRANSITIONS[frontier.pop()] - reached
        reached |= new
        frontier += new
    assert reached == set(State) - REPORTS
    ends = {State.REFUSED, State.CANCELLED, State.DEFAULTED, State.SETTLED}
    assert {state for state, to in TRANSITIONS.items() if not to} == ends
    assert sorted(state for states in STAGES.values() for state in states) == sorted(reached)
    assert stage_of(State.OBSERVED) == "active"
    with pytest.raises(ValueError, match="clamped is no state but a report"):
        stage_of(State.CLAMPED)
