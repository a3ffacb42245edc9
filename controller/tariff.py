"""What a kWh costs at the connection point in each step: fixed prices, bands of local time, prices received.

Everything is worked out on cells of five minutes of UTC, then averaged over the steps. A price is in the tariff's currency per
kWh; that of export is what the site is paid. Negative prices are prices. Where none is known an assumption stands in for it, and
`notes` says which and from when on: the mean of the same local time on the last known days of the same kind, else of the last
known days, else the fixed price, else the mean of all that is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import ceil, nan
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.planning.site import Bools, Floats, Horizon
from protocols.contracts import utc_text
from protocols.faults import Refused

CELL_S: Final = 300
_SLOTS: Final = 86_400 // CELL_S
# Clocks are changed on full quarters of an hour of UTC, wherever they are changed at all.
_QUARTER_S: Final = 900
# 1970-01-01 was a Thursday.
_WEEKDAY_0: Final = 3
# So many days of the same kind are averaged: one alone may have been odd, many are of another season.
DAYS_ALIKE: Final = 3
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Band:
    """From `begin` to `end` of local time (full five minutes) on some days (0 is Monday), over midnight where `end` comes first,
    the whole day where they are equal. What is None the band leaves to the next one that holds. A band that passes midnight
    belongs to the day on which it began.
    """

    begin: time
    end: time
    days: frozenset[int] = frozenset(range(7))
    import_per_kwh: float | None = None
    export_per_kwh: float | None = None
    added_per_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    """What is paid. `is_dynamic`: the price received times `factor` plus what is added; fixed prices where none is known."""

    zone: tzinfo
    import_per_kwh: float | None = None
    export_per_kwh: float | None = None
    bands: tuple[Band, ...] = ()
    is_dynamic: bool = False
    factor: float = 1.0
    added_per_kwh: float = 0.0
    export_factor: float = 1.0
    export_added_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """Prices as they came, one for each cell from `start` (UTC, on a cell); NaN is not known."""

    start: datetime
    import_per_kwh: Floats
    export_per_kwh: Floats


class Prices(NamedTuple):
    """What a kWh costs in each step, what is paid for one, and what had to be assumed."""

    import_per_kwh: Floats
    export_per_kwh: Floats
    notes: tuple[str, ...]


class _Cells(NamedTuple):
    """Cells of UTC and where they lie on the wall: days since 1970 and the five minutes of the day, both local."""

    first_s: int
    day: Ints
    slot: Ints


class _Found(NamedTuple):
    """Values of cells; `by` names how each was found, an index of `_BY`."""

    values: Floats
    by: Ints
    last: date | None


_BY: Final = (
    "",
    "the mean of the same local time on the last known days of the same kind (workday or weekend) is assumed",
    "the mean of the same local time on the last known days is assumed",
    "the fixed price is assumed",
    "the mean of all prices known is assumed",
)


def prices(horizon: Horizon, tariff: Tariff, received: Received | None = None) -> Prices:
    """Means over the steps of the horizon; Refused (`no_prices`) where nothing is known and nothing may be assumed."""
    cells = _cells_of(horizon, tariff.zone)
    bought = _banded(cells, tariff.import_per_kwh, "import_per_kwh", tariff.bands)
    sold = _banded(cells, tariff.export_per_kwh, "export_per_kwh", tariff.bands)
    added = _banded(cells, tariff.added_per_kwh, "added_per_kwh", tariff.bands)
    notes: list[str] = []
    if tariff.is_dynamic:
        known = received or Received(horizon.start, np.empty(0), np.empty(0))
        found = _found(cells, tariff, known.start, known.import_per_kwh, (tariff.factor, added, bought))
        bought = _told("import", cells, found, notes)
        if not np.isnan(known.export_per_kwh).all():
            sums = (tariff.export_factor, np.full(len(sold), tariff.export_added_per_kwh), sold)
            found = _found(cells, tariff, known.start, known.export_per_kwh, sums)
            sold = _told("export", cells, found, notes)
    if np.isnan(bought).any():
        at = _moment(cells, int(np.argmax(np.isnan(bought))))
        raise Refused("no_prices", f"no import price for {utc_text(at)}: none was received, and no fixed one is set")
    if np.isnan(sold).any():
        notes.append("export price not set: 0 is assumed")
        sold = np.nan_to_num(sold, nan=0.0)
    return Prices(_means(horizon, cells, bought), _means(horizon, cells, sold), tuple(notes))


def _cells_of(horizon: Horizon, zone: tzinfo) -> _Cells:
    begin_s = horizon.start.timestamp()
    first_s = int(begin_s // CELL_S) * CELL_S
    return _cells(first_s, ceil((begin_s + horizon.steps * horizon.step_s - first_s) / CELL_S), zone)


def _cells(first_s: int, count: int, zone: tzinfo) -> _Cells:
    utc_s = first_s + CELL_S * np.arange(count, dtype=np.int64)
    quarter = utc_s // _QUARTER_S
    base = int(first_s // _QUARTER_S)
    offsets = [_offset_s((base + k) * _QUARTER_S, zone) for k in range(int(quarter[-1]) - base + 1 if count else 0)]
    local_s = utc_s + np.array(offsets, dtype=np.int64)[quarter - base] if count else utc_s
    return _Cells(first_s, local_s // 86_400, local_s % 86_400 // CELL_S)


def _offset_s(at_s: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _weekday(day: Ints) -> Ints:
    return (day + _WEEKDAY_0) % 7


def _banded(cells: _Cells, default: float | None, name: str, bands: tuple[Band, ...]) -> Floats:
    """The value of the first band that holds and has one, else the default; NaN where that is None."""
    values = np.full(len(cells.day), nan if default is None else default)
    for band in reversed(bands):
        value: float | None = getattr(band, name)
        if value is not None:
            values[_holds(band, cells)] = value
    return values


def _holds(band: Band, cells: _Cells) -> Bools:
    days = list(band.days)
    today = np.isin(_weekday(cells.day), days)
    begin, end = _slot(band.begin), _slot(band.end)
    if begin < end:
        return today & (cells.slot >= begin) & (cells.slot < end)
    yesterday = np.isin(_weekday(cells.day - 1), days)
    return (today & (cells.slot >= begin)) | (yesterday & (cells.slot < end))


def _slot(at: time) -> int:
    return (at.hour * 60 + at.minute) * 60 // CELL_S


def _found(cells: _Cells, tariff: Tariff, start: datetime, raw: Floats, sums: tuple[float, Floats, Floats]) -> _Found:
    """The received price where there is one, and the first assumption that has anything where there is none.

    `sums`: factor, what is added, and the fixed price, of each cell.
    """
    factor, added, fixed = sums
    known = _cells(int(start.timestamp()), len(raw), tariff.zone)
    values, by = _placed(cells, known, raw), np.zeros(len(cells.day), dtype=np.int64)
    rows = _by_day(known, raw)
    for number, alike in ((1, True), (2, False)):
        _fill(values, by, _alike(cells, rows, alike=alike), number)
    values = values * factor + added
    _fill(values, by, fixed, 3)
    if not np.isnan(raw).all():
        _fill(values, by, np.nanmean(raw) * factor + added, 4)
    return _Found(values, by, date(1970, 1, 1) + timedelta(days=max(rows)) if rows else None)


def _placed(cells: _Cells, known: _Cells, raw: Floats) -> Floats:
    """Each known price at its cell of the horizon; NaN elsewhere."""
    values = np.full(len(cells.day), nan)
    at = np.arange(len(raw)) + (known.first_s - cells.first_s) // CELL_S
    inside = (at >= 0) & (at < len(values))
    values[at[inside]] = raw[inside]
    return values


def _fill(values: Floats, by: Ints, assumed: Floats, number: int) -> None:
    open_ = np.isnan(values) & ~np.isnan(assumed)
    values[open_], by[open_] = assumed[open_], number


def _by_day(known: _Cells, raw: Floats) -> dict[int, Floats]:
    """What is known of each local day, the mean where an hour comes twice and NaN where one is left out."""
    there = ~np.isnan(raw)
    found = {}
    for day in np.unique(known.day[there]):
        mine = there & (known.day == day)
        count = np.bincount(known.slot[mine], minlength=_SLOTS)
        total = np.bincount(known.slot[mine], weights=raw[mine], minlength=_SLOTS)
        found[int(day)] = np.where(count > 0, total / np.maximum(count, 1), nan)
    return found


def _alike(cells: _Cells, rows: dict[int, Floats], *, alike: bool) -> Floats:
    """The mean of the last known days before each cell's, at its local time; of the same kind only where `alike`."""
    values = np.full(len(cells.day), nan)
    for day in np.unique(cells.day):
        before = [row for row in sorted(rows, reverse=True) if row < day]
        chosen = [rows[row] for row in before if not alike or _is_weekend(row) == _is_weekend(int(day))]
        if chosen:
            here = cells.day == day
            values[here] = _newest_mean(np.array(chosen))[cells.slot[here]]
    return values


