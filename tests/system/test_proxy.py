"""Strangers at a proxy on real sockets: pymodbus and libmodbus (mbpoll) read a device while its owner does; rude ones too."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from drivers.links import open_bus
from drivers.meters.eastron_three_phase import SDM630
from drivers.modbus.sharing import SharedBus
from firmware_py.proxy.desk import Desk, Share
from firmware_py.proxy.server import Proxy
from protocols.faults import Fault
from protocols.modbus import Refusal, Request, Words, read
from protocols.modbus_requests import TcpRequests, tcp_reply
from protocols.modbus_tcp import TcpReader, tcp_frame
from protocols.ports import Table
from protocols.recording import parse
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.faults import Faults
from sim_hardware.home import SimHome
from tests.drivers.slaves import content
from tests.system.busbar import BUSBAR, sim_device, told
from tests.system.head_end import HeadEnd
from tests.system.mbpoll import mbpoll, polled
from tests.system.mosquitto import free_port
from tests.system.site import Setup, Site
from tests.system.test_modbus_wire import HOST, tcp_server

pytestmark = pytest.mark.system

VOLTAGE_L1, TOTAL_W = 0x0000, 0x0034
ANY_UNIT = range(1, 248)


@asynccontextmanager
async def proxied(
    url: str, *, writes: tuple[range, ...] = (), cache_s: float = 0.0, clients_most: int = 8, timeout_s: float = 0.5
) -> AsyncIterator[tuple[Proxy, SharedBus]]:
    """A proxy in front of a device, and the bus as its owner has it."""
    bus = SharedBus(open_bus(url, timeout_s))
    shares = {unit: Share(bus, unit, writes) for unit in ANY_UNIT}
    desk = Desk(shares, asyncio.get_running_loop().time, cache_s=cache_s)
    try:
        async with Proxy(desk, HOST, 0, clients_most=clients_most) as proxy:
            yield proxy, bus
    finally:
        await bus.close()


@asynccontextmanager
async def single_connection_meter() -> AsyncIterator[tuple[SimHome, TcpFace]]:
    """A meter that stands still and resets every second connection."""
    home, faults = SimHome(20), Faults(seed=1)
    home.load.hold_w = (500.0, 300.0, 100.0)
    home.after(30.0)
    faults.begin("single_connection", "refuse")
    async with TcpFace({1: home.images["grid"]}, {1: faults}) as face:
        yield home, face


async def pymodbus_reads(url: str, times: int) -> list[float]:
    port = int(url.rpartition(":")[2])
    client = AsyncModbusTcpClient(HOST, port=port, timeout=5, retries=0)
    assert await client.connect()
    try:
        found = []
        for _ in range(times):
            answer = await client.read_input_registers(TOTAL_W, count=2, device_id=1)
            assert not answer.isError(), answer
            found.append(struct.unpack(">f", struct.pack(">2H", *answer.registers))[0])
        return found
    finally:
        client.close()


async def test_a_device_for_one_serves_many() -> None:
    """Six strangers and the owner at once, at a meter that resets a second connection."""
    async with single_connection_meter() as (home, face), proxied(face.url) as (proxy, bus):
        meter = SDM630.build(bus, 1)
        await meter.probe()
        true_w = home.terminals["grid"].total_w
        owned = asyncio.gather(*(meter.read() for _ in range(50)))
        strangers = asyncio.gather(*(pymodbus_reads(proxy.url, 20) for _ in range(4)))
        polls = asyncio.gather(*(polled(proxy.url, TOTAL_W) for _ in range(2)))
        assert [power_w for series in await strangers for power_w in series] == pytest.approx(80 * [true_w], abs=0.5)
        assert await polls == pytest.approx(2 * [true_w], abs=0.5)
        assert [values["power_w"] for values in await owned] == pytest.approx(50 * [true_w], abs=0.5)
        assert face.faults[1].seen["single_connection"] == 0  # type: ignore[index]


async def test_writes_only_where_they_are_allowed() -> None:
    home, faults = SimHome(20), Faults()
    home.after(5.0)
    async with TcpFace({1: home.images["battery"]}, {1: faults}) as face:
        async with proxied(face.url) as (proxy, bus):
            code, output = await mbpoll(proxy.url, 40000, table="4:hex", writes=[1])
            assert code != 0
            assert "Illegal function" in output
        async with proxied(face.url, writes=(range(40100, 40110),)) as (proxy, bus):
            code, output = await mbpoll(proxy.url, 40000, table="4:hex", writes=[1])
            assert code != 0
            assert "Illegal data address" in output
            assert await bus.read(1, Table.HOLDING, 40000, 2) == (0x5375, 0x6E53)


async def test_a_device_that_is_away_is_a_gateways_exception() -> None:
    async with single_connection_meter() as (_, face), proxied(face.url, timeout_s=0.2) as (proxy, _bus):
        assert 200.0 < await polled(proxy.url, VOLTAGE_L1) < 260.0
        face.faults[1].end()  # or the second attempt meets a device that has not noticed the end of the first
        face.faults[1].begin("drop")
        code, output = await mbpoll(proxy.url, VOLTAGE_L1)
        assert (code, "Target device failed to respond" in output) == (1, True), output
        face.faults[1].end()
        face.faults[1].begin("off")
        code, output = await mbpoll(proxy.url, TOTAL_W)
        assert (code, "Gateway path unavailable" in output) == (1, True), output
        face.faults[1].end()
        assert 200.0 < await polled(proxy.url, VOLTAGE_L1 + 2) < 260.0


# Fuzzing

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def moody_device(chance: random.Random) -> Serve:
    """Holds 1000 * unit + address; now and then it is silent, refuses, answers late, twice, or for somebody else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = TcpRequests()
        while data := await reader.read(4096):
            for asked in requests.feed(data):
                assert isinstance(asked.what, Request)
                words = Words(content(asked.unit, asked.what.address, asked.what.count))
                good = tcp_reply(asked.transaction, asked.unit, asked.pdu(words))
                mood = chance.random()
                if mood < 0.02:
                    continue
                if mood < 0.04:
                    writer.write(tcp_reply(asked.transaction, asked.unit, asked.pdu(Refusal(4))))
                elif mood < 0.06:
                    asyncio.get_running_loop().call_later(0.06, writer.write, good)
                elif mood < 0.08:
                    writer.write(good + good)
                elif mood < 0.10:
                    writer.write(tcp_reply(asked.transaction, asked.unit % 200 + 1, asked.pdu(words)) + good)
                elif mood < 0.11:
                    return
                else:
                    writer.write(good)

    return serve


