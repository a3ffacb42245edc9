"""A node's journal as others see it while the node may be writing: nothing is written, and a file that is not there is empty."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Never

from protocols.faults import StoreFailed


class ReadOnlyJournal:
    """`protocols.ports.Journal` without its writing half, which is a StoreFailed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def kept(self, key: str) -> bytes | None:
        """The present value of a key."""
        found = self._rows("SELECT body FROM kept WHERE key = ?", key)
        return bytes(found[0][0]) if found else None

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        """Every key that begins so, with its present value."""
        query = "SELECT key, body FROM kept WHERE key >= ? AND key < ?"
        return {key: bytes(body) for key, body in self._rows(query, prefix, f"{prefix}\U0010ffff")}

    async def pending(self, stream: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Records of a stream above a number."""
        query = "SELECT seq, body FROM record WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?"
        return [(seq, bytes(body)) for seq, body in self._rows(query, stream, after, limit)]

    async def append(self, stream: str, record: bytes) -> int:
        """Not here."""
        self._refuse()

    async def acknowledge(self, stream: str, up_to: int) -> None:
        """Not here."""
        self._refuse()

    async def keep(self, key: str, value: bytes) -> None:
        """Not here."""
        self._refuse()

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        """Not here."""
        self._refuse()

    def _rows(self, query: str, *bound: object) -> list[tuple[Any, ...]]:
        if not self._path.is_file():
            return []
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                return db.execute(query, bound).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"journal {self._path}: {error}") from error

    def _refuse(self) -> Never:
        raise StoreFailed(f"journal {self._path}: it is read only here")
