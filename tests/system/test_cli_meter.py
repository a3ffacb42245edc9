"""`busbar meter --play` and the meter as a daemon, as people run them; expectations in closed form."""

import asyncio
import json
import math
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.links import Buses
from firmware_py.meter.own_map import COUNTERS, COUNTERS_AT
from protocols.faults import Fault
from protocols.ports import Table
from tests.system.busbar import BUSBAR, busbar, told
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import NODE, Mosquitto

pytestmark = pytest.mark.system

FS = 10_000


def signal_of(seconds: float) -> tuple[Any, Any]:
    """230 V with 5 % of the fifth harmonic, 5 A that lag by 60 degrees: 575 W and 995.93 var a phase."""
    t = np.arange(round(FS * seconds)) / FS
    u, i = [], []
    for phase in range(3):
        angle = 2 * math.pi * (50 * t - phase / 3)
        u.append(230 * math.sqrt(2) * (np.cos(angle) + 0.05 * np.cos(5 * angle)))
        i.append(5 * math.sqrt(2) * np.cos(angle - math.pi / 3))
    return np.array(u), np.array(i)


TRUE = {
    "frequency_hz": 50.0,
    "voltage_l1_v": 230.0 * math.sqrt(1 + 0.05**2),
    "voltage_l3_v": 230.0 * math.sqrt(1 + 0.05**2),
    "current_l2_a": 5.0,
    "power_l1_w": 575.0,
    "power_w": 1725.0,
    "reactive_power_l1_var": 230 * 5 * math.sin(math.pi / 3),
    "thd_voltage_l1": 0.05,
}


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def windows(out: str) -> list[dict[str, Any]]:
    return [line for line in lines(out) if "kind" not in line]


async def test_an_archive_by_hand_is_measured(tmp_path: Path) -> None:
    u, i = signal_of(3.0)
    np.savez(tmp_path / "a.npz", u=u, i=i, fs=FS)
    *measured, rest = lines((await busbar("meter", "--play", str(tmp_path / "a.npz"), "--json")).good)
    found = [line for line in measured if "kind" not in line]
    assert len(found) >= 13
    for window in found[1:]:
        for name, value in TRUE.items():
            assert window[name] == pytest.approx(value, rel=1e-4), name
    for earlier, later in pairwise(found):
        assert later["begin_s"] == pytest.approx(earlier["begin_s"] + earlier["duration_s"])
    assert rest["kind"] == "rest"
    assert rest["begin_s"] + rest["duration_s"] == pytest.approx(3.0)
    for each, until_s in ((rest, 3.0), (found[-1], rest["begin_s"])):
        assert each["energy_import_wh"] == pytest.approx(1725.0 * until_s / 3600, abs=2e-3)
        assert each["energy_reactive_q1_varh"] == pytest.approx(1725.0 * math.sqrt(3) * until_s / 3600, abs=2e-3)
    assert rest["energy_export_wh"] == 0.0
    assert all("faults" not in window for window in found)


@pytest.mark.parametrize(("ending", "options"), [("wav", ()), ("cff", ()), ("cfg", ()), ("wav", ("--wav", "pcm24"))])
def test_every_format_is_measured_alike(tmp_path: Path, ending: str, options: tuple[str, ...]) -> None:
    file = str(tmp_path / f"a.{ending}")
    adds = ("--add", "harmonic order=5 ratio=0.05", "--angle-deg", "60")
    assert told("wave", file, "--duration", "2s", "--comtrade", "BINARY32", *adds, *options).code == 0
    found = windows(told("meter", "--play", file, "--json").good)
    for name, value in TRUE.items():
        assert found[-1][name] == pytest.approx(value, rel=1e-4), name


def test_a_dip_is_told_as_an_event_with_a_kind(tmp_path: Path) -> None:
    file = str(tmp_path / "dip.npz")
    assert (
        told("wave", file, "--duration", "3s", "--add", "dip start_s=1.5 duration_s=0.1 ratio=0.4 phase=l1").code == 0
    )
    (event, _) = (line for line in lines(told("meter", "--play", file, "--json").good) if "kind" in line)
    assert event["kind"] == "dip"
    assert event["phases"] == ["l1"]
    assert event["begin_s"] == pytest.approx(1.5, abs=0.001)
    assert event["duration_s"] == pytest.approx(0.1, abs=0.001)
    assert event["detected_duration_s"] == pytest.approx(0.1, abs=0.025)  # U_rms½ looks back over a cycle
    assert event["depth_ratio"] == pytest.approx(0.6, abs=0.001)


def test_playing_takes_less_than_60_mb(tmp_path: Path) -> None:
    file = str(tmp_path / "a.npz")
    assert told("wave", file, "--duration", "20s").code == 0
    code = """
import atexit, pathlib, sys
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text(), file=sys.stderr))
from firmware_py.cli.app import main
main()
"""
    process = subprocess.run(
        [sys.executable, "-c", code, "meter", "--play", file, "--json"], capture_output=True, text=True, check=True
    )
    (peak_kb,) = (int(line.split()[1]) for line in process.stderr.splitlines() if line.startswith("VmHWM"))
    assert peak_kb < 60 * 1024


