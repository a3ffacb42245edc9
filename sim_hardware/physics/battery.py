"""A battery: it follows a power within its ratings until it is full or empty, and loses some on both ways."""

import math
from typing import Protocol

from sim_hardware.physics.terminal import approach


class Store(Protocol):
    """What a battery inverter's registers need of the store behind them."""

    request_w: float | None
    discharge_limit_w: float | None

    @property
    def rating_w(self) -> float:
        """Power at most, either way."""

    @property
    def capacity_wh(self) -> float:
        """What it holds when full."""

    @property
    def stored_wh(self) -> float:
        """What it holds now."""

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""


class BatteryStore:
    """Power is positive when charging. Asked for nothing (`request_w` None) it rests at 0 W, its own mode."""

    def __init__(
        self,
        *,
        capacity_wh: float = 10_000.0,
        rating_w: float = 5000.0,
        round_trip: float = 0.92,
        soc: float = 0.5,
        soc_least: float = 0.05,
        soc_most: float = 1.0,
        lag_s: float = 1.0,
    ) -> None:
        self.capacity_wh, self.rating_w, self.lag_s = capacity_wh, rating_w, lag_s
        self._one_way = math.sqrt(round_trip)
        self._least_wh, self._most_wh = soc_least * capacity_wh, soc_most * capacity_wh
        self.stored_wh = soc * capacity_wh
        self.request_w: float | None = None
        self.discharge_limit_w: float | None = None  # a magnitude; None: no limit
        self._wanted_w = 0.0
        self.power_w = 0.0

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self.stored_wh / self.capacity_wh

    def after(self, dt_s: float) -> None:
        """Follow the request and move the charge; the power is cut so that the step never oversteps full or empty."""
        self._wanted_w = approach(self._wanted_w, self._target_w(), self.lag_s, dt_s)
        self.power_w = min(self._fill_w(dt_s), max(-self._drain_w(dt_s), self._wanted_w))
        factor = self._one_way if self.power_w > 0.0 else 1.0 / self._one_way
        self.stored_wh += self.power_w * factor * dt_s / 3600.0

    def _target_w(self) -> float:
        wanted_w = 0.0 if self.request_w is None else self.request_w
        most_out_w = self.rating_w if self.discharge_limit_w is None else min(self.rating_w, self.discharge_limit_w)
        return min(self.rating_w, max(-most_out_w, wanted_w))

    def _fill_w(self, dt_s: float) -> float:
        return max(0.0, self._most_wh - self.stored_wh) / self._one_way * 3600.0 / dt_s

    def _drain_w(self, dt_s: float) -> float:
        return max(0.0, self.stored_wh - self._least_wh) * self._one_way * 3600.0 / dt_s
