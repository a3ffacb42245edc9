"""The word clock_jump on a real process: the node's own clock under libfaketime."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sim_hardware.faketime import FakeTime, library
from sim_hardware.fault_script import FaultScript, clock_jumps
from sim_hardware.faults import Faults

pytestmark = pytest.mark.system

# A daemon in small: its clock and its loop, told whenever it is asked.
NODE = """
import asyncio, json, sys
from firmware_py.clock import SystemClock

async def main():
    clock = SystemClock()
    for line in sys.stdin:
        began_s = clock.now_s()
        await asyncio.sleep(0.2)
        print(json.dumps([clock.utc().timestamp(), clock.now_s(), clock.now_s() - began_s]), flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def node(fake: FakeTime) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        NODE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=fake.environment({**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}),
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def asked(process: asyncio.subprocess.Process) -> tuple[float, float, float]:
    """Wall clock, monotonic clock, and how long a sleep of 0.2 s took."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"now\n")
    async with asyncio.timeout(20.0):
        answer: Any = json.loads(await process.stdout.readline())
    return answer[0], answer[1], answer[2]


def faked(folder: Path) -> FakeTime:
    if library() is None:
        pytest.fail("libfaketime is not installed (deploy/setup/peers.sh does it)", pytrace=False)
    return FakeTime(folder / "faketime")


async def test_the_wall_clock_of_a_running_node_jumps_and_its_deadlines_do_not(tmp_path: Path) -> None:
    fake, faults = faked(tmp_path), Faults()
    clock_jumps(faults, fake)
    async with node(fake) as process:
        wall_s, monotonic_s, _ = await asked(process)
        for jump_s in (3600.0, -172_800.0):
            faults.begin("clock_jump", jump_s)
            jumped_s, later_s, slept_s = await asked(process)
            assert jumped_s - wall_s - (later_s - monotonic_s) == pytest.approx(jump_s, abs=0.5)
            assert 0.0 < later_s - monotonic_s < 20.0
            assert 0.2 <= slept_s < 5.0
        faults.end("clock_jump")
        back_s, later_s, _ = await asked(process)
        assert back_s - wall_s - (later_s - monotonic_s) == pytest.approx(0.0, abs=0.5)


async def test_a_script_moves_the_clock_at_its_time(tmp_path: Path) -> None:
    fake, faults = faked(tmp_path), Faults()
    clock_jumps(faults, fake)
    script = FaultScript.from_data(
        [{"at_s": 0.1, "for_s": 60, "word": "clock_jump", "argument": -86_400, "device": "node"}]
    )
    async with node(fake) as process:
        wall_s, monotonic_s, _ = await asked(process)
        playing = asyncio.create_task(script.play({"node": faults}))
        await asyncio.sleep(0.5)
        jumped_s, later_s, _ = await asked(process)
        playing.cancel()
    assert jumped_s - wall_s - (later_s - monotonic_s) == pytest.approx(-86_400, abs=0.5)
