"""Photovoltaics: a sun with clouds, and the generator that follows it or a limit, whichever is lower."""

import math
from random import Random
from typing import Protocol

from sim_hardware.physics.grid import Wander
from sim_hardware.physics.load import DAY_S
from sim_hardware.physics.terminal import approach


class Sun:
    """Irradiance over the day: a bell between sunrise and sunset, dimmed by clouds that come and go.

    `hold_w_m2` replaces it by a fixed irradiance.
    """

    NOON_W_M2 = 950.0

    def __init__(
        self,
        random: Random,
        day_s: float,
        *,
        rise_h: float = 5.5,
        set_h: float = 21.0,
        noon_w_m2: float = NOON_W_M2,
    ) -> None:
        self._day_s, self._noon_w_m2 = day_s, noon_w_m2
        self._rise_s, self._set_s = rise_h * 3600.0, set_h * 3600.0
        self._clouds = Wander(random, 0.85, 0.15, 240.0)
        self.hold_w_m2: float | None = None

    def after(self, dt_s: float) -> None:
        """Let time and clouds pass."""
        self._day_s = (self._day_s + dt_s) % DAY_S
        self._clouds.after(dt_s)

    @property
    def irradiance_w_m2(self) -> float:
        """The present irradiance in the plane of the modules."""
        if self.hold_w_m2 is not None:
            return self.hold_w_m2
        height = math.sin(math.pi * (self._day_s - self._rise_s) / (self._set_s - self._rise_s))
        if not self._rise_s < self._day_s < self._set_s:
            return 0.0
        return self._noon_w_m2 * math.pow(height, 1.3) * min(1.0, max(0.15, self._clouds.value))


class Shine(Protocol):
    """What a plant needs of a sun: `Sun` here, or `sky.SkySun` over a place."""

    def after(self, dt_s: float) -> None:
        """Let time pass."""

    @property
    def irradiance_w_m2(self) -> float:
        """The present irradiance in the plane of the modules."""


class Plant(Protocol):
    """What an inverter's registers need of the plant behind them."""

    limit_w: float | None

    @property
    def rating_w(self) -> float:
        """Active power at most, a magnitude."""

    @property
    def available_w(self) -> float:
        """What could be produced now, a magnitude."""

    @property
    def is_throttled(self) -> bool:
        """Whether the limit binds."""


class PvPlant:
    """Modules and their inverter: `power_w` (negative: it produces) follows sun and limit with a first-order lag."""

    reactive_var = 0.0  # nothing but active power

    def __init__(self, sun: Shine, *, peak_w: float = 5000.0, rating_w: float = 5000.0, lag_s: float = 1.0) -> None:
        self.sun = sun
        self.peak_w, self.rating_w, self.lag_s = peak_w, rating_w, lag_s
        self.limit_w: float | None = None  # at most this is produced, a magnitude; None: no limit
        self._output_w = 0.0

    @property
    def available_w(self) -> float:
        """What could be produced now, a magnitude."""
        return min(self.rating_w, self.peak_w * self.sun.irradiance_w_m2 / 1000.0)

    @property
    def is_throttled(self) -> bool:
        """Whether the limit binds."""
        return self.limit_w is not None and self.limit_w < self.available_w

    @property
    def power_w(self) -> float:
        """Active power, negative when producing."""
        return -self._output_w

    def after(self, dt_s: float) -> None:
        """Follow."""
        self.sun.after(dt_s)
        target_w = self.available_w if self.limit_w is None else min(self.available_w, self.limit_w)
        self._output_w = approach(self._output_w, target_w, self.lag_s, dt_s)
