"""`busbar plan`: on the spot, in force from a journal that a node is writing, and from the broker; what is refused."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from firmware_py.journal import JOURNAL_FILE, SqliteJournal
from protocols.contracts import utc_text
from protocols.plan import KEPT, PublishedPlan
from tests.system.busbar import busbar, told
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import Mosquitto, free_port
from tests.system.site import MODELS, Setup, Site

pytestmark = pytest.mark.system

PRICED = "\n[plan]\nhorizon_h = 12\n[tariff]\nimport_per_kwh = 0.3\nexport_per_kwh = 0.08\n"
HOME = """
[node]
id = "home-1"
state_dir = "{state}"
[mqtt]
url = "mqtt://127.0.0.1:{port}"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
timezone = "Europe/Berlin"
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
[[device]]
name = "battery"
model = "sunspec-battery"
url = "tcp://battery.example"
"""
KEYS = {"cost", "solve_s", "violations", "series", "made_at", "start", "step_s", "notes", "of_contract"}


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration of devices that are not there."""
    (tmp_path / "home.toml").write_text(HOME.format(state=tmp_path, port=free_port()) + PRICED)
    return str(tmp_path / "home.toml")


def kept(folder: Path, age: timedelta) -> None:
    """A plan of twelve hours as a node keeps it."""
    at = datetime.now(UTC) - age
    series: dict[str, list[float | None]] = {"grid_w": [100.0] * 48, "load_w": [100.0] * 48}
    plan = PublishedPlan("home-1", utc_text(at), utc_text(at), 900.0, "optimal", 1.25, 0.1, series)

    async def keep() -> None:
        journal = SqliteJournal(folder / JOURNAL_FILE)
        await journal.keep(KEPT, msgspec.json.encode(plan))
        await journal.close()

    asyncio.run(keep())


def test_on_the_spot_as_json(config: str) -> None:
    plan = json.loads(told("plan", config, "--now", "--json").good)
    assert plan.keys() >= KEYS
    assert isinstance(plan["cost"], float)
    assert plan["violations"] == []
    assert {len(values) for name, values in plan["series"].items() if name.endswith("_w")} == {48}
    assert len(plan["series"]["battery.stored_wh"]) == 49
    assert datetime.fromisoformat(plan["start"]).tzinfo is not None
    assert "battery: 50 % of 10000 Wh and 5000 W are assumed" in plan["notes"]


def test_on_the_spot_as_a_page(config: str) -> None:
    """The terminal of a test has no colour and 80 columns."""
    page = told("plan", config, "--now").good
    assert "\x1b" not in page
    assert max(map(len, page.splitlines())) <= 80
    assert "load not steered, kW" in page
    narrow = told("plan", config, "--now", "--width", "50", "--no-plot").good
    assert max(map(len, narrow.splitlines())) <= 50
    assert "load not steered" not in narrow


def test_what_is_in_force_comes_first(config: str, tmp_path: Path) -> None:
    kept(tmp_path, timedelta(minutes=10))
    assert json.loads(told("plan", config, "--json").good)["cost"] == 1.25
    assert json.loads(told("plan", config, "--in-force", "--json").good)["cost"] == 1.25
    assert json.loads(told("plan", config, "--now", "--json").good)["cost"] != 1.25


def test_an_old_plan_is_not_in_force(config: str, tmp_path: Path) -> None:
    kept(tmp_path, timedelta(hours=2))
    assert json.loads(told("plan", config, "--json").good)["cost"] != 1.25
    told("plan", config, "--in-force").says(1, "home-1", "no plan in force")


def test_what_is_wrong_is_said(config: str, tmp_path: Path) -> None:
    told("plan", config, "--in-force").says(1, "no plan in force")
    told("plan", config, "--now", "--in-force").says(2, "--now")
    told("plan", config, "--broker", "http://x").says(2, "mqtt://")
    told("plan", config, "--broker", f"mqtt://127.0.0.1:{free_port()}").says(1, "mqtt://")
    assert told("plan", config, "--width", "10").code == 2
    assert told("plan", str(tmp_path / "none.toml")).code == 2
    text = Path(config).read_text()
    (tmp_path / "bad.toml").write_text(text.replace("0.3\n", "300.0\n"))
    bad = told("plan", str(tmp_path / "bad.toml"))
    assert (bad.code, "tariff.import_per_kwh = 300.0" in bad.err) == (2, True), bad
    (tmp_path / JOURNAL_FILE).write_bytes(b"no database" * 200)
    told("plan", config).says(1, "journal")


async def test_a_running_node_by_journal_and_broker(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    config = str(site.folder / "home.toml")
    login = ("--username", "issuer", "--password-file", str(broker.password_file("issuer")))
    async with site.node(Setup(text=PRICED)) as node:
        await listener.readings(2, *MODELS)
        path = site.folder / "state" / JOURNAL_FILE
        await eventually("a plan is kept", lambda: has_plan(path), seen=lambda: node.log)
        by_journal = json.loads((await busbar("plan", config, "--in-force", "--json")).good)
        by_broker = json.loads((await busbar("plan", config, "--broker", broker.url, *login, "--json")).good)
        on_the_spot = json.loads((await busbar("plan", config, "--now", "--json")).good)
    for plan in (by_journal, by_broker, on_the_spot):
        assert plan.keys() >= KEYS
        assert "battery.power_w" in plan["series"]
    assert by_broker["start"] >= by_journal["start"]
    assert not any("battery: 50 %" in note for note in by_journal["notes"])
    assert any("battery: 50 %" in note for note in on_the_spot["notes"])


def has_plan(path: Path) -> bool:
    from firmware_py.journal_reading import ReadOnlyJournal

    reading = ReadOnlyJournal(path)
    try:
        reading.kept(KEPT).send(None)
    except StopIteration as found:
        return found.value is not None
    return False