def _is_weekend(day: int) -> bool:
    return (day + _WEEKDAY_0) % 7 >= 5


def _newest_mean(rows: Floats) -> Floats:
    """Of each column the mean of the first few values that are known (rows: the newest first)."""
    there = ~np.isnan(rows)
    there &= there.cumsum(axis=0) <= DAYS_ALIKE
    count = there.sum(axis=0)
    total = np.where(there, rows, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), nan)


def _told(way: str, cells: _Cells, found: _Found, notes: list[str]) -> Floats:
    notes.extend(_assumptions(way, cells, found))
    return found.values


def _assumptions(way: str, cells: _Cells, found: _Found) -> Iterator[str]:
    for number, text in enumerate(_BY):
        where = np.flatnonzero(found.by == number)
        if number == 0 or len(where) == 0:
            continue
        since, hours = utc_text(_moment(cells, int(where[0]))), len(where) * CELL_S / 3600
        last = "" if found.last is None else f"; prices are known up to {found.last}"
        yield f"{way} price not known for {hours:.4g} h from {since} on: {text}{last}"


def _moment(cells: _Cells, cell: int) -> datetime:
    return datetime.fromtimestamp(cells.first_s + cell * CELL_S, UTC)


def _means(horizon: Horizon, cells: _Cells, values: Floats) -> Floats:
    """Weighted by time where steps and cells do not align."""
    edges_s = horizon.start.timestamp() - cells.first_s + horizon.step_s * np.arange(horizon.steps + 1)
    sums = np.concatenate(([0.0], np.cumsum(values)))
    area = np.interp(edges_s / CELL_S, np.arange(len(sums)), sums)
    # Nobody trades in billionths; what is below is the noise of the sums.
    means: Floats = np.round(np.diff(area) * CELL_S / horizon.step_s, 9)
    return means
