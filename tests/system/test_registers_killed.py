"""A meter that is killed while it counts, again and again: no register anybody was shown ever comes back lower."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from firmware_py.journal import SqliteJournal
from firmware_py.meter.keeper import KEY, decode_registers
from firmware_py.meter.registers import shown_mwh

pytestmark = pytest.mark.system

POWER_W, PAUSE_S = 3.6e6, 0.02
# What a commit may take on a busy machine.
COMMIT_S = 2.0
# 1 Wh in each millisecond; `live` is told before it is counted, `shown` once it is on disk.
VICTIM = f"""
import asyncio, sys, time
from pathlib import Path
from firmware_py.journal import SqliteJournal
from firmware_py.meter.keeper import Keeper
from firmware_py.meter.registers import Flow, Settings, shown_mwh

async def closed(entry):
    pass

async def main():
    keeper = Keeper(SqliteJournal(Path(sys.argv[1])), Settings(), closed, pause_s={PAUSE_S})
    await keeper.recall()
    asyncio.get_running_loop().create_task(keeper.run())
    last = time.monotonic_ns() // 1000
    while True:
        await asyncio.sleep(0.002)
        now = time.monotonic_ns() // 1000
        live = shown_mwh(keeper.live.count("import"))
        print("live", live, "shown", shown_mwh(keeper.shown.count("import")), flush=True)
        keeper.count(Flow(last, now, {POWER_W} * (now - last) / 1e6, 0.0))
        last = now

asyncio.run(main())
"""


async def killed_after(path: Path, lines: int) -> tuple[int, int]:
    """What the victim said last before it was killed: live and shown, in mWh."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, str(path), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(60.0):
            for _ in range(lines):
                said = await process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            *_, said = [said, *(await process.stdout.read()).split(b"\n")[:-1]]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    _, live, _, shown = said.split()
    return int(live), int(shown)


async def on_disk_mwh(path: Path) -> int:
    journal = SqliteJournal(path)
    body = await journal.kept(KEY)
    await journal.close()
    return 0 if body is None else shown_mwh(decode_registers(body).count("import"))


async def test_a_kill_takes_nothing_that_was_shown_and_little_that_was_not(tmp_path: Path) -> None:
    path, before = tmp_path / "journal", 0
    for lines in (40, 1, 17, 90, 63, 5):
        live, shown = await killed_after(path, lines)
        kept = await on_disk_mwh(path)
        assert before <= shown <= kept
        assert live - kept <= 1000 + POWER_W * (PAUSE_S + COMMIT_S) / 3.6
        before = kept
    assert before > 100_000
