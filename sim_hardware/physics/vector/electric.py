"""PV plants, batteries and cars of many homes; the equations are those of `pv.py`, `battery.py` and `ev.py`."""

import math
from typing import Final

import numpy as np

from sim_hardware.physics.ev import LEAST_A, EvParams
from sim_hardware.physics.load import DAY_S
from sim_hardware.physics.vector import Bools, Floats, Rows, Values, above_zero, filled, per_home, pick

_NOBODY: Final = np.zeros(0, dtype=np.intp)


class PvPlants:
    """Plants that follow their irradiance or a limit; `power_w` is negative."""

    def __init__(self, count: int, dt_s: float, *, peak_w: Values, rating_w: Values, lag_s: float = 1.0) -> None:
        self._per_w_m2 = above_zero(count, "peak_w", peak_w) / 1000.0
        self._rating_w = above_zero(count, "rating_w", rating_w)
        self._keep = math.exp(-dt_s / lag_s) if lag_s > 0.0 else 0.0
        self.limit_w: Values | None = None
        self.power_w = np.zeros(count)

    def after(self, irradiance_w_m2: Values) -> None:
        """One step."""
        new = 1.0 - self._keep
        target_w = np.asarray(self._per_w_m2 * (irradiance_w_m2 * new))
        target_w = np.minimum(target_w, self._rating_w * new)
        if self.limit_w is not None:
            np.minimum(target_w, self.limit_w * new, out=target_w)
        self.power_w *= self._keep
        self.power_w -= target_w


class Batteries:
    """`request_w` is what is asked for, positive when charging; 0 rests."""

    def __init__(
        self,
        count: int,
        dt_s: float,
        *,
        capacity_wh: Values,
        rating_w: Values,
        round_trip: float = 0.92,
        soc: Values = 0.5,
        soc_least: float = 0.05,
        soc_most: float = 1.0,
        lag_s: float = 1.0,
    ) -> None:
        capacity = above_zero(count, "capacity_wh", capacity_wh)
        self._rating_w = above_zero(count, "rating_w", rating_w)
        self._least_w = -self._rating_w
        one_way = math.sqrt(float(above_zero(1, "round_trip", round_trip)))
        # What one watt for one step puts in, and takes out.
        self._put_wh, self._take_wh = one_way * dt_s / 3600.0, dt_s / 3600.0 / one_way
        self._least_wh, self._most_wh = soc_least * capacity, soc_most * capacity
        self._keep = math.exp(-dt_s / lag_s) if lag_s > 0.0 else 0.0
        self.request_w = np.zeros(count)
        self.stored_wh = filled(count, per_home(count, "soc", soc) * capacity)
        self.power_w = np.zeros(count)
        # Those that were cut, and what they would have done: the lag goes on from there.
        self._cut_rows: Rows = np.zeros(0, dtype=np.intp)
        self._uncut_w: Floats = np.zeros(0)

    def after(self) -> None:
        """One step; cut so that it never oversteps full or empty."""
        power_w = self.power_w
        power_w[self._cut_rows] = self._uncut_w
        target_w = np.maximum(self.request_w, self._least_w)
        np.minimum(target_w, self._rating_w, out=target_w)
        power_w -= target_w
        power_w *= self._keep
        power_w += target_w
        # In times the way's efficiency, out over it: the less of both is right for either sign.
        stored_wh = np.multiply(power_w, self._take_wh / self._put_wh, out=target_w)
        np.minimum(stored_wh, power_w, out=stored_wh)
        stored_wh *= self._put_wh
        stored_wh += self.stored_wh
        beyond = stored_wh > self._most_wh
        beyond |= stored_wh < self._least_wh
        (self._cut_rows,) = beyond.nonzero()
        self._uncut_w = power_w.take(self._cut_rows)
        if self._cut_rows.size:
            self._cut(self._cut_rows, stored_wh)
        self.stored_wh = stored_wh

    def _cut(self, rows: Rows, stored_wh: Floats) -> None:
        """Less power for those that would overstep; one that is beyond a limit already comes no further."""
        was_wh, new_wh = self.stored_wh.take(rows), stored_wh.take(rows)
        most_wh = np.maximum(pick(self._most_wh, rows), np.minimum(was_wh, new_wh))
        least_wh = np.minimum(pick(self._least_wh, rows), np.maximum(was_wh, new_wh))
        np.clip(new_wh, least_wh, most_wh, out=new_wh)
        stored_wh[rows] = new_wh
        new_wh -= was_wh
        self.power_w[rows] = np.maximum(new_wh * (1.0 / self._put_wh), new_wh * (1.0 / self._take_wh))


