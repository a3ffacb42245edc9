"""`busbar hil` as people run it: a simulator in another process, the real daemon measured, devices that follow."""

import asyncio
import json
import signal
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.links import open_bus
from protocols.ports import Table
from sim_hardware.devices.image import IllegalAddress
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from tests.firmware_py.hil.lab import plan
from tests.system.busbar import BUSBAR, Ended, busbar, told
from tests.system.eventually import eventually
from tests.system.mosquitto import Mosquitto
from tests.system.site import Setup, Site, house

pytestmark = pytest.mark.system

EXAMPLE = Path(__file__).parents[2] / "examples" / "lockstep_simulator.py"


@asynccontextmanager
async def hil(*words: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A `busbar hil` process and the first line it has printed; nothing of it is left afterwards."""
    process = await asyncio.create_subprocess_exec(
        BUSBAR, "hil", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60.0):
            yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> Ended:
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def run_example(url: str, steps: int) -> str:
    host, _, port = url.removeprefix("tcp://").partition(":")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(EXAMPLE), host, port, str(steps), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_a_simulator_in_another_process_drives_records_and_replays(tmp_path: Path) -> None:
    plan(tmp_path)
    tape, report = str(tmp_path / "tape"), str(tmp_path / "report.jsonl")
    lock = ("lock", str(tmp_path / "home.toml"), "--listen", "tcp://127.0.0.1:0", "--step", "500ms", "--json")
    async with hil(*lock, "--record", tape, "--report", report) as (process, url):
        said = await run_example(url, 60)
        outcome = await ended(process)
    assert "cellar was told" in said
    assert "60 steps, 0 overruns" in said
    (line,) = outcome.good.splitlines()
    assert json.loads(line)["source"] == "step.took"
    assert json.loads(line)["count"] == 60
    assert (await busbar("hil", "replay", tape)).good == "60 steps, to its end: the same bit for bit\n"
    shown = json.loads(told("hil", "report", report, report, "--json").good)
    assert (shown["count"], shown["overruns"], shown["deadline_us"]) == (120, 0, 500_000)


async def test_a_deadline_nobody_could_keep_is_overrun_at_every_step(tmp_path: Path) -> None:
    plan(tmp_path)
    lock = (
        "lock",
        str(tmp_path / "home.toml"),
        "--listen",
        "tcp://127.0.0.1:0",
        "--speed",
        "1000",
        "--deadline",
        "0.001ms",
    )
    async with hil(*lock, "--json") as (process, url):
        said = await run_example(url, 10)
        took, late = map(json.loads, (await ended(process)).good.splitlines())
    assert "10 steps, 10 overruns" in said
    assert (took["overruns"], took["deadline_us"]) == (10, 1)
    assert took["overrun_worst_us"] > 0
    assert (late["source"], late["count"]) == ("step.late", 10)


async def test_the_real_daemon_is_measured_until_it_is_stopped(tmp_path: Path, broker: Mosquitto) -> None:
    async with house() as rig:
        site = Site(tmp_path, broker, rig)
        report = tmp_path / "run.jsonl"
        config = str(site.config(Setup()))
        process = await asyncio.create_subprocess_exec(
            BUSBAR, "hil", "run", config, "--report", str(report), "--json", stdout=asyncio.subprocess.PIPE
        )
        try:
            await eventually("the battery is told something", lambda: site.battery_w is not None)
            await site.send(site.signed(site.contract(1500.0)))
            await eventually("the contract is enforced", lambda: abs((site.battery_w or 0.0) - 4500.0) < 1000.0)
            await eventually("intervals", lambda: site.recorded("interval") > 6)
            process.send_signal(signal.SIGTERM)
            out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0
    found = {line["source"]: line for line in map(json.loads, out.splitlines())}
    assert {"cycle.late", "cycle.done", "grid.late", "grid.read", "load.read", "battery.command"} <= set(found)
    assert found["cycle.gap"]["count"] > 4  # on a busy machine most of them may begin at once, without a timer
    assert found["cycle.late"]["deadline_us"] == 250_000
    assert 0 < found["grid.read"]["p50_us"] <= found["grid.read"]["p99_us"] <= found["grid.read"]["max_us"]
    assert told("hil", "report", str(report)).code == 0


class Registers:
    """A real-time simulator's holding registers: volts at 0, watts of the load at 2, the home's answer at 10."""

    def __init__(self) -> None:
        self.words = [*struct.unpack(">4H", struct.pack(">2f", 222.5, 1800.0)), *[0] * 16]

    def read(self, table: Table, address: int, count: int) -> list[int]:
        if table is not Table.HOLDING or address + count > len(self.words):
            raise IllegalAddress("not there")
        return self.words[address : address + count]

    def write(self, address: int, words: Sequence[int]) -> None:
        self.words[address : address + len(words)] = words

    def after(self, dt_s: float) -> None:
        pass

    @property
    def answer_w(self) -> float:
        (value,) = struct.unpack(">f", struct.pack(">2H", *self.words[10:12]))
        return float(value)


LINK = """
url = "{url}"
period_s = 0.05
take = [
    {{ quantity = "grid.voltage_v", address = 0, shape = "F32" }},
    {{ quantity = "load.power_w", address = 2, shape = "F32" }},
    {{ quantity = "pv.power_w", address = 4, shape = "F32" }},
    {{ quantity = "battery.power_w", address = 4, shape = "F32" }},
]
give = [{{ quantity = "grid.power_w", address = 10, shape = "F32" }}]
"""


async def test_devices_on_real_wires_follow_a_simulators_modbus_server(tmp_path: Path) -> None:
    simulator = Registers()
    async with TcpFace({1: simulator}, {1: Faults()}) as face:
        (tmp_path / "link.toml").write_text(LINK.format(url=face.url))
        async with hil("terminals", str(tmp_path / "link.toml"), "--json") as (process, urls):
            bus = open_bus(json.loads(urls)["grid"], 2.0)
            try:
                await eventually("the home's power is in the simulator", lambda: abs(simulator.answer_w - 1800.0) < 0.5)
                assert await bus.read(1, Table.INPUT, 0, 2) == struct.unpack(">2H", struct.pack(">f", 222.5))
            finally:
                await bus.close()
            process.send_signal(signal.SIGINT)
            late, took = map(json.loads, (await ended(process)).good.splitlines())
    assert (late["source"], took["source"]) == ("bridge.late", "bridge.took")
    assert took["count"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lock", "home.toml", "--listen", "nowhere"), "--listen 'nowhere': 'nowhere': tcp://HOST:PORT"),
        (("lock", "home.toml", "--step", "0.1ms"), "step 0.0001 s: 0.001 to 3600 s is allowed"),
        (("lock", "home.toml", "--speed", "0"), "speed 0: more than 0 is allowed"),
        (("lock", "home.toml", "--start", "noon"), "--start 'noon': RFC 3339 such as"),
        (("lock", "home.toml", "--start", "2026-06-21T10:00"), "a zone such as Z is needed"),
        (("lock", "home.toml", "--journal", "home.toml"), "exists; a session begins with an empty journal"),
        (("helics", "home.toml", "--until", "1h", "--link", "grid.voltage_v"), "QUANTITY=PUBLICATION is allowed"),
        (("helics", "home.toml", "--until", "1h", "--core", "mpi"), "core 'mpi': allowed are zmq"),
        (("report", "home.toml"), "home.toml: line 1: "),
        (("report", "none"), "none: No such file"),
        (("replay", "home.toml"), "home.toml: line 1: "),
        (("terminals", "none"), "none: a readable TOML file is needed"),
    ],
)
def test_bad_input_says_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    plan(tmp_path)
    monkeypatch.chdir(tmp_path)
    told("hil", *words).says(2, said)


async def test_a_replay_that_differs_says_where_with_exit_code_1(tmp_path: Path) -> None:
    plan(tmp_path)
    tape = tmp_path / "tape"
    async with hil("lock", str(tmp_path / "home.toml"), "--listen", "tcp://127.0.0.1:0", "--record", str(tape)) as (
        process,
        url,
    ):
        await run_example(url, 5)
        await ended(process)
    tape.write_bytes(tape.read_bytes().replace(b'"pv.irradiance_w_m2":300.0', b'"pv.irradiance_w_m2":900.0', 1))
    outcome = await busbar("hil", "replay", str(tape))
    assert outcome.code == 1
    assert outcome.out.startswith("step 1: values.grid.power_w: recorded ")
