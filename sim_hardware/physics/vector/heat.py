"""Houses, heat pumps and water heaters of many homes; the equations are those of `thermal/`.

What changes seldom (who runs, what the weather allows) is kept ready, so that a step is a few passes over each array.
"""

import math
from typing import Final

import numpy as np

from sim_hardware.physics.thermal import curves
from sim_hardware.physics.thermal.heat_pump import HeatPumpParams
from sim_hardware.physics.thermal.two_node import exponential
from sim_hardware.physics.thermal.water_heater import KG_PER_L, WATER_J_PER_KG_K
from sim_hardware.physics.vector import Bools, Floats, Rows, Values, above_zero, filled, held, per_home, pick, pieces


class Houses:
    """Two masses per home, stepped exactly; one step length for life."""

    def __init__(
        self,
        count: int,
        dt_s: float,
        *,
        envelope_w_per_k: Values,
        air_j_per_k: Values,
        mass_j_per_k: Values,
        coupling_w_per_k: Values,
        air_c: Values = 20.0,
    ) -> None:
        ua = above_zero(count, "envelope_w_per_k", envelope_w_per_k)
        ca = above_zero(count, "air_j_per_k", air_j_per_k)
        cm = above_zero(count, "mass_j_per_k", mass_j_per_k)
        hm = above_zero(count, "coupling_w_per_k", coupling_w_per_k)
        self._k_per_w, self._mass_k_per_w = 1.0 / ua, 1.0 / hm
        aa, am, ma, mm = exponential(-(ua + hm) / ca, hm / ca, hm / cm, -hm / cm, dt_s)
        self._keep = aa, am, ma, mm / am
        self.air_c = filled(count, per_home(count, "air_c", air_c))
        self.mass_c = self.air_c.copy()

    def after(self, outdoor_c: Values, air_gain_w: Floats, mass_gain_w: Values | None = None) -> None:
        """One step: x' = rest + exp(A dt) (x - rest)."""
        aa, am, ma, mm_by_am = self._keep
        gains_w = air_gain_w if mass_gain_w is None else air_gain_w + mass_gain_w
        rest_c = gains_w * self._k_per_w
        rest_c += outdoor_c
        warmer = 0.0 if mass_gain_w is None else mass_gain_w * self._mass_k_per_w
        old, mass = self.air_c, self.mass_c
        old -= rest_c
        mass -= rest_c
        if mass_gain_w is not None:
            mass -= warmer
        air = old * aa
        mass *= am
        air += mass
        air += rest_c
        old *= ma
        mass *= mm_by_am
        mass += old
        mass += rest_c
        if mass_gain_w is not None:
            mass += warmer
        self.air_c = air


