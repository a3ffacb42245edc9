"""What contracts cost: `.venv/bin/python -m bench contracts`.

Evaluated per second (a signed message to its answer, signature included; and the decision alone); CPU of a cycle of the real
home node on virtual time with 1,000 living contracts in its book, and with 10,000 dead ones besides; and the time from
publishing a contract to the write of the simulated battery inverter's setpoint, over real sockets (TCP to a broker, Modbus TCP).
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt

from bench.machine import machine
from bench.one_home import HeadEnd, build
from controller.admission import AdmissionPolicy
from controller.book import Book, entry_of
from controller.dealings import Archived, Incoming, take
from controller.replay import REACH
from controller.roles import Party
from drivers.links import Buses
from firmware_py.clock import SystemClock
from firmware_py.compose import World, home_node, mqtt_uplink
from firmware_py.config import broker_address, load
from firmware_py.demo.broker import embedded_broker
from firmware_py.home.node import HomeNode
from firmware_py.home.shelf import KINDS, message_of
from firmware_py.journal import SqliteJournal
from protocols.contracts import Contract, Dispatch, Energy, State, encode_contract
from protocols.ports import Table
from protocols.signing import key_id, new_private_key, open_signed, public_part, sign
from protocols.topics import Topics
from sim_hardware.devices.image import RegisterImage
from sim_hardware.home import SimHome
from sim_hardware.memory_broker import MemoryBroker
from sim_hardware.serve import serve, ticking
from sim_hardware.virtual_time import VirtualLoop

UTC_NOW = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
POLICY = AdmissionPolicy("home-1", 1e6, 1e6)
LIVING, DEAD = 1_000, 10_000
SECONDS = 200.0
SHOTS = 100


def energy(number: int, seq: int, start: datetime = UTC_NOW) -> Contract:
    """A trade of a quarter hour within the next days."""
    begin = start + timedelta(days=1, minutes=15 * (number % 500))
    return Energy(
        id=f"c{number}",
        seq=seq,
        iss="dso",
        aud="home-1",
        start=begin,
        end=begin + timedelta(minutes=15),
        peer="x",
        energy_wh=1.0,
    )


def evaluated() -> None:
    """Messages taken into a book that grows to 1,000 contracts."""
    key = new_private_key()
    trusted = {key_id(key): public_part(key)}
    signed = [sign(encode_contract(energy(n, n)), key) for n in range(1, LIVING + 1)]
    for what, count in (("an empty book to", LIVING), ("an empty book to", 100)):
        book, in_take_s, began_s = Book(), 0.0, time.perf_counter()
        for token in signed[:count]:
            incoming = Incoming(message_of(open_signed(token, trusted, KINDS)), token, Party("dso"))
            before_s = time.perf_counter()
            book, notes = take(book, incoming, POLICY, (0.0, UTC_NOW), {})
            in_take_s += time.perf_counter() - before_s
            assert notes[0].state is State.ACCEPTED
        whole_s = time.perf_counter() - began_s
        print(
            f"  from {what} {count} contracts: {count / whole_s:.0f} signed contracts a second, "
            f"the decision alone {count / in_take_s:.0f} a second"
        )
    assert len(book.windows["dso"].used) <= REACH


async def cycle_ms(living: int, dead: int) -> float:
    """CPU of a virtual second, which is one cycle and three polls."""
    home, broker = SimHome(1, step_s=1.0), MemoryBroker()
    HeadEnd(broker)
    async with AsyncExitStack() as stack:
        await asyncio.sleep(0.25)
        await stack.enter_async_context(ticking(home, 1.0))
        await asyncio.sleep(0.25)
        node = build(home, broker)
        running = asyncio.create_task(node.run(), name="node")
        await asyncio.sleep(20.0)
        await _filled(node, living, dead)
        began_s = time.process_time()
        await asyncio.sleep(SECONDS)
        cpu_s = time.process_time() - began_s
        assert len(node.parts.desk.book.entries) == living
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return cpu_s / SECONDS * 1e3


async def _filled(node: HomeNode, living: int, dead: int) -> None:
    """A book as it is after a long life: what is dead stands in the archive on disk."""
    desk, clock = node.parts.desk, node.parts.clock
    now_s, utc = clock.now_s(), clock.utc()
    entries = [entry_of(energy(n, n, utc), b"t", now_s, utc) for n in range(living)]
    desk.book = replace(desk.book, entries=tuple(sorted(entries, key=lambda each: each.start_s)))
    for number in range(dead):
        await desk.archive(Archived(f"d{number}", State.EXPIRED, "dso"))


def cycles() -> None:
    """The least of several runs each, as the machine is never quite idle."""
    for living, dead in ((0, 0), (LIVING, 0), (LIVING, DEAD)):
        runs = []
        for _ in range(3):
            loop = VirtualLoop(SECONDS + 3600.0)
            try:
                runs.append(loop.run_until_complete(cycle_ms(living, dead)))
            finally:
                loop.close()
        print(f"  {living} living and {dead} dead contracts: {min(runs):.3f} ms CPU a cycle (node, devices and broker)")


class Heard:
    """A device that says when it was written."""

    def __init__(self, image: RegisterImage) -> None:
        self._image = image
        self.written = asyncio.Event()
        self.at_s = 0.0

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """As the device."""
        return self._image.read(table, address, count)

    def write(self, address: int, words: Sequence[int]) -> None:
        """As the device, and the first time is kept."""
        self._image.write(address, words)
        if not self.written.is_set():
            self.at_s = time.perf_counter()
            self.written.set()

    def __getattr__(self, name: str) -> object:
        """Everything else is the device's."""
        return getattr(self._image, name)