async def fuzzing_client(port: int, chance: random.Random, requests: int) -> tuple[int, int]:
    """Ask much at once in pieces, sometimes leave in the middle; count good answers and exceptions. A wrong one fails."""
    good = refused = 0
    while requests > 0:
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            for _ in range(chance.randrange(1, 6)):
                asked = [
                    (read(chance.randrange(1, 60), Table.HOLDING, chance.randrange(1000), chance.randrange(1, 20)), id_)
                    for id_ in chance.sample(range(0x10000), chance.randrange(1, 12))
                ]
                requests -= len(asked)
                stream = b"".join(tcp_frame(request, id_) for request, id_ in asked)
                place = chance.randrange(len(stream))
                writer.write(stream[:place])
                await writer.drain()
                if chance.random() < 0.1:
                    return good, refused  # in the middle of a request, perhaps of several transactions
                writer.write(stream[place:])
                for request, id_ in asked:
                    head = await reader.readexactly(7)
                    rest = await reader.readexactly(struct.unpack(">H", head[4:6])[0] - 1)
                    # Our client's reader checks everything: transaction, unit, function, length.
                    reply = TcpReader(request, id_).feed(head + rest)
                    if isinstance(reply, Words):
                        assert reply.words == content(request.unit, request.address, request.count)
                        good += 1
                    else:
                        assert isinstance(reply, Refusal), (request, id_, head + rest)
                        assert reply.code in (4, 6, 10, 11)
                        refused += 1
        finally:
            writer.close()
    return good, refused