class HeatPumps:
    """Modulating heat pumps; `heat_w` and `cop` per home, the rest from `params`; `most_power_w` None: no limit."""

    def __init__(
        self, count: int, dt_s: float, *, params: HeatPumpParams, heat_w: Values, cop: Values, setpoint_c: Values
    ) -> None:
        self.params, self._dt_s, self._step = params, dt_s, 0
        self._rated_w = filled(count, above_zero(count, "heat_w", heat_w))
        self._cop = above_zero(count, "cop", cop)
        self._top = np.empty(count)
        self.set(per_home(count, "setpoint_c", setpoint_c))
        self.most_power_w: Values | None = None
        self.is_on = np.zeros(count, dtype=np.bool_)
        self.power_w, self.heat_w = filled(count, params.standby_w), np.zeros(count)
        self._least_on, self._least_off = (math.ceil(s / dt_s) for s in (params.least_on_s, params.least_off_s))
        self._free_at = np.zeros(count, dtype=np.int32)  # the step from which on it may switch
        self._running_w = np.zeros(count)  # rated heat of those that run
        self._frost_s = np.zeros(count, dtype=np.float32)  # whole steps: exact
        self._ageing_s = np.zeros(count, dtype=np.float32)  # the step, for those that run
        self._thawing: Rows = np.zeros(0, dtype=np.intp)

    def set(self, setpoint_c: Values) -> None:
        """New setpoints."""
        self._top[:] = np.asarray(setpoint_c) + 0.5 * self.params.band_k

    def after(self, air_c: Floats, outdoor_c: Values) -> None:
        """One step; `wanted` is the distance from the upper end of the band, full at `band_k`."""
        p = self.params
        held_c = held(outdoor_c, curves.COLDEST_C, curves.WARMEST_HEATING_C)
        capacity, cop = curves.heating_capacity(held_c), self._cop / curves.heating_input(held_c)
        wanted = self._top - air_c
        allowed = None
        if self.most_power_w is not None:
            allowed = np.minimum(1.0, (self.most_power_w - p.standby_w) * cop / (self._rated_w * capacity))
        self._switch(wanted, allowed)
        wanted.clip(p.least * p.band_k, p.band_k, out=wanted)
        if allowed is not None:
            np.minimum(wanted, allowed * p.band_k, out=wanted)
        np.multiply(wanted, self._running_w, out=self.heat_w)
        self.heat_w *= capacity / p.band_k
        np.multiply(self.heat_w, 1.0 / cop, out=self.power_w)
        self.power_w += p.standby_w
        self._frost(outdoor_c)
        self._step += 1

    def _switch(self, wanted: Floats, allowed: Values | None) -> None:
        p, on = self.params, self.is_on
        asks = wanted >= p.band_k
        np.greater(asks, on, out=asks)  # and stands
        rests = wanted <= 0.0
        rests &= on
        rests |= asks
        rests &= self._free_at <= self._step
        if allowed is not None:
            too_little = np.broadcast_to(allowed < p.least, on.shape)
            rests &= ~too_little
            rests |= on & too_little
        for rows in pieces(np.flatnonzero(rests)):
            self._turn(rows)

    def _turn(self, rows: Rows) -> None:
        """Those that ran stand, and the other way round."""
        runs = ~self.is_on.take(rows)
        self.is_on[rows] = runs
        self._free_at[rows] = np.where(runs, self._least_on, self._least_off) + self._step
        self._running_w[rows] = self._rated_w.take(rows) * runs
        self._ageing_s[rows] = self._dt_s * runs
        stopped = rows[~runs]
        self._frost_s[stopped] = np.maximum(self._frost_s.take(stopped), 0.0)

    def _frost(self, outdoor_c: Values) -> None:
        """Those that thaw take heat and come to an end; those that run in moist cold gather ice."""
        p = self.params
        rows = self._thawing
        if rows.size:
            rows = self._thawing = rows[self._frost_s.take(rows) < 0.0]
            self.heat_w[rows] = -p.defrost_share * self._rated_w.take(rows)
        grows = (outdoor_c > p.frost_above_c) & (outdoor_c < p.frost_below_c)
        if isinstance(outdoor_c, float) and grows:
            self._frost_s += self._ageing_s
        else:
            thaws = np.zeros(len(self._frost_s), dtype=np.bool_)
            thaws[rows] = True
            self._frost_s += self._ageing_s * (grows | thaws)
        iced = np.flatnonzero(self._frost_s >= p.frost_s)
        if iced.size:
            self._frost_s[iced] = -p.defrost_s
            self._thawing = np.concatenate((rows, iced))


_EITHER: Final = np.array([[1.0], [-1.0]])


