"""Reports: histograms as JSON lines, read back and merged, as a table and as bars in a terminal."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from firmware_py.hil.histogram import Histogram, highest_us

PERCENTILES: Final = {"p50_us": 50.0, "p90_us": 90.0, "p99_us": 99.0, "p999_us": 99.9}
_BAR: Final = 40


class BadReport(Exception):
    """A report that cannot be used; the message names file, line and reason."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source in a report file; the figures are for people and other programs, the buckets are what is read back."""

    source: str
    count: int
    p50_us: int | None
    p90_us: int | None
    p99_us: int | None
    p999_us: int | None
    least_us: int
    max_us: int
    deadline_us: int | None
    overruns: int
    overrun_worst_us: int
    lost: int
    buckets: dict[int, int]


def line_of(histogram: Histogram) -> Line:
    """A histogram as it is written."""
    h = histogram
    p50, p90, p99, p999 = (h.percentile_us(percent) for percent in PERCENTILES.values())
    return Line(
        source=h.source,
        count=h.count,
        p50_us=p50,
        p90_us=p90,
        p99_us=p99,
        p999_us=p999,
        least_us=h.least_us,
        max_us=h.most_us,
        deadline_us=h.deadline_us,
        overruns=h.overruns,
        overrun_worst_us=h.overrun_worst_us,
        lost=h.lost,
        buckets=dict(sorted(h.buckets.items())),
    )


def save(path: Path, histograms: Iterable[Histogram]) -> None:
    """Write a report, one line for each source; OSError where the file cannot be written."""
    path.write_bytes(b"".join(msgspec.json.encode(line_of(each)) + b"\n" for each in histograms))


def load(path: Path) -> list[Histogram]:
    """Read a report back; BadReport names the line and what is wrong with it."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadReport(f"{path}: {error.strerror}") from error
    if not lines:
        raise BadReport(f"{path}: empty; a report has a line for each source")
    return [_histogram(path, number, line) for number, line in enumerate(lines, 1)]


def _histogram(path: Path, number: int, text: bytes) -> Histogram:
    try:
        line = msgspec.json.decode(text, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadReport(f"{path}: line {number}: {error}") from error
    histogram = Histogram(
        line.source,
        line.deadline_us,
        line.count,
        line.least_us,
        line.max_us,
        line.overruns,
        line.overrun_worst_us,
        line.lost,
        line.buckets,
    )
    if (wrong := histogram.contradiction()) is not None:
        raise BadReport(f"{path}: line {number}: {wrong}")
    if (again := line_of(histogram)) != line:
        odd = [name for name in PERCENTILES if getattr(again, name) != getattr(line, name)]
        raise BadReport(f"{path}: line {number}: {', '.join(odd)} do not follow from the buckets")
    return histogram


def merged(paths: Iterable[Path]) -> list[Histogram]:
    """The reports of several runs as one, source by source."""
    known: dict[str, Histogram] = {}
    for path in paths:
        for histogram in load(path):
            if histogram.source in known:
                known[histogram.source].merge(histogram)
            else:
                known[histogram.source] = histogram
    return list(known.values())


def figures(histogram: Histogram) -> dict[str, object]:
    """What `--json` prints: everything but the buckets."""
    fields: dict[str, object] = msgspec.structs.asdict(line_of(histogram))
    del fields["buckets"]
    return fields


def show(console: Console, histograms: Sequence[Histogram]) -> None:
    """Print the table of all sources (`over`: overruns, `worst`: the worst beyond its deadline), and a histogram of each."""
    # Ten columns have to fit into 80 characters.
    table = Table(title="microseconds", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in ("source", "count", "p50", "p90", "p99", "p99.9", "max", "over", "worst", "lost"):
        table.add_column(name, justify="left" if name == "source" else "right", no_wrap=True)
    for histogram in histograms:
        line = line_of(histogram)
        numbers = (line.p50_us, line.p90_us, line.p99_us, line.p999_us, line.max_us if line.count else None)
        tail = (line.overruns, line.overrun_worst_us or None, line.lost)
        table.add_row(line.source, *(_shown(number) for number in (line.count, *numbers, *tail)))
    console.print(table)
    for histogram in histograms:
        console.print(bars(histogram), highlight=False, markup=False)


def _shown(number: int | None) -> str:
    return "-" if number is None else str(number)


def bars(histogram: Histogram) -> str:
    """A histogram in the terminal: a row for each octave, from the first to the last that holds anything."""
    rows: dict[int, int] = {}
    for index, count in histogram.buckets.items():
        octave = highest_us(index).bit_length()
        rows[octave] = rows.get(octave, 0) + count
    head = f"\n{histogram.source}: {histogram.count} values\n"
    if not rows:
        return head
    longest = max(rows.values())
    return head + "\n".join(_row(octave, rows.get(octave, 0), longest) for octave in range(min(rows), max(rows) + 1))


def _row(octave: int, count: int, longest: int) -> str:
    # Whatever is there shows: the rare late one is what one looks for.
    bar = "█" * max(round(_BAR * count / longest), 1 if count else 0)
    return f"  < {_shown(1 << octave):>13} us {_shown(count):>10} {bar}"
