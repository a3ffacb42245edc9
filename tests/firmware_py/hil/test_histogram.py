"""Histograms against plain sorted lists, and reports that are written, merged, damaged."""

import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from firmware_py.hil.histogram import TOP_US, Histogram, bucket, highest_us
from firmware_py.hil.report import BadReport, figures, load, merged, save, show

TIMES_US = st.lists(st.integers(0, 1 << 36), min_size=1, max_size=200)


def filled(values_us: list[int], deadline_us: int | None = None, source: str = "x") -> Histogram:
    histogram = Histogram(source, deadline_us)
    for value_us in values_us:
        histogram.add_s(value_us / 1e6)
    return histogram


@given(st.integers(0, TOP_US))
def test_a_bucket_holds_its_values_and_is_a_32nd_wide_at_most(value_us: int) -> None:
    highest = highest_us(bucket(value_us))
    assert bucket(highest) == bucket(value_us)
    assert value_us <= highest <= value_us * (1 + 1 / 32)


@given(TIMES_US, st.floats(0, 100))
def test_a_percentile_is_the_sorted_lists_and_never_too_low(values_us: list[int], percent: float) -> None:
    exact = sorted(values_us)[max(math.ceil(len(values_us) * percent / 100), 1) - 1]
    found = filled(values_us).percentile_us(percent)
    assert found is not None
    assert exact <= found <= exact * (1 + 1 / 32)


@given(TIMES_US, st.integers(0, 1 << 36))
def test_counts_and_ends_are_exact(values_us: list[int], deadline_us: int) -> None:
    h = filled(values_us, deadline_us)
    over = [value - deadline_us for value in values_us if value > deadline_us]
    assert (h.count, h.least_us, h.most_us) == (len(values_us), min(values_us), max(values_us))
    assert (h.overruns, h.overrun_worst_us) == (len(over), max(over, default=0))
    assert h.percentile_us(100) == max(values_us)


@given(TIMES_US, TIMES_US)
def test_merged_is_as_if_counted_together(one: list[int], other: list[int]) -> None:
    together, rest, expected = filled(one, 1000), filled(other, 1000), filled(one + other, 1000)
    together.lost, rest.lost, expected.lost = 2, 3, 5
    together.merge(rest)
    assert together == expected


def test_merging_other_deadlines_keeps_the_overruns_and_no_deadline() -> None:
    one = filled([5, 50], 10)
    one.merge(filled([70], 60))
    assert (one.deadline_us, one.overruns, one.overrun_worst_us) == (None, 2, 40)


def test_what_takes_days_is_counted_in_the_last_bucket() -> None:
    h = filled([TOP_US * 3])
    assert (h.count, h.most_us, len(h.buckets)) == (1, TOP_US * 3, 1)
    assert h.percentile_us(50) is not None


def test_memory_is_bounded() -> None:
    assert bucket(TOP_US * 1000) == bucket(TOP_US) <= 1200


def test_nothing_counted_has_no_percentile() -> None:
    assert Histogram("x").percentile_us(50) is None


def test_a_hair_before_zero_is_zero_and_nonsense_is_refused() -> None:
    h = Histogram("x")
    h.add_s(-1e-9)
    assert h.most_us == 0
    with pytest.raises(ValueError, match="x: a time of nan s"):
        h.add_s(math.nan)


@given(TIMES_US)
def test_a_report_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, values_us: list[int]) -> None:
    path = tmp_path_factory.mktemp("report") / "r.jsonl"
    histograms = [filled(values_us, 1000, "a"), Histogram("b", None, lost=3)]
    save(path, histograms)
    assert load(path) == histograms


def test_several_reports_are_one(tmp_path: Path) -> None:
    save(tmp_path / "1", [filled([1, 2], source="a"), filled([3], source="b")])
    save(tmp_path / "2", [filled([9], source="a")])
    assert merged([tmp_path / "1", tmp_path / "2"]) == [filled([1, 2, 9], source="a"), filled([3], source="b")]


GOOD = b'{"source":"a","count":2,"p50_us":1,"p90_us":2,"p99_us":2,"p999_us":2,"least_us":1,"max_us":2,"deadline_us":null,"overruns":0,"overrun_worst_us":0,"lost":0,"buckets":{"1":1,"2":1}}\n'


def test_the_good_line_is_good(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(GOOD)
    assert load(tmp_path / "r") == [filled([1, 2], source="a")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"count":2', b'"count":3', "count 3: the buckets hold 2"),
        (b'"1":1', b'"1":-1', "buckets: indices"),
        (b'"2":1', b'"2000":1', "buckets: indices"),
        (b'"max_us":2', b'"max_us":7', "the buckets say otherwise"),
        (b'"least_us":1', b'"least_us":0', "the buckets say otherwise"),
        (b'"overruns":0', b'"overruns":1', "overruns 1, the worst 0 us"),
        (b'"p99_us":2', b'"p99_us":1', "p99_us do not follow"),
        (b'"lost":0', b'"lost":"0"', "Expected `int`"),
        (b'"lost":0', b'"lots":0', "lots"),
        (b"}}", b"", "truncated"),
    ],
)
def test_a_damaged_report_is_refused_with_line_and_reason(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    assert old in GOOD
    path = tmp_path / "r"
    path.write_bytes(GOOD.replace(b'"a"', b'"z"') + GOOD.replace(old, new, 1))
    with pytest.raises(BadReport, match="line 2: ") as caught:
        load(path)
    assert said in str(caught.value)


def test_no_report_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").touch()
    with pytest.raises(BadReport, match="empty"):
        load(tmp_path / "r")
    with pytest.raises(BadReport, match="No such file"):
        load(tmp_path / "none")


def test_figures_are_json_without_buckets() -> None:
    told = json.loads(json.dumps(figures(filled([100, 200, 40_000], 30_000))))
    assert told["overruns"] == 1
    assert told["overrun_worst_us"] == 10_000
    assert (told["count"], told["max_us"], told["p50_us"]) == (3, 40_000, 203)
    assert "buckets" not in told


def test_the_rare_late_one_shows_in_the_bars() -> None:
    shown = io.StringIO()
    show(Console(file=shown, width=120), [filled([100] * 5000 + [90_000]), Histogram("empty")])
    text = shown.getvalue()
    (late,) = [line for line in text.splitlines() if "131072 us" in line]
    assert late.endswith("1 █")
    assert "empty: 0 values" in text
