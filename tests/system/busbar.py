"""The `busbar` command as people run it: a process, what it printed, how it ended."""

import asyncio
import signal
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typer.testing import CliRunner

from firmware_py.cli.app import app

BUSBAR: Final = str(Path(sys.executable).with_name("busbar"))
_LONGEST_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def good(self) -> str:
        """What it printed, if it ended well."""
        assert self.code == 0, self
        return self.out

    def says(self, code: int, *words: str) -> None:
        """It ended with this code and said one clear line with these words in it; nothing of Python's."""
        assert self.code == code, self
        assert "Traceback" not in self.err, self.err
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("busbar: "), self.err
        assert [word for word in words if word not in self.err] == [], self.err


def told(*words: str, stdin: str = "") -> Ended:
    """As `busbar`, inside this process: for what is refused before anything happens, many times and quickly."""
    result = CliRunner().invoke(app, words, input=stdin)
    raised = (
        "" if isinstance(result.exception, SystemExit | None) else "".join(traceback.format_exception(result.exception))
    )
    return Ended(result.exit_code, result.stdout, result.stderr + raised)


async def busbar(*words: str, stdin: str = "", cwd: Path | None = None) -> Ended:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        BUSBAR,
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
    )
    try:
        async with asyncio.timeout(_LONGEST_S):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def sim_device(model: str, listen: str, *options: str) -> AsyncIterator[str]:
    """`busbar sim device` for as long as the block lasts; yields the address it printed, ends it with Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        BUSBAR, "sim", "device", model, "--listen", listen, *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_LONGEST_S):
            yield (await process.stdout.readline()).decode().strip()
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def sim_world(*words: str) -> AsyncIterator[asyncio.StreamReader]:
    """`busbar sim world` for as long as the block lasts; yields what it prints, ends it with Ctrl-C."""
    process = await asyncio.create_subprocess_exec(BUSBAR, "sim", "world", *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_LONGEST_S):
            yield process.stdout
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def fleet(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`busbar fleet` for as long as the block lasts; whoever wants its summary ends it himself."""
    process = await asyncio.create_subprocess_exec(
        BUSBAR, "fleet", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_LONGEST_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
