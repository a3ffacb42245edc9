"""The meter as a device, as people run it: signed commands through a real Mosquitto, its log, its self-test, its keys."""

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from protocols.signing import new_private_key, public_part
from tests.system.busbar import BUSBAR, busbar, told
from tests.system.eventually import eventually
from tests.system.mosquitto import Mosquitto, Subscriber, mosquitto

pytestmark = pytest.mark.system

CONFIG = """
[meter]
id = "m1"
serial = "BB-7"
state_dir = "state"
[input]
kind = "recording"
path = "wave.npz"
[registers]
profile_min = 1
demand_min = 1
[log]
key_file = "log.key"
[ocmf]
key_file = "ocmf.key"
[contacts]
cover = "gpiochip0:1"
button = "gpiochip0:2"
[disconnect]
mode = 2
[[issuer]]
name = "dso"
key_file = "dso.pub"
"""


def prepared(folder: Path, more: str = "") -> Path:
    assert told("keys", "new", "ocmf", "--dir", str(folder), "--ocmf").code == 0
    for name in ("log", "dso", "thief"):
        key = new_private_key()
        (folder / f"{name}.key").write_text(key)
        (folder / f"{name}.pub").write_text(public_part(key))
    (folder / "meter.toml").write_text(CONFIG + more)
    return folder / "meter.toml"


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(BUSBAR, *words)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30.0):
            await process.wait()


def events(heard: Subscriber) -> list[dict[str, Any]]:
    return [each.json() for each in heard.of("busbar/1/m1/event") if each.json()["subject"] == "log"]


@asynccontextmanager
async def meter(folder: Path, *options: str) -> AsyncIterator[tuple[Mosquitto, Subscriber]]:
    async with (
        mosquitto(folder / "broker", users=False) as broker,
        broker.subscriber("busbar/1/m1/#") as heard,
    ):
        config = prepared(folder, f'[mqtt]\nurl = "{broker.url}"\n')
        async with running("sim", "meter", str(config), *options):
            await eventually("the meter measures", lambda: heard.of("busbar/1/m1/telemetry/meter"))
            yield broker, heard


async def sent(broker: Mosquitto, folder: Path, do: str, *options: str, key: str = "dso") -> Any:  # noqa: ANN401
    who = ("--issuer", "dso", "--meter", "m1", "--key", str(folder / f"{key}.key"), "--broker", broker.url)
    return await busbar("meter", "command", do, *who, *options)


def power_w(heard: Subscriber) -> float:
    return float(heard.of("busbar/1/m1/telemetry/meter")[-1].json()["values"]["power_w"])


async def test_signed_commands_move_the_relay_and_bad_ones_do_not(tmp_path: Path) -> None:
    async with meter(tmp_path, "--toggle", "cover@3s") as (broker, heard):
        assert power_w(heard) > 1000.0
        done = await sent(broker, tmp_path, "disconnect")
        assert done.code == 0
        assert re.search(
            r"disconnect received from dso.*\n.*disconnect done disconnected disconnected relay open", done.out
        )
        await eventually("no current flows", lambda: abs(power_w(heard)) < 1.0)
        refused = await sent(broker, tmp_path, "reconnect", key="thief")
        assert (refused.code, "refused unknown_key" in refused.out) == (1, True)
        # Signed well, but not for this: for another meter; retained; too old; twice.
        token = (await signed(tmp_path, "reconnect", "--meter", "m2")).encode()
        await broker.publish("issuer", "busbar/1/m1/command/in", token)
        good = (await signed(tmp_path, "reconnect", "--meter", "m1")).encode()
        await broker.publish("issuer", "busbar/1/m1/command/in", good, retain=True)
        await eventually("two refusals", lambda: len(reasons(heard)) == 3)
        assert abs(power_w(heard)) < 1.0
        await broker.publish("issuer", "busbar/1/m1/command/in", good)
        await eventually("the same, not retained, is done", lambda: power_w(heard) > 1000.0)
        await broker.publish("issuer", "busbar/1/m1/command/in", good)
        late = (await signed(tmp_path, "disconnect", "--meter", "m1", "--good-for", "1ms")).encode()
        await broker.publish("issuer", "busbar/1/m1/command/in", late)
        await eventually("all refusals", lambda: len(reasons(heard)) >= 5)
        assert reasons(heard) == ["unknown_key", "audience", "retained", "sequence", "expired"]
        assert power_w(heard) > 1000.0
        await eventually("the cover", lambda: any(event["state"] == "cover_opened" for event in events(heard)))
        await eventually("a page, a minute", lambda: heard.of("busbar/1/m1/ocmf"), within_s=75.0)
    await verified(tmp_path, heard.of("busbar/1/m1/ocmf")[0].json()["record"])
    assert [event["seq"] for event in events(heard)] == list(range(1, len(events(heard)) + 1))
    out = told("meter", "log", str(tmp_path / "meter.toml")).good
    assert "command_refused" in out
    assert " stop" in out
    assert "0 without a signature" in out


