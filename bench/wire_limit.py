"""How near a poll cycle on a serial line comes to what the line allows: `PYTHONPATH=. python -m bench.wire_limit`.

A pty whose far end, in a process of its own, takes and gives characters no faster than the line would (11 bits each,
8E1), answers for so many units, and watches the silence before each request. Our bus and pymodbus' async RTU client
poll the same units for as many registers, in turns. The floor of a transaction is 8 + (5 + 2 N) characters and twice 3.5
characters of silence (1.75 ms above 19200 Bd; Modbus over Serial Line V1.02, 2.5.1.1); the device's own turnaround is added to it.
`cpu` is the CPU time of the client, in us a transaction: a line is not won by waiting busily either.
`short` counts requests that came before 3.5 characters of silence were over: a line is not won by breaking its rule.
"""

import argparse
import asyncio
import importlib
import os
import subprocess
import sys
import time
import tty
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, Final, NamedTuple

from pymodbus.client import AsyncModbusSerialClient

from bench.machine import machine
from drivers.modbus.rtu import RtuBus
from protocols.modbus_rtu import crc16
from protocols.ports import Table

REGISTERS: Final = 20
BAUDS: Final = (9600, 19200, 115200)
DEVICES: Final = (1, 8, 32)
TARGET: Final = 1.05
BITS: Final = 11
REQUEST: Final = 8  # characters
_SPIN_S: Final = 0.0003
_TOLERATED: Final = 0.9  # a silence a tenth too short is the clock of this bench, not a broken rule

Ask = Callable[[int], Awaitable[Sequence[int]]]


class Pace(NamedTuple):
    """The times of a line."""

    character_s: float
    gap_s: float

    @classmethod
    def of(cls, baud: int) -> "Pace":
        """At this rate."""
        character_s = BITS / baud
        return cls(character_s, 3.5 * character_s if baud <= 19200 else 0.00175)

    def floor_s(self) -> float:
        """The least a transaction takes, with a device that answers at once."""
        return (REQUEST + 5 + 2 * REGISTERS) * self.character_s + 2 * self.gap_s


# The far end


def _slave(fd: int, baud: int, turnaround_s: float) -> None:
    """Answer for every unit until a frame of unit 0, then say how many silences were too short and how late we were."""
    pace, quiet_s, short, late_s = Pace.of(baud), 0.0, 0, list[float]()
    while True:
        request = os.read(fd, 64)
        heard_s = time.monotonic()
        while len(request) < REQUEST:
            request += os.read(fd, 64)
        if request[0] == 0:
            break
        short += heard_s < quiet_s + _TOLERATED * pace.gap_s
        start_s = heard_s + REQUEST * pace.character_s + pace.gap_s + turnaround_s
        quiet_s = start_s + _say(fd, _reply(request), start_s, pace.character_s)
        late_s.append(time.monotonic() - quiet_s)
    print(short, 1e6 * median(late_s), flush=True)


def _say(fd: int, reply: bytes, start_s: float, character_s: float) -> float:
    """Put each character on the line when it has passed; how long that takes by the line's clock."""
    sent = 0
    while sent < len(reply):
        due_s = start_s + (sent + 1) * character_s
        if (rest_s := due_s - time.monotonic()) > _SPIN_S:
            time.sleep(rest_s - _SPIN_S)
        while (now_s := time.monotonic()) < due_s:
            pass
        most = min(len(reply), max(sent + 1, int((now_s - start_s) / character_s)))
        sent += os.write(fd, reply[sent:most])
    return len(reply) * character_s


def _reply(request: bytes) -> bytes:
    first = int.from_bytes(request[2:4], "big")
    body = request[:2] + bytes((2 * REGISTERS,)) + b"".join((first + n).to_bytes(2, "big") for n in range(REGISTERS))
    return body + crc16(body).to_bytes(2, "little")


class Line:
    """A paced line; `path` is our end of it."""

    def __init__(self, path: str, near: int, slave: "subprocess.Popen[str]") -> None:
        self.path = path
        self._near, self._slave = near, slave

    def end(self) -> tuple[int, float]:
        """Silences that were too short, and how late the far end was itself (median, us)."""
        os.write(self._near, bytes(REQUEST))
        short, late_us = self._slave.communicate(timeout=10)[0].split()
        return int(short), float(late_us)


