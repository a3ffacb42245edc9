"""Foreign clients on real wires: pysunspec2 and mbpoll against our simulated devices, and each fault as they see it."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from sim_hardware.faces.rtu import RtuFace
from sim_hardware.home import SimHome
from sim_hardware.serve import Rig, serve
from sim_hardware.serve_device import serve_device
from tests.system.mbpoll import mbpoll, polled

pytestmark = pytest.mark.system

VOLTAGE_L1, FREQUENCY, TOTAL_W = 0x0000, 0x0046, 0x0034


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    home = SimHome(20)
    home.sun.hold_w_m2 = 800.0
    home.load.hold_w = (500.0, 300.0, 100.0)
    home.after(30.0)
    async with serve(home) as served:
        yield served


# mbpoll


async def test_mbpoll_reads_the_meter_over_tcp() -> None:
    async with rig() as served:
        url, terminal = served.urls["grid"], served.home.terminals["grid"]
        assert await polled(url, VOLTAGE_L1) == pytest.approx(terminal.voltage_v[0], abs=0.5)
        assert await polled(url, FREQUENCY) == pytest.approx(50.0, abs=0.2)
        assert await polled(url, TOTAL_W) == pytest.approx(900.0 - 4000.0, abs=5.0)


async def test_mbpoll_reads_the_load_meter_over_a_serial_line() -> None:
    async with rig() as served:
        url = served.urls["load"]
        assert url.startswith("serial:///dev/pts/")
        for _ in range(3):  # each time the line is opened and closed
            assert await polled(url, TOTAL_W) == pytest.approx(900.0, abs=0.1)
        code, output = await mbpoll(url, TOTAL_W, unit=2)
        assert (code, "timed out" in output) == (1, True), output


async def test_several_devices_share_one_serial_line() -> None:
    home = SimHome(21)
    home.load.hold_w = (100.0, 0.0, 0.0)
    home.after(1.0)
    units = {3: home.images["load"], 9: home.images["grid"]}
    faults = {3: home.faults["load"], 9: home.faults["grid"]}
    async with RtuFace(units, faults) as line:
        assert await polled(line.url, TOTAL_W, unit=3) == pytest.approx(100.0)
        faults[3].begin("drop")
        assert (await mbpoll(line.url, TOTAL_W, unit=3))[0] == 1
        assert await polled(line.url, FREQUENCY, unit=9) == pytest.approx(50.0, abs=0.2)


async def test_mbpoll_sees_the_devices_own_refusal() -> None:
    async with rig() as served:
        code, output = await mbpoll(served.urls["grid"], 0x0180)
        assert (code, "Illegal data address" in output) == (1, True), output


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
async def test_one_device_alone(listen: str) -> None:
    async with serve_device("sdm630", listen, 17) as url:
        assert await polled(url, FREQUENCY, unit=17) == pytest.approx(50.0, abs=0.2)


# pysunspec2


@contextmanager
def foreign(url: str) -> Iterator[Any]:
    """pysunspec2's client, which blocks: use it in a thread."""
    client = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=port_of(url), timeout=2.0)
    try:
        client.scan()
        client.connect()
        yield client
    finally:
        client.disconnect()  # its close() does nothing


def scanned(url: str) -> dict[int, dict[str, Any]]:
    """Every point of every model, in its unit."""
    with foreign(url) as client:
        models = {number: client.models[number][0] for number in client.models if isinstance(number, int)}
        for model in models.values():
            model.read()
            assert not model.error_info
        return {number: {name: p.cvalue for name, p in model.points.items()} for number, model in models.items()}


