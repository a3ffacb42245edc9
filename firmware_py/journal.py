"""The journal: SQLite in WAL mode with `synchronous=FULL` and group commit; what has returned survives a power cut.

Records leave a stream only on the head-end's own acknowledgement. A number is never used twice, also after everything
was acknowledged. About 0.6 kB a record: a year of 15-minute intervals nobody fetched is some 20 MB.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from protocols.faults import Refused, StoreFailed

Work = Callable[[sqlite3.Connection], Any]
Waiting = tuple[Work, "asyncio.Future[Any]"]

JOURNAL_FILE: Final = "journal.sqlite"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (stream TEXT, seq INTEGER, body BLOB NOT NULL, PRIMARY KEY (stream, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (stream TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""
_KEEP: Final = "INSERT INTO kept VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"


def stored(path: Path, stream: str) -> list[bytes]:
    """The records of a stream that are in a journal file, in order, while a node may be writing it; StoreFailed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT body FROM record WHERE stream = ? ORDER BY seq", (stream,))
            return [bytes(body) for (body,) in rows]
    except sqlite3.Error as error:
        raise StoreFailed(f"journal {path}: {error}") from error


def newest_first(path: Path, stream: str) -> Iterator[bytes]:
    """The records of a stream from the last back to the first, as they are asked for; StoreFailed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT body FROM record WHERE stream = ? ORDER BY seq DESC", (stream,))
            yield from (bytes(body) for (body,) in rows)
    except sqlite3.Error as error:
        raise StoreFailed(f"journal {path}: {error}") from error


class SqliteJournal:
    """`protocols.ports.Journal` in one file. `offload` runs blocking work: a thread on a node, inline on virtual time."""

    def __init__(self, path: Path, offload: Callable[..., Awaitable[Any]] = asyncio.to_thread) -> None:
        self._offload = offload
        self._waiting: list[Waiting] = []
        self._draining: asyncio.Task[None] | None = None
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    async def close(self) -> None:
        """Finish what was asked for and close the file."""
        while self._draining is not None and not self._draining.done():
            await asyncio.wait([self._draining])
        self._db.close()

    async def append(self, stream: str, record: bytes) -> int:
        """Store a record and return its number."""

        def work(db: sqlite3.Connection) -> int:
            last = _last(db, stream) + 1
            db.execute("INSERT INTO record VALUES (?, ?, ?)", (stream, last, record))
            db.execute("INSERT INTO mark VALUES (?, ?) ON CONFLICT DO UPDATE SET last = excluded.last", (stream, last))
            return last

        number: int = await self._commit(work)
        return number

    async def pending(self, stream: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Unacknowledged records above `after`, oldest first."""
        query = "SELECT seq, body FROM record WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows: list[tuple[int, bytes]] = await self._commit(
            lambda db: db.execute(query, (stream, after, limit)).fetchall()
        )
        return rows

    async def acknowledge(self, stream: str, up_to: int) -> None:
        """Delete what the head-end keeps; Refused (`beyond`) for a number that was never given out."""

        def work(db: sqlite3.Connection) -> None:
            last = _last(db, stream)
            if not 0 <= up_to <= last:
                raise Refused("beyond", f"acknowledgement of {stream} up to {up_to}: 0 to {last} is allowed")
            db.execute("DELETE FROM record WHERE stream = ? AND seq <= ?", (stream, up_to))

        await self._commit(work)

    async def keep(self, key: str, value: bytes) -> None:
        """Store the present value of a key."""
        await self._commit(lambda db: db.execute(_KEEP, (key, value)))

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        """Store or delete the present values of several keys, in one transaction."""

        def work(db: sqlite3.Connection) -> None:
            for key, value in values.items():
                if value is None:
                    db.execute("DELETE FROM kept WHERE key = ?", (key,))
                else:
                    db.execute(_KEEP, (key, value))

        await self._commit(work)

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        """Every key that begins so, with its present value."""
        # The first text behind all that begin so: keys are made of characters below the last one.
        query, bounds = "SELECT key, body FROM kept WHERE key >= ? AND key < ?", (prefix, f"{prefix}\U0010ffff")
        return dict(await self._commit(lambda db: db.execute(query, bounds).fetchall()))

    async def kept(self, key: str) -> bytes | None:
        """The present value of a key."""
        row = await self._commit(lambda db: db.execute("SELECT body FROM kept WHERE key = ?", (key,)).fetchone())
        return None if row is None else row[0]

    async def _commit(self, work: Work) -> Any:  # noqa: ANN401 - whatever the work returns
        """Run one piece of work in the next transaction; everything that waits meanwhile shares its one fsync."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(), name="journal")
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            for (_, future), result in zip(batch, await self._results(batch), strict=True):
                if future.cancelled():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def _results(self, batch: list[Waiting]) -> list[Any]:
        try:
            results: list[Any] = await self._offload(self._transaction, [work for work, _ in batch])
        except sqlite3.Error as error:
            return [StoreFailed(f"journal: {error}; the records of this moment are not kept") for _ in batch]
        return results

    def _transaction(self, works: list[Work]) -> list[Any]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            results = [self._attempt(work) for work in works]
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return results

    def _attempt(self, work: Work) -> Any:  # noqa: ANN401
        try:
            return work(self._db)
        except Refused as refusal:  # one refused request must not undo its neighbours' records
            return refusal


def _last(db: sqlite3.Connection, stream: str) -> int:
    row = db.execute("SELECT last FROM mark WHERE stream = ?", (stream,)).fetchone()
    return 0 if row is None else row[0]
