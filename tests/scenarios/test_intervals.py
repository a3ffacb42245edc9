"""Interval readings: energy without loss, spike or double, whatever happens to the link, the head-end and the meter."""

from itertools import pairwise

import pytest

from protocols.messages import Counter, Durable, Interval, encode
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import ALL, Setup, Stage, Step
from tests.scenarios.words import (
    broker_starts,
    broker_stops,
    fault,
    heals,
    load,
    node_begins,
    node_is_killed,
    node_stops,
    sun,
)

IDLE = {"rest": "idle"}
SHORT = Setup(site=IDLE, node={"interval_s": 10.0}, devices=("grid",))
# 3600 W are 1 Wh a second.
ONE_WH_PER_S = load(3600)
STREAM = "interval"


def of(stage: Stage, device: str = "grid") -> list[Interval]:
    """The interval readings of a device, each once, in the order of their time."""
    return sorted((each for each in stage.head_end.intervals if each.device == device), key=lambda each: each.start)


def counter(interval: Interval, register: str = "energy_import_wh") -> Counter | None:
    return next((each for each in interval.counters if each.register == register), None)


def counted_wh(intervals: list[Interval], register: str = "energy_import_wh") -> list[float]:
    """What each interval adds up to; an interval that claims nothing is left out."""
    found = (counter(interval, register) for interval in intervals)
    return [each.end_wh - each.start_wh for each in found if each is not None]


def assert_tiled(intervals: list[Interval]) -> None:
    """Each interval begins where the one before ended, in time and in both registers."""
    for before, after in pairwise(intervals):
        assert before.end == after.start
        for register in ("energy_import_wh", "energy_export_wh"):
            one, other = counter(before, register), counter(after, register)
            assert one is not None, before
            assert other is not None, after
            assert one.end_wh == other.start_wh, f"{one} and {other} leave a gap"


async def pending(stage: Stage) -> int:
    return len(await stage.journal.pending(STREAM, 0, 10_000))


def journal_holds(least: int, most: int | None = None) -> Step:
    """So many interval readings wait for their acknowledgement."""

    async def step(stage: Stage) -> None:
        held = await pending(stage)
        assert least <= held <= (least if most is None else most), f"{held} records in the journal"

    return step


def nobody_acknowledges(stage: Stage) -> None:
    stage.head_end.acknowledges = False


def head_end_acknowledges(stage: Stage) -> None:
    stage.head_end.acknowledges = True


def test_intervals_add_up_to_the_register_and_to_the_energy_that_flowed(film: Film) -> None:
    stage = film(at(0, ONE_WH_PER_S, sun(0)), at(305), setup=SHORT)
    intervals = of(stage)
    assert_tiled(intervals)
    first, last = counter(intervals[0]), counter(intervals[-1])
    assert first is not None
    assert last is not None
    # The register is a 32-bit float of kWh: 0.00003 Wh at 300 Wh. A poll sees the energy up to its second.
    assert sum(counted_wh(intervals)) == pytest.approx(last.end_wh - first.start_wh, abs=1e-6)
    assert last.end_wh == pytest.approx(299, abs=0.51)
    assert counted_wh(intervals)[1:] == [pytest.approx(10, abs=0.001)] * (len(intervals) - 1)
    assert len(intervals) == 30
    assert {(each.quality, each.expected) for each in intervals} == {("good", 10)}
    assert [each.means["power_w"] for each in intervals][1:] == [pytest.approx(3600, abs=0.01)] * 29


def test_import_and_export_are_counted_apart_and_in_every_device(film: Film) -> None:
    stage = film(
        at(0, ONE_WH_PER_S, sun(0)),
        at(100.1, load(0), sun(720)),
        at(205),
        setup=Setup(site=IDLE, node={"interval_s": 10.0}, devices=ALL),
    )
    for device, register, wh in [
        ("grid", "energy_import_wh", 100),
        ("grid", "energy_export_wh", 99),
        ("pv", "energy_export_wh", 99),
        ("load", "energy_import_wh", 100),
        ("battery", "energy_import_wh", 0),
    ]:
        counted = sum(counted_wh(of(stage, device), register))
        assert counted == pytest.approx(wh, abs=2.5), f"{device} {register}"


def test_records_leave_the_journal_on_the_head_ends_word_only(film: Film) -> None:
    film(
        at(0, ONE_WH_PER_S, sun(0), nobody_acknowledges),
        at(35, journal_holds(3)),
        at(65, journal_holds(6), head_end_acknowledges),
        at(72, journal_holds(0, 1)),
        at(130, journal_holds(0)),
        setup=SHORT,
    )


def test_what_the_broker_took_and_nobody_acknowledged_is_said_again(film: Film) -> None:
    """Every publish is confirmed by the broker, and the head-end is not there to hear it."""

    def head_end_is_away(stage: Stage) -> None:
        stage.broker.cut("head-end", bar=True)

    def head_end_comes_back(stage: Stage) -> None:
        stage.broker.admit("head-end")

    stage = film(
        at(0, ONE_WH_PER_S, sun(0)),
        at(25, head_end_is_away),
        at(65, journal_holds(4), head_end_comes_back),
        at(195, journal_holds(0)),
        setup=SHORT,
    )
    assert_tiled(of(stage))
    assert len(of(stage)) == 19
    assert len(list(stage.head_end.payloads(stage.topics.backfill))) >= 3


