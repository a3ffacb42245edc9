"""A record on disk: each line is written whole and brought to the disk by a thread of its own, as quickly as that goes.

So a power cut costs the lines that the disk had not taken yet, one as a rule, and a slow disk never holds up a device.
"""

import logging
import os
import threading
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self

from protocols.recording import Head, Line, encoded

_log = logging.getLogger("busbar.record")

# A disk that stands still: beyond this many lines the record ends rather than fill the memory.
_WAITING_MOST: Final = 100_000


class RecordFile:
    """A new file with its head; OSError where it cannot be made, or is there already."""

    def __init__(self, path: Path, head: Head) -> None:
        self.path, self.lines, self.failure = path, 0, ""
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(self._fd, encoded(head))
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"record {path.name}")
        self._thread.start()

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, and close."""
        self.close()

    def put(self, line: Line) -> None:
        """Add a line; after a failure, which `failure` tells, lines are dropped."""
        if self.failure:
            return
        if self._queue.qsize() >= _WAITING_MOST:
            self.failure = f"{self.path}: the disk takes nothing any more"
            return
        self.lines += 1
        self._queue.put(encoded(line))

    def close(self) -> None:
        """Write what is left, and close."""
        self._queue.put(None)
        self._thread.join()
        os.close(self._fd)

    def _run(self) -> None:
        try:
            os.fsync(self._fd)
            while (lines := self._waiting()) is not None:
                rest = memoryview(b"".join(lines))
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
                os.fdatasync(self._fd)
                if self._is_over:
                    return
        except OSError as error:
            self.failure = f"{self.path}: {error.strerror}"
            _log.warning("%s; the record ends here", self.failure)

    _is_over = False

    def _waiting(self) -> list[bytes] | None:
        """All lines that wait, once there is one."""
        found: list[bytes] = []
        while not found or not self._queue.empty():
            line = self._queue.get()
            if line is None:
                self._is_over = True
                return found or None
            found.append(line)
        return found
