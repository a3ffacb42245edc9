"""The log on a disk that fails: every entry is there once, in order, and the chain is whole."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.journal import SqliteJournal
from firmware_py.meter.logbook import Logbook
from protocols.device_log import STREAM, Anchor, checked
from protocols.faults import StoreFailed
from protocols.ocmf_writing import TimeStatus
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.firmware_py.meter.device_stage import inline


class Failing(SqliteJournal):
    """Fails as told: before a record is stored, after it (so that nobody knows), or hangs for ever behind it."""

    def __init__(self, film: list[str]) -> None:
        super().__init__(Path(":memory:"), inline)
        self.film = film

    async def append(self, stream: str, record: bytes) -> int:
        word = self.film.pop(0) if self.film else "good"
        if word == "before":
            raise StoreFailed("disk full")
        number = await super().append(stream, record)
        if word == "after":
            raise StoreFailed("disk gone")
        if word == "hangs":
            await asyncio.Event().wait()
        return number


def written(film: list[str], count: int, most: int = 1000) -> tuple[list[tuple[int, bytes]], Logbook]:
    found: list[Any] = []

    async def main() -> None:
        journal = Failing(film)
        log = Logbook("m", journal, VirtualClock(), lambda: TimeStatus.SYNCHRONISED, None, most)
        await log.recall()
        task = asyncio.create_task(log.run())
        for number in range(count):
            log.note("cover_opened", f"n{number}")
            await asyncio.sleep(1.0)
        await asyncio.sleep(100.0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await log.flush()
        found.extend((await journal.pending(STREAM, 0, 10_000), log))
        await journal.close()

    run_virtual(main(), horizon_s=10_000.0)
    return found[0], found[1]


@given(st.lists(st.sampled_from(["good", "before", "after"]), max_size=12), st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_whatever_fails_each_entry_is_there_once(film: list[str], count: int) -> None:
    records, _ = written(film, count)
    assert [entry.why for entry in checked(records, Anchor(), "m", {})] == [f"n{n}" for n in range(count)]


def test_who_stops_waiting_in_the_middle_does_not_write_it_twice() -> None:
    records, _ = written(["good", "hangs"], 4)
    assert [entry.why for entry in checked(records, Anchor(), "m", {})] == ["n0", "n1", "n2", "n3"]


def test_the_oldest_go_in_tenths_and_are_counted() -> None:
    records, log = written([], 55, most=20)
    assert 18 <= len(records) <= 20
    anchor = log._anchor
    assert anchor.seq == records[0][0] - 1
    assert len(list(checked(records, anchor, "m", {}, 55))) == len(records)
