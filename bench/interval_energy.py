"""How well intervals are met: `PYTHONPATH=. python -m bench.interval_energy [--intervals N] [--seed S]`.

The real home node on virtual time with its journal, a meter and a battery: a load that steps and flickers, readings with
noise, a battery that lags by 1 to 10 s. Energy contracts of 15 minutes, one after the other, each of another amount that
the battery can reach. Printed: how far the energy that truly flowed was off, and how often the battery was written to.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

from bench.one_home import TOPICS, HeadEnd, inline
from firmware_py.compose import World, announcements, home_node
from firmware_py.config import HomeConfig, Loaded
from firmware_py.journal import SqliteJournal
from protocols.contracts import Energy, encode_contract
from protocols.ports import Table
from protocols.signing import key_id, new_private_key, public_part, sign
from sim_hardware.devices.image import RegisterImage
from sim_hardware.devices.sdm630 import float_words
from sim_hardware.home import SimHome
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.physics.terminal import balanced
from sim_hardware.serve import MEMORY_URLS, memory_buses, ticking
from sim_hardware.virtual_time import VirtualClock, VirtualLoop

INTERVAL_S: Final = 900
# What the contract is measured by: the battery's 5 kW, the less favourable of the ratings there are.
RATING_W: Final = 5_000.0
PER_CONTRACT: Final = 4
START_S: Final = 60.0
POWER: Final = 0x0034


class Noisy:
    """A meter whose power trembles; its counters count what flowed."""

    def __init__(self, image: RegisterImage, random: Random, noise_w: float) -> None:
        self._image, self._random, self._noise_w = image, random, noise_w

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """As the meter, its total power off by something."""
        words = self._image.read(table, address, count)
        if table is Table.INPUT and address <= POWER < address + count:
            power_w = self._image.terminal.total_w  # type: ignore[attr-defined]
            words[POWER - address : POWER - address + 2] = float_words(power_w + self._random.gauss(0.0, self._noise_w))
        return words

    def write(self, address: int, words: Sequence[int]) -> None:
        """As the meter."""
        self._image.write(address, words)

    def after(self, dt_s: float) -> None:
        """As the meter."""
        self._image.after(dt_s)


@dataclass(frozen=True)
class Met:
    """An interval: how far it was off (Wh), what the node said of it, and how often the battery was written to."""

    lag_s: float
    off_wh: float
    writes: int


async def _load(home: SimHome, random: Random) -> None:
    """Steps every two minutes on average, and flickers each second: nobody forecasts it."""
    level_w = 1000.0
    while True:
        if random.random() < 1 / 120:
            level_w = random.uniform(200.0, 2500.0)
        home.load.hold_w = balanced(max(level_w + random.gauss(0.0, 60.0), 0.0))
        await asyncio.sleep(1.0)


async def play(seed: str, lag_s: float, intervals: int, noise_w: float) -> list[Met]:
    """So many intervals of one home."""
    random, home, broker, clock = Random(seed), SimHome(1, step_s=0.5, lag_s=lag_s), MemoryBroker(), VirtualClock()
    home.store.capacity_wh = 1e6  # it must never be the battery's fault
    home.store.stored_wh, home.store._most_wh = 5e5, 1e6
    home.sun.hold_w_m2 = 0.0
    home.images["grid"] = Noisy(home.images["grid"], random, noise_w)
    HeadEnd(broker)
    key = new_private_key()
    buses, met = memory_buses(home), list[Met]()
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            await asyncio.sleep(0.25)
            await stack.enter_async_context(ticking(home, 0.5))
            online, offline = announcements(TOPICS)
            uplink = MemoryUplink(
                broker, TOPICS.node, TOPICS.inbound, (offline.topic, offline.payload), (online.topic, online.payload)
            )
            journal = SqliteJournal(Path(folder) / "journal.sqlite", inline)
            world = World(clock, journal, uplink, lambda url, timeout_s: buses[url])
            public, name = public_part(key), key_id(public_part(key))
            node = home_node(Loaded(_config(), {name: public}, {name: "market"}, None), world)
            tasks = [asyncio.create_task(node.run()), asyncio.create_task(_load(home, random))]
            await asyncio.sleep(START_S - 5.25)
            energies_wh = [random.uniform(-600.0, 900.0) for _ in range(intervals)]
            begins = clock.utc() + timedelta(seconds=5.0)
            for seq, energy_wh in enumerate(energies_wh):
                start = begins + timedelta(seconds=seq * INTERVAL_S)
                terms = Energy(
                    id=f"e-{seq}",
                    seq=seq + 1,
                    iss="market",
                    aud=TOPICS.node,
                    start=start,
                    end=start + timedelta(seconds=INTERVAL_S),
                    peer="home-2",
                    energy_wh=energy_wh,
                )
                broker.publish(TOPICS.contract_in, sign(encode_contract(terms), key))
            await asyncio.sleep(5.0)
            grid, output = home.terminals["grid"], node.parts.outputs["battery"]
            for energy_wh in energies_wh:
                before_wh, writes = sum(grid.import_wh) - sum(grid.export_wh), output.writes
                await asyncio.sleep(INTERVAL_S)
                flowed_wh = sum(grid.import_wh) - sum(grid.export_wh) - before_wh
                met.append(Met(lag_s, flowed_wh - energy_wh, output.writes - writes))
            for task in tasks:
                if task.done():
                    task.result()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return met


def _config() -> HomeConfig:
    models = {"grid": "sdm630", "battery": "sunspec-battery"}
    devices = [{"name": name, "model": model, "url": MEMORY_URLS[name]} for name, model in models.items()]
    return HomeConfig.model_validate(
        {
            "node": {"id": TOPICS.node, "state_dir": "."},
            "mqtt": {"url": "mqtt://broker"},
            "site": {"meter": "grid", "import_limit_w": 17_000.0, "export_limit_w": 10_000.0},
            "device": devices,
        }
    )


def run(seed: str, lag_s: float, intervals: int, noise_w: float = 20.0) -> list[Met]:
    """Play on a loop of its own."""
    loop = VirtualLoop(intervals * INTERVAL_S + 3600.0)
    try:
        return loop.run_until_complete(play(seed, lag_s, intervals, noise_w))
    finally:
        loop.close()


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.interval_energy", description=__doc__)
    parser.add_argument("--intervals", type=int, default=12, help="for each of the lags 1, 3 and 10 s")
    parser.add_argument("--seed", default="1")
    chosen = parser.parse_args(arguments)
    owed_wh = 0.01 * RATING_W * INTERVAL_S / 3600.0
    for lag_s in (1.0, 3.0, 10.0):
        met = run(f"{chosen.seed} {lag_s}", lag_s, chosen.intervals)
        worst_wh = max(abs(each.off_wh) for each in met)
        mean = sum(each.writes for each in met) / len(met)
        print(
            f"  lag {lag_s:4.1f} s, {len(met)} intervals: worst {worst_wh:.2f} Wh off ({owed_wh:.1f} are 1 % of {RATING_W:.0f} W"
            f" for 15 min), writes {max(each.writes for each in met)} at most, {mean:.0f} on average (renewals included)"
        )


if __name__ == "__main__":
    main()
