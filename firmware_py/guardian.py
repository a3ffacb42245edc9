"""The guardian: a second process that lets the outputs go when the daemon dies without doing so itself.

The daemon holds the write end of the guardian's stdin and a lock on the state directory; the kernel closes both with
the process, however it ends. End of file without a word means that the daemon is gone: the guardian takes the lock,
reads from the journal which leases were promised, and tells those devices to fall back. A daemon that is started again
meanwhile waits for the lock, so the two never write at the same time.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import sys
from pathlib import Path
from typing import IO, Final, Self

from drivers.links import Buses
from firmware_py.compose import build_device
from firmware_py.compose_loads import LazyLines, build_load
from firmware_py.config import DeviceConfig, Loaded, load
from firmware_py.config_loads import LoadConfig
from firmware_py.home.output import Line, lease_key
from firmware_py.journal import JOURNAL_FILE, SqliteJournal
from firmware_py.supervise import ended
from protocols.faults import Fault
from protocols.ports import Meter

_BYE: Final = b"bye\n"
# The daemon that is started again waits for this; a device that does not answer by then falls back by its own timer.
_PATIENCE_S: Final = 10.0
_LOCK_WAIT_S: Final = 15.0
# A guardian that cannot live is no reason to start processes without end.
_AGAIN_S: Final = 5.0
_log = logging.getLogger("busbar.guardian")


class StateLock:
    """The lock on a state directory: one writer of outputs at a time."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"
        self._file: IO[bytes] | None = None

    async def take(self, wait_s: float = _LOCK_WAIT_S) -> None:
        """Take it, waiting for a while; Fault where another daemon runs on this directory."""
        self._file = self._path.open("ab")
        deadline_s = asyncio.get_running_loop().time() + wait_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if asyncio.get_running_loop().time() > deadline_s:
                    self.free()
                    raise Fault(
                        f"{self._path.parent}: another node runs on this state_dir; each needs its own"
                    ) from None
                await asyncio.sleep(0.1)
            else:
                return

    def free(self) -> None:
        """Let others have it."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Guardian:
    """The daemon's side: start it before the first write, keep it meanwhile, dismiss it after the last."""

    def __init__(self, config: Path, process: asyncio.subprocess.Process) -> None:
        self._config, self._process = config, process
        self._keeping = asyncio.create_task(self._keep(), name="guardian")

    @classmethod
    async def start(cls, config: Path) -> Self:
        """Start the guardian of this configuration; one that ends by itself is started again."""
        return cls(config, await _spawned(config))

    async def _keep(self) -> None:
        while True:
            code = await self._process.wait()
            _log.error("the guardian ended with code %d; it is started again", code)
            await asyncio.sleep(_AGAIN_S)
            self._process = await _spawned(self._config)

    async def dismiss(self) -> None:
        """Tell it that the outputs were let go in order, and wait for its end."""
        await ended(self._keeping)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._process.communicate(_BYE)


async def _spawned(config: Path) -> asyncio.subprocess.Process:
    """In a session of its own, so that Ctrl-C does not reach it."""
    command = (sys.executable, "-m", "firmware_py.guardian", str(config))
    return await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, start_new_session=True)


async def let_go(loaded: Loaded) -> int:
    """Tell every device with a promised lease to fall back; how many could not be told."""
    journal = SqliteJournal(loaded.home.node.state_dir / JOURNAL_FILE)
    buses = Buses()
    try:
        home = loaded.home
        promised = [each for each in (*home.device, *home.loads) if await journal.kept(lease_key(each.name))]
        told = await asyncio.gather(*(_tell(device, buses, journal) for device in promised))
        return told.count(False)
    finally:
        await buses.close()
        await journal.close()


def _built(device: DeviceConfig | LoadConfig, buses: Buses) -> tuple[Meter, Line | None]:
    if isinstance(device, DeviceConfig):
        return build_device(device, buses.get, buses.stream)
    return build_load(device, buses.get, LazyLines())


async def _tell(device: DeviceConfig | LoadConfig, buses: Buses, journal: SqliteJournal) -> bool:
    driver, line = _built(device, buses)
    if line is None:
        return True
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                try:
                    await driver.probe()
                    await line.let_go(device.lease_s)
                    await journal.keep(lease_key(device.name), b"")
                except Fault as fault:
                    _log.warning("%s: %s", device.name, fault)
                    await asyncio.sleep(0.5)
                else:
                    _log.warning("%s was let go: its daemon is gone", device.name)
                    return True
    except TimeoutError:
        return False


async def _watch(config: Path) -> int:
    loaded = load(config)
    word = await asyncio.to_thread(sys.stdin.buffer.read)
    if word == _BYE:
        return 0
    try:
        await StateLock(loaded.home.node.state_dir).take()
    except Fault:  # a daemon was started again and has the outputs, and a guardian of its own
        return 0
    return 1 if await let_go(loaded) else 0


if __name__ == "__main__":
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # os._exit: a thread that still waits for stdin must not hold the process.
    os._exit(asyncio.run(_watch(Path(sys.argv[1]))))