async def verified(folder: Path, record: str) -> None:
    """A signed reading, by openssl over the bytes between the bars, and by `busbar verify`."""
    _, text, tail = record.split("|")
    (folder / "text").write_text(text)
    (folder / "signature").write_bytes(bytes.fromhex(json.loads(tail)["SD"]))
    command = ["openssl", "dgst", "-sha256", "-verify", "ocmf.pub", "-signature", "signature", "text"]
    checked = await asyncio.to_thread(subprocess.run, command, cwd=folder, capture_output=True, check=True)
    assert checked.stdout == b"Verified OK\n"
    (folder / "page.ocmf").write_text(record)
    assert "GOOD" in told("verify", str(folder / "page.ocmf"), "--key", str(folder / "ocmf.pub")).good


async def signed(folder: Path, do: str, *options: str) -> str:
    done = await busbar("meter", "command", do, "--issuer", "dso", "--key", str(folder / "dso.key"), *options)
    return str(done.good.strip())


def reasons(heard: Subscriber) -> list[str]:
    """The refusals, each once."""
    acks = {each.json()["seq"]: each.json()["record"] for each in heard.of("busbar/1/m1/ack")}
    return [ack["reason"] for ack in acks.values() if ack["state"] == "refused"]


async def test_the_log_command_finds_what_was_altered(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    async with running("sim", "meter", str(config), "--toggle", "cover@1s"):
        await eventually("the cover", lambda: "cover_opened" in told("meter", "log", str(config)).out)
    lines = [json.loads(line) for line in told("meter", "log", str(config), "--json").good.splitlines()]
    assert [line["event"] for line in lines[:-1]] == ["start", "cover_opened", "stop"]
    assert lines[-1] == {"ok": True, "entries": 3, "dropped": 0, "unsigned": 0}
    assert told("meter", "log", str(config), "--key", str(tmp_path / "thief.pub")).code == 1
    with closing(sqlite3.connect(tmp_path / "state/journal.sqlite")) as db:
        db.execute("DELETE FROM record WHERE stream = 'log' AND seq = 2")
        db.commit()
    found = told("meter", "log", str(config))
    assert found.code == 1
    assert "BAD log record 2: has number 3" in found.out


def test_a_self_test_on_demand(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    config.write_text(re.sub(r"(?s)\[contacts\].*?(?=\[disconnect)", "", CONFIG))
    assert told("wave", str(tmp_path / "wave.npz"), "--duration", "10s").code == 0
    done = told("meter", str(config), "--self-test", "--json")
    checks = json.loads(done.out)
    assert {name for name, check in checks.items() if not check["good"]} <= {
        "clock"
    }  # as synchronised as this machine is
    assert checks["sample_rate"]["said"].endswith("Hz of 10000 Hz")
    assert checks["calibration"]["said"] == "none: nominal constants"
