"""Two shards of a fleet in network namespaces of their own: each home once, each from its own shard."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

SCRIPT = Path(__file__).parents[2] / "examples" / "fleet" / "two-namespaces.sh"
BUSBAR = str(Path(sys.executable).with_name("busbar"))
SKIPPED = 77
HOMES = 5


async def test_each_home_is_heard_once_from_its_own_namespace() -> None:
    script = await asyncio.create_subprocess_exec(
        SCRIPT,
        str(HOMES),
        "6",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"BUSBAR": BUSBAR, "PATH": "/usr/bin:/bin"},
    )
    out, errors = (each.decode() for each in await script.communicate())
    if script.returncode == SKIPPED:
        pytest.skip(errors.strip())
    assert script.returncode == 0, errors
    came_from = re.findall(r"^from (\S+) home-(\d+)$", out, re.MULTILINE)
    assert sorted(came_from, key=lambda each: int(each[1])) == [
        (("10.77.0.11", "10.77.0.12")[number % 2], f"{number + 1}") for number in range(HOMES)
    ]
    heard = re.findall(r"^heard home-(\d+) (\d+)$", out, re.MULTILINE)
    assert {home for home, _ in heard} == {f"{number + 1}" for number in range(HOMES)}
    assert len(heard) == len(set(heard)), "a reading came twice"
    assert '"shard":"1/2"' in out
    assert '"shard":"2/2"' in out
    spaces = await asyncio.create_subprocess_exec("ip", "netns", "list", stdout=asyncio.subprocess.PIPE)
    left, _ = await spaces.communicate()
    assert f"busbar{script.pid}-" not in left.decode()
