"""The journal against a plain model, through restarts and refusals."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.journal import SqliteJournal
from protocols.faults import Refused, StoreFailed


async def inline(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
    return work(*arguments)


async def test_numbers_run_without_gaps_and_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = SqliteJournal(path)
    assert [await journal.append("a", b"x") for _ in range(3)] == [1, 2, 3]
    assert await journal.append("b", b"y") == 1
    await journal.acknowledge("a", 3)
    await journal.close()
    again = SqliteJournal(path)
    assert await again.append("a", b"z") == 4  # a number is never used twice, also when all is acknowledged
    assert await again.pending("a", 0, 10) == [(4, b"z")]
    assert await again.pending("b", 0, 10) == [(1, b"y")]
    await again.close()


async def test_what_has_returned_is_on_disk_for_somebody_else(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j")
    await journal.append("a", b"x")
    await journal.keep("k", b"v")
    other = sqlite3.connect(tmp_path / "j")
    assert other.execute("SELECT seq, body FROM record").fetchall() == [(1, b"x")]
    assert other.execute("SELECT body FROM kept WHERE key = 'k'").fetchall() == [(b"v",)]
    other.close()
    await journal.close()


async def test_power_loss_is_provided_for(tmp_path: Path) -> None:
    """The two settings of which facts/field-bugs.md measured that they lose nothing; 2 is FULL."""
    journal = SqliteJournal(tmp_path / "j")
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await journal.close()


async def test_many_at_once_share_a_commit(tmp_path: Path) -> None:
    batches: list[int] = []

    async def counted(work: Callable[..., Any], works: list[Any]) -> Any:  # noqa: ANN401
        batches.append(len(works))
        await asyncio.sleep(0)
        return work(works)

    journal = SqliteJournal(tmp_path / "j", counted)
    numbers = await asyncio.gather(*(journal.append("a", b"x") for _ in range(100)))
    assert sorted(numbers) == list(range(1, 101))
    assert len(batches) <= 2
    await journal.close()


@pytest.mark.parametrize("up_to", [-1, 2, 2**62])
async def test_an_acknowledgement_of_what_never_was_is_refused_alone(tmp_path: Path, up_to: int) -> None:
    journal = SqliteJournal(tmp_path / "j", inline)
    await journal.append("a", b"x")
    refused, number = await asyncio.gather(
        journal.acknowledge("a", up_to), journal.append("a", b"y"), return_exceptions=True
    )
    assert isinstance(refused, Refused)
    assert number == 2  # the neighbour in the same transaction is kept
    assert await journal.pending("a", 0, 10) == [(1, b"x"), (2, b"y")]
    await journal.close()


async def test_a_full_disk_is_a_named_fault_and_keeps_what_was_there(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j", inline)
    await journal.append("a", b"x")
    journal._db.execute(f"PRAGMA max_page_count = {journal._db.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(StoreFailed, match="full"):
        await journal.append("a", b"y" * 100_000)
    journal._db.execute("PRAGMA max_page_count = 100000")
    assert await journal.append("a", b"z") == 2
    assert await journal.pending("a", 0, 10) == [(1, b"x"), (2, b"z")]
    await journal.close()


async def test_whoever_gives_up_waiting_harms_nobody(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j")
    impatient = asyncio.create_task(journal.append("a", b"x"))
    patient = asyncio.create_task(journal.append("a", b"y"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 2
    await journal.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from("ab"), st.binary(max_size=8)),
        st.tuples(st.just("ack"), st.sampled_from("ab"), st.integers(-1, 12)),
        st.tuples(st.just("keep"), st.sampled_from("kl"), st.binary(max_size=8)),
        st.tuples(st.just("restart"), st.just(""), st.just(b"")),
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(STEPS)
def test_it_behaves_like_a_dictionary(steps: list[tuple[str, str, Any]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_played(Path(folder) / "j", steps))


async def _played(path: Path, steps: list[tuple[str, str, Any]]) -> None:
    journal = SqliteJournal(path, inline)
    records: dict[str, dict[int, bytes]] = {"a": {}, "b": {}}
    last, kept = {"a": 0, "b": 0}, dict[str, bytes]()
    for what, name, value in steps:
        match what:
            case "append":
                last[name] += 1
                records[name][last[name]] = value
                assert await journal.append(name, value) == last[name]
            case "ack":
                await _acknowledged(journal, name, value, last[name])
                if 0 <= value <= last[name]:
                    records[name] = {n: body for n, body in records[name].items() if n > value}
            case "keep":
                kept[name] = value
                await journal.keep(name, value)
            case _:
                await journal.close()
                journal = SqliteJournal(path, inline)
    for name, stream in records.items():
        assert await journal.pending(name, 0, 100) == sorted(stream.items())
    assert [await journal.kept(key) for key in "kl"] == [kept.get(key) for key in "kl"]
    await journal.close()


async def _acknowledged(journal: SqliteJournal, stream: str, up_to: int, last: int) -> None:
    if 0 <= up_to <= last:
        await journal.acknowledge(stream, up_to)
        return
    with pytest.raises(Refused):
        await journal.acknowledge(stream, up_to)


async def test_several_keys_are_kept_or_deleted_at_once(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.keep_all({"book/a": b"1", "book/b": b"2", "bookmark": b"3"})
    await journal.keep_all({"book/a": None, "book/c": b"4"})
    assert await journal.kept_under("book/") == {"book/b": b"2", "book/c": b"4"}
    assert await journal.kept("book/a") is None
    await journal.close()
