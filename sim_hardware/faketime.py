"""The wall clock of a real process, made to jump while it runs: libfaketime (Debian: libfaketime) under LD_PRELOAD.

Source: libfaketime's README and man page faketime(1): FAKETIME_TIMESTAMP_FILE is read anew at each call with
        FAKETIME_NO_CACHE=1; "+3600" in it means one hour fast; DONT_FAKE_MONOTONIC leaves deadlines alone.
Limits: adjtimex(2) is not faked, so a node goes on believing its clock synchronised (`SystemClock.synchronised`); programs that
        are linked statically, or call the kernel without the C library, see the true time. A time namespace is no way: it
        shifts CLOCK_MONOTONIC and CLOCK_BOOTTIME only (time_namespaces(7)).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PLACES: Final = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


def library() -> Path | None:
    """Where the library is on this machine; None where it is not installed."""
    return next((path for place in PLACES for path in Path("/").glob(place.lstrip("/"))), None)


class FakeTime:
    """The clock error of the processes that are started with `environment()`; `step` moves it, as `VirtualClock.step`."""

    def __init__(self, file: Path) -> None:
        found = library()
        if found is None:
            raise FileNotFoundError("libfaketime is not installed: apt-get install libfaketime")
        self._library, self._file, self._offset_s = found, file, 0.0
        self.step(0.0)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The variables of a process that is to live by this clock."""
        return {
            **base,
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # its name since 0.9.9
        }

    def step(self, seconds: float) -> None:
        """Let the wall clock jump by so many seconds."""
        self._offset_s += seconds
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{self._offset_s:+.6f}\n")
        os.replace(beside, self._file)  # the process may read at any moment
