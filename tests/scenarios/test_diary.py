"""`busbar why` answers for any moment in the record, from the journal of a node that ran on virtual time."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_py.cli.app import app
from tests.scenarios.film import Film, at
from tests.scenarios.limit_words import RELAYED, contacts
from tests.scenarios.stage import Setup, Stage
from tests.scenarios.words import charge, load, node_is_killed, sends, sun


def asked(journal: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["why", "--journal", str(journal), *words])
    assert result.exit_code == 0, result.output
    return result.output


def at_second(second: float) -> tuple[str, str]:
    return "--at", f"2026-06-21T10:{int(second // 60):02d}:{second % 60:06.3f}Z"


def records(stage: Stage) -> list[dict[str, object]]:
    with closing(sqlite3.connect(stage.folder / "journal.sqlite")) as db:
        rows = db.execute("SELECT body FROM record WHERE stream = 'why' ORDER BY seq").fetchall()
    return [json.loads(body) for (body,) in rows]


@pytest.fixture(scope="module")
def dimmed(films: Film) -> Stage:
    """6 kW by contract from 10 s, dimmed to 4.2 kW by contact from 30 to 60 s."""
    return films(
        at(0, load(1000), sun(0), charge(20)),
        at(5, sends(power_w=6000, start_s=10, end_s=110)),
        at(30, contacts(True)),
        at(60, contacts(False)),
        at(130, node_is_killed),
        setup=RELAYED,
    )


@pytest.mark.parametrize(
    ("second", "set_by", "target_w", "contract", "limit_w"),
    [
        (9.0, "self_consumption", 0.0, None, None),
        (20.0, "contract", 6000.0, "dso-1", None),
        (45.0, "contract", 4200.0, "dso-1", 4200.0),
        (90.0, "contract", 6000.0, "dso-1", None),
        (125.0, "self_consumption", 0.0, None, None),
    ],
)
def test_why_for_any_moment(
    dimmed: Stage, second: float, set_by: str, target_w: float, contract: str | None, limit_w: float | None
) -> None:
    told = json.loads(asked(dimmed.folder / "journal.sqlite", *at_second(second), "--json"))
    assert (told["set_by"], told["target_w"], told["contract"]) == (set_by, target_w, contract)
    assert [each["import_limit_w"] for each in told["limits"]] == [limit_w]
    assert set(told["ages_s"]) == {"grid", "pv", "battery"}
    assert all(0.0 <= age_s <= 1.0 for age_s in told["ages_s"].values())


def test_why_in_words(dimmed: Stage) -> None:
    said = asked(dimmed.folder / "journal.sqlite", *at_second(45.0))
    assert "contract asked 6000 W, got 4200 W (-1800) by 14a" in said
    assert "14a closed: at most 4200 W import (14a: contact 1 is closed)" in said
    assert "battery            told 3200 W, read 0.5 s before" in said


def test_before_the_record_and_long_after_it(dimmed: Stage) -> None:
    before = CliRunner().invoke(
        app, ["why", "--journal", str(dimmed.folder / "journal.sqlite"), "--at", "2026-06-21T09:59:59Z"]
    )
    assert before.exit_code == 1
    later = asked(dimmed.folder / "journal.sqlite", "--at", "2026-06-21T13:00:00Z")
    assert "the node may have been off" in later


def test_a_diary_of_no_days_is_none(film: Film) -> None:
    stage = film(at(0, load(1000), sun(0)), at(30, node_is_killed), setup=Setup(node={"why_days": 0}))
    assert records(stage) == []
