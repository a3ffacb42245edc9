"""A plan for a terminal: what it costs, a table by the hour, and a panel for each series."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.table import Table

from firmware_py.plot import BRAILLE, Axis, Glyphs, Values, panel
from protocols.plan import PublishedPlan

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# What stands for every site: series, its words in the table, its title in the plot.
_CURTAILED: Final = "curtailed_w"
_SITE: Final = (
    ("import_per_kwh", "buy", "price bought"),
    ("export_per_kwh", "sell", "price sold"),
    ("pv_w", "PV", "PV"),
    (_CURTAILED, "left", "PV curtailed"),
    ("load_w", "load", "load not steered"),
    ("grid_w", "grid", "grid, import positive"),
    ("outdoor_c", "outdoor", "outdoor temperature"),
)
_OF_DEVICE: Final = (("power_w", ""), ("stored_wh", "charge"), ("temperature_c", ""))
_SPARE: Final = 2  # between columns


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its two lines of heading, its values by step, and whether they stand at edges of steps."""

    name: str
    unit: str
    digits: int
    scale: float
    values: Values
    at_edges: bool = False

    @property
    def width(self) -> int:
        """The characters it takes."""
        return max(len(self.name), len(self.unit), 6) + _SPARE


def zone_of(plan: PublishedPlan) -> tzinfo:
    """The zone its times are told in; UTC where this machine does not know it."""
    try:
        return ZoneInfo(plan.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def headlines(plan: PublishedPlan) -> Iterator[str]:
    """What it is, what it costs, what it cannot keep, what was assumed."""
    hours, cost, parts = plan.steps * plan.step_s / 3600, plan.cost, plan.cost_parts
    gap = "" if plan.gap is None else f", gap {plan.gap:.2%}"
    yield f"{plan.node}: plan made {plan.made_at} ({plan.made}, {plan.solve_s:.3g} s{gap})"
    yield f"  {hours:g} h from {_when(plan.began, zone_of(plan))} in steps of {plan.step_s / 60:g} min, times in {plan.timezone}"
    yield (
        f"  cost {cost:.3f} {plan.currency}: energy {parts.energy:.3f}, wear {parts.wear:.3f}, "
        f"deviation {parts.deviation:.3f}; comfort {parts.comfort:.3f}, which is no bill"
    )
    for contract, costs in plan.of_contract.items():
        yield f"  commitment {contract} costs {costs:.3f} {plan.currency}"
    for each in plan.violations:
        since = _when(datetime.fromisoformat(each.since), zone_of(plan))
        yield f"  cannot be kept: {each.bound} of {each.name} from {since} on, by {each.amount:g} {each.unit} in all"
    for note in plan.notes:
        yield f"  assumed: {note}" if "assumed" not in note else f"  {note}"
    if plan.scores:
        yield "  forecasts so far: " + ", ".join(f"{name} {value:.4g}" for name, value in plan.scores.items())


def tables(plan: PublishedPlan, width: int) -> Iterator[Table]:
    """By the hour: means of prices and powers, charge and temperature at its end; as many tables as the width asks for."""
    hours = list(_hours(plan))
    left = list(_columns(plan))
    times = [_row_name(plan, first) for first, _ in hours]
    first_width = max(map(len, times), default=0) + _SPARE
    while left:
        taken: list[Column] = []
        room = width - first_width
        while left and (not taken or left[0].width <= room):
            room -= left[0].width
            taken.append(left.pop(0))
        yield _table(times, hours, taken)


def _table(times: list[str], hours: list[tuple[int, int]], columns: list[Column]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _SPARE, 0, 0), show_header=True, header_style="bold")
    table.add_column("\nfrom", no_wrap=True)
    for column in columns:
        table.add_column(
            f"{column.name}\n{column.unit}", justify="right", no_wrap=True, min_width=column.width - _SPARE
        )
    for time, (first, last) in zip(times, hours, strict=True):
        table.add_row(time, *(_cell(column, first, last) for column in columns))
    return table


def panels(plan: PublishedPlan, width: int, glyphs: Glyphs = BRAILLE) -> Iterator[list[str]]:
    """A panel for each series that is not nothing all along."""
    axis = Axis(plan.began, plan.steps * plan.step_s / 3600, zone_of(plan))
    for title, name in _titled(plan):
        values = plan.series.get(name, [])
        if any(value is not None and value != 0 for value in values):
            unit, _, scale = _unit(plan, name)
            scaled = [None if value is None else value * scale for value in values]
            is_filled = name.endswith(("_w", ".stored_wh"))
            yield panel(f"{title}, {unit}", scaled, axis, width, glyphs, filled=is_filled)


def _titled(plan: PublishedPlan) -> Iterator[tuple[str, str]]:
    for name, _, title in _SITE:
        yield title, name
    for device in _devices(plan):
        for what, word in _OF_DEVICE:
            yield f"{device} {word}".rstrip(), f"{device}.{what}"


def _columns(plan: PublishedPlan) -> Iterator[Column]:
    named = [(short, name) for name, short, _ in _SITE]
    for device in _devices(plan):
        named += [(f"{device} {word}".rstrip(), f"{device}.{what}") for what, word in _OF_DEVICE]
    for short, name in named:
        values = plan.series.get(name, [])
        is_nothing = name == _CURTAILED and not any(values)
        if any(value is not None for value in values) and not is_nothing:
            unit, digits, scale = _unit(plan, name)
            yield Column(short, unit, digits, scale, values, at_edges=len(values) > plan.steps)


def _devices(plan: PublishedPlan) -> list[str]:
    """Every name that a series is told of, in the order of the plan."""
    return list(dict.fromkeys(name.rpartition(".")[0] for name in plan.series if "." in name))


def _unit(plan: PublishedPlan, name: str) -> tuple[str, int, float]:
    """Unit, digits and scale as they are shown."""
    if name.endswith("_per_kwh"):
        return f"{plan.currency}/kWh", 3, 1.0
    if name.endswith("_wh"):
        return "kWh", 1, 1e-3
    return ("°C", 1, 1.0) if name.endswith("_c") else ("kW", 2, 1e-3)


def _hours(plan: PublishedPlan) -> Iterator[tuple[int, int]]:
    """First and last step (not counted) of each hour of UTC; the first and the last hour may be short."""
    first = 0
    for step in range(1, plan.steps + 1):
        if (
            step == plan.steps
            or plan.moment(step).hour != plan.moment(first).hour
            or step - first >= 3600 / plan.step_s
        ):
            yield first, step
            first = step


def _cell(column: Column, first: int, last: int) -> str:
    if column.at_edges:
        value = column.values[last] if last < len(column.values) else None
    else:
        value = _mean(column.values[first:last])
    if value is None:
        return "-"
    # Rounded first, so that a trifle below zero is no "-0.00".
    return f"{round(value * column.scale, column.digits) + 0.0:.{column.digits}f}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _row_name(plan: PublishedPlan, step: int) -> str:
    return _when(plan.moment(step), zone_of(plan))


def _when(moment: datetime, zone: tzinfo) -> str:
    """Day and local time, with the offset in the hour that comes twice."""
    local = moment.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    twice = offset != (local.replace(fold=1 - local.fold).utcoffset() or timedelta())
    text = f"{_DAYS[local.weekday()]} {local:%d %H:%M}"
    return f"{text}{local:%z}" if twice else text