class Evs:
    """Cars on one clock; `new_day` sets each car's trip, `limit_a` is the wallboxes' offer (None: all they can take)."""

    def __init__(
        self,
        count: int,
        dt_s: float,
        *,
        params: EvParams,
        leave_s: Floats,
        arrive_s: Floats,
        energy_wh: Values,
        capacity_wh: Values | None = None,
        day_s: float = 0.0,
        soc: Values = 0.6,
    ) -> None:
        self.params, self._dt_s, self._day_s = params, dt_s, day_s
        capacity = above_zero(count, "capacity_wh", params.capacity_wh if capacity_wh is None else capacity_wh)
        self._capacity_wh = capacity
        self._slope = -params.most_a * (1.0 - params.taper_to) / (1.0 - params.taper_from) / capacity
        self._start_a = params.most_a * (1.0 + params.taper_from * (1.0 - params.taper_to) / (1.0 - params.taper_from))
        self.stored_wh = filled(count, per_home(count, "soc", soc) * capacity)
        self.limit_a: Values | None = None
        self.power_w = np.zeros(count)
        self.new_day(leave_s, arrive_s, energy_wh)

    def new_day(self, leave_s: Floats, arrive_s: Floats, energy_wh: Values) -> None:
        """The trips of the day that runs, one per car."""
        count = len(self.power_w)
        leave, arrive = (
            filled(count, per_home(count, name, value))
            for name, value in (("leave_s", leave_s), ("arrive_s", arrive_s))
        )
        if (arrive < leave).any():
            home = int(np.argmax(arrive < leave))
            raise ValueError(
                f"arrive_s of home {home} is {arrive[home]:g}; it must be at least leave_s {leave[home]:g}"
            )
        self._energy_wh = per_home(count, "energy_wh", energy_wh)
        self._here = np.where((leave <= self._day_s) & (self._day_s < arrive), 0.0, 1.0)
        self._left, self._back = _Queue(leave), _Queue(arrive)
        self._left.due(self._day_s)
        self._back.due(self._day_s)

    @property
    def is_home(self) -> Bools:
        """Which cars are there."""
        return np.equal(self._here, 1.0)

    def after(self, voltage_v: Values = 230.0) -> None:
        """One step: charge as it stood at its start, then come or go."""
        p, power_w = self.params, self.power_w
        offer_a = p.most_a if self.limit_a is None else np.minimum(self.limit_a, p.most_a)
        w_per_a = p.phases * voltage_v
        np.multiply(self.stored_wh, self._slope * w_per_a, out=power_w)
        power_w += self._start_a * w_per_a
        power_w.clip(-math.inf, offer_a * w_per_a, out=power_w)
        power_w *= self._here if self.limit_a is None else self._here * (offer_a >= LEAST_A)
        per_w = p.efficiency * self._dt_s / 3600.0
        stored_wh = power_w * per_w
        stored_wh += self.stored_wh
        full = np.flatnonzero(stored_wh > self._capacity_wh)
        if full.size:
            stored_wh[full] = pick(self._capacity_wh, full)
            power_w[full] = (stored_wh[full] - self.stored_wh[full]) / per_w
        self.stored_wh = stored_wh
        self._move()

    def _move(self) -> None:
        self._day_s += self._dt_s
        if self._day_s >= DAY_S:
            self._day_s -= DAY_S
            self._left.rewind()
            self._back.rewind()
        left, back = self._left.due(self._day_s), self._back.due(self._day_s)
        if left.size:
            self._here[left] = 0.0
        rows = back[self._here.take(back) == 0.0] if back.size else back
        if rows.size:
            self.stored_wh[rows] = np.maximum(self.stored_wh.take(rows) - pick(self._energy_wh, rows), 0.0)
            self._here[rows] = 1.0


class _Queue:
    """Moments of the day in order, so that a step touches only the cars that move."""

    def __init__(self, moments_s: Floats) -> None:
        order = np.argsort(moments_s, kind="stable")
        self._rows = order.astype(np.int32)
        self._moments_s = moments_s[order].astype(np.float32)  # to the hundredth of a second
        self.rewind()

    def rewind(self) -> None:
        self._from(0)

    def due(self, day_s: float) -> Rows:
        """The homes whose moment has come since the last call."""
        if day_s < self._next_s:
            return _NOBODY
        first = self._next
        self._from(int(np.searchsorted(self._moments_s, day_s, side="right")))
        return self._rows[first : self._next].astype(np.intp)

    def _from(self, place: int) -> None:
        self._next = place
        self._next_s = float(self._moments_s[place]) if place < len(self._moments_s) else math.inf