def test_an_outage_of_minutes_loses_nothing_and_doubles_nothing(film: Film) -> None:
    stage = film(
        at(0, ONE_WH_PER_S, sun(0)),
        at(62, broker_stops),
        at(300, broker_starts),
        at(345, journal_holds(0)),
        setup=SHORT,
    )
    intervals = of(stage)
    assert_tiled(intervals)
    assert [each.start for each in intervals] == sorted({each.start for each in intervals})
    assert len(intervals) == 34
    assert sum(counted_wh(intervals)) == pytest.approx(339, abs=1)
    assert stage.head_end.whole(STREAM) == max(stage.head_end.kept[STREAM]) == 34


def test_a_head_end_that_is_silent_is_told_again_and_keeps_each_once(film: Film) -> None:
    stage = film(
        at(0, ONE_WH_PER_S, sun(0), nobody_acknowledges),
        at(200, head_end_acknowledges),
        at(285, journal_holds(0)),
        setup=SHORT,
    )
    assert stage.head_end.said_again > 0
    assert_tiled(of(stage))


@pytest.mark.parametrize(
    ("stream", "up_to"), [(STREAM, 4), (STREAM, 10**30), (STREAM, -1), ("telemetry", 1), ("", 0), ("contract", 1)]
)
def test_an_acknowledgement_of_what_never_was_is_refused(film: Film, stream: str, up_to: int) -> None:
    def somebody_acknowledges(stage: Stage) -> None:
        stage.broker.publish(stage.topics.durable, encode(Durable(stream, up_to)))

    stage = film(
        at(0, ONE_WH_PER_S, sun(0), nobody_acknowledges),
        at(35, journal_holds(3), somebody_acknowledges),
        at(36, journal_holds(3), head_end_acknowledges),
        at(130, journal_holds(0, 1)),
        setup=SHORT,
    )
    assert [event.state for event in stage.head_end.happenings if event.subject == "inbox"] == ["refused"]


@pytest.mark.parametrize("ends", [node_stops, node_is_killed])
def test_a_restart_loses_no_record(film: Film, ends: Step) -> None:
    stage = film(
        at(0, ONE_WH_PER_S, sun(0), nobody_acknowledges),
        at(35, ends),
        at(50, node_begins, head_end_acknowledges),
        at(85, journal_holds(0, 1)),
        setup=SHORT,
    )
    assert [each.start[17:19] for each in of(stage)] == ["00", "10", "20", "50", "00", "10"]
    assert stage.head_end.whole(STREAM) == max(stage.head_end.kept[STREAM])


def test_a_silent_meter_leaves_intervals_that_say_so_and_still_tile(film: Film) -> None:
    stage = film(
        at(0, ONE_WH_PER_S, sun(0)),
        at(33.2, fault("grid", Word.DROP)),
        at(75, heals("grid")),
        at(150),
        setup=SHORT,
    )
    intervals = of(stage)
    assert_tiled(intervals)
    assert [each.quality for each in intervals[4:7]] == ["incomplete"] * 3
    assert [each.readings for each in intervals[4:7]] == [0, 0, 0]
    assert [each.means for each in intervals[4:7]] == [{}, {}, {}]
    assert max(counted_wh(intervals)) == pytest.approx(60, abs=25)  # what flowed meanwhile comes with the first reading
    assert sum(counted_wh(intervals)) == pytest.approx(139, abs=1)


def registers_are(wh: float) -> Step:
    """The meter's registers, from now on."""

    def step(stage: Stage) -> None:
        terminal = stage.home.terminals["grid"]
        terminal.import_wh[:], terminal.export_wh[:] = [wh, 0.0, 0.0], [0.0, 0.0, 0.0]

    return step


def meter_is_replaced(stage: Stage) -> None:
    """Another unit of the same model."""
    meter = stage.devices["grid"].image
    assert isinstance(meter, Sdm630)
    meter.serial += 100


NO_SPIKE_WH = 12.0


@pytest.mark.parametrize("new_wh", [0.0, 30.0, 5_000_000.0])
def test_another_meter_is_no_spike(film: Film, new_wh: float) -> None:
    """It was changed while the node could not reach it, and counts from another number."""
    stage = film(
        at(0, registers_are(10_000), ONE_WH_PER_S, sun(0)),
        at(52.2, fault("grid", Word.OFF)),
        at(58.3, meter_is_replaced, registers_are(new_wh), heals("grid")),
        at(120),
        setup=SHORT,
    )
    intervals = of(stage)
    assert all(0 <= wh <= NO_SPIKE_WH for wh in counted_wh(intervals)), counted_wh(intervals)
    assert [each.note for each in intervals if "was replaced" in each.note]
    assert len(counted_wh(intervals)) >= len(intervals) - 2


@pytest.mark.parametrize("second", [52.3, 59.3, 60.3])
def test_a_register_that_falls_to_0_is_no_spike(film: Film, second: float) -> None:
    stage = film(
        at(0, registers_are(10_000), ONE_WH_PER_S, sun(0)),
        at(second, registers_are(0)),
        at(120),
        setup=SHORT,
    )
    intervals = of(stage)
    assert all(0 <= wh <= NO_SPIKE_WH for wh in counted_wh(intervals)), counted_wh(intervals)
    assert [each.note for each in intervals if "fell" in each.note]
    assert len(counted_wh(intervals)) == len(intervals) - 1


@pytest.mark.parametrize("second", [52.3, 58.3, 59.3])
def test_a_register_that_reads_0_for_a_moment_is_no_spike(film: Film, second: float) -> None:
    """As a meter that boots answers; the moment may be the last of an interval."""
    stage = film(
        at(0, registers_are(10_000), ONE_WH_PER_S, sun(0)),
        at(second, registers_are(0)),
        at(second + 1, registers_are(10_060)),
        at(120),
        setup=SHORT,
    )
    assert all(0 <= wh <= NO_SPIKE_WH for wh in counted_wh(of(stage))), counted_wh(of(stage))
