"""The log, the clock, the contacts and the signed readings of a whole meter on virtual time, over several lives."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyocmf
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from firmware_py.journal import SqliteJournal
from firmware_py.meter.logbook import ANCHOR
from firmware_py.meter.registers import ProfileEntry
from protocols.device_log import Anchor, checked
from protocols.evidence import OCMF
from protocols.messages import Durable, encode
from protocols.ocmf_writing import TimeStatus
from protocols.signing import key_id, public_part
from tests.firmware_py.meter.device_stage import (
    COVER,
    LOG_KEY,
    MAGNET,
    OCMF_PUBLIC,
    POWER_W,
    SUPPLY,
    TOPICS,
    DeviceStage,
    inline,
    later,
    on_stage,
)

KEYS = {key_id(LOG_KEY): public_part(LOG_KEY)}
S, I, R, U = TimeStatus.SYNCHRONISED, TimeStatus.INFORMATIVE, TimeStatus.RELATIVE, TimeStatus.UNKNOWN  # noqa: E741


def stored(folder: Path, stream: str) -> tuple[list[tuple[int, bytes]], Anchor]:
    """A stream as it is on the meter's disk, and where its log begins."""

    async def main() -> tuple[list[tuple[int, bytes]], Anchor]:
        journal = SqliteJournal(folder / "journal", inline)
        found = await journal.pending(stream, 0, 100_000)
        raw = await journal.kept(ANCHOR)
        await journal.close()
        return found, Anchor() if raw is None else msgspec.json.decode(raw, type=Anchor)

    return asyncio.run(main())


