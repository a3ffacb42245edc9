"""The journals of a fleet: SQLite like any node's, in memory unless a folder is given; heard by the tape."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from firmware_py.fleet.tape import Tape
from firmware_py.journal import SqliteJournal
from protocols.ports import Journal

IN_MEMORY: Final = Path(":memory:")


async def inline(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    """Do blocking work here and now: on virtual time there are no threads, and memory does not block."""
    return work(*args)


def journal_of(home: str, state_dir: Path | None) -> SqliteJournal:
    """The journal of a home's node."""
    return SqliteJournal(IN_MEMORY if state_dir is None else state_dir / f"{home}.sqlite", inline)


class Heard:
    """A journal whose every write the tape takes in, in order."""

    def __init__(self, journal: Journal, home: str, tape: Tape) -> None:
        self._journal, self._home, self._tape = journal, home, tape
        self.pending, self.acknowledge, self.kept = journal.pending, journal.acknowledge, journal.kept
        self.kept_under = journal.kept_under

    async def append(self, stream: str, record: bytes) -> int:
        """As the port says."""
        self._tape.add(self._home, b"append", stream.encode(), record)
        return await self._journal.append(stream, record)

    async def keep(self, key: str, value: bytes) -> None:
        """As the port says."""
        self._tape.add(self._home, b"keep", key.encode(), value)
        await self._journal.keep(key, value)

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        """As the port says."""
        for key, value in values.items():
            self._tape.add(self._home, b"keep", key.encode(), value or b"")
        await self._journal.keep_all(values)
