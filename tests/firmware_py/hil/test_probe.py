"""The probe on virtual time, where every latency is known beforehand: a transaction takes 10 ms, a wake-up none."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_py.compose import World, announcements, home_node
from firmware_py.config import load
from firmware_py.hil.histogram import Histogram
from firmware_py.hil.probe import PATIENCE_S, Probe, Timed
from firmware_py.journal import SqliteJournal
from protocols.topics import Topics
from sim_hardware.faults import Word
from sim_hardware.home import SimHome
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.physics.terminal import balanced
from sim_hardware.serve import memory_buses, ticking
from sim_hardware.virtual_time import VirtualClock, VirtualLoop
from tests.firmware_py.hil.lab import plan
from tests.scenarios.doubles import inline

URLS = {
    "grid": "tcp://gateway.example",
    "pv": "tcp://roof.example",
    "battery": "tcp://cellar.example",
    "load": "tcp://rest.example",
}


class TimedVirtualLoop(Timed, VirtualLoop):
    """Virtual time whose timers tell."""


def measured(folder: Path, seconds: float, during: Callable[[SimHome, float], None]) -> dict[str, Histogram]:
    """What the probe says of a whole node that ran so long; `during` plays fate once a second."""
    loop = TimedVirtualLoop(horizon_s=seconds + 100.0)
    try:
        return loop.run_until_complete(_run(loop, folder, seconds, during))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _run(
    loop: TimedVirtualLoop, folder: Path, seconds: float, during: Callable[[SimHome, float], None]
) -> dict[str, Histogram]:
    plan(folder)
    text = (
        (folder / "home.toml").read_text().replace('url = "tcp://gateway.example"\nunit = 2', f'url = "{URLS["load"]}"')
    )
    (folder / "home.toml").write_text(text)
    loaded = load(folder / "home.toml")
    home = SimHome(seed=4)
    home.sun.hold_w_m2 = 0.0
    home.load.hold_w = balanced(100.0)
    buses, topics, broker = memory_buses(home, URLS), Topics("home-1"), MemoryBroker()
    online, offline = announcements(topics)
    uplink = MemoryUplink(
        broker, "home-1", topics.inbound, (offline.topic, offline.payload), (online.topic, online.payload)
    )
    journal = SqliteJournal(Path(":memory:"), inline)
    probe = Probe(loaded.home, loop)
    node = home_node(loaded, probe.world(World(VirtualClock(), journal, uplink, lambda url, timeout_s: buses[url])))
    probe.watch(node)
    async with ticking(home):
        running = asyncio.create_task(node.run())
        for second in range(int(seconds)):
            during(home, float(second))
            await asyncio.sleep(1.0)
        running.cancel()
        await asyncio.wait([running])
    await journal.close()
    return {histogram.source: histogram for histogram in probe.histograms}


def step_at_20(home: SimHome, now_s: float) -> None:
    if now_s == 20.0:
        home.load.hold_w = balanced(2100.0)


def test_known_latencies_are_measured(tmp_path: Path) -> None:
    found = measured(tmp_path, 60.0, step_at_20)
    for device in ("meter", "roof", "cellar", "rest"):
        reads = found[f"{device}.read"]
        assert (reads.least_us, reads.lost) == (10_000, 0)
        assert reads.percentile_us(50) == 10_000  # a shared line would be waited for
    assert found["cellar.write"].most_us == 10_000
    assert found["cycle.late"].count == 59  # the first cycle teaches whose task it is
    assert found["cycle.late"].most_us == 0
    assert found["meter.late"].most_us == 0
    assert found["cycle.late"].deadline_us == 1_000_000
    # A cycle that writes ends when the write is confirmed; one that does not, at once.
    assert found["cycle.done"].least_us == 0
    assert found["cycle.done"].most_us == found["cellar.command"].most_us


def test_a_command_is_from_the_promise_to_the_read_back(tmp_path: Path) -> None:
    """Look, write (reversion, value and enable stand apart: three requests), look: at 10 ms each."""
    command = measured(tmp_path, 60.0, step_at_20)["cellar.command"]
    assert command.count > 3
    assert command.least_us % 10_000 == 0
    assert 30_000 <= command.least_us <= command.most_us <= 80_000


def test_the_closed_loop_is_from_the_confirmation_to_the_meter(tmp_path: Path) -> None:
    """One step of 2 kW; the battery's lag is 1 s, so that half of it shows in the second poll at the latest."""
    loop = measured(tmp_path, 60.0, step_at_20)["cellar.loop"]
    assert (loop.count, loop.lost) == (1, 0)
    assert 300_000 < loop.most_us < 2_500_000


def test_a_step_that_the_meter_never_shows_is_lost(tmp_path: Path) -> None:
    def stuck(home: SimHome, now_s: float) -> None:
        step_at_20(home, now_s)
        if now_s == 20.0:
            home.store.after = lambda dt_s: None  # type: ignore[method-assign]

    loop = measured(tmp_path, 20.0 + PATIENCE_S + 10.0, stuck)["cellar.loop"]
    assert (loop.count, loop.lost) == (0, 1)


def test_a_request_without_reply_is_lost_and_no_latency(tmp_path: Path) -> None:
    def silent(home: SimHome, now_s: float) -> None:
        if now_s == 20.0:
            home.faults["grid"].begin(Word.DROP)

    reads = measured(tmp_path, 30.0, silent)["meter.read"]
    assert reads.lost >= 3
    assert reads.most_us == 10_000


def test_a_process_that_was_stopped_shows_as_late(tmp_path: Path) -> None:
    """1.2 s in which nothing runs: the cycle's deadline of one period is overrun."""

    def stopped(home: SimHome, now_s: float) -> None:
        if now_s == 20.0:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.stall(1.7)

    found = measured(tmp_path, 40.0, stopped)
    late = found["cycle.late"]
    assert found["cycle.gap"].overruns == 1
    assert found["cycle.gap"].most_us == pytest.approx(2_200_000, abs=50_000)
    assert late.overruns == 1
    assert late.most_us == pytest.approx(1_200_000, abs=1000)
    assert late.overrun_worst_us == pytest.approx(200_000, abs=1000)
