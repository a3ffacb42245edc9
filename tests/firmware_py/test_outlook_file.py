"""A file of prices or of a forecast: what is read, and every line that is wrong by its number."""

from datetime import UTC, datetime

import pytest

from firmware_py.outlook_file import Columns, read

HOURS = ["start,import_per_kwh,export_per_kwh", "2026-06-01T22:00:00Z,0.1,0.08", "2026-06-01T23:00:00Z,-0.2,"]


def test_columns_are_read() -> None:
    assert read(HOURS) == Columns(
        datetime(2026, 6, 1, 22, tzinfo=UTC), 3600, {"import_per_kwh": (0.1, -0.2), "export_per_kwh": (0.08, None)}
    )


def test_local_times_with_their_offset_cross_a_change_of_clocks() -> None:
    """02:00+02:00 is followed by 02:00+01:00, an hour later."""
    lines = ["start,value", "2026-10-25T02:00:00+02:00,1", "2026-10-25T02:00:00+01:00,2", "2026-10-25T03:00:00+01:00,3"]
    assert read(lines).values == {"value": (1.0, 2.0, 3.0)}


def test_one_line_is_an_hour() -> None:
    assert read(HOURS[:2]).step_s == 3600


BAD = [
    ([], "a line of names"),
    (HOURS[:1], "one line of values"),
    (["time,price", HOURS[1]], "line 1: 'time,price': start and"),
    (["start", "2026-06-01T22:00:00Z"], "line 1"),
    (["start,a,a", HOURS[1]], "line 1"),
    ([HOURS[0], "2026-06-01T22:00:00Z,0.1"], "line 2: 2 values: 3 are allowed"),
    ([HOURS[0], "yesterday,0.1,"], "line 2: start 'yesterday'"),
    ([HOURS[0], "2026-06-01T22:00:00,0.1,"], "a zone such as Z"),
    ([*HOURS[:2], "2026-06-01T22:10:00Z,0.1,"], "600 s after line 2: steps of 300, 900, 3600 s are allowed"),
    ([*HOURS, "2026-06-02T01:00:00Z,0.1,"], "line 4: 7200 s after the line before: 3600 s are allowed"),
    ([*HOURS[:2], "2026-06-01T21:00:00Z,0.1,"], "-3600 s after line 2"),
    ([HOURS[0], "2026-06-01T22:00:00Z,dear,"], "line 2: import_per_kwh 'dear': a number is needed"),
    ([HOURS[0], "2026-06-01T22:00:00Z,nan,"], "line 2: import_per_kwh 'nan': a finite number"),
    ([HOURS[0], "2026-06-01T22:00:00Z,1e999,"], "a finite number"),
]


@pytest.mark.parametrize(("lines", "named"), BAD, ids=[named[:24] for _, named in BAD])
def test_what_is_wrong_is_named(lines: list[str], named: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what matters
        read(lines)
    assert named in str(caught.value)
