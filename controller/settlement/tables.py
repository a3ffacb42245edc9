"""Energies from a CSV file: one line an interval, times with their zone, every mistake with its line."""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from controller.settlement.series import Lack, Part, Series, Span, utc

NET: Final = "energy_wh"
BOTH: Final = ("energy_import_wh", "energy_export_wh")
GOOD: Final = "good"
# A thousand gigawatt-hours in an interval: beyond it a column holds something else.
_MOST_WH: Final = Decimal(10) ** 12


def read_series(text: str, name: str) -> Series:
    """The series of a CSV text; ValueError names the file (`name`), the line, what it says and what is allowed.

    Columns, in any order, others are passed over: `start` and `end` (RFC 3339 with a zone), `energy_wh` (net, import positive)
    or both `energy_import_wh` and `energy_export_wh`, and perhaps `quality`; whatever is not `good` is doubtful. More
    than three digits behind the point are rounded to a milliwatt-hour, halves to even.
    """
    lines = csv.DictReader(text.removeprefix("\ufeff").splitlines(), strict=True)
    try:
        header = lines.fieldnames or ()
        lacking = [column for column in ("start", "end") if column not in header]
        if lacking or (NET not in header and not set(BOTH) <= set(header)):
            raise ValueError(f"{name}: has the columns {', '.join(header) or '(none)'}; needed are {_NEEDED}")
        return Series(_parts(lines, name))
    except csv.Error as error:
        raise ValueError(f"{name} line {lines.line_num}: {error}") from error


_NEEDED: Final = f"start, end and {NET}, or start, end, {' and '.join(BOTH)}"


def _parts(lines: "csv.DictReader[str]", name: str) -> Iterator[Part]:
    for fields in lines:
        where = f"{name} line {lines.line_num}"
        try:
            yield _part({key: (value or "").strip() for key, value in fields.items() if key is not None}, where)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error


def _part(fields: Mapping[str, str], where: str) -> Part:
    span = Span(_moment("start", fields["start"]), _moment("end", fields["end"]))
    if span.end <= span.start:
        raise ValueError(f"end is {fields['end']}: must come after the start, {fields['start']}")
    energy = _net(fields)
    quality = fields.get("quality") or GOOD
    if energy is None:
        return Part(span, Lack(f"{where} has no energy"), where)
    if quality != GOOD:
        return Part(span, Lack(f"{where} is doubtful: quality {quality[:64]}"), where)
    return Part(span, energy, where)


def _net(fields: Mapping[str, str]) -> int | None:
    """Net energy in milliwatt-hours; None where a field is empty."""
    if NET in fields:
        return _milliwh(NET, fields[NET])
    taken, given = (_milliwh(column, fields[column]) for column in BOTH)
    return None if taken is None or given is None else taken - given


def _milliwh(column: str, text: str) -> int | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{column} is {text[:64]!r}: a number with a point is needed") from error
    if not value.is_finite() or abs(value) > _MOST_WH:
        raise ValueError(f"{column} is {text[:64]}: -1e12 to 1e12 is allowed")
    return round(Fraction(value) * 1000)


def _moment(column: str, text: str) -> datetime:
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        allowed = "RFC 3339 with a zone, such as 2026-06-21T10:00:00Z, is needed"
        raise ValueError(f"{column} is {text[:64]!r}: {allowed}") from error
