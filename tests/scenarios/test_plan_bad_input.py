"""Bad input to a node that plans: a clear word, or a stated fallback; never a wrong plan, and no cycle less."""

from datetime import UTC, datetime
from math import nan
from typing import Any

import numpy as np
import pytest

from firmware_py.config import ConfigError
from tests.scenarios.film import Film, at
from tests.scenarios.full_home import PLANNED, ROOM_TABLE, TANK_TABLE, full
from tests.scenarios.plan_words import HOUR_S, ISSUERS, desk_of, published, refused_for, tells_outlook
from tests.scenarios.stage import Stage, Step
from tests.scenarios.test_plan_prices import buys
from tests.scenarios.words import charge, load, sun

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
TARIFF = {"import_per_kwh": 0.4, "export_per_kwh": 0.0}
START = "2026-03-03T12:00:00Z"


@pytest.mark.parametrize(
    ("kind", "table", "said"),
    [
        ("room", {**ROOM_TABLE, "least_c": 26.0}, "room.0.least_c"),
        ("room", {**ROOM_TABLE, "frost_c": 20.0}, "room.0.frost_c"),
        ("room", {**ROOM_TABLE, "liked_c": 30.0}, "room.0.liked_c"),
        ("tank", {**TANK_TABLE, "legionella_c": 70.0}, "tank.0.legionella_c"),
        ("tank", {**TANK_TABLE, "heated_by": ["heat-pump"]}, "heated_by"),
        ("room", {**ROOM_TABLE, "sensor": "rom-probe"}, "room-probe"),
    ],
)
def test_contradictory_settings_are_refused_before_anything_is_switched(
    film: Film, kind: str, table: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        film(at(1), setup=full(plans=True, loads={**PLANNED, kind: (table,)}))


def tells_of(values: list[float | None], **terms: Any) -> Step:
    return tells_outlook("forecast", kind="load", start=START, step_s=900, values=values, **terms)


def plans_load(*due: tuple[int, float]) -> Step:
    """The published plan reckons with these loads, by step."""

    def step(stage: Stage) -> None:
        found = published(stage).series["load_w"]
        assert all(value is not None and np.isfinite(value) for value in found)
        for number, power_w in due:
            assert found[number] == pytest.approx(power_w, rel=0.05), (number, found)

    return step


def test_holes_of_a_forecast_are_filled_by_our_own_and_that_is_noted(film: Film) -> None:
    """Two hours are told, with a hole of half an hour: 3 kW, a hole, 3 kW. The hole and what follows are as the home was."""
    told: list[float | None] = [3000.0] * 3 + [None] * 2 + [3000.0] * 3
    stage = film(
        at(0, load(500), sun(0), charge(50)),
        at(5, tells_of(told)),
        at(60, plans_load((0, 3000.0), (2, 3000.0), (5, 3000.0), (7, 3000.0)), no_more_than(2000.0, 3, 4, 8, 20)),
        setup=buys(TARIFF, NOON, cycle_s=10.0),
    )
    assert any(note.startswith("load:") for note in published(stage).notes), published(stage).notes
    assert refused_for(stage) == []


def no_more_than(power_w: float, *steps: int) -> Step:
    def step(stage: Stage) -> None:
        found = published(stage).series["load_w"]
        assert all((found[number] or 0.0) <= power_w for number in steps), found

    return step


def test_absurd_forecasts_are_refused_and_the_plan_stays(film: Film) -> None:
    """No number, too much, quantiles that cross, of a supplier who may, and one of a stranger to this node."""
    cross = [{"level": 0.1, "values": [900.0]}, {"level": 0.9, "values": [100.0]}]
    stage = film(
        at(0, load(500), sun(0), charge(50)),
        at(5, tells_of([nan] * 8)),
        at(6, tells_of([1e9] * 8)),
        at(7, tells_of([500.0], quantiles=cross)),
        at(8, tells_outlook("trip", by="owner", charger="garage", departs="2026-03-03T18:00:00Z", needs_wh=1.0)),
        at(9, tells_of([])),
        at(60, no_more_than(2000.0, 0, 1, 2)),
        setup=buys(TARIFF, NOON, cycle_s=10.0, issuers=ISSUERS),
    )
    found = refused_for(stage)
    assert len(found) == 5
    assert set(found) <= {"malformed", "contradictory", "absurd", "charger"}, found


def test_a_history_with_holes_and_rubbish_is_planned_with_all_the_same(film: Film) -> None:
    """A day on disk whose quarters are partly missing, partly no numbers and partly absurd; another is no day at all."""
    row = np.full(96, 700.0, dtype="<f4")
    row[10:30], row[40], row[41], row[42] = np.nan, 1e9, np.inf, -np.inf

    async def restarts(stage: Stage) -> None:
        await stage.stop()
        stage.begin()

    async def spoils(stage: Stage) -> None:
        day = "2026-03-02"
        await stage.journal.keep_all({f"history/load/{day}": row.tobytes(), "history/load/2026-03-01": b"no day"})
        await stage.journal.keep_all({"history/load/tomorrow": row.tobytes(), "plan/held": b"\xff\x00 no plan"})
        await restarts(stage)

    stage = film(
        at(0, load(700), sun(0), charge(50)),
        at(30, spoils),
        at(120, no_more_than(1000.0, *range(48)), plans_load((1, 560.0))),  # of so few it takes the low middle
        at(0.5 * HOUR_S),
        setup=buys(TARIFF, NOON, cycle_s=10.0),
    )
    found = desk_of(stage).history.series("load").values
    assert np.nanmax(found) < 1000.0
    assert stage.node.figures.cycles >= (0.5 * HOUR_S - 40.0) / 10.0
