"""A CSV file of prices or of a forecast: `start` (RFC 3339 with zone) and columns of numbers, in equal steps; empty is a hole."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import isfinite
from typing import Final

STEPS_S: Final = (300, 900, 3600)
Cells = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands in a file: where it begins (UTC), how long a step is, and each column by its name."""

    start: datetime
    step_s: int
    values: dict[str, Cells]


def read(lines: Iterable[str], *, single_s: int = 3600) -> Columns:
    """The columns; ValueError names line, value and what is allowed. `single_s`: the step of a file of one line."""
    rows = [row for row in csv.reader(lines) if row]
    if len(rows) < 2:
        raise ValueError("a line of names and one line of values at least are needed")
    names = [name.strip() for name in rows[0]]
    if names[0] != "start" or len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"line 1: {','.join(names)[:80]!r}: start and the names of other columns are needed")
    starts = [_start(number, row, len(names)) for number, row in enumerate(rows[1:], 2)]
    step_s = int((starts[1] - starts[0]).total_seconds()) if len(starts) > 1 else single_s
    if step_s not in STEPS_S:
        raise ValueError(f"line 3: {step_s} s after line 2: steps of {', '.join(map(str, STEPS_S))} s are allowed")
    for number, (before, after) in enumerate(pairwise(starts), 3):
        if (after - before).total_seconds() != step_s:
            found = f"{(after - before).total_seconds():g} s"
            raise ValueError(f"line {number}: {found} after the line before: {step_s} s are allowed, as in line 3")
    columns = {
        name: tuple(_value(number, name, row[index]) for number, row in enumerate(rows[1:], 2))
        for index, name in enumerate(names[1:], 1)
    }
    return Columns(starts[0], step_s, columns)


def _start(number: int, row: list[str], columns: int) -> datetime:
    if len(row) != columns:
        raise ValueError(f"line {number}: {len(row)} values: {columns} are allowed, as many as names")
    try:
        moment = datetime.fromisoformat(row[0].strip())
    except ValueError as error:
        raise ValueError(f"line {number}: start {row[0][:40]!r}: RFC 3339 such as 2026-06-21T10:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError(f"line {number}: start {row[0]!r}: a zone such as Z or +02:00 is needed")
    return moment.astimezone(UTC)


def _value(number: int, name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"line {number}: {name} {text[:40]!r}: a number is needed") from error
    if not isfinite(value):
        raise ValueError(f"line {number}: {name} {text[:40]!r}: a finite number is needed")
    return value
