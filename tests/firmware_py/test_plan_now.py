"""A plan on the spot: what a bare configuration gives, what the journal adds, and that each assumption is said."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware_py.compose_outlook import rules
from firmware_py.config import Loaded, load
from firmware_py.home.contracts import Trust
from firmware_py.home.outlook import Keeping, OutlookDesk
from firmware_py.journal import JOURNAL_FILE, SqliteJournal
from firmware_py.journal_reading import ReadOnlyJournal
from firmware_py.plan_now import made_now
from protocols.faults import Refused, StoreFailed
from protocols.plan import PublishedPlan
from protocols.ports import Message
from protocols.signing import OUTLOOK, key_id, new_private_key, public_part, sign
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.scenarios.doubles import inline

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = new_private_key()
HOME = """
[node]
id = "home-1"
state_dir = "{state}"
[mqtt]
url = "mqtt://b"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
timezone = "Europe/Berlin"
[[issuer]]
name = "any"
key_file = "any.pub"
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
"""
BATTERY = """
[[device]]
name = "battery"
model = "sunspec-battery"
url = "tcp://battery.example"
"""
FIXED = "[tariff]\nimport_per_kwh = 0.4\nexport_per_kwh = 0.1\n"
PRICED = '[plan]\nhorizon_h = 24\n[tariff]\nissuer = "any"\n'
CAR = """
[[charger]]
name = "wallbox"
model = "go-e"
url = "tcp://charger.example"
use = "plan"
[charger.car]
capacity_wh = 60000
needs_wh = 11000
departs = "07:15"
returns = "17:30"
"""


def loaded(folder: Path, text: str) -> Loaded:
    (folder / "any.pub").write_text(public_part(KEY))
    (folder / "home.toml").write_text(HOME.format(state=folder) + text)
    return load(folder / "home.toml")


def made(config: Loaded, *told: dict[str, Any]) -> PublishedPlan:
    """The plan, where the node was told this before."""

    async def play() -> PublishedPlan:
        clock = VirtualClock(NOON)
        if told:
            journal = SqliteJournal(config.home.node.state_dir / JOURNAL_FILE, inline)
            trust = Trust({key_id(KEY): public_part(KEY)}, {key_id(KEY): "any"})
            desk = OutlookDesk(trust, rules(config.home), Keeping(clock, journal, lambda *said: None))
            for seq, said in enumerate(told, 1):
                message = {"iss": "any", "aud": "home-1", "seq": seq, "at": clock.utc(), **said}
                await desk.receive(Message("", sign(msgspec.json.encode(message), KEY, OUTLOOK)))
            await journal.close()
        return await made_now(config, 5.0, clock)

    return run_virtual(play(), horizon_s=3600.0)


def hourly(values: list[float]) -> dict[str, Any]:
    return {"say": "prices", "start": NOON, "step_s": 3600, "import_per_kwh": values, "export_per_kwh": values}


def test_a_bare_house_buys_its_load_at_assumed_prices(tmp_path: Path) -> None:
    plan = made(loaded(tmp_path, ""))
    assert "no [tariff]: 0.3 and 0.08 per kWh are assumed for import and export" in plan.notes
    assert any(note.startswith("load: 0 h of history") for note in plan.notes)
    load_kwh = sum(value or 0.0 for value in plan.series["load_w"]) * 0.25 / 1000.0
    assert plan.cost == pytest.approx(0.3 * load_kwh, rel=1e-4)
    assert (plan.steps, plan.step_s, plan.start, plan.violations) == (192, 900.0, "2026-06-01T12:00:00.000Z", [])


def test_a_battery_is_half_full_and_that_is_said(tmp_path: Path) -> None:
    plan = made(loaded(tmp_path, BATTERY + FIXED))
    assert plan.series["battery.stored_wh"][0] == 5000.0
    assert "battery: 50 % of 10000 Wh and 5000 W are assumed" in plan.notes
    assert plan.series["import_per_kwh"] == [0.4] * 192


def test_prices_of_the_journal_move_the_battery(tmp_path: Path) -> None:
    """Negative for an hour: it is filled then, whatever it costs later."""
    plan = made(loaded(tmp_path, BATTERY + PRICED), hourly([0.3] * 3 + [-0.5] + [0.3] * 20))
    power_w = plan.series["battery.power_w"]
    assert sum(value or 0.0 for value in power_w[12:16]) * 0.25 > 4000.0
    assert not any("price not known" in note for note in plan.notes)


def test_a_feed_that_is_gone_is_noted(tmp_path: Path) -> None:
    plan = made(loaded(tmp_path, PRICED), hourly([0.3] * 6))
    assert any(
        note.startswith("import price not known for 18 h from 2026-06-01T18:00:00.000Z on") for note in plan.notes
    )


def test_without_any_price_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no import price for"):
        made(loaded(tmp_path, PRICED))


def test_a_forecast_of_others_counts(tmp_path: Path) -> None:
    sun = {"say": "forecast", "kind": "pv", "start": NOON, "step_s": 3600, "values": [1000, 2000, None, 500]}
    plan = made(loaded(tmp_path, PRICED + "import_per_kwh = 0.3\n"), hourly([0.3] * 24), sun)
    made_w = [a + b for a, b in zip(plan.series["pv_w"], plan.series["curtailed_w"], strict=True)]  # type: ignore[operator]
    assert made_w[:16] == [1000.0] * 4 + [2000.0] * 4 + [0.0] * 4 + [500.0] * 4


def test_a_car_leaves_with_what_it_needs(tmp_path: Path) -> None:
    """Monday 14:00 in Berlin: it is away until 17:30, and leaves at 07:15 on Tuesday (05:15 UTC, step 69) with 11 kWh."""
    plan = made(loaded(tmp_path, CAR + FIXED + "[plan]\n"))
    assert "wallbox: its car is assumed away" in plan.notes
    stored_wh, power_w = plan.series["wallbox.stored_wh"], plan.series["wallbox.power_w"]
    assert stored_wh[69] == pytest.approx(11_000.0, abs=1.0)
    assert not any(power_w[:14])


def test_a_trip_takes_the_place_of_the_usual_one(tmp_path: Path) -> None:
    trip = {"say": "trip", "charger": "wallbox", "departs": NOON + timedelta(hours=12), "needs_wh": 5000.0}
    plan = made(loaded(tmp_path, CAR + FIXED + "[plan]\n"), trip)
    assert plan.series["wallbox.stored_wh"][48] == pytest.approx(5000.0, abs=1.0)


def test_a_journal_that_is_written_by_a_node_is_read_all_the_same(tmp_path: Path) -> None:
    """An open transaction of another process does not stand in the way; nothing is ever written."""

    async def read() -> None:
        journal = SqliteJournal(tmp_path / JOURNAL_FILE)
        await journal.keep("a/1", b"one")
        journal._db.execute("BEGIN IMMEDIATE")
        journal._db.execute("INSERT INTO kept VALUES ('a/2', X'00')")
        reading = ReadOnlyJournal(tmp_path / JOURNAL_FILE)
        assert await reading.kept("a/1") == b"one"
        assert await reading.kept_under("a/") == {"a/1": b"one"}
        assert await reading.kept("b") is None
        for work in writes(reading):
            with pytest.raises(StoreFailed, match="read only"):
                await work()
        journal._db.execute("ROLLBACK")
        await journal.close()

    asyncio.run(read())


def writes(reading: ReadOnlyJournal) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: reading.append("s", b""),
        lambda: reading.keep("a", b""),
        lambda: reading.keep_all({}),
        lambda: reading.acknowledge("s", 1),
    ]


def test_no_journal_is_an_empty_one_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    assert asyncio.run(ReadOnlyJournal(tmp_path / "none").kept_under("")) == {}
    (tmp_path / "bad").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreFailed, match="bad"):
        asyncio.run(ReadOnlyJournal(tmp_path / "bad").kept("a"))
