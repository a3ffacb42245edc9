"""The notary: one chain through restarts, and after a store that failed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware_py.evidence.notary import EVIDENCE, Notary
from firmware_py.journal import SqliteJournal, stored
from protocols.evidence import GENESIS, Manifest, checked_chain, hash_of
from protocols.faults import StoreFailed
from tests.firmware_py.evidence.cases import NODE_KEY, NODE_PUBLIC
from tests.scenarios.doubles import inline


class StillClock:
    """It is always noon."""

    def now_s(self) -> float:
        return 0.0

    def utc(self) -> datetime:
        return datetime(2026, 6, 21, 12, tzinfo=UTC)

    def synchronised(self) -> bool:
        return True


def notary(journal: SqliteJournal) -> Notary:
    return Notary("home-1", NODE_KEY, journal, StillClock())


def played(path: Path, film: Callable[[SqliteJournal], Awaitable[None]]) -> None:
    async def main() -> None:
        journal = SqliteJournal(path, inline)
        try:
            await film(journal)
        finally:
            await journal.close()

    asyncio.run(main())


def bodies(path: Path) -> list[bytes]:
    """What is in the chain, all of it checked."""
    records = stored(path, EVIDENCE)
    manifest = Manifest(1, "home-1", "c", "grid", "", 1, len(records), GENESIS, hash_of(records[-1]), {})
    return [bytes(link.body) for link in checked_chain(records, NODE_PUBLIC, manifest, "f")]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
def test_a_chain_goes_on_where_an_earlier_life_left_it(tmp_path: Path, count: int) -> None:
    path = tmp_path / "j"

    async def attests(journal: SqliteJournal) -> None:
        one = notary(journal)
        for number in range(count):
            await one.attest("interval", b"%d" % number)

    played(path, attests)
    played(path, attests)
    assert bodies(path) == [b"%d" % number for number in (*range(count), *range(count))]


def test_a_store_that_fails_leaves_one_whole_chain(tmp_path: Path) -> None:
    """Once nothing was stored; once all of it was and only the answer was lost, so that it stands there twice."""
    path = tmp_path / "j"

    async def film(journal: SqliteJournal) -> None:
        one, append = notary(journal), journal.append
        await one.attest("interval", b"1")

        async def full(stream: str, record: bytes) -> int:
            raise StoreFailed("disk full")

        async def stored_unheard(stream: str, record: bytes) -> int:
            await append(stream, record)
            raise StoreFailed("no answer")

        for failing in (full, stored_unheard):
            journal.append = failing  # type: ignore[method-assign]
            with pytest.raises(StoreFailed):
                await one.attest("interval", b"2")
        journal.append = append  # type: ignore[method-assign]
        await one.attest("interval", b"2")
        await one.attest("interval", b"3")

    played(path, film)
    assert bodies(path) == [b"1", b"2", b"2", b"3"]


def test_a_record_keeps_its_bytes(tmp_path: Path) -> None:
    odd = b'{ "b" :1.50,\n "a":"\\u00e9" }'

    async def film(journal: SqliteJournal) -> None:
        await notary(journal).attest("interval", odd)

    played(tmp_path / "j", film)
    assert bodies(tmp_path / "j") == [odd]


def test_a_journal_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="none"):
        stored(tmp_path / "none", EVIDENCE)
