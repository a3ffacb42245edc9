"""`busbar fleet`: on virtual time, in real time at a broker, on Modbus, to its end or to a signal."""

import asyncio
import json
import os
import re
import signal
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from tests.system.busbar import busbar, fleet, told
from tests.system.eventually import eventually
from tests.system.mbpoll import polled
from tests.system.mosquitto import Subscriber, mosquitto

pytestmark = pytest.mark.system

WORLD = str(Path(__file__).parents[2] / "examples" / "one-home.toml")
SERIAL, TOTAL_W = 0xFC00, 0x0034
GRID, BATTERY = 1, 4


def summary(out: str) -> dict[str, Any]:
    """The one line that --json prints."""
    (line,) = out.splitlines()
    read: dict[str, Any] = json.loads(line)
    return read


async def test_virtual_time_twice_gives_the_same_hash() -> None:
    words = ("fleet", WORLD, "--homes", "2", "--virtual", "10m", "--cycle", "10s", "--jobs", "1", "--json")
    one, two, other = await asyncio.gather(busbar(*words), busbar(*words), busbar(*words, "--seed", "2"))
    first, second, third = (summary(each.good) for each in (one, two, other))
    assert first["hash"] == second["hash"] != third["hash"]
    assert first["cycles"] == 2 * 60
    assert first["mode"] == "virtual"


async def test_real_time_at_a_broker(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, users=False) as broker, broker.subscriber("busbar/1/#") as ear:
        ended = await busbar(
            "fleet", WORLD, "--homes", "3", "--real-time", "--for", "4s", "--broker", broker.url, "--json"
        )
        end = summary(ended.good)
        homes = {f"home-{number}" for number in (1, 2, 3)}
        await eventually("all homes have said good-bye", lambda: offline(ear.heard) == homes)
        readings = [heard for heard in ear.heard if "/telemetry/" in heard.topic]
        assert end["messages_by_topic"]["telemetry"] == len(readings) >= 3 * 3
        assert end["payload_bytes"] >= sum(len(heard.payload) for heard in readings)
        assert end["wire_bytes_per_home_s"] > end["payload_bytes_per_home_s"] > 0
        assert end["mode"] == "real-time"
        for home in homes:
            assert f"as busbar-{home} (p5," in broker.log


def offline(heard: list[Any]) -> set[str]:
    """Who said last that it is off."""
    last = {each.json()["node"]: each.json()["state"] for each in heard if each.topic.endswith("/status")}
    return {node for node, state in last.items() if state == "offline"}


async def test_a_signal_ends_it_with_its_summary_and_nothing_held(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, users=False) as broker:
        for sign in (signal.SIGTERM, signal.SIGINT):
            async with broker.subscriber("busbar/1/+/event", "busbar/1/+/why") as ear:
                await ended_by(sign, broker.url, ear)
        async with broker.subscriber("busbar/1/+/status") as late:
            await eventually("offline is retained", lambda: offline(late.heard) == {"home-1", "home-2"})
            assert all(heard.retained for heard in late.heard)


async def ended_by(sign: signal.Signals, broker_url: str, ear: Subscriber) -> None:
    async with fleet(WORLD, "--homes", "2", "--real-time", "--broker", broker_url, "--json") as process:
        await eventually("both decide", lambda: len(deciding(ear.heard)) == 2)
        process.send_signal(sign)
        out, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
        assert summary(out.decode())["cycles"] > 0
        await eventually("both let go", lambda: let_go(ear.heard) == {"home-1", "home-2"})


def deciding(heard: list[Any]) -> set[str]:
    return {each.topic for each in heard if each.topic.endswith("/why") and not each.retained}


def let_go(heard: list[Any]) -> set[str]:
    return {
        each.json()["node"]
        for each in heard
        if each.topic.endswith("/event") and each.json()["why"] == "outputs were let go"
    }


async def test_a_login_of_ones_own(tmp_path: Path) -> None:
    """User name and password; who has none is not let in, and the fleet plays on without a broker."""
    may = ("topic write busbar/1/#", "topic read busbar/1/+/durable", "topic read busbar/1/+/contract/in")
    async with mosquitto(tmp_path, node_may=may) as broker:
        words = ("fleet", WORLD, "--homes", "1", "--real-time", "--for", "4s", "--broker", broker.url, "--json")
        login = ("--username", "node", "--password-file", str(broker.password_file("node")))
        known, stranger = await asyncio.gather(
            busbar(*words, *login), busbar(*words, "--username", "node", "--password-file", "/dev/null")
        )
        assert summary(known.good)["messages_by_topic"]["telemetry"] >= 3
        assert "telemetry" not in summary(stranger.good)["messages_by_topic"]


