"""A plan on a terminal: the text of a tiny plan as a person would write it, at several widths, without colour and without braille."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from rich.console import Console

from firmware_py.plan_page import headlines, panels, tables
from firmware_py.plot import BRAILLE, PLAIN, Axis, panel
from protocols.plan import CostParts, PublishedPlan, Unkept

NOON = datetime(2026, 6, 1, 10, tzinfo=UTC)
PLAN = PublishedPlan(
    node="home-1",
    made_at="2026-06-01T10:00:00.000Z",
    start="2026-06-01T10:00:00.000Z",
    step_s=1800.0,
    made="optimal",
    cost=0.3151,
    solve_s=0.012,
    series={
        "import_per_kwh": [0.30, 0.30, 0.10, -0.20],
        "export_per_kwh": [0.08] * 4,
        "load_w": [500.0, 700.0, None, None],
        "pv_w": [0.0, 1000.0, 2000.0, 4000.0],
        "curtailed_w": [0.0] * 4,
        "grid_w": [500.0, -300.0, 0.0, -3.0],
        "outdoor_c": [20.0] * 4,
        "value_per_kwh": [0.3] * 4,
        "battery.power_w": [0.0, 0.0, 1500.0, 3500.0],
        "battery.stored_wh": [1000.0, 1000.0, 1000.0, 1700.0, 3400.0],
        "boiler.temperature_c": [50.0, 49.5, 49.0, 48.5, 48.0],
    },
    cost_parts=CostParts(0.3, 0.01, 0.0051, 0.2, 0.0, 0.1),
    timezone="Europe/Berlin",
    violations=[Unkept("house", "least_c", "2026-06-01T10:30:00.000Z", 1.25, "K h")],
    of_contract={"trade-1": 0.12},
    notes=["export price not set: 0 is assumed", "wallbox: it does not answer, its car is left out"],
    scores={"load_mae_w": 123.4},
)


def printed(plan: PublishedPlan, width: int) -> list[str]:
    """The tables as they leave a pipe."""
    out = StringIO()
    console = Console(width=width, file=out, highlight=False)
    for table in tables(plan, width):
        console.print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_what_it_costs_and_what_it_cannot_keep() -> None:
    assert list(headlines(PLAN)) == [
        "home-1: plan made 2026-06-01T10:00:00.000Z (optimal, 0.012 s, gap 0.00%)",
        "  2 h from Mon 01 12:00 in steps of 30 min, times in Europe/Berlin",
        "  cost 0.315 EUR: energy 0.300, wear 0.010, deviation 0.005; comfort 0.200, which is no bill",
        "  commitment trade-1 costs 0.120 EUR",
        "  cannot be kept: least_c of house from Mon 01 12:30 on, by 1.25 K h in all",
        "  export price not set: 0 is assumed",
        "  assumed: wallbox: it does not answer, its car is left out",
        "  forecasts so far: load_mae_w 123.4",
    ]


def test_the_table_by_the_hour() -> None:
    """Means of the half hours; charge and temperature are those at the end of the hour; unknown is no zero."""
    assert printed(PLAN, 120) == [
        "                  buy     sell      PV    load    grid  outdoor  battery  battery charge  boiler",
        "from          EUR/kWh  EUR/kWh      kW      kW      kW       °C       kW             kWh      °C",
        "Mon 01 12:00    0.300    0.080    0.50    0.60    0.10     20.0     0.00             1.0    49.0",
        "Mon 01 13:00   -0.050    0.080    3.00       -    0.00     20.0     2.50             3.4    48.0",
    ]


@pytest.mark.parametrize(("width", "count"), [(40, 4), (60, 2), (80, 2), (100, 1)])
def test_a_narrow_terminal_gets_more_tables(width: int, count: int) -> None:
    lines = printed(PLAN, width)
    assert max(map(len, lines)) <= width
    assert sum(line.startswith("from") for line in lines) == count
    headings = " ".join(line for line in lines if line.startswith(" "))
    assert all(name in headings for name in ("buy", "sell", "PV", "load", "grid", "battery charge", "boiler"))


def test_what_is_curtailed_has_a_column_where_it_is_something() -> None:
    assert "left" not in printed(PLAN, 120)[0]
    assert "left" in printed(replace(PLAN, series={**PLAN.series, "curtailed_w": [0.0, 9.0, 0.0, 0.0]}), 120)[0]


def test_the_hour_that_comes_twice_says_which_it_is() -> None:
    twice = replace(PLAN, start="2026-10-25T00:00:00.000Z")
    assert [line[:17].rstrip() for line in printed(twice, 120)[2:]] == ["Sun 25 02:00+0200", "Sun 25 02:00+0100"]


def test_an_unknown_zone_is_utc() -> None:
    assert printed(replace(PLAN, timezone="Mars/Olympus"), 120)[2].startswith("Mon 01 10:00")


def test_a_plan_that_begins_within_an_hour() -> None:
    late = replace(PLAN, start="2026-06-01T10:30:00.000Z")
    assert [line[:12] for line in printed(late, 120)[2:]] == ["Mon 01 12:30", "Mon 01 13:00", "Mon 01 14:00"]


def test_panels_of_what_there_is() -> None:
    titles = [lines[0] for lines in panels(PLAN, 60)]
    assert titles == [
        "price bought, EUR/kWh, -0.2 to 0.3",
        "price sold, EUR/kWh, 0.08 to 0.08",
        "PV, kW, 0 to 4",
        "load not steered, kW, 0.5 to 0.7",
        "grid, import positive, kW, -0.3 to 0.5",
        "outdoor temperature, °C, 20 to 20",
        "battery, kW, 0 to 3.5",
        "battery charge, kWh, 1 to 3.4",
        "boiler, °C, 48 to 50",
    ]


@pytest.mark.parametrize("width", [40, 61, 200])
@pytest.mark.parametrize("glyphs", [BRAILLE, PLAIN], ids=["braille", "plain"])
def test_panels_keep_the_width_and_bear_no_colour(width: int, glyphs: object) -> None:
    text = [line for lines in panels(PLAN, width, glyphs) for line in lines]  # type: ignore[arg-type]
    assert max(map(len, text)) <= width
    assert "\x1b" not in "".join(text)
    if glyphs is PLAIN:
        assert "".join(text).replace("°", "").isascii()


AXIS = Axis(NOON, 4.0, ZoneInfo("Europe/Berlin"))


def test_a_power_is_filled_from_zero() -> None:
    """Four steps on 28 characters, seven each: 2 kW in, nothing, 2 kW out, unknown."""
    assert panel("grid, kW", [2.0, 0.0, -2.0, None], AXIS, 38, PLAIN, filled=True) == [
        "grid, kW, -2 to 2",
        "       2 |*******",
        "         |*******",
        "       0 |*********************",
        "      -2 |              *******",
        "         ++------+------+------+------",
        "          12:00  13:00  14:00  15:00",
    ]


def test_a_price_is_a_line_that_steps() -> None:
    assert panel("price, EUR/kWh", [0.3, 0.1, 0.1, 0.16], AXIS, 38, PLAIN, filled=False) == [
        "price, EUR/kWh, 0.1 to 0.3",
        "     0.3 |********",
        "         |       *",
        "         |       *             *******",
        "     0.1 |       ***************",
        "         ++------+------+------+------",
        "          12:00  13:00  14:00  15:00",
    ]


def test_braille_has_two_by_four_dots_a_character() -> None:
    lines = panel("x, kW", [float(number) for number in range(1, 5)], AXIS, 12, BRAILLE, filled=True)
    assert lines[1].startswith("       4 │")
    assert {char for line in lines[1:5] for char in line[10:]} <= {" ", *map(chr, range(0x2800, 0x2900))}
    # 16 rows of dots, the lowest is zero: 1 of 4 is 4 rows above it, so the last row of the third line; five columns a step.
    # Unicode names the dots: U+28C0 is 7 and 8 (the last row), U+28F8 is 7 and all of the right, U+28FF all.
    assert lines[4][10:] == "⣿" * 10
    assert lines[3][10:] == "\u28c0\u28c0\u28f8" + "⣿" * 7
    assert lines[1][10:] == " " * 7 + "⢸⣿⣿"


@pytest.mark.parametrize("values", [[0.0, 0.0], [5.0, 5.0], [-5.0], [1e-15, 0.0]])
@pytest.mark.parametrize("filled", [True, False])
def test_values_that_do_not_move_have_a_range_all_the_same(values: list[float], *, filled: bool) -> None:
    lines = panel("x", values, AXIS, 40, PLAIN, filled=filled)
    assert any("*" in line for line in lines)


def test_nothing_known_is_said() -> None:
    assert panel("x, kW", [None, None], AXIS, 40, filled=True) == ["x, kW: not known"]


@pytest.mark.parametrize(
    ("start", "labels"),
    [
        # 23 hours: from 01:00 it is one hour to 03:00; 25 hours: three from 01:00 to 03:00.
        (datetime(2026, 3, 28, 23, tzinfo=UTC), ["Sun 29", "01:00", "03:00", "04:00", "05:00"]),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), ["Sun 25", "01:00", "02:00", "02:00", "03:00"]),
    ],
    ids=["23 hours", "25 hours"],
)
def test_the_axis_tells_the_hours_of_the_wall(start: datetime, labels: list[str]) -> None:
    lines = panel("x", [1.0] * 5, Axis(start, 5.0, ZoneInfo("Europe/Berlin")), 60, PLAIN, filled=True)
    assert lines[-1].replace("Sun ", "Sun_").split() == [label.replace(" ", "_") for label in labels]


def test_days_are_named_at_midnight() -> None:
    lines = panel("x", [1.0] * 96, Axis(NOON, 48.0, ZoneInfo("UTC")), 80, PLAIN, filled=True)
    assert lines[-1].split() == ["12:00", "18:00", "Tue", "02", "06:00", "12:00", "18:00", "Wed", "03", "06:00"]
    assert NOON + timedelta(hours=14) == datetime(2026, 6, 2, tzinfo=UTC)
