"""`busbar sim world`: every device of a world on its real wire, as foreign programs see it."""

import asyncio
import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.system.busbar import busbar, sim_device, sim_world, told
from tests.system.eventually import eventually
from tests.system.fault_matrix import Ear, opened
from tests.system.mbpoll import mbpoll, polled
from tests.system.mosquitto import free_port, mosquitto

pytestmark = pytest.mark.system

WORLD = """
[world]
name = "small"
start = 2026-05-01T10:00:00Z
step_s = 0.5
[grid]
voltage_wander_v = 0.0
[feeder]
kind = "street"
[[station]]
name = "oltc"
kind = "tap-changer"
at = "transformer"
[[station]]
name = "feeder-meter"
kind = "meter"
at = "transformer"
[[home]]
name = "villa"
count = 2
pv = {}
battery = {}
heat_pump = {}
house = {}
meter = { push = "p1" }
plug_w = 60
[[home]]
name = "old"
load = { metered = true }
meter = { wire = "rtu", push = "sml" }
"""
VOLTAGE_L1, TOTAL_W = 0x0000, 0x0034
Where = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def world(tmp_path: Path) -> str:
    path = tmp_path / "world.toml"
    path.write_text(WORLD, encoding="utf-8")
    return str(path)


async def addresses(lines: asyncio.StreamReader, count: int) -> Where:
    """The addresses by device; --json prints them first."""
    found = [json.loads(await lines.readline()) for _ in range(count)]
    return {each["device"]: each for each in found}


async def status(lines: asyncio.StreamReader) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(await lines.readline())
    return read


DEVICES = 17


async def test_every_device_has_its_wire(world: str) -> None:
    port = free_port()
    async with sim_world(world, "--json", "--port", str(port)) as lines:
        where = await addresses(lines, DEVICES)
        assert list(where) == [
            *(f"villa-{n}/{each}" for n in (1, 2) for each in ("grid", "pv", "battery", "relays", "push", "plug")),
            "old-1/grid", "old-1/load", "old-1/push", "oltc", "feeder-meter",
        ]  # fmt: skip


async def test_ports_are_handed_out_in_order(world: str) -> None:
    port = free_port()
    async with sim_world(world, "--json", "--port", str(port)) as lines:
        where = await addresses(lines, DEVICES)
    tcp = [each["url"] for each in where.values() if each["url"].startswith("tcp:")]
    assert list(dict.fromkeys(tcp)) == [f"tcp://127.0.0.1:{port + n}" for n in range(5)]
    assert [where[f"villa-1/{each}"]["unit"] for each in ("grid", "pv", "battery", "relays")] == [1, 3, 4, 5]
    assert [where[each]["unit"] for each in ("oltc", "feeder-meter")] == [1, 2]
    assert where["old-1/grid"]["url"].startswith("serial:///dev/pts/")
    assert where["old-1/grid"]["url"] != where["old-1/load"]["url"]
    assert where["villa-1/plug"]["url"] == "(no broker)"


async def test_a_tap_moved_over_the_wire_lifts_every_home(world: str) -> None:
    """Foreign in, foreign out: mbpoll orders two steps and reads homes over TCP and a serial line."""
    async with sim_world(world, "--json", "--speed", "20") as lines:
        where = await addresses(lines, DEVICES)
        villa, old, oltc = (where[each]["url"] for each in ("villa-1/grid", "old-1/grid", "oltc"))
        before_v = [await polled(villa, VOLTAGE_L1), await polled(old, VOLTAGE_L1)]
        code, output = await mbpoll(oltc, 12, 1, "4", writes=[2])
        assert code == 0, output
        await asyncio.sleep(2.0)  # forty seconds there; two steps take ten
        assert await polled(oltc, 1, 1, "4") == 2
        after_v = [await polled(villa, VOLTAGE_L1), await polled(old, VOLTAGE_L1)]
        for before, after in zip(before_v, after_v, strict=True):
            assert after / before == pytest.approx(1.0 / 0.95, abs=0.01)
        assert await polled(where["feeder-meter"]["url"], VOLTAGE_L1, 2) == pytest.approx(after_v[0], rel=0.02)
        assert await polled(where["feeder-meter"]["url"], TOTAL_W, 2) != 0.0


