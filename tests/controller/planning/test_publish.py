"""A plan on the wire: every series by name and unit, money that adds up, and nothing JSON has no word for."""

from datetime import UTC, datetime
from math import inf, nan

import msgspec
import numpy as np
import pytest

from controller.planning.plan import Cost, Made, Plan, Violation
from controller.planning.publish import from_plan
from controller.planning.site import Horizon
from protocols.faults import Refused
from protocols.plan import CostParts, PublishedPlan, Unkept, parse_plan

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
TWO = np.array([1.0, 2.0])
PLAN = Plan(
    horizon=Horizon(START, 900.0, 2),
    made=Made.IN_TIME,
    cost=Cost(1.5, 0.25, 0.125, 9.0, 7.0, 3.0),
    grid_w=np.array([-1234.5678, -0.001]),
    load_w=TWO,
    pv_w=TWO,
    curtailed_w=np.zeros(2),
    import_per_kwh=np.array([0.123456, nan]),
    export_per_kwh=TWO,
    outdoor_c=np.array([-7.256, inf]),
    power_w={"battery": TWO, "a.b": TWO},
    stored_wh={"battery": np.array([1.0, 2.0, 3.0])},
    temperature_c={"house": np.array([20.0, 20.5, 21.0])},
    is_on={"pump": np.array([True, False])},
    value_per_kwh=TWO,
    stored_per_kwh={"battery": TWO},
    violations=(Violation("house", "least_c", 1, 2.5, "K h"),),
    of_contract={"trade-1": 0.12},
    solve_s=0.21,
    gap=inf,
    notes=("a", "b"),
)


def test_a_plan_is_told_with_its_units() -> None:
    told = from_plan(PLAN, "home-1", START, {"load_mae_w": 12.0}, ("b", "c"), currency="CZK", timezone="Europe/Prague")
    assert told.cost == 1.875
    assert told.cost_parts == CostParts(1.5, 0.25, 0.125, 9.0, 7.0, 3.0)
    assert (told.made, told.gap, told.solve_s, told.currency) == ("in_time", None, 0.21, "CZK")
    assert told.violations == [Unkept("house", "least_c", "2026-06-01T12:15:00.000Z", 2.5, "K h")]
    assert (told.of_contract, told.notes, told.scores) == ({"trade-1": 0.12}, ["a", "b", "c"], {"load_mae_w": 12.0})
    assert (told.start, told.steps, told.moment(2)) == (
        "2026-06-01T12:00:00.000Z",
        2,
        datetime(2026, 6, 1, 12, 30, tzinfo=UTC),
    )
    assert told.series["grid_w"] == [-1234.6, 0.0]
    assert str(told.series["grid_w"][1]) == "0.0"
    assert told.series["import_per_kwh"] == [0.12346, None]
    assert told.series["outdoor_c"] == [-7.26, None]
    assert told.series["pump.on"] == [1.0, 0.0]
    assert told.series["battery.stored_wh"] == [1.0, 2.0, 3.0]
    assert told.series.keys() >= {"battery.power_w", "a.b.power_w", "house.temperature_c", "battery.stored_per_kwh"}


def test_it_comes_back_as_it_went() -> None:
    told = from_plan(PLAN, "home-1", START)
    assert parse_plan(msgspec.json.encode(told)) == told


@pytest.mark.parametrize("change", [{"start": "yesterday"}, {"start": "2026-06-01T12:00:00"}, {"cost": "dear"}])
def test_what_is_no_plan_is_refused(change: dict[str, str]) -> None:
    told = msgspec.to_builtins(from_plan(PLAN, "home-1", START))
    with pytest.raises(Refused, match="plan: "):
        parse_plan(msgspec.json.encode(told | change))


def test_forty_eight_hours_of_twelve_devices_fit_a_message() -> None:
    """In five minutes; a broker takes 256 MB, we ourselves 64 KiB of what comes in, and this only goes out."""
    values: list[float | None] = [-12345.6] * 576
    plan = PublishedPlan("h", "", "", 300.0, "", 0.0, 0.0, {f"device-{number}.power_w": values for number in range(36)})
    assert len(msgspec.json.encode(plan)) < 200_000
