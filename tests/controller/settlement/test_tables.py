"""CSV files as people make them: what is read, and what is refused with its line."""

from decimal import Decimal

import pytest

from controller.settlement.series import Lack, Part
from controller.settlement.tables import read_series
from protocols.settlement import SettlementTerms
from tests.controller.settlement.cases import terms

HEAD = "start,end,energy_wh,quality\n"
FIRST = "2026-06-22T10:00:00Z,2026-06-22T10:15:00Z,"


def only(text: str) -> Part:
    (part,) = read_series(text, "f.csv").parts
    return part


@pytest.mark.parametrize(
    ("text", "milliwh"),
    [
        (HEAD + FIRST + "250.125,good\n", 250_125),
        (HEAD + FIRST + "-0.0005,\n", 0),  # halves to even
        (HEAD + FIRST + "0.0015,good\n", 2),
        (HEAD + FIRST + "1e3,good\n", 1_000_000),
        ("\ufeff" + HEAD + FIRST + " 7 ,good\r\n", 7_000),
        (
            "x,end,start,energy_export_wh,energy_import_wh\n,2026-06-22T11:00:00+01:00,2026-06-22T09:00Z,30,10.5\n",
            -19_500,
        ),
    ],
    ids=[
        "decimal",
        "half",
        "half up to even",
        "exponent",
        "BOM, CRLF, blanks",
        "both registers, any order, other zone",
    ],
)
def test_what_is_read(text: str, milliwh: int) -> None:
    assert only(text).energy_milliwh == milliwh


@pytest.mark.parametrize(
    ("line", "why"), [(",good", "f.csv line 2 has no energy"), ("5,incomplete", "doubtful: quality incomplete")]
)
def test_what_is_doubtful_is_no_number(line: str, why: str) -> None:
    energy = only(HEAD + FIRST + line).energy_milliwh
    assert isinstance(energy, Lack)
    assert why in energy.why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns (none); needed are start, end and energy_wh"),
        ("start,end,energy_import_wh\n", "needed are"),
        (HEAD + FIRST + "1,good\n2026-06-22T10:00:00,2026-06-22T10:15:00,1,good", "line 3: start is '2026-06-22T10:00:00'"),
        (HEAD + FIRST + "\"1,5\",good", "line 2: energy_wh is '1,5': a number with a point"),
        (HEAD + FIRST + "nan,good", "energy_wh is nan"),
        (HEAD + FIRST + "1e13,good", "-1e12 to 1e12 is allowed"),
        (HEAD + "2026-06-22T10:00:00Z,2026-06-22T10:00:00Z,1,good", "must come after the start"),
        (HEAD + "soon,2026-06-22T10:00:00Z,1,good", "start is 'soon'"),
        (HEAD + FIRST + "1,good\n" + FIRST + "2,good", "f.csv line 2"),
        (HEAD + FIRST + "\"1", "unexpected end"),
    ],
    ids=["empty", "columns", "no zone", "comma", "nan", "huge", "no length", "no time", "contradiction", "quote"],
)  # fmt: skip
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"f\.csv") as refused:
        read_series(text, "f.csv")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "limit"}, "limit_side"),
        ({"method": "nomination", "limit_side": "import"}, "limit_side"),
        ({"method": "x_of_y", "days_x": 5, "days_y": 4}, "days_x is 5: at most days_y, 4"),
        ({"method": "nomination", "interval_s": 7}, "interval_s is 7"),
        ({"method": "nomination", "time_zone": "Mars/Base"}, "time_zone is 'Mars/Base'"),
        ({"method": "nomination", "time_zone": "../etc/passwd"}, "time_zone"),
    ],
)
def test_terms_that_cannot_be(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        terms(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("price", ["NaN", "Infinity", "1e7", "1e-10", "-1"])
def test_prices_that_cannot_be(price: str) -> None:
    with pytest.raises(ValueError, match="penalty_per_kwh is"):
        SettlementTerms(method="nomination", penalty_per_kwh=Decimal(price))
