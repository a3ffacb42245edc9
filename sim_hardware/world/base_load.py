"""The base load of many homes: synthetic appliances, or SimBench's profiles through the year."""

import math
from datetime import datetime
from random import Random
from typing import Protocol

import numpy as np

from sim_hardware.physics.load import APPLIANCES, DAY_S, Load
from sim_hardware.physics.profiles import Profile, simbench, simbench_names
from sim_hardware.physics.vector import Floats
from sim_hardware.world.parts import LoadPart
from sim_hardware.world.switching import Switching

SHARES = (0.5, 0.3, 0.2)
# What the appliances take in a year on average; a home of less than that has only its standby left.
APPLIANCES_W = sum(each.power_w * each.mean_run_s / (each.mean_run_s + each.mean_pause_s) for each in APPLIANCES)
LEAST_STANDBY_W = 30.0
HOURS_A_YEAR = 8_760.0


class BaseLoad(Protocol):
    """Writes what is drawn into arrays it is given, homes x 3."""

    def after(self, dt_s: float, power_w: Floats, reactive_var: Floats) -> None:
        """Let time pass and fill both arrays."""
        ...


def base_load(part: LoadPart, start: datetime, sizes: Floats, turns: list[int], randoms: list[Random]) -> BaseLoad:
    """The load of a block; `sizes` scale each home, `turns` say on which phase each home begins."""
    if part.profile == "appliances":
        return ApplianceLoad(part, start, sizes, turns, randoms)
    return ProfileLoad(part, start, sizes, turns, randoms)


def turned(values: tuple[float, float, float], turn: int) -> tuple[float, float, float]:
    """The same on other phases: turn 1 puts what was on L1 on L2."""
    a, b, c = (values[(phase - turn) % 3] for phase in range(3))
    return a, b, c


class ApplianceLoad:
    """Standby with a daily shape, and appliances that come and go, each on its phase."""

    def __init__(self, part: LoadPart, start: datetime, sizes: Floats, turns: list[int], randoms: list[Random]) -> None:
        self._day_s = _day_s(start)
        standby_w = np.maximum(part.year_wh / HOURS_A_YEAR * sizes - APPLIANCES_W, LEAST_STANDBY_W)
        self._standby_w = standby_w[:, None] * np.array([turned(SHARES, turn) for turn in turns])
        self._on_w = np.zeros_like(self._standby_w)
        self._turns = turns
        self._switching = Switching(APPLIANCES, randoms, self._switched)

    def _switched(self, home: int, what: int, is_on: bool) -> None:
        appliance = APPLIANCES[what]
        phase = (appliance.phase + self._turns[home]) % 3
        self._on_w[home, phase] += appliance.power_w if is_on else -appliance.power_w

    def after(self, dt_s: float, power_w: Floats, reactive_var: Floats) -> None:
        """As the port says; more in the evening (half past seven), least in the small hours."""
        self._day_s = (self._day_s + dt_s) % DAY_S
        self._switching.after(dt_s)
        evening = math.cos(2.0 * math.pi * (self._day_s / DAY_S - 19.5 / 24.0))
        np.multiply(self._standby_w, 1.0 + 0.5 * evening, out=power_w)
        power_w += self._on_w
        np.multiply(power_w, Load.REACTIVE_PER_W, out=reactive_var)


class ProfileLoad:
    """SimBench's quarters of an hour; a name such as `H0` draws for each home one of H0-A, H0-B, …"""

    def __init__(self, part: LoadPart, start: datetime, sizes: Floats, turns: list[int], randoms: list[Random]) -> None:
        self._year_s = (start - datetime(start.year, 1, 1, tzinfo=start.tzinfo)).total_seconds()
        names = _fitting(part.profile)
        drawn = [random.choice(names) for random in randoms]
        self._profiles = {name: _of_mean_one(simbench(name)) for name in sorted(set(drawn))}
        self._drawn = drawn
        mean_w = part.year_wh / HOURS_A_YEAR * sizes
        self._mean_w = mean_w[:, None] * np.array([turned(SHARES, turn) for turn in turns])
        self._quarter = -1
        self._factors = np.zeros((2, len(drawn), 1))

    def after(self, dt_s: float, power_w: Floats, reactive_var: Floats) -> None:
        """As the port says."""
        quarter = int(self._year_s // 900.0)
        if quarter != self._quarter:
            self._quarter = quarter
            now = {name: profile.at(self._year_s) for name, profile in self._profiles.items()}
            self._factors[:, :, 0] = np.array([now[name] for name in self._drawn]).T
        self._year_s += dt_s
        np.multiply(self._mean_w, self._factors[0], out=power_w)
        np.multiply(self._mean_w, self._factors[1], out=reactive_var)


def _fitting(profile: str) -> list[str]:
    names = [name for name in simbench_names() if name == profile or name.startswith(f"{profile}-")]
    if not names:
        known = sorted({name.partition("-")[0] for name in simbench_names()})
        raise ValueError(f"profile {profile!r}: allowed are appliances, {', '.join(known)}, or one such as H0-A")
    return sorted(names)


def _of_mean_one(profile: Profile) -> Profile:
    mean = float(profile.active.mean())
    return Profile(profile.step_s, profile.active / mean, profile.reactive / mean)


def _day_s(moment: datetime) -> float:
    return moment.hour * 3600.0 + moment.minute * 60.0 + moment.second
