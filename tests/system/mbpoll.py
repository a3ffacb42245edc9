"""Debian's mbpoll: a foreign Modbus client, built on libmodbus."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest


async def mbpoll(
    url: str, address: int, unit: int = 1, table: str = "3:float", writes: Sequence[int] = ()
) -> tuple[int, str]:
    """Exit code and output of one poll by Debian's mbpoll, or of writing these values."""
    tool = shutil.which("mbpoll")
    if tool is None:
        pytest.fail("mbpoll is not installed: apt-get install mbpoll (deploy/setup/peers.sh does it)", pytrace=False)
    parts = urlsplit(url)
    if parts.scheme == "tcp":
        line = ["-m", "tcp", "-p", str(parts.port), str(parts.hostname)]
    else:
        line = ["-m", "rtu", "-b", "9600", "-P", "none", parts.path]
    options = ["-1", "-0", "-B", "-a", str(unit), "-r", str(address), "-t", table, "-o", "0.5"]
    if not writes:
        options += ["-c", "1"]
    process = await asyncio.create_subprocess_exec(
        tool, *options, *line, *map(str, writes), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def polled(url: str, address: int, unit: int = 1, table: str = "3:float") -> float:
    """The number at an address."""
    code, output = await mbpoll(url, address, unit, table)
    found = re.search(rf"^\[{address}\]:\s+(\S+)", output, re.MULTILINE)
    assert code == 0, output
    assert found, output
    return float(found[1])
