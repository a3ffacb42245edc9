"""Devices that talk by themselves on real wires: pty, TCP port, and a real broker."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest

from sim_hardware.devices.dlms import Dlms
from sim_hardware.devices.p1 import P1, closed
from sim_hardware.devices.push_reading import Encode, PushMeter
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.smart_plug import SmartPlug
from sim_hardware.devices.sml import BEGIN, Sml, crc16
from sim_hardware.faces.mqtt import MqttFace
from sim_hardware.faces.mqtt_links import AiomqttLink
from sim_hardware.faces.push import PtyPush, TcpPush
from sim_hardware.faces.rtu import RtuFace
from sim_hardware.faults import Faults
from sim_hardware.physics.terminal import Terminal
from tests.system.fault_matrix import Ear, opened

pytestmark = pytest.mark.system


def meter(encode: Encode | None = None) -> PushMeter:
    return PushMeter(Terminal(power_w=(500.0, 0.0, 0.0)), encode or P1(), lambda: datetime.now(UTC))


async def heard_on(path: str, seconds: float) -> bytes:
    ear = Ear()
    async with opened(path, ear):
        await asyncio.sleep(seconds)
    return b"".join(data for _, data in ear.heard)


def is_p1(telegram: bytes) -> bool:
    text, mark, _ = telegram.partition(b"!")
    return closed((text + mark).decode("ascii")) == telegram


async def test_p1_on_a_pty_is_whole() -> None:
    async with PtyPush(meter(), Faults(), period_s=0.2, baud=115_200) as face:
        assert face.url.startswith("serial:///dev/pts/")
        assert face.url.endswith("?baud=115200")
        data = await heard_on(face.path, 1.1)
        again = await heard_on(face.path, 0.5)  # closed and opened anew
    telegrams = [b"/" + each for each in data.split(b"/")[1:]]
    assert len(telegrams) >= 3
    assert all(is_p1(each) for each in telegrams)
    assert b"/BSB5" in again


async def test_sml_and_dlms_on_a_pty() -> None:
    async with PtyPush(meter(Sml()), Faults(), period_s=0.3, baud=9600) as face:
        data = await heard_on(face.path, 0.5)
    assert data.startswith(BEGIN)
    assert crc16(data[:-2]) == data[-2:]
    async with PtyPush(meter(Dlms()), Faults(), period_s=0.3, baud=2400) as face:
        data = await heard_on(face.path, 0.5)
    assert data[0] == data[-1] == 0x7E
    assert crc16(data[1:-3]) == data[-3:-1]


async def test_a_telegram_that_was_delayed_past_the_end_is_dropped() -> None:
    faults, wrong = Faults(), []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: wrong.append(context))
    faults.begin("late", 0.3)
    async with PtyPush(meter(), faults, period_s=0.1, baud=115_200):
        await asyncio.sleep(0.15)
    await asyncio.sleep(0.4)  # the line is gone; nothing may be written to whatever has its number now
    assert wrong == []


async def test_a_line_that_babbles_is_never_silent() -> None:
    faults = Faults()
    faults.begin("babble")
    async with PtyPush(meter(), faults, period_s=5.0, baud=9600) as face:
        noise = await heard_on(face.path, 0.5)
        faults.end("babble")
        await heard_on(face.path, 0.1)
        assert await heard_on(face.path, 0.3) == b""
    assert len(noise) > 100


@asynccontextmanager
async def client(url: str) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    try:
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_every_client_of_a_port_hears_the_same() -> None:
    async with TcpPush(meter(), Faults(), period_s=0.3) as face, client(face.url) as one, client(face.url) as two:
        async with asyncio.timeout(5.0):
            telegrams = [await each.readuntil(b"!") for each in (one, two)]
    assert telegrams[0] == telegrams[1]


async def test_a_port_knows_off_and_a_single_connection() -> None:
    faults = Faults()
    async with TcpPush(meter(), faults, period_s=0.2) as face, client(face.url) as first:
        faults.begin("single_connection", "refuse")
        async with client(face.url) as second:
            with pytest.raises(ConnectionResetError):
                await second.readexactly(1)
        faults.begin("single_connection", "kick")
        async with client(face.url) as third, asyncio.timeout(5.0):
            await third.readuntil(b"!")
            with pytest.raises(ConnectionResetError):
                await first.readuntil(b"never")
            faults.begin("off")
            with pytest.raises(ConnectionResetError):
                await third.readuntil(b"never")
        with pytest.raises(ConnectionRefusedError):
            async with client(face.url):
                pass


async def test_mbpoll_switches_a_relay_on_a_serial_line() -> None:
    tool = shutil.which("mbpoll")
    if tool is None:
        pytest.fail("mbpoll is not installed (deploy/setup/peers.sh does it)", pytrace=False)
    board = RelayBoard()
    async with RtuFace({7: board}, {7: Faults()}) as line:
        options = ["-m", "rtu", "-b", "9600", "-P", "none", "-0", "-1", "-a", "7", "-r", "2", "-t", "0", line.path]
        write = await asyncio.create_subprocess_exec(tool, *options, "1", stdout=asyncio.subprocess.DEVNULL)
        assert await write.wait() == 0
        assert board.relays == [False, False, True, False, False, False, False, False]
        read = await asyncio.create_subprocess_exec(tool, *options, stdout=asyncio.subprocess.PIPE)
        output, _ = await read.communicate()
    assert b"[2]: \t1" in output


# MQTT


@asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[int]:
    """Mosquitto on a free port."""
    tool = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if tool is None:
        pytest.fail("mosquitto is not installed (deploy/setup/peers.sh does it)", pytrace=False)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    broker = await asyncio.create_subprocess_exec(tool, "-c", str(config), stderr=asyncio.subprocess.DEVNULL)
    try:
        await until(lambda: _answers(port))
        yield port
    finally:
        broker.terminate()
        await broker.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20.0):
        while not await holds():  # noqa: ASYNC110 - a foreign process has no event to wait for
            await asyncio.sleep(0.05)


async def test_the_plug_on_a_real_broker(tmp_path: Path) -> None:
    plug, faults = SmartPlug("plug", lambda: datetime.now(UTC), load_w=460.0), Faults()
    plug.period_s = 1
    async with mosquitto(tmp_path) as port, aiomqtt.Client("127.0.0.1", port) as home:
        await home.subscribe("tele/#")
        await home.subscribe("stat/#")

        async def next_on(topic: str) -> bytes:
            async with asyncio.timeout(20.0):
                async for message in home.messages:
                    if str(message.topic) == topic:
                        return bytes(message.payload)
            raise AssertionError

        face = asyncio.create_task(MqttFace(plug, faults, AiomqttLink("127.0.0.1", port, plug)).run())
        try:
            assert await next_on("tele/plug/LWT") == b"Online"
            assert json.loads(await next_on("tele/plug/SENSOR"))["ENERGY"]["Power"] == 460
            await home.publish("cmnd/plug/Dimmer", b"50")
            assert await next_on("stat/plug/RESULT") == b'{"POWER":"ON","Dimmer":50}'
            assert plug.power_w == 230.0
            faults.begin("off")
            assert await next_on("tele/plug/LWT") == b"Offline", "the broker published the will"
            faults.end("off")
            assert await next_on("tele/plug/LWT") == b"Online"
            faults.begin("reboot", 0.5)
            assert await next_on("tele/plug/LWT") == b"Offline"
            assert await next_on("tele/plug/LWT") == b"Online"
            assert plug.power_w == 460.0
        finally:
            face.cancel()
            with suppress(asyncio.CancelledError):
                await face