async def test_home_7_answers_on_modbus_while_its_node_runs(tmp_path: Path) -> None:
    """A port for each home, and a unit id for each: foreign clients read the same meter, which is its own."""
    first = free_ports(16)
    units = first + 8
    async with mosquitto(tmp_path, users=False) as broker, broker.subscriber("busbar/1/home-7/telemetry/grid") as ear:
        words = ("--homes", "8", "--real-time", "--broker", broker.url, "--modbus", f"127.0.0.1:{first}")
        async with fleet(WORLD, *words, "--modbus-units", f"127.0.0.1:{units}", "--json") as process:
            await eventually("home 7 is read by its node", lambda: len(ear.heard) >= 3)
            own = f"tcp://127.0.0.1:{first + 6}"
            serials = [await serial(first + number, GRID) for number in range(8)]
            assert len(set(serials)) == 8
            assert [await serial(units, unit) for unit in range(1, 9)] == serials
            said = [heard.json()["values"]["power_w"] for heard in ear.heard]
            power_w = await polled(own, TOTAL_W, GRID)
            await eventually("its node reads that too", lambda: len(ear.heard) >= len(said) + 3)
            said = [heard.json()["values"]["power_w"] for heard in ear.heard]
            assert min(abs(power_w - each) for each in said) < 1.0
            assert await sunspec(first + 6, BATTERY)
            assert await sunspec(units + 3, 7)  # grid, load, pv, battery
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            assert process.returncode == 0


def free_ports(count: int) -> int:
    """The first of so many in a row, below those that the system hands out."""
    for first in range(20_000 + os.getpid() % 10_000, 32_000, 16):
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no ports in a row are free")


async def serial(port: int, unit: int) -> int:
    """What pymodbus' client reads."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    try:
        assert await client.connect()
        high, low = (await client.read_holding_registers(SERIAL, count=2, device_id=unit)).registers
    finally:
        client.close()
    return int(high << 16 | low)


async def sunspec(port: int, unit: int) -> bool:
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    try:
        assert await client.connect()
        words = (await client.read_holding_registers(40_000, count=2, device_id=unit)).registers
    finally:
        client.close()
    return bool(words == [0x5375, 0x6E53])


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, users=False) as broker:
        ended = await busbar("fleet", WORLD, "--real-time", "--modbus", f"127.0.0.1:{broker.port}")
        ended.says(1, "a port cannot be opened", str(broker.port))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--virtual", "1m", "--real-time"), ("--virtual and --real-time", "one of them")),
        (("--speed", "2", "--real-time"), ("--real-time and --speed", "one of them")),
        (("--speed", "0"), ("--speed 0", "above 0")),
        (("--speed", "nan"), ("--speed nan", "above 0")),
        (("--real-time", "--homes", "0"), ("homes 0", "at least 1")),
        (("--real-time", "--shard", "3/2"), ("shard 3/2", "1/2 to 2/2")),
        (("--real-time", "--shard", "2"), ("shard '2'", "i/n")),
        (("--real-time", "--homes", "2", "--shard", "1/3"), ("only 2 homes",)),
        (("--virtual", "1m", "--broker", "mqtt://b"), ("--broker mqtt://b", "--virtual")),
        (("--virtual", "1m", "--modbus", "h:1"), ("--modbus h:1", "--virtual")),
        (("--virtual", "soon"), ("--virtual soon", "30s")),
        (("--real-time", "--jobs", "2"), ("--jobs 2", "shards")),
        (("--real-time", "--cycle", "90s"), ("--cycle 90s", "0.1 to 60")),
        (("--real-time", "--broker", "http://b"), ("--broker http://b", "mqtts://")),
        (("--real-time", "--username", "me"), ("--username me", "--broker")),
        (("--real-time", "--broker", "mqtt://b", "--password-file", "p"), ("--password-file p", "--username")),
        (("--real-time", "--broker", "mqtts://b", "--ca-file", "none"), ("--ca-file none", "readable")),
        (("--real-time", "--broker", "mqtt://b", "--ca-file", "c"), ("--ca-file c", "mqtts://")),
        (("--real-time", "--modbus", "5020"), ("--modbus 5020", "host:port")),
        (("--real-time", "--modbus-units", "h:99999"), ("--modbus-units h:99999", "host:port")),
    ],
    ids=lambda words: "_".join(words)[:40],
)
def test_what_cannot_be_played(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    told("fleet", WORLD, *words).says(2, *said)


def test_without_a_word_it_goes_as_the_world_file_says() -> None:
    ended = told("fleet", WORLD, "--for", "1s", "--json")
    assert ended.code == 0
    assert '"mode":"real-time"' in ended.out.splitlines()[-1]


def test_an_unknown_world_is_named() -> None:
    ended = told("fleet", "nowhere.toml", "--real-time")
    assert ended.code == 2
    assert re.search(r"^busbar: nowhere\.toml: 1 mistake", ended.err)
    assert "Traceback" not in ended.err