def test_what_is_wrong_with_the_input_is_named(tmp_path: Path) -> None:
    file = str(tmp_path / "a.npz")
    assert (
        told(
            "wave", file, "--duration", "3s", "--add", "dead of=i2", "--add", "missing of=u1 start_s=2 duration_s=0.01"
        ).code
        == 0
    )
    told("meter", "--play", file, "--json").says(2, "a.npz: u1 is nan at sample 20000 (2 s)")
    found = windows(told("meter", "--play", file, "--json", "--gaps").good)
    kinds = {(fault["kind"], fault["channel"]) for window in found for fault in window.get("faults", ())}
    assert ("missing_samples", "u1") in kinds


def test_the_table_shows_the_last_window(tmp_path: Path) -> None:
    file = str(tmp_path / "a.npz")
    assert told("wave", file, "--duration", "2s").code == 0
    out = told("meter", "--play", file).good
    assert "230.000" in out
    assert "1 150.000" in out


def test_what_cannot_be_played_is_refused_in_one_line(tmp_path: Path) -> None:
    u, i = signal_of(0.05)
    np.savez(tmp_path / "short.npz", u=u, i=i, fs=FS)
    np.savez(tmp_path / "slow.npz", u=u, i=i, fs=2000.0)
    np.savez(tmp_path / "flat.npz", u=u[0], i=i, fs=FS)
    told("meter", "--play", str(tmp_path / "short.npz")).says(2, "0.05 s: too short for a window")
    told("meter", "--play", str(tmp_path / "slow.npz")).says(2, "sample_rate_hz is 2000", "8000")
    told("meter", "--play", str(tmp_path / "flat.npz")).says(2, "u has the shape (500,)")
    told("meter", "--play", str(tmp_path / "none.cff")).says(2, "none.cff: No such file")
    told("meter", "--play", str(tmp_path / "short.npz"), "--nominal-hz", "55").says(2, "50 or 60 is allowed")
    assert "must be there" in told("meter", str(written(tmp_path, "[meter]\n"))).err


def written(folder: Path, text: str) -> Path:
    (folder / "meter.toml").write_text(text)
    return folder / "meter.toml"


# The daemon

CONFIG = f"""
[meter]
id = "{NODE}"
serial = "BB-7"
state_dir = "state"
[input]
kind = "recording"
path = "unused.npz"
[registers]
profile_min = 1
"""


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, told to stop at the end of the block."""
    process = await asyncio.create_subprocess_exec(BUSBAR, *words)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30.0):
            await process.wait()


async def counters(port: int) -> dict[tuple[str, int], int]:
    buses = Buses()
    try:
        bus = buses.get(f"tcp://127.0.0.1:{port}", 5.0)
        words = await bus.read(1, Table.INPUT, COUNTERS_AT, 4 * len(COUNTERS))
    finally:
        await buses.close()
    return dict(zip(COUNTERS, struct.unpack(f">{len(COUNTERS)}Q", struct.pack(f">{len(words)}H", *words)), strict=True))


async def test_a_meter_on_a_simulated_converter_publishes_and_its_registers_survive_a_kill(
    tmp_path: Path, broker: Mosquitto, listener: HeadEnd, unused_tcp_port: int
) -> None:
    config = written(
        tmp_path,
        CONFIG
        + f"[modbus]\nport = {unused_tcp_port}\n"
        + f'[mqtt]\nurl = "{broker.url}"\nusername = "node"\npassword_file = "{broker.password_file("node")}"\n',
    )
    (tmp_path / "wave.toml").write_text("current_a = 50\nangle_deg = 60\n")
    words = ("sim", "meter", str(config), "--spec", str(tmp_path / "wave.toml"))
    async with running(*words) as process:
        reading = (await listener.readings(4, "meter"))[-1]
        assert reading.values["voltage_l1_v"] == pytest.approx(230.0, rel=1e-3)
        assert reading.values["power_w"] == pytest.approx(17_250.0, rel=1e-3)
        await eventually("some Wh", lambda: (listener.telemetry[-1].values["energy_import_wh"] or 0) > 10)
        shown = listener.telemetry[-1].values["energy_import_wh"]
        assert shown is not None
        assert (await counters(unused_tcp_port))["import", 0] >= shown * 1000
        process.kill()
        await process.wait()
    async with running(*words):
        again = (await listener.readings(1, "meter"))[-1].values["energy_import_wh"]
        assert again is not None
        assert again >= shown


async def test_a_recording_is_played_to_a_daemon_without_a_broker(tmp_path: Path, unused_tcp_port: int) -> None:
    u, i = signal_of(2.0)
    np.savez(tmp_path / "unused.npz", u=u, i=-20 * i, fs=FS)
    config = written(tmp_path, CONFIG + f"[modbus]\nport = {unused_tcp_port}\n")

    async def exported(least_mwh: int) -> None:
        for _ in range(600):
            with suppress(Fault):  # not there yet
                if (await counters(unused_tcp_port))["export", 0] >= least_mwh:
                    return
            await asyncio.sleep(0.1)
        raise AssertionError(f"no {least_mwh} mWh in a minute")

    async with running("meter", str(config)):
        await exported(20_000)