async def owner(bus: SharedBus, chance: random.Random, good: list[int]) -> None:
    """Reads for ever; faults of the moody device are its daily bread."""
    while True:
        address = chance.randrange(1000)
        with suppress(Fault):
            assert await bus.read(9, Table.HOLDING, address, 7) == content(9, address, 7)
            good.append(address)
        await asyncio.sleep(0.02)


async def test_no_value_is_ever_booked_to_another_client(seed: int) -> None:
    chance, owned = random.Random(seed), list[int]()
    async with (
        tcp_server(moody_device(chance)) as port,
        proxied(f"tcp://{HOST}:{port}", timeout_s=0.05, cache_s=0.02, clients_most=64) as (proxy, bus),
    ):
        owning = asyncio.create_task(owner(bus, random.Random(chance.random()), owned))
        clients = [fuzzing_client(proxy.port, random.Random(chance.random()), 150) for _ in range(24)]
        counts = await asyncio.gather(*clients)
        owning.cancel()
        with suppress(asyncio.CancelledError):
            await owning
    good, refused = (sum(column) for column in zip(*counts, strict=True))
    assert good > 300
    assert refused > 0
    assert len(owned) > 10


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", bytes(300), b"\xff" * 300, bytes.fromhex("000100010006")])
async def test_who_speaks_something_else_is_dropped(junk: bytes) -> None:
    async with single_connection_meter() as (_, face), proxied(face.url) as (proxy, _bus):
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(junk + b"\x00")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        assert 200.0 < await polled(proxy.url, VOLTAGE_L1) < 260.0


async def test_who_reads_nothing_holds_up_nobody() -> None:
    """It asks for the longest answers and never takes one; meanwhile others and the owner are served."""
    async with single_connection_meter() as (home, face), proxied(face.url, cache_s=60.0) as (proxy, bus):
        meter = SDM630.build(bus, 1)
        _, writer = await asyncio.open_connection(HOST, proxy.port, limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]

        async def asks() -> None:
            number = 0
            while not writer.is_closing():
                number = (number + 1) % 0x10000
                writer.write(tcp_frame(read(1, Table.INPUT, 0, 80), number))
                await writer.drain()
                await asyncio.sleep(0.0005)

        asking = asyncio.create_task(asks())
        for _ in range(10):
            assert (await meter.read())["power_w"] == pytest.approx(home.terminals["grid"].total_w, abs=0.5)
            assert 200.0 < await polled(proxy.url, VOLTAGE_L1) < 260.0
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        writer.transport.abort()


async def test_only_so_many_come_in_and_one_that_left_makes_room() -> None:
    async with single_connection_meter() as (_, face), proxied(face.url, clients_most=2) as (proxy, _bus):
        first, second = [await asyncio.open_connection(HOST, proxy.port) for _ in range(2)]
        third = await asyncio.open_connection(HOST, proxy.port)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await third[0].readexactly(1)
        first[1].close()
        await first[1].wait_closed()

        async def is_let_in() -> bool:
            reader, writer = await asyncio.open_connection(HOST, proxy.port)
            writer.write(tcp_frame(read(1, Table.INPUT, 0, 2), 1))
            try:
                return len(await reader.readexactly(13)) == 13
            except (ConnectionResetError, asyncio.IncompleteReadError):
                return False
            finally:
                writer.close()

        while not await is_let_in():
            pass
        for _, writer in (second, third):
            writer.close()