class WaterHeaters:
    """Tanks in two halves. At rest their sum and their difference fade each by one number; a draw needs more.

    Both are kept as distances from where they would come to rest with the element as it is, so that a step is a product.
    """

    def __init__(
        self,
        count: int,
        dt_s: float,
        *,
        volume_l: Values,
        loss_w_per_k: Values,
        element_w: Values,
        mixing_w_per_k: Values = 2.0,
        band_k: float = 5.0,
        water_c: Values = 55.0,
        setpoint_c: Values = 55.0,
        room_c: float = 18.0,
        inlet_c: float = 10.0,
    ) -> None:
        self._dt_s, self._band_k, self.inlet_c, self._room_c = dt_s, band_k, inlet_c, room_c
        self._j_per_k = 0.5 * above_zero(count, "volume_l", volume_l) * KG_PER_L * WATER_J_PER_KG_K
        self._loss_w_per_k = 0.5 * above_zero(count, "loss_w_per_k", loss_w_per_k)
        self._mixing_w_per_k = above_zero(count, "mixing_w_per_k", mixing_w_per_k)
        self._element_w = above_zero(count, "element_w", element_w)
        self._sum_keep = np.exp(-self._loss_w_per_k / self._j_per_k * dt_s)
        self._apart_keep = np.exp(-(self._loss_w_per_k + 2.0 * self._mixing_w_per_k) / self._j_per_k * dt_s)
        self.is_on, self._ran = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        self.is_blocked: Bools | None = None
        self.power_w = np.zeros(count)
        self._sum = filled(count, 2.0 * per_home(count, "water_c", water_c) - 2.0 * room_c)
        # The element below would turn the difference round, to minus `_turned`.
        self._apart, self._turned = np.zeros(count), np.zeros(count)
        self._switch_at = np.empty(count)
        self.set(per_home(count, "setpoint_c", setpoint_c))

    @property
    def room_c(self) -> float:
        """What the tanks stand in."""
        return self._room_c

    @room_c.setter
    def room_c(self, room_c: float) -> None:
        warmer_k, self._room_c = 2.0 * (room_c - self._room_c), room_c
        self._sum -= warmer_k
        self._switch_at -= warmer_k

    @property
    def upper_c(self) -> Floats:
        """What would come out of the tap."""
        return 0.5 * (self._sum + self._rest() + self._apart - self._turned)

    @property
    def lower_c(self) -> Floats:
        """What the thermostat feels."""
        return 0.5 * (self._sum + self._rest() - self._apart + self._turned)

    def set(self, setpoint_c: Values) -> None:
        """New setpoints."""
        self._switch_at[:] = 2.0 * np.asarray(setpoint_c) - self._band_k
        self._switch_at += 2.0 * self._band_k * self.is_on
        self._switch_at -= self._rest() + self._turned

    def after(self, draw_rows: Rows | None = None, draw_l_per_s: Floats | None = None) -> None:
        """One step; `draw_l_per_s` is what is drawn in the homes of `draw_rows` (each once), nothing elsewhere."""
        self._switch()
        drawn = None if draw_rows is None or draw_l_per_s is None else self._drawn(draw_rows, draw_l_per_s)
        self._sum *= self._sum_keep
        self._apart *= self._apart_keep
        if drawn is not None:
            self._sum[draw_rows], self._apart[draw_rows] = drawn
        np.maximum(self._apart, self._turned, out=self._apart)  # a warmer lower half rises: both mix, the sum stays

    def _rest(self, rows: Rows | None = None) -> Floats:
        """Where the sum comes to rest."""
        power_w = self.power_w if rows is None else self.power_w.take(rows)
        return power_w / (self._loss_w_per_k if rows is None else pick(self._loss_w_per_k, rows)) + 2.0 * self._room_c

    def _switch(self) -> None:
        """`_switch_at` is the end of the band that comes next, for twice the lower half's distance from rest."""
        on = self._sum - self._apart <= self._switch_at
        for turned in pieces(np.flatnonzero(on != self.is_on)):
            self._switch_at[turned] += np.where(on.take(turned), 2.0, -2.0) * self._band_k
        self.is_on = on
        runs = self.is_on if self.is_blocked is None else self.is_on & ~self.is_blocked
        for changed in pieces(np.flatnonzero(runs != self._ran)):
            self._heat(changed, runs.take(changed))

    def _heat(self, rows: Rows, runs: Bools) -> None:
        """Switch these elements: the places of rest move, the water stays as it is."""
        u, g, w = (pick(each, rows) for each in (self._loss_w_per_k, self._mixing_w_per_k, self._element_w))
        heat_w = w * runs
        self._ran[rows] = runs
        warmer_k = (heat_w - self.power_w.take(rows)) / u
        turned = heat_w / (u + 2.0 * g)
        further_k = turned - self._turned.take(rows)
        self.power_w[rows], self._turned[rows] = heat_w, turned
        self._sum[rows] -= warmer_k
        self._apart[rows] += further_k
        self._switch_at[rows] -= warmer_k + further_k

    def _drawn(self, rows: Rows, draw_l_per_s: Floats) -> tuple[Floats, Floats]:
        """Sum and difference after a step with a draw: upper + s lower and upper - s lower fade each by one number."""
        u, g = pick(self._loss_w_per_k, rows), pick(self._mixing_w_per_k, rows)
        f = draw_l_per_s * (KG_PER_L * WATER_J_PER_KG_K)
        s = np.sqrt((f + g) / g)
        either = _EITHER * s
        rate = (f + (u + g)) - either * g
        power_w, turned = self.power_w.take(rows), self._turned.take(rows)
        warmer_k = power_w / u
        total, apart = self._sum.take(rows) + warmer_k, self._apart.take(rows) - turned  # of degrees above the room
        rest = either * (power_w + f * (self.inlet_c - self._room_c)) * 2.0 / rate
        mode = (total + apart) + either * (total - apart) - rest
        mode *= np.exp(rate * (-self._dt_s / pick(self._j_per_k, rows)))
        mode += rest
        upper, lower = 0.25 * (mode[0] + mode[1]), (mode[0] - mode[1]) * (0.25 / s)
        return upper + lower - warmer_k, upper - lower + turned
