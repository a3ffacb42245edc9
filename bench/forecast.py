"""How good forecasts are: `PYTHONPATH=. python -m bench.forecast [--days N] [--homes …] [--pv …]`.

SimBench's homes and modules (2016, quarter-hours, as published: local time). On days spread over the year, each with the 60
days before it as history, forecasts of 48 h from 00:00, 06:00, 12:00 and 18:00 are compared with what came. Homes are
scaled to 3,500 kWh a year, modules to 5 kW. Their place is not published, so the sun's shape comes from history; with the
option `--place` from the middle of Germany.
"""

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from bench.machine import machine
from controller.forecasting import forecasters
from controller.forecasting.forecast import LEVELS, Forecast
from controller.forecasting.series import QUARTER_S, Series
from controller.forecasting.sun import Place
from controller.planning.site import Floats, Horizon
from sim_hardware.physics import profiles

ZONE: Final = ZoneInfo("Europe/Berlin")
# 1 January 2016, 00:00 local.
START: Final = datetime(2015, 12, 31, 23, tzinfo=UTC)
YEAR_WH: Final = 3_500_000.0
PV_W: Final = 5_000.0
STEPS: Final = 192
LEADS: Final = ((1, "1 h"), (6, "6 h"), (24, "24 h"), (48, "48 h"))


@dataclass(frozen=True)
class Compared:
    """Of one forecast: absolute error, pinball and coverage of each step, and the plain one's."""

    off: Floats
    pinball: Floats
    inside: Floats
    plain_off: Floats
    plain_pinball: Floats
    took_s: float


def homes(names: list[str]) -> dict[str, Series]:
    """Load profiles as W."""
    found = {name: profiles.simbench(name).active for name in names}
    return {name: Series(START, QUARTER_S, each * (YEAR_WH / 8784.0 / each.mean())) for name, each in found.items()}


def modules(names: list[str]) -> dict[str, Series]:
    """PV profiles as W, from the table beside the loads'."""
    path = profiles._table().with_name("RESProfile.csv")
    with path.open() as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return {name: Series(START, QUARTER_S, PV_W * np.array([float(row[name]) for row in rows])) for name in names}


def compare(truth: Series, origin: datetime, make: Callable[[Series, Horizon], Forecast]) -> Compared:
    """One forecast and the plain one from one moment."""
    horizon = Horizon(origin, QUARTER_S, STEPS)
    steps = round((origin - truth.start).total_seconds() / QUARTER_S)
    history = Series(truth.start, QUARTER_S, truth.values[max(0, steps - 60 * 96) : steps])
    history = Series(origin - timedelta(seconds=len(history.values) * QUARTER_S), QUARTER_S, history.values)
    began_s = perf_counter()
    told = make(history, horizon)
    took_s = perf_counter() - began_s
    plain = forecasters.naive(history, horizon, ZONE)
    real = truth.on(horizon)
    inside = (told.at(0.1) <= real) & (real <= told.at(0.9))
    return Compared(
        np.abs(told.median - real),
        losses(told, real),
        inside.astype(float),
        np.abs(plain.median - real),
        losses(plain, real),
        took_s,
    )


def losses(told: Forecast, real: Floats) -> Floats:
    """Pinball of each step, the mean over the levels."""
    under = np.array([real - told.at(level) for level in LEVELS])
    level = np.array(LEVELS)[:, None]
    return np.asarray(np.maximum(level * under, (level - 1.0) * under).mean(axis=0))


def report(kind: str, name: str, found: list[Compared], unit: str) -> None:
    """A line for each class of leads."""
    rows = {field: np.array([getattr(each, field) for each in found]) for field in Compared.__dataclass_fields__}
    first = 0
    for hours, label in LEADS:
        now, first = slice(first, hours * 4), hours * 4
        off, plain = rows["off"][:, now].mean(), rows["plain_off"][:, now].mean()
        loss, plain_loss = rows["pinball"][:, now].mean(), rows["plain_pinball"][:, now].mean()
        worse = "" if off < plain else "  no better than naive"
        print(
            f"  {kind:5} {name:6} up to {label:4} MAE {off:6.1f} {unit} (naive {plain:6.1f}, {1 - off / max(plain, 1e-9):+.0%})"
            f"  pinball {loss:5.1f} (naive {plain_loss:5.1f}, {1 - loss / max(plain_loss, 1e-9):+.0%})"
            f"  p10-p90 {rows['inside'][:, now].mean():.0%}{worse}"
        )
    took = np.sort(rows["took_s"]) * 1e3
    days = rows["off"].reshape(-1, 4, STEPS).mean(axis=(1, 2))
    plain_days = rows["plain_off"].reshape(-1, 4, STEPS).mean(axis=(1, 2))
    print(
        f"  {kind:5} {name:6} time p50 {took[len(took) // 2]:.1f} ms, most {took[-1]:.1f} ms;"
        f" better than naive on {int((days < plain_days).sum())} of {len(days)} days"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast", description=__doc__)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--homes", nargs="*", default=["H0-A", "H0-B", "H0-C", "H0-G", "H0-L"])
    parser.add_argument("--pv", nargs="*", default=["PV1", "PV4", "PV7"])
    parser.add_argument("--place", action="store_true", help="51.0 N 10.0 E; else the shape from history")
    chosen = parser.parse_args(arguments)
    print(f"  {machine()}")
    days = [round(each) for each in np.linspace(61, 363, chosen.days)]
    origins = [START + timedelta(days=day, hours=hours) for day in days for hours in (0, 6, 12, 18)]
    every = list[Compared]()
    for name, truth in homes(chosen.homes).items():
        found = [compare(truth, each, lambda past, ahead: forecasters.load(past, ahead, ZONE)) for each in origins]
        report("load", name, found, "W")
        every += found
    if len(chosen.homes) > 1:
        report("load", "all", every, "W")
    place = Place(51.0, 10.0) if chosen.place else None
    every = []
    for name, truth in modules(chosen.pv).items():
        found = [compare(truth, each, lambda past, ahead: forecasters.pv(past, ahead, place)) for each in origins]
        report("pv", name, found, "W")
        every += found
    if len(chosen.pv) > 1:
        report("pv", "all", every, "W")


if __name__ == "__main__":
    main()