async def test_a_client_that_leaves_in_the_middle_costs_the_owner_nothing() -> None:
    """A transaction broken off would close the device's one connection."""
    opened = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        requests = TcpRequests()
        while data := await reader.read(4096):
            for asked in requests.feed(data):
                assert isinstance(asked.what, Request)
                await asyncio.sleep(0.02)
                words = Words(content(asked.unit, asked.what.address, asked.what.count))
                writer.write(tcp_reply(asked.transaction, asked.unit, asked.pdu(words)))

    async with tcp_server(slow) as port, proxied(f"tcp://{HOST}:{port}") as (proxy, bus):
        for number in range(20):
            _, writer = await asyncio.open_connection(HOST, proxy.port)
            writer.write(tcp_frame(read(1, Table.HOLDING, number, 2), 1))
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.transport.abort()
            assert await bus.read(1, Table.HOLDING, number, 2) == content(1, number, 2)
    assert opened == 1


# As commands


@asynccontextmanager
async def busbar_proxy(url: str, *words: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        BUSBAR, "proxy", url, "--listen", f"tcp://{HOST}:0", *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60.0):
            yield (await process.stdout.readline()).decode().strip()
            process.terminate()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_command_makes_a_gateway_of_a_serial_line() -> None:
    async with sim_device("sdm630", "pty") as url, busbar_proxy(url, "--unit-map", "7=1", "--cache", "0.5s") as shared:
        volts = await asyncio.gather(*(polled(shared, VOLTAGE_L1, unit=7) for _ in range(4)))
        assert all(200.0 < each < 260.0 for each in volts)
        code, output = await mbpoll(shared, VOLTAGE_L1, unit=1)
        assert (code, "Gateway path unavailable" in output) == (1, True), output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("udp://x",), ("'udp'",)),
        (("tcp://x", "--listen", "pty"), ("pty",)),
        (("tcp://x", "--unit-map", "1:3"), ("'1:3'", "1=3")),
        (("tcp://x", "--unit-map", "1=3,1=4"), ("twice",)),
        (("tcp://x", "--unit-map", "1=0"), ("1 to 247",)),
        (("tcp://x", "--write", "5-2"), ("'5-2'",)),
        (("tcp://x", "--cache", "2h"), ("60s",)),
    ],
)
def test_what_can_not_be_shared(words: tuple[str, ...], said: tuple[str, ...]) -> None:
    told("proxy", *words).says(2, *said)


async def test_a_node_shares_its_devices_and_goes_on(site: Site, listener: HeadEnd, tmp_path: Path) -> None:
    """Strangers at the meter and at the battery on their own unit ids; and what the node hears is on record."""
    port = free_port()
    text = (
        f'[[proxy]]\nlisten = "tcp://{HOST}:{port}"\ncache_s = 0.1\n'
        '[[proxy.share]]\ndevice = "grid"\n[[proxy.share]]\ndevice = "battery"\nunit = 4\n'
    )
    records = tmp_path / "records"
    async with site.node(Setup(text=text, words=("--record", str(records)))) as node:
        await listener.readings(3, "grid")
        url = f"tcp://{HOST}:{port}"
        meter = site.rig.home.terminals["grid"]
        before_w = meter.total_w
        readers = asyncio.gather(*(polled(url, TOTAL_W) for _ in range(4)))
        powers, many = await asyncio.gather(readers, pymodbus_reads(url, 30))
        # The battery may still be on its way: what was read lies between what flowed before and after, or a cache's age off.
        least_w, most_w = sorted((before_w, meter.total_w))
        assert len(many) == 30
        assert all(least_w - 50.0 <= each <= most_w + 50.0 for each in (*powers, *many))
        assert await polled(url, 40000, unit=4, table="4") == 0x5375
        code, _ = await mbpoll(url, 40000, unit=4, table="4:hex", writes=[1])
        assert code != 0
        await listener.readings(3, "grid", "battery")
        assert await node.terminate() == 0
    names = sorted(path.name.partition("-")[0] for path in records.iterdir())
    assert names == ["battery", "grid", "load", "pv"]
    for path in records.iterdir():
        assert len(parse(path.read_bytes(), path.name).lines) > 5
