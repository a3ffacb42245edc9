"""Small plots for a terminal: one series a panel in braille dots or plain stars, with its range, its unit and the hours below.

One series each, so that nothing depends on colour.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

Values = Sequence[float | None]
# Left of the plot: a label of eight characters and the axis.
MARGIN: Final = 10
_ROWS: Final = 4
# Bits of the braille dots, by row and column (Unicode 15, block "Braille Patterns").
_BITS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK: Final = 0x2800
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TICKS_H: Final = (1, 2, 3, 6, 12, 24)
_LABEL: Final = 7  # "Mon 21" and a space


@dataclass(frozen=True, slots=True)
class Axis:
    """The time below a panel: when it begins, how long it is, and in which zone it is told."""

    begins: datetime
    hours: float
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Glyphs:
    """How finely a character can be dotted, and how axes are drawn."""

    columns: int
    rows: int
    of: Callable[[frozenset[tuple[int, int]]], str]
    side: str
    corner: str
    line: str
    tick: str


def _braille(dots: frozenset[tuple[int, int]]) -> str:
    return chr(_BLANK + sum(_BITS[row][column] for row, column in dots)) if dots else " "


BRAILLE: Final = Glyphs(2, 4, _braille, "│", "└", "─", "┬")
PLAIN: Final = Glyphs(1, 1, lambda dots: "*" if dots else " ", "|", "+", "-", "+")


def panel(title: str, values: Values, axis: Axis, width: int, glyphs: Glyphs = BRAILLE, *, filled: bool) -> list[str]:
    """The lines of a panel; `filled` draws from zero (powers), else only the value is drawn (prices, temperatures)."""
    known = [value for value in values if value is not None]
    if not known:
        return [f"{title}: not known"]
    low, high = _range(known, filled=filled)
    columns = max(width - MARGIN, 10)
    spread = _spread(values, columns * glyphs.columns)
    dots = _dots(spread, low, high, _ROWS * glyphs.rows, filled=filled)
    text = [f"{title}, {_number(min(known))} to {_number(max(known))}"[:width]]
    labels = _labels(low, high, glyphs)
    for row in range(_ROWS):
        line = "".join(_char(dots, row, column, glyphs) for column in range(columns))
        text.append(f"{labels.get(row, ''):>8} {glyphs.side}{line}".rstrip())
    return [*text, *time_axis(axis, columns, glyphs)]


def time_axis(axis: Axis, columns: int, glyphs: Glyphs) -> list[str]:
    """A line with ticks and one with what they mean: hours, and the day at midnight."""
    each = next((tick for tick in _TICKS_H if axis.hours / tick * _LABEL <= columns), _TICKS_H[-1])
    line, below = [glyphs.line] * columns, [" "] * (columns + _LABEL)
    free_from = 0
    for column, local in _ticks(axis, columns, each):
        line[column] = glyphs.tick
        text = f"{_DAYS[local.weekday()]} {local:%d}" if local.hour == 0 else f"{local:%H:%M}"
        if column >= free_from and column + len(text) <= columns:
            below[column : column + len(text)] = text
            free_from = column + len(text) + 1
    margin = " " * (MARGIN - 1)
    return [f"{margin}{glyphs.corner}{''.join(line)}", f"{margin} {''.join(below).rstrip()}"]


def _ticks(axis: Axis, columns: int, each_h: int) -> Iterator[tuple[int, datetime]]:
    """Every full local hour that `each_h` divides; those of a day of 23 or 25 hours are as far apart as they are."""
    first = axis.begins.replace(minute=0, second=0, microsecond=0)
    quarters = (first + timedelta(minutes=15 * number) for number in range(int(axis.hours * 4) + 5))
    for moment in quarters:
        local, after_h = moment.astimezone(axis.zone), (moment - axis.begins).total_seconds() / 3600
        if local.minute == 0 and local.hour % each_h == 0 and 0 <= after_h < axis.hours:
            yield int(after_h / axis.hours * columns), local


def _range(known: Sequence[float], *, filled: bool) -> tuple[float, float]:
    low, high = min(known), max(known)
    if filled or high - low < 1e-9:
        low, high = min(0.0, low), max(0.0, high)
    return (low, high) if high - low >= 1e-9 else (low, low + 1.0)


def _spread(values: Values, columns: int) -> list[float | None]:
    """The value of each dot column: that of the step in its middle, for a step lasts."""
    return [values[min(int((column + 0.5) / columns * len(values)), len(values) - 1)] for column in range(columns)]


def _dots(spread: Values, low: float, high: float, rows: int, *, filled: bool) -> set[tuple[int, int]]:
    def row_of(value: float) -> int:
        return round((high - value) / (high - low) * (rows - 1))

    dots: set[tuple[int, int]] = set()
    before: int | None = None
    for column, value in enumerate(spread):
        if value is None:
            before = None
            continue
        row = row_of(value)
        other = row_of(0.0) if filled else row if before is None else before
        dots |= {(each, column) for each in range(min(row, other), max(row, other) + 1)}
        before = row
    return dots


def _char(dots: set[tuple[int, int]], row: int, column: int, glyphs: Glyphs) -> str:
    here = (
        (down, across)
        for down in range(glyphs.rows)
        for across in range(glyphs.columns)
        if (row * glyphs.rows + down, column * glyphs.columns + across) in dots
    )
    return glyphs.of(frozenset(here))


def _labels(low: float, high: float, glyphs: Glyphs) -> dict[int, str]:
    """Top and bottom of the range, and zero where it lies on a row of its own between them."""
    labels = {0: _number(high), _ROWS - 1: _number(low)}
    if low < 0.0 < high:
        labels.setdefault(round(high / (high - low) * (_ROWS * glyphs.rows - 1)) // glyphs.rows, "0")
    return labels


def _number(value: float) -> str:
    return f"{value:.4g}"
