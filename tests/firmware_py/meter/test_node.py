"""A whole meter on virtual time: a simulated converter, registers on disk, a broker and a head-end in memory."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware_py.journal import SqliteJournal
from firmware_py.meter.compose import MeterWorld, meter_node
from firmware_py.meter.config import load_meter
from firmware_py.meter.no_uplink import NoUplink
from firmware_py.meter.node import MeterNode
from firmware_py.meter.registers import shown_mwh
from protocols.faults import BadReply
from protocols.messages import Durable, Happening, Interval, Journalled, Telemetry, encode
from protocols.ports import Message, Uplink
from protocols.samples import Samples
from protocols.topics import Topics
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.virtual_time import VirtualClock, run_virtual
from sim_hardware.waves.signal import Wave
from sim_hardware.waves.source import WaveSource
from sim_hardware.waves.spec import wave_spec
from tests.firmware_py.meter.plain_measuring import PlainMeasuring

CONFIG = """
[meter]
id = "m"
serial = "BB-7"
state_dir = "state"
[input]
kind = "recording"
path = "unused.npz"
[registers]
profile_min = 1
[[tariff.rule]]
tariff = 2
begin = "00:02"
end = "24:00"
"""
POWER_W = 3 * 230.0 * 5.0
TOPICS = Topics("m")


async def inline(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
    return work(*arguments)


class Failing:
    """A source that fails once, after so many blocks."""

    def __init__(self, inner: WaveSource, after: int) -> None:
        self.inner, self.left, self.failed = inner, after, False

    fs_hz = 1000.0
    currents = 3

    async def read(self) -> Samples:
        self.left -= 1
        if self.left == 0:
            raise BadReply("some samples lost")
        return await self.inner.read()

    async def close(self) -> None:
        await self.inner.close()


class Stage:
    """A meter, the head-end that hears it, and its disk."""

    client_id = "head-end"
    subscriptions: tuple[str, ...] = ("#",)
    will: tuple[str, bytes] | None = None

    def __init__(self, folder: Path, *, fails_after: int = 0, broker: bool = True, **wave: float) -> None:
        (folder / "m.toml").write_text(CONFIG)
        self.heard: list[Message] = []
        self.broker, self.clock = MemoryBroker(), VirtualClock()
        self.broker.connect(self)
        self.journal = SqliteJournal(folder / "journal", inline)
        uplink: Uplink = MemoryUplink(self.broker, "m", subscriptions=TOPICS.inbound) if broker else NoUplink()
        made = WaveSource(Wave(wave_spec({"fs_hz": 1000.0, **wave})), self.clock)
        source = Failing(made, fails_after) if fails_after else made
        world = MeterWorld(
            self.clock, self.journal, uplink, source, {}, lambda fs_hz, *_: PlainMeasuring(fs_hz), offload=inline
        )
        self.node: MeterNode = meter_node(load_meter(folder / "m.toml"), world)

    def deliver(self, message: Message) -> None:
        self.heard.append(message)
        if message.topic in (TOPICS.interval, TOPICS.backfill):
            number = msgspec.json.decode(message.payload, type=Journalled).seq
            self.broker.publish(TOPICS.durable, encode(Durable("interval", number)))

    def dropped(self) -> None:
        pass

    async def run(self, seconds: float) -> None:
        task = asyncio.create_task(self.node.run())
        await asyncio.sleep(seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self.journal.close()

    @property
    def telemetry(self) -> list[Telemetry]:
        named = (message.payload for message in self.heard if message.topic == TOPICS.telemetry("meter"))
        return [msgspec.json.decode(payload, type=Telemetry) for payload in named]

    @property
    def intervals(self) -> list[Interval]:
        named = (message.payload for message in self.heard if message.topic == TOPICS.interval)
        records = (msgspec.json.decode(payload, type=Journalled).record for payload in named)
        return [msgspec.json.decode(record, type=Interval) for record in records]

    @property
    def events(self) -> list[Happening]:
        named = (message.payload for message in self.heard if message.topic == TOPICS.event)
        return [msgspec.json.decode(payload, type=Happening) for payload in named]


def on_stage(folder: Path, seconds: float, **options: Any) -> Stage:
    stages: list[Stage] = []

    async def main() -> None:
        stages.append(Stage(folder, **options))
        await stages[0].run(seconds)

    run_virtual(main(), horizon_s=10_000.0)
    return stages[0]


@pytest.mark.parametrize("seconds", [180, pytest.param(3600, marks=pytest.mark.slow)])
def test_constant_power_is_counted_to_the_last_wh(tmp_path: Path, seconds: int) -> None:
    """3450 W for so long, by the end of the last window."""
    stage = on_stage(tmp_path, seconds + 0.1)
    counted_mwh = shown_mwh(stage.node.shown.count("import"))
    assert counted_mwh == pytest.approx(POWER_W * seconds / 3.6, abs=2)
    assert stage.node.shown.count("export") == 0
    tariffs = [shown_mwh(stage.node.shown.count("import", tariff)) for tariff in (1, 2)]
    assert tariffs == pytest.approx([POWER_W * 120 / 3.6, POWER_W * (seconds - 120) / 3.6], abs=2)


@pytest.mark.slow
def test_a_sample_clock_that_is_off_does_not_make_energy(tmp_path: Path) -> None:
    """200 ppm: what it takes for 200 ms is 199.96 ms. 3001 of these windows fit into the run."""
    stage = on_stage(tmp_path, 600.1, clock_ppm=200.0)
    true_s = 3001 * 0.2 / 1.0002
    assert shown_mwh(stage.node.shown.count("import")) * 3.6 == pytest.approx(POWER_W * true_s, abs=0.01 * POWER_W)


def test_readings_are_published_with_durable_registers(tmp_path: Path) -> None:
    stage = on_stage(tmp_path, 30.0)
    told = stage.telemetry
    assert len(told) == pytest.approx(30, abs=1)
    assert told[-1].values["power_w"] == pytest.approx(POWER_W)
    assert told[-1].values["voltage_l2_v"] == pytest.approx(230.0)
    energies = [reading.values["energy_import_wh"] for reading in told]
    assert energies == sorted(energies, key=float)  # type: ignore[arg-type]
    assert energies[-1] == pytest.approx(POWER_W * 29 / 3600, abs=2.5)
    assert told[0].values["energy_import_wh"] == 0.0
    assert stage.heard[-1].topic == TOPICS.status
    assert b"offline" in stage.heard[-1].payload


def test_intervals_tile_and_hold_every_register_at_both_ends(tmp_path: Path) -> None:
    found = on_stage(tmp_path, 200.0).intervals
    assert [interval.start[11:16] for interval in found] == ["00:00", "00:01", "00:02"]
    for earlier, later in pairwise(found):
        ends = {counter.register: counter.end_wh for counter in earlier.counters}
        for counter in later.counters:
            assert counter.start_wh == ends.get(counter.register, 0.0)
    assert [interval.quality for interval in found] == ["good"] * 3
    assert found[1].means["power_w"] == pytest.approx(POWER_W, rel=1e-6)
    assert {counter.register for counter in found[2].counters} >= {"energy_import_wh", "energy_import_t2_wh"}
    assert {counter.serial for counter in found[0].counters} == {"BB-7"}


def test_a_source_that_fails_is_told_and_started_anew(tmp_path: Path) -> None:
    stage = on_stage(tmp_path, 20.0, fails_after=30)
    told = [(event.subject, event.state, event.why) for event in stage.events if event.subject != "log"]
    assert told == [("input", "failed", "some samples lost")]
    assert len(stage.telemetry) > 15
    counted_j = shown_mwh(stage.node.shown.count("import")) * 3.6
    assert counted_j == pytest.approx(POWER_W * (20.0 - 0.5), rel=0.03)


def test_without_a_broker_the_registers_are_kept_all_the_same(tmp_path: Path) -> None:
    stage = on_stage(tmp_path, 70.0, broker=False)
    assert shown_mwh(stage.node.shown.count("import")) == pytest.approx(POWER_W * 70 / 3.6, rel=0.01)
    again = on_stage(tmp_path, 100.0)
    # Its day begins again at midnight: the minute that was open is closed, and the first one comes a second time.
    assert [interval.start[11:16] for interval in again.intervals] == ["00:01", "00:00"]
    assert [message.topic for message in again.heard].count(TOPICS.backfill) == 1  # the one that waited for a broker


def test_a_restart_goes_on(tmp_path: Path) -> None:
    first = on_stage(tmp_path, 50.0)
    second = on_stage(tmp_path, 50.0)
    both_mwh = shown_mwh(second.node.shown.count("import"))
    assert both_mwh == pytest.approx(POWER_W * 100 / 3.6, rel=0.01)
    assert both_mwh > shown_mwh(first.node.shown.count("import"))
