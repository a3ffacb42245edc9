"""The system's clock: monotonic for deadlines, UTC as a label, and whether the kernel says UTC is disciplined."""

import ctypes
import time
from datetime import UTC, datetime
from typing import Final

_TIME_ERROR: Final = 5  # adjtimex(2): "the system clock is not synchronized to a reliable server"
_TIMEX_BYTES: Final = 256  # struct timex is 208 bytes on 64-bit Linux; zeroed, so that `modes` 0 only reads
# A board without a battery-backed clock boots in 1970; no contract can be older than this program.
_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)


class SystemClock:
    """`protocols.ports.Clock` on the machine's own clocks."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def now_s(self) -> float:
        """Monotonic seconds; the time base of the asyncio loop."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Wall time, UTC."""
        return datetime.now(UTC)

    def synchronised(self) -> bool:
        """Whether adjtimex(2) says so; never before the year of this program."""
        buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
        state: int = self._libc.adjtimex(buffer)
        return 0 <= state < _TIME_ERROR and self.utc() >= _EARLIEST
