"""A zone's ledger in one SQLite file: entries are added and never changed; durable once `append` returns."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from protocols.contracts import utc_text
from protocols.faults import Refused, StoreFailed
from protocols.ledger import Consistency, Inclusion, TreeHead
from protocols.merkle import consistency_proof, inclusion_proof, leaf_hash, root

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS zone (name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS never_changed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS never_removed BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
# A statement of a week in quarter hours is some 300 kB.
MOST_BYTES: Final = 4 * 1024 * 1024


class Ledger:
    """The entries of one zone, numbered from 0."""

    def __init__(self, path: Path, zone: str | None = None) -> None:
        """Open a ledger, or make one for a zone; Refused where it is another zone's, or there is none and no name."""
        if zone is None and not path.exists():
            raise Refused("unknown", f"ledger {path}: is not there, and no zone is given to begin one")
        self._path = path
        with self._open() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(_SCHEMA)
            if db.execute("SELECT name FROM zone").fetchone() is None:
                db.execute("INSERT INTO zone VALUES (?)", (zone,))
            self.zone = str(db.execute("SELECT name FROM zone").fetchone()[0])
        if zone not in (None, self.zone):
            raise Refused("zone", f"ledger {path}: is of zone {self.zone}, not {zone}")

    def append(self, entry: bytes) -> int:
        """Add an entry, byte for byte, and return its number; StoreFailed, Refused (`too_large`)."""
        if len(entry) > MOST_BYTES:
            raise Refused("too_large", f"entry of {len(entry)} bytes: at most {MOST_BYTES} are allowed")
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            number: int = db.execute("SELECT COUNT(*) FROM entry").fetchone()[0]
            db.execute("INSERT INTO entry VALUES (?, ?)", (number, entry))
        return number

    def head(self, at: datetime) -> TreeHead:
        """The head of the ledger as it is now."""
        leaves = self._leaves(None)
        return TreeHead(self.zone, len(leaves), root(leaves).hex(), utc_text(at))

    def inclusion(self, index: int, size: int | None = None) -> Inclusion:
        """The proof that an entry is in the ledger of a size (None: of now); ValueError."""
        leaves = self._leaves(size)
        return Inclusion(index, len(leaves), _hex(inclusion_proof(index, leaves)))

    def consistency(self, old_size: int, size: int | None = None) -> Consistency:
        """The proof that an earlier ledger is the beginning of that of a size (None: of now); ValueError."""
        leaves = self._leaves(size)
        return Consistency(old_size, len(leaves), _hex(consistency_proof(old_size, leaves)))

    def entry(self, index: int) -> bytes:
        """An entry; ValueError where there is none."""
        with self._open() as db:
            row = db.execute("SELECT body FROM entry WHERE number = ?", (index,)).fetchone()
        if row is None:
            raise ValueError(f"entry {index}: the ledger has none of this number")
        return bytes(row[0])

    def _leaves(self, size: int | None) -> list[bytes]:
        """The hashes of the entries, computed from the entries: a file that was tampered with cannot hide behind them."""
        with self._open() as db:
            rows = db.execute("SELECT body FROM entry ORDER BY number LIMIT ?", (-1 if size is None else size,))
            leaves = [leaf_hash(bytes(body)) for (body,) in rows]
        if size is not None and len(leaves) != size:
            raise ValueError(f"size {size}: the ledger has {len(leaves)} entries")
        return leaves

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction; StoreFailed whatever goes wrong with it."""
        try:
            with closing(sqlite3.connect(self._path)) as db:
                db.execute("PRAGMA synchronous=FULL")
                with db:
                    yield db
        except sqlite3.Error as error:
            raise StoreFailed(f"ledger {self._path}: {error}") from error


def _hex(path: list[bytes]) -> tuple[str, ...]:
    return tuple(each.hex() for each in path)
