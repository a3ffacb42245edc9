"""Our buses on real TCP sockets and real ptys, against pymodbus' servers and against servers that misbehave."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.links import open_bus
from drivers.modbus.rtu import RtuBus, RtuOverTcpBus
from drivers.modbus.tcp import TcpBus
from drivers.modbus.tcp_channel import connect
from protocols.faults import DeviceRefused, LinkDown, NoReply
from protocols.ports import RegisterBus, Table
from tests.drivers import slaves

pytestmark = pytest.mark.system

HOST = "127.0.0.1"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def pymodbus_device(unit: int) -> SimDevice:
    held = list(slaves.content(unit, 0, 200))
    return SimDevice(unit, SimData(0, values=held, datatype=DataType.REGISTERS))


@asynccontextmanager
async def pymodbus_tcp() -> AsyncIterator[int]:
    server = ModbusTcpServer(pymodbus_device(1), address=(HOST, 0))
    await server.serve_forever(background=True)
    assert server.transport is not None
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def tcp_server(handle: Handler) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handle(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Cable:
    """A pty whose far end is in this process: `heard` gets what the bus sends, `send` is what the bus hears."""

    def __init__(self) -> None:
        self._far, self._near = os.openpty()
        self.path = os.ttyname(self._near)
        self.heard: Callable[[bytes], None] = lambda data: None
        os.set_blocking(self._far, False)
        asyncio.get_running_loop().add_reader(self._far, self._on_readable)

    def send(self, data: bytes) -> None:
        os.write(self._far, data)

    def _on_readable(self) -> None:
        with suppress(OSError):
            self.heard(os.read(self._far, 4096))

    def cut(self) -> None:
        if self._far >= 0:
            asyncio.get_running_loop().remove_reader(self._far)
            os.close(self._far)
            os.close(self._near)
            self._far = -1


@asynccontextmanager
async def cable() -> AsyncIterator[Cable]:
    line = Cable()
    try:
        yield line
    finally:
        line.cut()


@asynccontextmanager
async def open_then_close(bus: RegisterBus) -> AsyncIterator[RegisterBus]:
    try:
        yield bus
    finally:
        await bus.close()


async def check_a_strangers_server(bus: RegisterBus) -> None:
    for address, count in ((0, 1), (7, 60), (75, 125)):
        for table in Table:
            assert await bus.read(1, table, address, count) == slaves.content(1, address, count)
    await bus.write(1, 40, [7, 0, 65535])
    assert await bus.read(1, Table.HOLDING, 39, 5) == (1039, 7, 0, 65535, 1043)
    with pytest.raises(DeviceRefused, match=r"refused with exception 2 \(illegal data address\)") as refused:
        await bus.read(1, Table.HOLDING, 5000, 2)
    assert refused.value.code == 2


async def test_tcp_against_pymodbus_server() -> None:
    async with pymodbus_tcp() as port, open_then_close(open_bus(f"tcp://{HOST}:{port}", 2.0)) as bus:
        await check_a_strangers_server(bus)


async def test_rtu_on_a_pty_against_pymodbus_server() -> None:
    async with cable() as ours, cable() as theirs:
        ours.heard, theirs.heard = theirs.send, ours.send
        server = ModbusSerialServer(pymodbus_device(1), port=theirs.path, baudrate=115200, parity="N")
        await server.serve_forever(background=True)
        try:
            async with open_then_close(open_bus(f"serial://{ours.path}?baud=115200", 2.0)) as bus:
                await check_a_strangers_server(bus)
        finally:
            await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def libmodbus(*arguments: str) -> AsyncIterator[int]:
    """libmodbus as a server in a process of its own, and its port."""
    program = str(Path(__file__).with_name("libmodbus_server.py"))
    process = await asyncio.create_subprocess_exec(sys.executable, program, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.communicate()


async def test_tcp_against_libmodbus_server() -> None:
    async with libmodbus("tcp") as port, open_then_close(open_bus(f"tcp://{HOST}:{port}", 2.0)) as bus:
        await check_a_strangers_server(bus)


async def test_rtu_on_a_pty_against_libmodbus_server() -> None:
    async with cable() as ours, cable() as theirs:
        ours.heard, theirs.heard = theirs.send, ours.send
        async with (
            libmodbus("rtu", theirs.path),
            open_then_close(open_bus(f"serial://{ours.path}?baud=9600", 2.0)) as bus,
        ):
            await check_a_strangers_server(bus)


@pytest.mark.parametrize("server", ["pymodbus", "libmodbus"])
async def test_function_6_is_understood(server: str) -> None:
    serving = pymodbus_tcp() if server == "pymodbus" else libmodbus("tcp")
    async with serving as port, open_then_close(open_bus(f"tcp://{HOST}:{port}?write=6", 2.0)) as bus:
        await bus.write(1, 40, [65535])
        await bus.write(1, 41, [1, 2])
        assert await bus.read(1, Table.HOLDING, 39, 5) == (1039, 65535, 1, 2, 1043)


@pytest.mark.parametrize("url", ["tcp", "serial"])
async def test_twenty_callers_share_a_line(url: str) -> None:
    async with pymodbus_tcp() as port, cable() as line:

        def answer(frame: bytes) -> None:
            line.send(slaves.rtu(slaves.on_rtu(frame)))

        line.heard = answer
        link = f"tcp://{HOST}:{port}" if url == "tcp" else f"serial://{line.path}?baud=115200"
        async with open_then_close(open_bus(link, 2.0)) as bus:
            results = await asyncio.gather(*(bus.read(1, Table.HOLDING, 2 * n, 3) for n in range(20)))
            assert results == [slaves.content(1, 2 * n, 3) for n in range(20)]


async def test_late_replies_are_wrong_in_none_of_twenty() -> None:
    """The measurement of facts/field-bugs.md: each first reply comes 50 ms after the time-out."""
    timeout_s = 0.1
    async with cable() as line:
        loop = asyncio.get_running_loop()
        late: set[int] = set()

        def answer(frame: bytes) -> None:
            request = slaves.on_rtu(frame)
            first = request.address not in late and request.count == 2 and request.address < 100
            late.add(request.address)
            loop.call_later(timeout_s + 0.05 if first else 0.001, line.send, slaves.rtu(request))

        line.heard = answer
        results = []
        async with open_then_close(RtuBus(line.path, baud=115200, timeout_s=timeout_s, retries=0)) as bus:
            for address in range(0, 40, 2):
                with pytest.raises(NoReply):
                    await bus.read(1, Table.HOLDING, address, 2)
                with suppress(NoReply):  # a busy machine may well stall for one time-out
                    results.append((address, await bus.read(1, Table.HOLDING, 100 + address, 2)))
        assert [result for result in results if result[1] != slaves.content(1, 100 + result[0], 2)] == []
        assert len(results) > 15


async def test_an_echoing_adapter_is_no_obstacle() -> None:
    async with cable() as line:

        def answer(frame: bytes) -> None:
            line.send(frame)
            line.send(slaves.rtu(slaves.on_rtu(frame)))

        line.heard = answer
        async with open_then_close(RtuBus(line.path, baud=115200, timeout_s=1.0)) as bus:
            assert await bus.read(1, Table.INPUT, 0, 10) == slaves.content(1, 0, 10)
            await bus.write(1, 0, [1, 2, 3])


async def test_a_cut_cable_is_a_link_down_and_so_is_a_port_that_is_not_there() -> None:
    async with cable() as line:
        line.heard = lambda frame: line.send(slaves.rtu(slaves.on_rtu(frame)))
        path = line.path
        async with open_then_close(RtuBus(path, baud=115200, timeout_s=1.0)) as bus:
            await bus.read(1, Table.HOLDING, 0, 2)
            line.cut()
            with pytest.raises(LinkDown, match=f"serial://{path}: unit 1, .* can not be opened"):
                await bus.read(1, Table.HOLDING, 0, 2)


async def test_a_port_belongs_to_one_owner() -> None:
    async with cable() as line:
        line.heard = lambda frame: line.send(slaves.rtu(slaves.on_rtu(frame)))
        first, second = (RtuBus(line.path, baud=115200, timeout_s=1.0) for _ in range(2))
        async with open_then_close(first), open_then_close(second):
            await first.read(1, Table.HOLDING, 0, 2)
            with pytest.raises(LinkDown, match="can not be opened"):
                await second.read(1, Table.HOLDING, 0, 2)


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while frame := await reader.read(260):
        writer.write(slaves.tcp(*slaves.on_tcp(frame)))


async def test_half_a_reply_and_a_close_fails_fast_and_the_next_call_works() -> None:
    lives = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal lives
        lives += 1
        if lives > 1:
            return await answers(reader, writer)
        writer.write(slaves.tcp(*slaves.on_tcp(await reader.read(260)))[:9])

    async with tcp_server(handle) as port, open_then_close(TcpBus(HOST, port, timeout_s=30.0, retries=0)) as bus:
        async with asyncio.timeout(5.0):
            with pytest.raises(LinkDown, match="the peer hung up"):
                await bus.read(1, Table.HOLDING, 0, 4)
            assert await bus.read(1, Table.HOLDING, 0, 4) == slaves.content(1, 0, 4)


async def test_a_half_open_connection_is_left_after_the_time_out() -> None:
    lives = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal lives
        lives += 1
        if lives > 1:
            return await answers(reader, writer)
        await answers_once(reader, writer)
        await asyncio.sleep(60)

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(slaves.tcp(*slaves.on_tcp(await reader.read(260))))

    async with tcp_server(handle) as port, open_then_close(TcpBus(HOST, port, timeout_s=0.2, retries=0)) as bus:
        assert await bus.read(1, Table.HOLDING, 0, 4) == slaves.content(1, 0, 4)
        with pytest.raises(NoReply, match=r"no reply within 0\.2 s"):
            await bus.read(1, Table.HOLDING, 0, 4)
        assert await bus.read(1, Table.HOLDING, 0, 4) == slaves.content(1, 0, 4)
        assert lives == 2


async def test_a_server_that_closes_idle_connections_is_no_obstacle_to_a_write() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(slaves.tcp(*slaves.on_tcp(await reader.read(260))))

    async with tcp_server(handle) as port, open_then_close(TcpBus(HOST, port, timeout_s=1.0)) as bus:
        for value in range(3):
            await bus.write(1, 0, [value])
            await asyncio.sleep(0.05)


async def test_rtu_over_tcp() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while frame := await reader.read(260):
            for byte in slaves.rtu(slaves.on_rtu(frame)):
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)

    async with tcp_server(handle) as port, open_then_close(RtuOverTcpBus(HOST, port, timeout_s=1.0)) as bus:
        assert await bus.read(1, Table.HOLDING, 0, 20) == slaves.content(1, 0, 20)
        await bus.write(1, 0, [1])


async def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind((HOST, 0))
        bus = TcpBus(HOST, reserved.getsockname()[1], timeout_s=1.0)
        with pytest.raises(LinkDown, match="no connection: Connect"):
            await bus.read(1, Table.HOLDING, 0, 1)


async def test_a_peer_that_vanishes_is_noticed_while_nobody_asks() -> None:
    async with tcp_server(answers) as port:
        channel = await connect(HOST, port, 1.0)
        sock = channel._transport.get_extra_info("socket")  # type: ignore[union-attr]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        channel.close()