@contextmanager
def _line(baud: int, turnaround_s: float) -> Iterator[Line]:
    far, near = os.openpty()
    tty.setraw(near)
    arguments = [sys.executable, "-m", "bench.wire_limit", "slave", str(far), str(baud), str(turnaround_s)]
    slave = subprocess.Popen(arguments, pass_fds=(far,), stdout=subprocess.PIPE, text=True)
    try:
        yield Line(os.ttyname(near), near, slave)
    finally:
        slave.kill()
        slave.communicate()
        os.close(far)
        os.close(near)


# The near end


class Took(NamedTuple):
    """The median time of a poll cycle, and the CPU time of a transaction in it."""

    cycle_s: float
    cpu_s: float


async def _cycles(ask: Ask, devices: int, cycles: int) -> Took:
    """What polling takes; the first cycle, in which the far end starts, does not count."""
    took_s, begun_s = list[float](), 0.0
    for _ in range(cycles + 1):
        begun_s = time.process_time() if len(took_s) == 1 else begun_s
        began_s = time.perf_counter()
        for unit in range(1, devices + 1):
            if list(await ask(unit)) != list(range(100 * unit, 100 * unit + REGISTERS)):
                raise ValueError("a wrong reply")
        took_s.append(time.perf_counter() - began_s)
    return Took(median(took_s[1:]), (time.process_time() - begun_s) / (cycles * devices))


async def ours(path: str, baud: int, devices: int, cycles: int) -> Took:
    """Our bus, with every check."""
    bus = RtuBus(path, baud=baud, stopbits=2, timeout_s=5.0)
    try:
        return await _cycles(lambda unit: bus.read(unit, Table.HOLDING, 100 * unit, REGISTERS), devices, cycles)
    finally:
        await bus.close()


async def pymodbus(path: str, baud: int, devices: int, cycles: int) -> Took:
    """pymodbus' async RTU client."""
    client = AsyncModbusSerialClient(path, baudrate=baud, stopbits=2, timeout=5.0)
    if not await client.connect():
        raise ConnectionError(f"pymodbus cannot open {path}")

    async def ask(unit: int) -> Sequence[int]:
        return (await client.read_holding_registers(100 * unit, count=REGISTERS, device_id=unit)).registers

    try:
        return await _cycles(ask, devices, cycles)
    finally:
        client.close()


Run = Callable[[Coroutine[Any, Any, Took]], Took]


def _measure(baud: int, devices: int, turnaround_s: float, cycles: int, run: Run) -> bool:
    """One row; whether ours reaches the target."""
    floor_s = devices * (Pace.of(baud).floor_s() + turnaround_s)
    times = max(cycles, 30 // devices)
    found = []
    for client in (ours, pymodbus):
        with _line(baud, turnaround_s) as line:
            took = run(client(line.path, baud, devices, times))
            found.append((*took, *line.end()))
    (our_s, our_cpu_s, our_short, late_us), (their_s, their_cpu_s, their_short, _) = found
    print(
        f"  {baud:6} {devices:7} {1e3 * floor_s:9.1f} {1e3 * our_s:9.1f} {our_s / floor_s:7.3f} {our_short:6} {1e6 * our_cpu_s:5.0f}"
        f" {1e3 * their_s:9.1f} {their_s / floor_s:7.3f} {their_short:6} {1e6 * their_cpu_s:5.0f} {their_s / our_s:7.2f} {late_us:8.0f}"
    )
    return bool(our_s <= TARGET * floor_s)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.wire_limit", description=__doc__)
    parser.add_argument(
        "--turnaround-ms", type=float, default=0.0, help="what a device takes to answer; the floor includes it"
    )
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--baud", type=int, action="append", choices=BAUDS, help="this rate alone; absent: all")
    parser.add_argument("--uvloop", action="store_true", help="both clients on uvloop")
    chosen = parser.parse_args(arguments)
    print(machine())
    print(
        f"{REGISTERS} registers of each device, turnaround {chosen.turnaround_ms:g} ms; times in ms, lateness of the far end in us"
    )
    print("    baud devices     floor      ours x floor  short   cpu  pymodbus x floor  short   cpu   ratio far late")
    run = importlib.import_module("uvloop").run if chosen.uvloop else asyncio.run
    rows = [(baud, devices) for baud in chosen.baud or BAUDS for devices in DEVICES]
    reached = [_measure(baud, devices, chosen.turnaround_ms / 1e3, chosen.cycles, run) for baud, devices in rows]
    print(f"  at most {TARGET:g} x floor: {sum(reached)} of {len(reached)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["slave"]:
        _slave(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        main(sys.argv[1:])
