"""Our Modbus TCP client, pymodbus' async client and C libmodbus, side by side: `PYTHONPATH=. python -m bench.modbus_tcp`.

All ask one libmodbus server (bench/libmodbus_peer.c; needs cc and Debian's libmodbus-dev) for as many holding registers,
one request in flight, in rounds that take turns, so that a busy moment of the machine hits each alike. What is printed
is the median of the rounds; a ratio is the median of the ratios within each round. CPU is of the client's process alone.
Every reply is compared with what the server holds. `floor` is what asyncio itself takes: write, one call-back, one
future, nothing checked.
"""

import argparse
import asyncio
import importlib
import struct
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final, NamedTuple

from pymodbus.client import AsyncModbusTcpClient

from bench.machine import machine
from drivers.modbus.tcp import TcpBus
from protocols.ports import Table

HOST: Final = "127.0.0.1"
SOURCE: Final = Path(__file__).with_name("libmodbus_peer.c")
REGISTERS: Final = 20
TARGET: Final = 1.3
ROW: Final = "  {:9} {:>8.0f} requests/s {:>7.1f} us CPU {:>8.2f} x pymodbus' rate {:>6.2f} x its CPU"


class Cost(NamedTuple):
    """One round of one client, per request."""

    wall_s: float
    cpu_s: float


class Floor(asyncio.Protocol):
    """The least asyncio can do for a request."""

    def __init__(self) -> None:
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Asyncio's call-back."""
        self.reply.set_result(data)


async def _time(times: int, ask: Callable[[], Awaitable[Sequence[int]]]) -> Cost:
    expected = list(range(REGISTERS))
    began_s, used_s = perf_counter(), process_time()
    for _ in range(times):
        if list(await ask()) != expected:
            raise ValueError("a wrong reply")
    return Cost((perf_counter() - began_s) / times, (process_time() - used_s) / times)


async def ours(port: int, times: int) -> Cost:
    """Our bus, with every check."""
    bus = TcpBus(HOST, port, timeout_s=2.0)
    try:
        return await _time(times, lambda: bus.read(1, Table.HOLDING, 0, REGISTERS))
    finally:
        await bus.close()


async def pymodbus(port: int, times: int) -> Cost:
    """pymodbus' async client, which checks less (docs: the fault matrix)."""
    client = AsyncModbusTcpClient(HOST, port=port, timeout=2.0)
    if not await client.connect():
        raise ConnectionError(f"pymodbus cannot connect to port {port}")

    async def ask() -> Sequence[int]:
        return (await client.read_holding_registers(0, count=REGISTERS, device_id=1)).registers

    try:
        return await _time(times, ask)
    finally:
        client.close()


async def floor(port: int, times: int) -> Cost:
    """No client at all: bytes out, bytes in."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(Floor, HOST, port)
    words, question = struct.Struct(f">9x{REGISTERS}H"), struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, REGISTERS)

    async def ask() -> Sequence[int]:
        protocol.reply = loop.create_future()
        transport.write(question)
        return words.unpack(await protocol.reply)

    try:
        return await _time(times, ask)
    finally:
        transport.close()


CLIENTS: Final[Mapping[str, Callable[[int, int], Awaitable[Cost]]]] = {
    "pymodbus": pymodbus,
    "ours": ours,
    "floor": floor,
}


async def _rounds(port: int, rounds: int, times: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in CLIENTS}
    for _ in range(rounds):
        for name, client in CLIENTS.items():
            costs[name].append(await client(port, times))
    return costs


def _libmodbus(peer: Path, port: int, times: int) -> Cost:
    said = subprocess.run(
        [peer, "ask", str(port), str(times), str(REGISTERS)], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    wall_s, cpu_s = map(float, said.split())
    return Cost(wall_s / times, cpu_s / times)


@contextmanager
def _server() -> Iterator[tuple[Path, int]]:
    """The peer, compiled, and the port on which it serves."""
    with tempfile.TemporaryDirectory(prefix="busbar-bench-") as folder:
        peer = Path(folder) / "libmodbus_peer"
        subprocess.run(["cc", "-O2", "-o", peer, SOURCE, "-lmodbus"], check=True)
        with subprocess.Popen([peer, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdin is not None
            try:
                yield peer, int(server.stdout.readline())
            finally:
                server.stdin.close()


def _say(costs: Mapping[str, Sequence[Cost]]) -> float:
    """Print a row per client; our rate over pymodbus'."""
    ratio = 0.0
    for name, rows in costs.items():
        faster = median(base.wall_s / row.wall_s for base, row in zip(costs["pymodbus"], rows, strict=True))
        cheaper = median(row.cpu_s / base.cpu_s for base, row in zip(costs["pymodbus"], rows, strict=True))
        rate, cpu_us = 1.0 / median(row.wall_s for row in rows), 1e6 * median(row.cpu_s for row in rows)
        print(ROW.format(name, rate, cpu_us, faster, cheaper))
        ratio = faster if name == "ours" else ratio
    return ratio


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.modbus_tcp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=2000, help="requests of a client in a round")
    chosen = parser.parse_args(arguments)
    print(machine())
    with _server() as (peer, port):
        alien = [_libmodbus(peer, port, chosen.times) for _ in range(chosen.rounds)]
        for name, loop_factory in _loops():
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                costs = runner.run(_rounds(port, chosen.rounds, chosen.times))
            print(f"{name}, {REGISTERS} registers, {chosen.rounds} rounds of {chosen.times}:")
            ratio = _say({**costs, "libmodbus": alien})
            print(f"  at least {TARGET:g} x pymodbus: {'yes' if ratio >= TARGET else 'NO'} ({ratio:.2f})")


def _loops() -> Iterator[tuple[str, Callable[[], asyncio.AbstractEventLoop]]]:
    yield "asyncio's own loop", asyncio.new_event_loop
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        print("uvloop is not installed: not measured on it")
        return
    yield f"uvloop {uvloop.__version__}", uvloop.new_event_loop


if __name__ == "__main__":
    main(sys.argv[1:])
