"""1,000 simulated Modbus TCP devices in one process, each polled once a second by another process with our own client.

`PYTHONPATH=. python -m bench.thousand_devices [devices] [seconds]`, loopback only. Half are SDM630 meters, half SunSpec
inverters and batteries, of homes whose physics runs at 1 s. Twice: a port each, then `UNITS` unit ids behind each port.
A request is what a driver asks for first. Its latency counts from the call to the decoded words; "after the deadline"
adds how late the polling process itself was. CPU is user and system time over wall time, 100 % is one core.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time
from typing import Final

import numpy as np

from bench.machine import machine
from drivers.meters.eastron_three_phase import MAP
from drivers.modbus.tcp import TcpBus
from protocols.faults import Fault
from protocols.ports import Table
from sim_hardware.devices.sunspec import SunSpecImage
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.home import SimHome
from sim_hardware.serve import ticking

UNITS: Final = 40
WARM_S: Final = 3.0
TARGET_P99_MS: Final = 50.0
PAGE_KB: Final = os.sysconf("SC_PAGE_SIZE") / 1024.0
# What a driver reads of each: the first block of the meter, the model that measures of the others.
MEASURING: Final = {"pv": (103, "A", 50), "battery": (701, "ACType", 125)}


@dataclass(frozen=True)
class Ask:
    """A device and what is asked of it."""

    port: int
    unit: int
    table: int
    address: int
    count: int


def _asked(home: SimHome, name: str) -> tuple[int, int, int]:
    image = home.images[name]
    if isinstance(image, SunSpecImage):
        model, first, count = MEASURING[name]
        return Table.HOLDING, image.address(model, first), count
    return MAP.table, MAP.blocks[0].address, MAP.blocks[0].count


# The serving process


async def _serve(count: int, units: int) -> None:
    bare_kb = _resident_kb(os.getpid())
    homes = [SimHome(seed, step_s=1.0) for seed in range(-(-count // 4))]
    devices = [(home, name) for home in homes for name in home.images][:count]
    asks: list[Ask] = []
    async with AsyncExitStack() as stack:
        for first in range(0, count, units):
            line = dict(enumerate(devices[first : first + units], 1))
            images = {unit: home.images[name] for unit, (home, name) in line.items()}
            faults = {unit: home.faults[name] for unit, (home, name) in line.items()}
            face = await stack.enter_async_context(TcpFace(images, faults))
            asks += [Ask(face.port, unit, *_asked(home, name)) for unit, (home, name) in line.items()]
        for home in homes:
            await asyncio.sleep(1.0 / len(homes))  # spread over the second, as homes are
            await stack.enter_async_context(ticking(home, 1.0))
        print(json.dumps({"bare_kb": bare_kb, "asks": [vars(ask) for ask in asks]}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def _resident_kb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# The polling process


@dataclass
class Tally:
    """What the polls of a run have seen."""

    from_s: float
    to_s: float
    took_s: list[float] = field(default_factory=list)
    after_s: list[float] = field(default_factory=list)
    failed: int = 0

    def add(self, deadline_s: float, asked_s: float, answered_s: float) -> None:
        """One request, if its deadline was in the measured time."""
        if self.from_s <= deadline_s < self.to_s:
            self.took_s.append(answered_s - asked_s)
            self.after_s.append(answered_s - deadline_s)


async def _poll(bus: TcpBus, ask: Ask, first_s: float, tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    deadline_s = first_s
    while deadline_s < tally.to_s:
        await asyncio.sleep(deadline_s - loop.time())
        asked_s = loop.time()
        try:
            await bus.read(ask.unit, Table(ask.table), ask.address, ask.count)
        except Fault:
            tally.failed += 1
        tally.add(deadline_s, asked_s, loop.time())
        deadline_s = max(deadline_s + 1.0, loop.time())


async def _run(count: int, seconds: float, units: int) -> None:
    command = [sys.executable, "-m", "bench.thousand_devices", "serve", str(count), str(units)]
    server = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 22)
    assert server.stdout is not None
    try:
        said = json.loads(await server.stdout.readline())
        asks = [Ask(**row) for row in said["asks"]]
        buses = {port: TcpBus("127.0.0.1", port, timeout_s=5.0) for port in {ask.port for ask in asks}}
        start_s = asyncio.get_running_loop().time()
        tally = Tally(start_s + WARM_S, start_s + WARM_S + seconds)
        polls = [_poll(buses[ask.port], ask, start_s + at / count, tally) for at, ask in enumerate(asks)]
        shares, _ = await asyncio.gather(_shares(server.pid, tally), asyncio.gather(*polls))
        held_kb = (_resident_kb(server.pid) - said["bare_kb"]) / count
        for bus in buses.values():
            await bus.close()
    finally:
        await _end(server)
    _say(len(asks), len(buses), tally, shares, held_kb)


async def _shares(pid: int, tally: Tally) -> tuple[float, float]:
    """CPU of the server and of this process over the measured time, in per cent of a core."""
    await asyncio.sleep(tally.from_s - asyncio.get_running_loop().time())
    began_s, served_s, own_s = monotonic(), _cpu_s(pid), process_time()
    await asyncio.sleep(tally.to_s - asyncio.get_running_loop().time())
    wall_s = monotonic() - began_s
    return 100.0 * (_cpu_s(pid) - served_s) / wall_s, 100.0 * (process_time() - own_s) / wall_s


async def _end(server: Process) -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        async with asyncio.timeout(10.0):
            await server.wait()
    except TimeoutError:
        server.kill()
        await server.wait()


def _say(devices: int, ports: int, tally: Tally, shares: tuple[float, float], held_kb: float) -> None:
    p99_ms = _at(tally.took_s, 99.0)
    print(f"{devices} devices behind {ports} ports: {len(tally.took_s)} requests, {tally.failed} failed")
    print(f"  latency p50 {_at(tally.took_s, 50.0):.2f}, p99 {p99_ms:.1f}, max {_at(tally.took_s, 100.0):.1f} ms")
    print(f"  answered after the deadline: p99 {_at(tally.after_s, 99.0):.1f} ms")
    print(f"  CPU: server {shares[0]:.0f} %, client {shares[1]:.0f} % of a core; server {held_kb:.0f} kB a device")
    print(f"  p99 under {TARGET_P99_MS:g} ms: {'yes' if p99_ms < TARGET_P99_MS else 'NO'}")


def _at(times_s: Sequence[float], percent: float) -> float:
    return float(np.percentile(times_s, percent)) * 1000.0


def main(count: int = 1_000, seconds: float = 20.0) -> None:
    """Measure and print."""
    print(machine())
    for units in (1, UNITS):
        asyncio.run(_run(count, seconds, units))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(int(sys.argv[2]), int(sys.argv[3])))
    else:
        main(*(int(each) for each in sys.argv[1:]))