async def test_meters_talk_by_themselves(world: str) -> None:
    async with sim_world(world, "--json") as lines:
        where = await addresses(lines, DEVICES)
        host, _, port = where["villa-1/push"]["url"].removeprefix("tcp://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        telegram = await asyncio.wait_for(reader.readuntil(b"!"), 10.0)
        writer.close()
        assert b"/BSB5" in telegram
        assert b"0-0:1.0.0(260501120" in telegram, "12:00 local time, as the world has it"
        ear = Ear()
        async with opened(where["old-1/push"]["url"].removeprefix("serial://").partition("?")[0], ear):
            await asyncio.wait_for(ear.news.wait(), 10.0)


async def test_the_world_runs_as_fast_as_it_is_told(world: str) -> None:
    async with sim_world(world, "--json", "--speed", "30") as lines:
        await addresses(lines, DEVICES)
        seen = [await status(lines) for _ in range(4)]
    first, last = (int(each["time"][14:16]) * 60 + int(each["time"][17:19]) for each in (seen[0], seen[-1]))
    assert 60 <= last - first <= 150, "three seconds, thirty times"
    assert 200.0 < seen[-1]["voltage_least_v"] <= seen[-1]["voltage_most_v"] < 250.0


async def test_a_world_too_large_for_its_speed_falls_behind_and_still_answers(tmp_path: Path) -> None:
    """2,000 steps a second are more than thirty homes can do; the wires are served between the steps."""
    path, text = tmp_path / "world.toml", re.sub("meter = .*push.*\n", "", WORLD)
    path.write_text(text.replace("count = 2", "count = 29"), encoding="utf-8")
    async with sim_world(str(path), "--json", "--speed", "1000") as lines:
        where = await addresses(lines, 29 * 5 + 2 + 2)
        assert await polled(where["feeder-meter"]["url"], VOLTAGE_L1, 2) > 200.0
        seen = [await status(lines) for _ in range(4)]
    assert len({each["time"] for each in seen}) == 4, "it goes on"


async def test_faults_of_the_file_strike_on_the_wire_and_end(tmp_path: Path) -> None:
    path = tmp_path / "world.toml"
    fault = '[[fault]]\nat_s = 20\nfor_s = 60\nword = "drop"\ndevice = "old-1/load"\n'
    path.write_text(WORLD + fault, encoding="utf-8")
    async with sim_world(str(path), "--json", "--speed", "10") as lines:
        where = await addresses(lines, DEVICES)
        url = where["old-1/load"]["url"]
        while not (await status(lines))["faults"]:
            pass
        assert (await mbpoll(url, VOLTAGE_L1))[0] == 1
        while (await status(lines))["faults"]:
            pass
        assert await polled(url, VOLTAGE_L1) > 200.0


async def test_a_seed_and_a_number_of_homes_and_an_end(world: str) -> None:
    ended = await busbar("sim", "world", world, "--json", "--homes", "6", "--for", "2s", "--seed", "9")
    lines = [json.loads(line) for line in ended.good.splitlines()]
    assert sum("device" in line and line["device"].endswith("/grid") for line in lines) == 6
    assert "villa-4/grid" in {line.get("device") for line in lines}


async def test_a_table_for_people(world: str) -> None:
    ended = await busbar("sim", "world", world, "--for", "1s")
    head, *rows = ended.good.splitlines()
    assert head.split() == ["device", "model", "unit", "address"]
    assert re.match(r"villa-1/pv +sunspec-inverter +3 +tcp://127\.0\.0\.1:\d+", rows[1])
    assert re.match(r"2026-05-01T10:00:0\dZ  .* V  50\.\d+ Hz|2026-05-01T10:00:0\dZ  .* V  49\.\d+ Hz", rows[DEVICES])


async def test_plugs_are_on_their_broker(world: str, tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path / "broker", users=False) as broker,
        broker.subscriber("tele/#") as heard,
        sim_world(world, "--json", "--speed", "100", "--broker", broker.url) as lines,
    ):
        where = await addresses(lines, DEVICES)
        assert where["villa-2/plug"]["url"] == f"{broker.url}/tele/villa-2-plug/#"
        await eventually("telemetry of a plug", lambda: heard.of("tele/villa-2-plug/SENSOR"))
    (first, *_) = heard.of("tele/villa-2-plug/SENSOR")
    assert first.json()["ENERGY"]["Power"] == pytest.approx(60, abs=25)