async def test_pysunspec2_reads_every_model_of_the_inverter() -> None:
    async with rig() as served:
        found = await asyncio.to_thread(scanned, served.urls["pv"])
        terminal = served.home.terminals["pv"]
    assert list(found) == [1, 103, 120, 121, 123, 704]
    assert (found[1]["Mn"], found[1]["SN"]) == ("Busbar", "PV-0020")
    assert found[103]["W"] == pytest.approx(4000, abs=2)
    assert found[103]["Hz"] == pytest.approx(50.0, abs=0.2)
    assert found[103]["PhVphB"] == pytest.approx(terminal.voltage_v[1], abs=0.5)
    assert (found[120]["WRtg"], found[121]["WMax"]) == (5000, 5000)
    assert (found[123]["WMaxLimPct"], found[704]["WMaxLimPct"]) == (100.0, 100.0)
    assert found[704]["WSetEna"] is None


async def test_pysunspec2_reads_every_model_of_the_battery() -> None:
    async with rig() as served:
        served.home.store.request_w = -1500.0
        served.home.after(20.0)
        found = await asyncio.to_thread(scanned, served.urls["battery"])
    assert list(found) == [1, 701, 702, 704, 713]
    assert found[701]["W"] == pytest.approx(1500, abs=1)
    assert found[701]["WL3"] == pytest.approx(500, abs=1)
    assert found[702]["WDisChaRteMaxRtg"] == 5000
    assert (found[713]["WHRtg"], found[713]["SoC"]) == (10_000, pytest.approx(49.9, abs=0.2))


def limit_and_watch(
    url: str, model_number: int, writes: Sequence[Mapping[str, float]], watch: float
) -> list[dict[str, Any]]:
    """Write points of a model, then look at it twice a second for so long."""
    seen = []
    with foreign(url) as client:
        control, monitor = client.models[model_number][0], client.models[103 if 103 in client.models else 701][0]
        for names in writes:
            for name, value in names.items():
                control.points[name].cvalue = value
            control.write()
        end_s = time.monotonic() + watch
        while time.monotonic() < end_s:
            control.read()
            monitor.read()
            seen.append({name: point.cvalue for name, point in control.points.items()} | {"W": monitor.W.cvalue})
            time.sleep(0.5)
    return seen


async def test_pysunspec2_limits_the_inverter_and_the_limit_reverts() -> None:
    writes = [
        {"WMaxLimPctRvrt": 60.0, "WMaxLimPctEnaRvrt": 1, "WMaxLimPctRvrtTms": 4},
        {"WMaxLimPctEna": 1, "WMaxLimPct": 10.0},
    ]
    async with rig() as served:
        seen = await asyncio.to_thread(limit_and_watch, served.urls["pv"], 704, writes, 9.0)
    left = [look["WMaxLimPctRvrtRem"] for look in seen]
    assert {4, 3, 2, 1, 0} <= set(left)
    assert left == sorted(left, reverse=True)
    assert all((look["WMaxLimPct"] == 10.0) is (look["WMaxLimPctRvrtRem"] > 0) for look in seen)
    assert min(look["W"] for look in seen) == pytest.approx(500, abs=120)  # 10 % of 5,000 W, after its lag
    assert seen[-1]["W"] == pytest.approx(3000, abs=60)
    assert seen[-1]["WMaxLimPct"] == 60.0


async def test_pysunspec2_limits_by_model_123_with_single_register_writes() -> None:
    writes: list[dict[str, float]] = [{"WMaxLimPct_RvrtTms": 2}, {"WMaxLimPct": 20.0}, {"WMaxLim_Ena": 1}]
    async with rig() as served:
        seen = await asyncio.to_thread(limit_and_watch, served.urls["pv"], 123, writes, 4.0)
    assert seen[0]["WMaxLim_Ena"] == 1
    assert seen[-1]["WMaxLim_Ena"] == 0


async def test_pysunspec2_sets_the_battery_and_it_comes_to_rest() -> None:
    writes: list[dict[str, float]] = [{"WSetRvrtTms": 4}, {"WSetEna": 1, "WSetMod": 1, "WSet": -2000}]
    async with rig() as served:
        seen = await asyncio.to_thread(limit_and_watch, served.urls["battery"], 704, writes, 10.0)
    assert min(look["W"] for look in seen) == pytest.approx(-2000, abs=150)
    assert (seen[-1]["WSetEna"], seen[-1]["W"]) == (0, pytest.approx(0, abs=60))


