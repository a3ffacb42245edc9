"""`busbar demo`: the whole of it in one command, to its end or to Ctrl-C."""

import asyncio
import json
import os
import pty
import re
import signal
import time
from pathlib import Path

import pytest

from tests.system.busbar import BUSBAR, Ended, busbar, told
from tests.system.eventually import eventually
from tests.system.mosquitto import mosquitto

pytestmark = pytest.mark.system


def delivered(ended: Ended) -> None:
    """The last line tells of a contract that the meter saw delivered, and of no reading lost."""
    summary = json.loads(ended.good.splitlines()[-1])
    assert summary["contract"] == "delivered", summary
    assert summary["published"] == summary["received"] > 0, summary
    assert summary["setpoints_written"] > 0, summary
    assert 0.0 < summary["worst_cycle_ms"] < 5000.0, summary
    assert summary["first_values_s"] < 10.0, summary
    assert summary["intervals_durable"] > 0, summary
    assert "Traceback" not in ended.err


async def test_the_demo_on_its_own_broker_and_on_a_real_one(tmp_path: Path) -> None:
    """Two at once, as each takes its time: one for programs, one with the last table and a summary for people."""
    async with mosquitto(tmp_path, users=False) as broker:
        own, real = await asyncio.gather(
            busbar("demo", "--for", "15s", "--json", "--evidence", f"{tmp_path}/evidence.zip"),
            busbar("demo", "--for", "15s", "--broker", broker.url),
        )
        assert "as busbar-demo-home (p5," in broker.log
    delivered(own)
    verified = await busbar("verify", f"{tmp_path}/evidence.zip", "--key", f"{tmp_path}/evidence.pub", "--json")
    assert json.loads(verified.good)["outcome"] == "delivered"
    assert "contracts: demo-1 delivered" in real.good
    published, seen = re.findall(r"(\d+) readings published, (\d+) seen back", real.out)[0]
    assert int(published) == int(seen) > 0


class Terminal:
    """The demo in a terminal of its own; `shown` is everything that appeared."""

    def __init__(self, process: asyncio.subprocess.Process, line: int) -> None:
        self.process, self._line, self._seen = process, line, b""
        os.set_blocking(line, False)
        asyncio.get_running_loop().add_reader(line, self._read)

    def _read(self) -> None:
        try:
            self._seen += os.read(self._line, 65536)
        except OSError:  # the other end is closed: Linux says EIO
            asyncio.get_running_loop().remove_reader(self._line)

    @property
    def shown(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen.decode(errors="replace"))

    def press_ctrl_c(self) -> None:
        os.write(self._line, b"\x03")


async def test_ctrl_c_ends_the_demo_with_its_summary() -> None:
    """In a terminal, where the live table is: V, f, P, E and why; and Ctrl-C as the terminal sends it."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        "setsid",
        "--ctty",
        BUSBAR,
        "demo",
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "120"},
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        await eventually(
            "the live table", lambda: re.search(r"online.*23\d\.\d", terminal.shown), seen=lambda: terminal.shown
        )
        for word in ("V L1/L2/L3", "f Hz", "P W", "in kWh", "grid", "pv", "battery", "load", "why"):
            assert word in terminal.shown
        pressed_s = time.monotonic()
        terminal.press_ctrl_c()
        async with asyncio.timeout(30.0):
            assert await process.wait() == 0
        assert time.monotonic() - pressed_s < 15.0
        await eventually("the summary", lambda: "readings published" in terminal.shown, seen=lambda: terminal.shown)
        assert "Traceback" not in terminal.shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)


async def test_an_early_ctrl_c_leaves_no_traceback() -> None:
    """While it is still setting the stage."""
    process = await asyncio.create_subprocess_exec(
        BUSBAR, "demo", "--json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        await eventually("its handler of Ctrl-C", lambda: catches(process.pid, signal.SIGINT))
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30.0):
            _, errors = await process.communicate()
        assert b"Traceback" not in errors, errors.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def catches(pid: int, sign: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal in an asyncio loop, which also holds a socket pair."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.findall(r"SigCgt:\s+([0-9a-f]+)", status)[0], 16)
    return bool(caught & 1 << (signal.SIGTERM - 1)) and bool(caught & 1 << (sign - 1))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--for", "1s"), ("--for 1s", "at least 15s")),
        (("--broker", "http://b"), ("'http://b'", "mqtt://host:1883")),
    ],
    ids=["short", "broker"],
)
def test_what_cannot_be_played(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    told("demo", *words).says(2, *said)
