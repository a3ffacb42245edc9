"""How good forecasts are: `PYTHONPATH=. python -m bench.forecast [--days N] [--homes …] [--pv …]`.

SimBench's homes and modules (2016, quarter-hours). On days spread over the year, each with the 60 days before it as
history, forecasts of 48 h from 00:00, 06:00, 12:00 and 18:00 are compared with what came. Homes are scaled to 3,500 kWh a year,
modules to 5 kW. The homes' table is in local time; the modules' sun culminates at the same row all year round, so theirs is taken
for UTC. Where they stand is not published: the sun's shape comes from their history, and once more from a place that is guessed.
The naive forecast is the last day of the same kind for loads and the day before for modules; its quantiles are those of its
own past errors.
"""

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter, thread_time
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
# 1 January 2016, 00:00 local time.
START: Final = datetime(2015, 12, 31, 23, tzinfo=UTC)
SUN_START: Final = datetime(2016, 1, 1, tzinfo=UTC)
GUESSED: Final = Place(51.0, 14.0)
YEAR_WH: Final = 3_500_000.0
PV_W: Final = 5_000.0
STEPS: Final = 192
LEADS: Final = ((1, "1 h"), (6, "6 h"), (24, "24 h"), (48, "48 h"))


@dataclass(frozen=True)
class Compared:
    """Of one forecast: absolute error, pinball and coverage of each step (NaN at night), and the plain one's."""

    off: Floats
    pinball: Floats
    inside: Floats
    plain_off: Floats
    plain_pinball: Floats
    took_s: float
    cpu_s: float


def homes(names: list[str]) -> dict[str, Series]:
    """Load profiles as W."""
    found = {name: profiles.simbench(name).active for name in names}
    return {name: Series(START, QUARTER_S, each * (YEAR_WH / 8784.0 / each.mean())) for name, each in found.items()}


def modules(names: list[str]) -> dict[str, Series]:
    """PV profiles as W, from the table beside the loads'."""
    path = profiles._table().with_name("RESProfile.csv")
    with path.open() as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return {name: Series(SUN_START, QUARTER_S, PV_W * np.array([float(row[name]) for row in rows])) for name in names}


Make = Callable[[Series, Horizon], Forecast]


def compare(truth: Series, origin: datetime, make: Make, make_plain: Make) -> Compared:
    """One forecast and the plain one from one moment."""
    horizon = Horizon(origin, QUARTER_S, STEPS)
    steps = round((origin - truth.start).total_seconds() / QUARTER_S)
    history = Series(truth.start, QUARTER_S, truth.values[max(0, steps - 60 * 96) : steps])
    history = Series(origin - timedelta(seconds=len(history.values) * QUARTER_S), QUARTER_S, history.values)
    began_s, cpu_s = perf_counter(), thread_time()
    told = make(history, horizon)
    took_s, cpu_s = perf_counter() - began_s, thread_time() - cpu_s
    plain = make_plain(history, horizon)
    real = truth.on(horizon)
    inside = (told.at(0.1) <= real) & (real <= told.at(0.9))
    return Compared(
        np.abs(told.median - real),
        losses(told, real),
        np.where(told.at(0.9) > 0.0, inside, np.nan),
        np.abs(plain.median - real),
        losses(plain, real),
        took_s,
        cpu_s,
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
            f"  {kind:5} {name:6} to {label:4} MAE {off:6.1f} {unit} (naive {plain:6.1f}, {1 - off / max(plain, 1e-9):+.0%})"
            f"  pinball {loss:5.1f} (naive {plain_loss:5.1f}, {1 - loss / max(plain_loss, 1e-9):+.0%})"
            f"  p10-p90 {np.nanmean(rows['inside'][:, now]):.0%}{worse}"
        )
    took, cpu = np.sort(rows["took_s"]) * 1e3, np.sort(rows["cpu_s"]) * 1e3
    days = rows["off"].reshape(-1, 4, STEPS).mean(axis=(1, 2))
    plain_days = rows["plain_off"].reshape(-1, 4, STEPS).mean(axis=(1, 2))
    print(
        f"  {kind:5} {name:6} took p50 {took[len(took) // 2]:.1f}, most {took[-1]:.1f} ms (processor"
        f" p50 {cpu[len(cpu) // 2]:.1f}, most {cpu[-1]:.1f} ms); better than naive on {int((days < plain_days).sum())} of {len(days)} days"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast", description=__doc__)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--homes", nargs="*", default=["H0-A", "H0-B", "H0-C", "H0-G", "H0-L"])
    parser.add_argument("--pv", nargs="*", default=["PV1", "PV4", "PV7"])
    chosen = parser.parse_args(arguments)
    print(f"  {machine()}")
    days = [round(each) for each in np.linspace(61, 363, chosen.days)]
    origins = [START + timedelta(days=day, hours=hours) for day in days for hours in (0, 6, 12, 18)]
    loads = homes(chosen.homes)
    over("load", loads, origins, _load, lambda past, ahead: forecasters.naive(past, ahead, ZONE))
    suns = modules(chosen.pv)
    for kind, place in (("pv", None), ("pv at", GUESSED)):

        def pv(past: Series, ahead: Horizon, place: Place | None = place) -> Forecast:
            return forecasters.pv(past, ahead, place)

        over(kind, suns, origins, pv, lambda past, ahead: forecasters.naive(past, ahead, kinds=False))


def over(kind: str, truths: dict[str, Series], origins: list[datetime], make: Make, make_plain: Make) -> None:
    """Compare and report one by one and all together."""
    every = list[Compared]()
    for name, truth in truths.items():
        found = [compare(truth, origin, make, make_plain) for origin in origins]
        report(kind, name, found, "W")
        every += found
    if len(truths) > 1:
        report(kind, "all", every, "W")


def _load(past: Series, ahead: Horizon) -> Forecast:
    return forecasters.load(past, ahead, ZONE)


if __name__ == "__main__":
    main()