def test_contacts_that_move_are_logged_with_time_and_number(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(9.5)
        stage.contacts.move(COVER)
        await asyncio.sleep(5.0)
        stage.contacts.move(MAGNET)
        await asyncio.sleep(5.0)
        stage.contacts.move(COVER)
        stage.contacts.move(MAGNET)
        await asyncio.sleep(1.0)

    stage = on_stage(tmp_path, film)
    told = [(e.state, e.at[17:19], e.clock) for e in stage.log if e.state not in ("start", "self_test")]
    assert told == [
        ("cover_opened", "10", S),
        ("magnet_found", "15", S),
        ("cover_closed", "20", S),
        ("magnet_gone", "20", S),
    ]
    assert [entry.seq for entry in stage.log] == list(range(1, len(stage.log) + 1))


def test_a_cover_opened_while_the_meter_was_off_is_found_at_the_start(tmp_path: Path) -> None:
    on_stage(tmp_path, later(1.0))
    stage = on_stage(tmp_path, later(1.0), cover=False)
    assert [(entry.state, entry.why) for entry in stage.log][-1] == ("cover_opened", "found so at the start")
    assert "cover_opened" not in on_stage(tmp_path, later(1.0), cover=False).events(), "it is open still"


def test_before_the_supply_is_gone_everything_is_saved(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(30.0)
        stage.contacts.move(SUPPLY)
        await asyncio.sleep(0.001)
        assert stage.node.shown == stage.node.parts.keeper.live
        await asyncio.sleep(1.0)

    assert on_stage(tmp_path, film).events() == ["supply_low"]


def altered(folder: Path, *statements: str) -> None:
    """What somebody does to the meter's disk."""
    with closing(sqlite3.connect(folder / "journal")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_an_end_without_goodbye_is_a_power_cut(tmp_path: Path) -> None:
    on_stage(tmp_path, later(1.0))
    number = stored(tmp_path, "log")[0][-1][0]
    altered(
        tmp_path,
        f"DELETE FROM record WHERE stream = 'log' AND seq = {number}",
        f"UPDATE mark SET last = {number - 1} WHERE stream = 'log'",
    )
    stage = on_stage(tmp_path, later(1.0))
    assert [entry.state for entry in stage.log] == ["start", "power_restored"]
    assert "its last entry: start at 2026-06-21T00:00:00" in stage.log[-1].why
    assert [entry.state for entry in on_stage(tmp_path, later(1.0)).log] == ["stop", "start"]


def test_what_was_not_heard_is_said_when_the_link_is_back_and_once(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(1.0)
        stage.broker.cut("m")
        stage.contacts.move(COVER)
        await asyncio.sleep(10.0)

    stage = on_stage(tmp_path, film)
    assert stage.events() == ["cover_opened"]
    again = on_stage(tmp_path, later(5.0))
    assert again.log[0].seq == stage.log[-1].seq + 1


def test_a_log_on_disk_is_signed_chained_and_bounded(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        for _ in range(60):
            stage.contacts.move(COVER)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)

    stage = on_stage(tmp_path, film)
    records, anchor = stored(tmp_path, "log")
    entries = list(checked(records, anchor, "m", KEYS))
    assert len(entries) <= 40
    assert anchor.seq == entries[0].seq - 1 > 0
    assert stage.log[-1].dropped == anchor.seq
    assert [entry.state for entry in stage.log].count("cover_opened") == 30, "heard are all of them"


def test_a_log_that_was_changed_is_told_at_the_next_start(tmp_path: Path) -> None:
    on_stage(tmp_path, later(1.0))
    altered(tmp_path, "DELETE FROM record WHERE stream = 'log' AND seq = 1")
    stage = on_stage(tmp_path, later(15.0))
    assert "log_damaged" in stage.events()
    (test,) = (entry for entry in stage.log if entry.state == "self_test")
    assert test.details["passed"] is False
    assert "log record 1" in str(test.details["log"])


def test_a_changed_configuration_is_logged_by_the_part(tmp_path: Path) -> None:
    assert on_stage(tmp_path, later(1.0)).events() == []
    assert on_stage(tmp_path, later(1.0)).events() == []
    stage = on_stage(tmp_path, later(1.0), more="[tariff]\ndefault = 2\n")
    (entry,) = (entry for entry in stage.log if entry.state == "configuration_changed")
    assert entry.why == "tariff"
    assert set(entry.details) == {"tariff"}


def test_a_clock_that_is_set_is_logged_and_marks_its_interval(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(90.0)
        stage.clock.step(-7.25)
        await asyncio.sleep(120.0)

    stage = on_stage(tmp_path, film)
    (entry,) = (entry for entry in stage.log if entry.state == "clock_set")
    assert entry.why == "by -7.250 s"
    assert (entry.details["old"], entry.details["new"]) == (
        "2026-06-21T00:01:30.600Z",
        "2026-06-21T00:01:23.350Z",
    )
    assert [interval.note for interval in stage.intervals] == ["", "the clock was set within", ""]
    flags = [{reading["EF"] for reading in says(record)["RD"]} for record in stage.ocmf]
    assert flags[0] == {""}
    assert all("t" in flag for flag in flags[1])
    assert flags[2] == {""}


def test_a_clock_that_is_slewed_is_not_set(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        for _ in range(200):
            stage.clock.step(0.0001)  # 500 ppm
            await asyncio.sleep(0.2)

    assert "clock_set" not in on_stage(tmp_path, film).events()


@pytest.mark.parametrize(
    ("more", "letters"),
    [("", [S, I]), ("[clock]\ndurations_verified = true\n", [S, R])],
)
def test_the_letter_of_the_clock(tmp_path: Path, more: str, letters: list[TimeStatus]) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(61.0)
        stage.clock.set_synchronised(False)
        await asyncio.sleep(60.0)

    stage = on_stage(tmp_path, film, more=more)
    assert [says(record)["RD"][0]["TM"][-1] for record in stage.ocmf] == letters
    assert next(entry.why for entry in stage.log if entry.state == "clock_status") == f"S to {letters[1]}"


@pytest.mark.parametrize(("more", "letter"), [("", U), ("[clock]\nrtc = true\n", I)])
def test_a_clock_that_never_was_synchronised_is_unknown_but_for_a_battery(
    tmp_path: Path, more: str, letter: TimeStatus
) -> None:
    async def film(stage: DeviceStage) -> None:
        stage.clock.set_synchronised(False)
        stage.clock.step(1.0)
        await asyncio.sleep(61.0)

    assert says(on_stage(tmp_path, film, more=more).ocmf[0])["RD"][0]["TM"][-1] == letter


def says(record: bytes) -> dict[str, Any]:
    """The payload by counting bars."""
    _, text, _ = record.split(b"|")
    found: dict[str, Any] = json.loads(text)
    return found


PUBLIC = load_pem_public_key(OCMF_PUBLIC).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


@pytest.mark.filterwarnings("ignore:Identification Status")
def test_every_interval_is_a_signed_page_that_another_implementation_verifies(tmp_path: Path) -> None:
    stage = on_stage(tmp_path, later(181.0))
    assert [says(record)["PG"] for record in stage.ocmf] == ["F1", "F2", "F3"]
    for record, interval in zip(stage.ocmf, stage.intervals, strict=True):
        read = pyocmf.OCMF.from_string(record.decode())
        assert read.verify_signature(pyocmf.PublicKey.from_string(PUBLIC))
        values = [float(each.RV or 0) for each in read.payload.RD]
        begin, end, _, _ = read.payload.RD
        (counter,) = (each for each in interval.counters if each.register == "energy_import_wh")
        assert (values[0], values[1]) == (counter.start_wh, counter.end_wh)
        assert values[2:] == [0.0, 0.0]
        assert [str(each.RI) for each in read.payload.RD] == ["01-00:B0.08.00*FF"] * 2 + ["01-00:C0.08.00*FF"] * 2
        assert (begin.timestamp.isoformat()[:19], end.timestamp.isoformat()[:19]) == (
            interval.start[:19],
            interval.end[:19],
        )
        assert read.payload.MS == "BB-7"
    last = pyocmf.OCMF.from_string(stage.ocmf[-1].decode()).payload.RD[1].RV
    assert float(last or 0) == pytest.approx(POWER_W * 180 / 3600, abs=0.2)


def test_pages_go_on_after_a_restart_and_after_a_cut_between_page_and_note(tmp_path: Path) -> None:
    on_stage(tmp_path, later(121.0))
    altered(tmp_path, "DELETE FROM kept WHERE key = 'ocmf.last'")  # the power went before the page was noted
    stage = on_stage(tmp_path, later(61.0))
    pages = [says(json.loads(body).encode())["PG"] for _, body in stored(tmp_path, OCMF)[0]]
    assert pages == [f"F{n}" for n in range(1, len(pages) + 1)]
    assert len(pages) >= 3
    assert len(set(stage.ocmf)) == len(stage.ocmf)


def test_a_period_that_is_handed_on_twice_is_signed_once(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        parts, handed = stage.node.parts, list[ProfileEntry]()
        record = stage.node.record

        async def twice(entry: ProfileEntry) -> None:
            handed.append(entry)
            await record(entry)
            assert parts.device.parts.signed is not None
            await parts.device.parts.signed.sign(entry)

        stage.node.record = twice  # type: ignore[method-assign]
        await asyncio.sleep(121.0)
        assert len(handed) == 2

    assert [says(record)["PG"] for record in on_stage(tmp_path, film).ocmf] == ["F1", "F2"]


def test_an_open_meter_says_so_in_its_readings(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        stage.contacts.move(COVER)
        await asyncio.sleep(61.0)

    assert {reading["ST"] for reading in says(on_stage(tmp_path, film).ocmf[0])["RD"]} == {"M"}


def test_the_maximum_demand_is_published(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(65.0)
        stage.relay.closed = False
        await asyncio.sleep(60.0)

    stage = on_stage(tmp_path, film)
    telemetry = [json.loads(m.payload)["values"] for m in stage.heard if m.topic.endswith("telemetry/meter")]
    assert telemetry[0]["demand_import_max_w"] is None
    assert telemetry[-1]["demand_import_max_w"] == pytest.approx(POWER_W, rel=1e-2)
    assert telemetry[-1]["demand_export_max_w"] is None
    (maximum,) = stage.intervals[-1].maxima
    assert (maximum.direction, maximum.month, maximum.end) == ("import", "2026-06", "2026-06-21T00:01:00.000Z")
    assert maximum.power_w == pytest.approx(POWER_W, rel=1e-2)


def test_the_watchdog_is_fed_by_measuring_and_by_nothing_else(tmp_path: Path) -> None:
    beats: list[float] = []

    async def film(stage: DeviceStage) -> None:
        stage.node.parts = replace(stage.node.parts, finished_window=lambda: beats.append(stage.clock.now_s()))
        await asyncio.sleep(10.0)
        assert len(beats) == pytest.approx(50, abs=2)
        stage.source.read = asyncio.Event().wait  # type: ignore[assignment, method-assign]
        await asyncio.sleep(60.0)

    on_stage(tmp_path, film)
    assert beats[-1] < 12.0


def test_commands_and_limits_do_not_disturb_what_is_counted(tmp_path: Path) -> None:
    """Registers saved by a command and by the keeper at once: every period is handed on once."""

    async def film(stage: DeviceStage) -> None:
        for second in range(125):
            await stage.tell(stage.command("set_tariff", tariff=1 + second % 8, until="2027-01-01T00:00:00Z"))

    stage = on_stage(tmp_path, film)
    assert [interval.start[14:16] for interval in stage.intervals] == ["00", "01"]
    assert stage.node.shown.count("import") == sum(stage.node.shown.count("import", n) for n in range(1, 9))


def test_pages_that_the_head_end_keeps_leave_the_meter_and_the_count_goes_on(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(125.0)
        for stream in (OCMF, "command"):
            stage.broker.publish(TOPICS.durable, encode(Durable(stream, 2 if stream == OCMF else 0)))
        await asyncio.sleep(1.0)

    on_stage(tmp_path, film)
    assert stored(tmp_path, OCMF)[0] == []
    stage = on_stage(tmp_path, later(125.0))
    (first, *_) = stage.ocmf
    assert says(first)["PG"] == "F3"
    assert next(number for number, _ in stored(tmp_path, OCMF)[0]) == 3