# Fault words, byte by byte

REQUEST = bytes.fromhex("00 05 00 00 00 06 01 04 00 46 00 02")  # frequency
HEADER = bytes.fromhex("00 05 00 00 00 07 01 04")


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: float = 0.4) -> bytes:
    """What comes within a while of a request; b"" for silence."""
    writer.write(REQUEST)
    try:
        async with asyncio.timeout(wait_s):
            return await reader.read(64)
    except TimeoutError:
        return b""


@asynccontextmanager
async def connected(served: Rig) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(served.urls["grid"]))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):  # the fault reset it
            await writer.wait_closed()


@pytest.mark.parametrize("word", ["drop", "half_open"])
async def test_silence_on_the_wire_and_then_an_answer_again(word: str) -> None:
    async with rig() as served, connected(served) as stream:
        assert (await exchange(*stream)).startswith(HEADER)
        served.faults["grid"].begin(word)
        assert await exchange(*stream) == b""
        async with connected(served) as second:  # connections are still taken
            assert await exchange(*second) == b""
        served.faults["grid"].end(word)
        assert (await exchange(*stream)).startswith(HEADER)


async def test_an_exception_on_the_wire() -> None:
    async with rig() as served, connected(served) as stream:
        served.faults["grid"].begin("exception", 6)
        assert await exchange(*stream) == bytes.fromhex("00 05 00 00 00 03 01 84 06")


async def test_a_garbled_answer_differs_in_one_bit_of_its_header() -> None:
    async with rig() as served, connected(served) as stream:
        served.faults["grid"].begin("garble")
        head = (await exchange(*stream))[: len(HEADER)]
        assert (int.from_bytes(head, "big") ^ int.from_bytes(HEADER, "big")).bit_count() == 1


async def test_a_delayed_answer_comes_and_a_late_one_comes_into_the_next_request() -> None:
    async with rig() as served, connected(served) as stream:
        served.faults["grid"].begin("delay", 0.2)
        began_s = time.monotonic()
        assert (await exchange(*stream, wait_s=2.0)).startswith(HEADER)
        assert time.monotonic() - began_s >= 0.2
        served.faults["grid"].end()
        served.faults["grid"].begin("late", 0.6)
        assert await exchange(*stream) == b""
        served.faults["grid"].end()
        reader, writer = stream
        assert (await exchange(reader, writer)).startswith(HEADER)  # prompt
        async with asyncio.timeout(2.0):
            assert (await reader.read(64)).startswith(HEADER)  # and the late one, unasked


async def test_frozen_registers_on_the_wire() -> None:
    async with rig() as served, connected(served) as stream:
        served.faults["grid"].begin("freeze")
        first = await exchange(*stream)
        await asyncio.sleep(1.0)
        assert await exchange(*stream) == first
        served.faults["grid"].end("freeze")
        assert await exchange(*stream) != first


async def test_off_resets_and_refuses_and_comes_back_on_the_same_port() -> None:
    async with rig() as served, connected(served) as (reader, writer):
        await exchange(reader, writer)
        served.faults["grid"].begin("off")
        with pytest.raises(ConnectionResetError):
            await reader.read(64)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port_of(served.urls["grid"]))
        served.faults["grid"].end("off")
        await asyncio.sleep(0.1)
        async with connected(served) as stream:
            assert (await exchange(*stream)).startswith(HEADER)


async def test_a_request_in_pieces_is_one_request() -> None:
    async with rig() as served, connected(served) as (reader, writer):
        for byte in REQUEST:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.005)
        async with asyncio.timeout(1.0):
            answer = await reader.readexactly(13)
    (frequency_hz,) = struct.unpack(">f", answer[9:])
    assert frequency_hz == pytest.approx(50.0, abs=0.2)


async def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)):
            async with serve_device("sdm630", f"tcp://127.0.0.1:{port}"):
                pass
