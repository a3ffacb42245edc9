"""A home's year for the benches of planning: measured profiles of SimBench, and what it does not have, made up and said here.

Load and PV are SimBench's (2016, quarters of an hour, extra `sim`), scaled to one home. SimBench has neither prices nor weather: the
market's price follows the residual load (all loads less all renewables) of SimBench's own grid, as day-ahead prices do, and the
temperature outside is a year and a day of cosines with weather that wanders for days. Both are drawn from the seed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from controller.planning.site import Floats

QUARTERS: Final = 96
# SimBench's clock is taken as UTC: nothing here depends on where noon is.
START: Final = datetime(2016, 1, 1, tzinfo=UTC)
FOLDER: Final = "networks/1-complete_data-mixed-all-0-sw"
# What a household pays on top of the market: network, levies, taxes; and what it gets for its sun (EUR/kWh, Germany 2024 about).
ADDED_PER_KWH, FEED_IN_PER_KWH = 0.20, 0.08
# At their best hour sun and wind make so much of the mean load (Germany, a few years ago).
SUN_AT_MOST, WIND_AT_MOST = 1.0, 0.7
MARKET_MEAN, MARKET_SPREAD, MARKET_LEAST, MARKET_MOST = 0.08, 0.05, -0.10, 0.40


@dataclass(frozen=True, slots=True, eq=False)
class Year:
    """Quarter-hour means from `START` on: load and PV (magnitudes, W), temperature, prices per kWh."""

    load_w: Floats
    pv_w: Floats
    outdoor_c: Floats
    import_per_kwh: Floats
    export_per_kwh: Floats


def moment(quarter: int) -> datetime:
    """When a quarter of the year begins."""
    return START + timedelta(seconds=900.0 * quarter)


def year(
    profile: str = "H0-A", plant: str = "PV3", *, year_wh: float = 3.5e6, peak_w: float = 6000.0, seed: int = 1
) -> Year:
    """The year of one home."""
    loads, renewables = table("LoadProfile.csv"), table("RESProfile.csv")
    load = loads[f"{profile}_pload"]
    load_w = load * (year_wh / (load.sum() / 4.0))
    pv_w = renewables[plant] * peak_w
    market = market_price(loads, renewables)
    feed_in = np.full(len(load_w), FEED_IN_PER_KWH)
    return Year(load_w, pv_w, weather(len(load_w), seed), market + ADDED_PER_KWH, feed_in)


def market_price(loads: dict[str, Floats], renewables: dict[str, Floats]) -> Floats:
    """Hourly: the mean, and so much more or less as the residual load of this hour is above or below its own mean."""
    load = sum(value for name, value in loads.items() if name.endswith("_pload"))
    sun, wind = (sum(value for name, value in renewables.items() if name[:2] == kind) for kind in ("PV", "WP"))
    residual = load / load.mean() - SUN_AT_MOST * sun / sun.max() - WIND_AT_MOST * wind / wind.max()
    hourly = residual.reshape(-1, 4).mean(axis=1)
    price = MARKET_MEAN + MARKET_SPREAD * (hourly - hourly.mean()) / hourly.std()
    return np.repeat(np.clip(price, MARKET_LEAST, MARKET_MOST), 4)


def weather(quarters: int, seed: int) -> Floats:
    """The temperature outside: 9.5 degC on the mean, coldest in mid January, and a front every few days."""
    random, day = np.random.default_rng(seed), np.arange(quarters) / QUARTERS
    front, wandering = 0.0, np.empty(quarters // QUARTERS + 2)
    for each in range(len(wandering)):
        front = 0.75 * front + random.normal(0.0, 2.2)
        wandering[each] = front
    fronts = np.interp(day, np.arange(len(wandering)), wandering)
    return 9.5 - 9.0 * np.cos(2 * np.pi * (day - 15) / 366) - 3.5 * np.cos(2 * np.pi * (day % 1.0 - 0.125)) + fronts


@cache
def table(file: str) -> dict[str, Floats]:
    """Every column of one of SimBench's tables."""
    spec = find_spec("simbench")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("these profiles need SimBench, which is in the extra `sim`", name="simbench")
    path = Path(spec.submodule_search_locations[0]) / FOLDER / file
    with path.open() as lines:
        heads = lines.readline().rstrip("\n").split(";")
        rows = np.loadtxt(lines, delimiter=";", usecols=range(1, len(heads)), dtype=np.float64)
    return dict(zip(heads[1:], rows.T, strict=True))
