"""The weather of one home by itself: the temperature outside, and how long and strong the sun shines.

A day's course with its warmest hour at three in the afternoon, and what wanders about it from day to day. `world/weather.py`
has a sky and a place; this is what a film needs. Hours are those of the home's own clock.
"""

import math
from dataclasses import dataclass
from random import Random

from sim_hardware.physics.check import finite, within
from sim_hardware.physics.grid import Wander
from sim_hardware.physics.load import DAY_S

WARMEST_S = 15 * 3600.0
# Weather fronts: half a day.
WANDER_S = 12 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """`swing_k` up and down about `mean_c` each day, `wander_k` (standard deviation) beside it; the sun's hours and its noon."""

    mean_c: float = 10.0
    swing_k: float = 4.0
    wander_k: float = 0.5
    rise_h: float = 6.0
    set_h: float = 18.5
    noon_w_m2: float = 800.0

    def __post_init__(self) -> None:
        finite("climate: mean_c", self.mean_c)
        for field in ("swing_k", "wander_k"):
            within(f"climate: {field}", getattr(self, field), 0.0, 30.0)
        within("climate: rise_h", self.rise_h, 0.0, 12.0)
        within("climate: set_h", self.set_h, 12.0, 24.0)
        within("climate: noon_w_m2", self.noon_w_m2, 0.0, 1_400.0)


WINTER = Climate(mean_c=0.0, swing_k=3.0, rise_h=8.0, set_h=16.5, noon_w_m2=450.0)
SPRING = Climate()
SUMMER = Climate(mean_c=24.0, swing_k=7.0, rise_h=5.5, set_h=21.0, noon_w_m2=950.0)


class Outdoors:
    """`temperature_c`; `hold_c` replaces it by a fixed one."""

    def __init__(self, random: Random, climate: Climate, day_s: float) -> None:
        self.climate, self._day_s = climate, day_s
        self._wander = Wander(random, 0.0, climate.wander_k, WANDER_S)
        self.hold_c: float | None = None

    def after(self, dt_s: float) -> None:
        """Let the day go on."""
        self._day_s = (self._day_s + dt_s) % DAY_S
        self._wander.after(dt_s)

    @property
    def temperature_c(self) -> float:
        """Outside, in the shade."""
        if self.hold_c is not None:
            return self.hold_c
        course = math.cos(2.0 * math.pi * (self._day_s - WARMEST_S) / DAY_S)
        return self.climate.mean_c + self.climate.swing_k * course + self._wander.value
