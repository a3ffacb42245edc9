"""The book on disk: what is read back is what was put there, but for what must be written and observed anew."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.book import Book, Called, Early, Pending, entry_of
from controller.deeds import Archived
from controller.replay import Answer, Window
from firmware_py.home.shelf import KINDS, Shelf
from firmware_py.journal import SqliteJournal
from protocols.actions import Cancel, encode_action
from protocols.contracts import Contract, Option, State, at_power, encode_contract
from protocols.faults import Refused
from protocols.signing import DEED, SignedText, key_id, open_signed, public_part, sign
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH

KEY = private_key("dso")
TRUSTED = {key_id(KEY): public_part(KEY)}


def opened(token: bytes) -> SignedText:
    return open_signed(token, TRUSTED, KINDS)


async def inline(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
    return work(*arguments)


def unexpected(refused: Refused) -> None:
    pytest.fail(f"dropped: {refused}")


def option(most_w: float) -> tuple[Contract, bytes]:
    start = EPOCH + timedelta(seconds=600)
    terms = Option(
        id="c1",
        seq=3,
        iss="dso",
        aud="home-1",
        start=start,
        end=start + timedelta(seconds=1800),
        least_w=-500.0,
        most_w=most_w,
    )
    return terms, sign(encode_contract(terms), KEY)


def test_a_book_is_read_back() -> None:
    async def play() -> None:
        clock = VirtualClock(EPOCH)
        journal = SqliteJournal(Path(":memory:"), inline)
        shelf = Shelf(journal, clock, opened)
        (terms, token), (amended, pending) = option(2000.0), option(700.0)
        entry = replace(
            entry_of(at_power(terms, 1000.0), token, clock.now_s(), clock.utc()),
            state=State.OBSERVED,
            calls=(Called(700.0, 900.0, 400.0, 9), Called(1000.0, 1100.0, -100.0, 10)),
            pending=Pending(amended, pending, 3, 250.0),
            party="owner",
            replaces="c0",
        )
        action = Cancel(seq=4, iss="dso", aud="home-1", contract="c7")
        early = Early(action, sign(encode_action(action), KEY, DEED), "dso", 0.0)
        windows = {"dso": Window(1, {3: Answer("a" * 64, "accepted"), 4: Answer("b" * 64, "received", "early")})}
        book = Book((entry,), windows, (early,))
        await shelf.put(Book(), book)
        again = await shelf.taken(unexpected)
        assert again == replace(book, entries=(replace(entry, state=State.REVERTED),))

        # What changes is written, what goes is gone, and what is over is known by its id.
        await shelf.put(book, replace(book, entries=(), early=()), [(entry, State.CANCELLED)])
        assert await shelf.taken(unexpected) == Book((), windows, ())
        assert await shelf.archived(["c1", "c2"]) == {"c1": Archived("c1", State.CANCELLED, "dso")}

        # A key that is no longer trusted takes its contract with it, and says so.
        await shelf.put(Book(), book)
        dropped: list[Refused] = []
        stranger = Shelf(journal, clock, lambda token: open_signed(token, {}, KINDS))
        assert (await stranger.taken(dropped.append)).entries == ()
        assert {refused.reason for refused in dropped} == {"unknown_key"}
        await journal.close()

    run_virtual(play(), horizon_s=10.0)
