"""Load profiles: SimBench's, measured through the year 2016 in quarters of an hour, or our own without it.

SimBench's tables are read from the installed package's own files, without importing it (it would bring pandas and
pandapower into the process); extra `sim`. Its profiles are relative to the load's rated power.
"""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from sim_hardware.physics.check import above, finite
from sim_hardware.physics.network import Floats

QUARTER_S: Final = 900.0
TABLE: Final = "networks/1-complete_data-mixed-all-0-sw/LoadProfile.csv"


@dataclass(frozen=True, slots=True)
class Profile:
    """Values held for `step_s` each, from 1 January 00:00 local time on, and from the start again after the last."""

    step_s: float
    active: Floats
    reactive: Floats

    def __post_init__(self) -> None:
        above("profile: step_s", self.step_s)
        if len(self.active) == 0 or len(self.active) != len(self.reactive):
            raise ValueError(
                f"profile: {len(self.active)} active and {len(self.reactive)} reactive values; they must be as many, and some"
            )

    def at(self, second: float) -> tuple[float, float]:
        """Active and reactive value at this second."""
        row = int(finite("profile: second", second) // self.step_s) % len(self.active)
        return float(self.active[row]), float(self.reactive[row])


def simbench_names() -> tuple[str, ...]:
    """What SimBench calls its load profiles: H0-A … for homes, G0-A … for trade, L0-A … for farms."""
    with _table().open() as lines:
        heads = lines.readline().rstrip("\n").split(";")
    return tuple(head.removesuffix("_pload") for head in heads if head.endswith("_pload"))


def simbench(name: str) -> Profile:
    """One load profile of SimBench, relative to rated power."""
    names = simbench_names()
    if name not in names:
        raise ValueError(f"SimBench profile {name!r} is not there; known are {', '.join(sorted(names))}")
    with _table().open() as lines:
        heads = lines.readline().rstrip("\n").split(";")
        columns = heads.index(f"{name}_pload"), heads.index(f"{name}_qload")
        rows = [line.rstrip("\n").split(";") for line in lines]
    active, reactive = (np.array([float(row[column]) for row in rows]) for column in columns)
    return Profile(QUARTER_S, active, reactive)


def synthetic(random: Random, *, year_wh: float = 3_500_000.0, days: int = 7) -> Profile:
    """A home's days in watts: low at night, a hump in the morning, a larger one in the evening, and each day its own.

    `year_wh` is met on the mean of the profile exactly.
    """
    above("profile: year_wh", year_wh)
    above("profile: days", days)
    shape = np.array([_level(random, hour / 4.0 % 24.0) for hour in range(96 * days)])
    active = shape * (year_wh / 8760.0 / shape.mean())
    return Profile(QUARTER_S, active, 0.25 * active)


def _level(random: Random, hour: float) -> float:
    morning = 0.7 * math.exp(-(((hour - 7.5) / 1.3) ** 2))
    evening = 1.4 * math.exp(-(((hour - 19.5) / 2.2) ** 2))
    return (0.35 + morning + evening) * random.lognormvariate(0.0, 0.35)


def _table() -> Path:
    spec = find_spec("simbench")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "these profiles need SimBench, which is in the extra `sim`: python -m pip install --editable '.[sim]'",
            name="simbench",
        )
    return Path(spec.submodule_search_locations[0]) / TABLE