# What is wrong


def test_a_wrong_world_is_told_in_clear_lines(world: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(WORLD.replace('kind = "street"', 'kind = "street"\nhuoses = 3').replace("pv = {}", "pvv = {}"))
    ended = told("sim", "world", str(wrong))
    assert ended.code == 2
    assert ended.err.splitlines() == [
        f"busbar: {wrong}: 2 mistake(s)",
        "  feeder.huoses = 3: unknown key; did you mean houses?",
        "  home.0.pvv = {}: unknown key; did you mean pv?",
    ]
    lost = tmp_path / "lost.toml"
    lost.write_text(WORLD.replace("pv = {}", 'pv = {}\nbus = "huose-1"'))
    ended = told("sim", "world", str(lost))
    assert (ended.code, ended.err.splitlines()[1]) == (
        2, '  home.0.bus = "huose-1" of villa: no such bus; did you mean house-1?',
    )  # fmt: skip
    assert told("sim", "world", str(tmp_path / "none.toml")).code == 2


def test_more_than_the_network_carries_is_told(tmp_path: Path) -> None:
    heavy = tmp_path / "heavy.toml"
    heavy.write_text(WORLD.replace("plug_w = 60", "plug_w = 9e6"), encoding="utf-8")
    told("sim", "world", str(heavy), "--for", "5s").says(1, "feeder street", "villa-", "more than it can carry")


async def test_a_port_that_is_taken_is_told(world: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (await busbar("sim", "world", world, "--port", str(port))).says(2, str(port), "in use")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--homes", "0"), "homes 0: at least 1"),
        (("--broker", "udp://x"), "mqtt://host:1883"),
        (("--broker", "mqtts://broker.example"), "plain MQTT"),
    ],
)
def test_wrong_options_are_told(world: str, words: tuple[str, ...], said: str) -> None:
    told("sim", "world", world, *words).says(2, said)


# One device alone


@pytest.mark.parametrize(
    ("model", "identity"), [("tap-changer", 0x5443), ("capacitor-bank", 0x4342), ("relay-board", 0x5242)]
)
@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_station_devices_alone(model: str, identity: int, listen: str) -> None:
    async with sim_device(model, listen) as url:
        assert await polled(url, 0, table="4") == identity
        if model == "tap-changer":
            assert 2000 < await polled(url, 10, table="4") < 2600


@pytest.mark.parametrize(
    ("model", "begins"), [("p1", b"/BSB5"), ("sml", b"\x1b\x1b\x1b\x1b\x01"), ("dlms-push", b"\x7e")]
)
@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_meters_that_talk_alone(model: str, begins: bytes, listen: str) -> None:
    async with sim_device(model, listen) as url, asyncio.timeout(30.0):
        if listen == "pty":
            ear = Ear()
            async with opened(url.removeprefix("serial://").partition("?")[0], ear):
                await ear.news.wait()
            said = ear.heard[0][1]
        else:
            host, _, port = url.removeprefix("tcp://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            said = await reader.read(64)
            writer.close()
    assert said.startswith(begins)


async def test_a_plug_alone_needs_a_broker(tmp_path: Path) -> None:
    told("sim", "device", "smart-plug").says(2, "--broker mqtt://host:port")
    async with (
        mosquitto(tmp_path / "broker", users=False) as broker,
        broker.subscriber("tele/#") as heard,
        sim_device("smart-plug", "pty", "--broker", broker.url) as url,
    ):
        assert url == f"{broker.url}/tele/busbar-plug/#"
        await eventually("the plug says that it is there", lambda: heard.of("tele/busbar-plug/LWT"))
    assert heard.of("tele/busbar-plug/LWT")[0].payload == "Online"