@asynccontextmanager
async def real_node(heard: dict[str, Heard], key: str) -> AsyncIterator[str]:
    """A node, a home on Modbus TCP and a broker in this process; yields the broker's URL."""
    home = SimHome(seed=1)
    heard["battery"] = Heard(home.images["battery"])
    home.images["battery"] = heard["battery"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with embedded_broker() as url, serve(home) as rig:
            (folder / "dso.pub").write_text(public_part(key))
            models = {"grid": "sdm630", "battery": "sunspec-battery"}
            devices = "".join(
                f'[[device]]\nname = "{each}"\nmodel = "{model}"\nurl = "{rig.urls[each]}"\n'
                for each, model in models.items()
            )
            (folder / "home.toml").write_text(
                f'[node]\nid = "home-1"\nstate_dir = "{folder}"\n[mqtt]\nurl = "{url}"\nversion = "3.1.1"\n'
                '[site]\nmeter = "grid"\nimport_limit_w = 17000\nexport_limit_w = 10000\n'
                f'[[issuer]]\nname = "dso"\nkey_file = "dso.pub"\n{devices}'
            )
            loaded, buses = load(folder / "home.toml"), Buses()
            journal = SqliteJournal(folder / "journal.sqlite")
            node = home_node(loaded, World(SystemClock(), journal, mqtt_uplink(loaded), buses.get))
            running = asyncio.create_task(node.run())
            try:
                while node.figures.cycles < 5:  # noqa: ASYNC110 - the node tells nobody
                    await asyncio.sleep(0.2)
                yield url
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await buses.close()
                await journal.close()


async def latencies_ms() -> list[float]:
    """From publishing a contract that begins at once to the first write of its setpoint."""
    key, heard, found = new_private_key(), dict[str, Heard](), []
    async with real_node(heard, key) as url:
        host, port, _ = broker_address(url)
        async with aiomqtt.Client(host, port) as client:
            for number in range(1, SHOTS + 1):
                await asyncio.sleep(0.37 + number % 7 / 10)  # at every phase of the cycle
                start = datetime.now(UTC) - timedelta(seconds=1)
                terms = Dispatch(
                    id=f"c{number}",
                    seq=number,
                    iss="dso",
                    aud="home-1",
                    start=start,
                    end=start + timedelta(minutes=5),
                    power_w=2000.0 if number % 2 else -1500.0,
                )
                token = sign(encode_contract(terms), key)
                battery = heard["battery"]
                battery.written.clear()
                began_s = time.perf_counter()
                await client.publish(Topics("home-1").contract_in, token, qos=1)
                async with asyncio.timeout(10.0):
                    await battery.written.wait()
                found.append((battery.at_s - began_s) * 1e3)
    return found


def main() -> None:
    """Measure and print."""
    print(f"contracts; {machine()}")
    evaluated()
    cycles()
    found = asyncio.run(latencies_ms())
    p50, p99 = statistics.median(found), statistics.quantiles(found, n=100)[98]
    print(
        f"  MQTT message to register write, {len(found)} contracts: p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {max(found):.1f} ms"
    )


if __name__ == "__main__":
    main()
