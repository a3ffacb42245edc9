"""Houses, heat pumps and water heaters of many homes; the equations are those of `thermal/`.

What changes seldom (who runs, what the weather allows) is kept ready, so that a step is a few passes over each array.
"""

import math

import numpy as np

from sim_hardware.physics.thermal import curves
from sim_hardware.physics.thermal.heat_pump import HeatPumpParams
from sim_hardware.physics.thermal.two_node import exponential
from sim_hardware.physics.thermal.water_heater import KG_PER_L, WATER_J_PER_KG_K
from sim_hardware.physics.vector import Bools, Floats, Rows, Values, above_zero, filled, held, per_home, pick


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
        self._keep = exponential(-(ua + hm) / ca, hm / ca, hm / cm, -hm / cm, dt_s)
        self.air_c = filled(count, per_home(count, "air_c", air_c))
        self.mass_c = self.air_c.copy()

    def after(self, outdoor_c: Values, air_gain_w: Floats, mass_gain_w: Values | None = None) -> None:
        """One step: x' = rest + exp(A dt) (x - rest)."""
        aa, am, ma, mm = self._keep
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
        part = mass * am
        air += part
        air += rest_c
        old *= ma
        mass *= mm
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
        self._switched = np.full(count, -self._least_off, dtype=np.int32)  # at which step
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
        rows = np.flatnonzero(rests)
        waited = self._step - self._switched[rows]
        rows = rows[waited >= np.where(on[rows], self._least_on, self._least_off)]
        if allowed is not None:
            too_little = np.broadcast_to(allowed < p.least, on.shape)
            forced = np.flatnonzero(on & too_little)
            rows = np.union1d(rows[on[rows] | ~too_little[rows]], forced)
        if rows.size:
            on[rows] = ~on[rows]
            self._switched[rows] = self._step
            self._running_w[rows] = self._rated_w[rows] * on[rows]
            self._ageing_s[rows] = self._dt_s * on[rows]
            stopped = rows[~on[rows]]
            self._frost_s[stopped] = np.maximum(self._frost_s[stopped], 0.0)

    def _frost(self, outdoor_c: Values) -> None:
        """Those that thaw take heat and come to an end; those that run in moist cold gather ice."""
        p = self.params
        rows = self._thawing = self._thawing[self._frost_s[self._thawing] < 0.0]
        self.heat_w[rows] = -p.defrost_share * self._rated_w[rows]
        grows = np.logical_and(outdoor_c > p.frost_above_c, outdoor_c < p.frost_below_c)
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


class WaterHeaters:
    """Tanks in two halves. At rest their sum and their difference fade each by one number; a draw needs more."""

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
        self._dt_s, self._band_k, self.inlet_c, self.room_c = dt_s, band_k, inlet_c, room_c
        self._j_per_k = 0.5 * above_zero(count, "volume_l", volume_l) * KG_PER_L * WATER_J_PER_KG_K
        self._loss_w_per_k = 0.5 * above_zero(count, "loss_w_per_k", loss_w_per_k)
        self._mixing_w_per_k = above_zero(count, "mixing_w_per_k", mixing_w_per_k)
        self._element_w = above_zero(count, "element_w", element_w)
        self._sum_keep = np.exp(-self._loss_w_per_k / self._j_per_k * dt_s)
        self._apart_keep = np.exp(-(self._loss_w_per_k + 2.0 * self._mixing_w_per_k) / self._j_per_k * dt_s)
        self.is_on = np.zeros(count, dtype=np.bool_)
        self.is_blocked: Bools | None = None
        self._sum = filled(count, 2.0 * per_home(count, "water_c", water_c))
        self._apart = np.zeros(count)
        self._low = np.empty(count)
        self.set(per_home(count, "setpoint_c", setpoint_c))
        self.power_w = np.zeros(count)
        self._was_on = self.is_on.copy()
        self._sum_gain, self._apart_gain = np.empty(count), np.empty(count)
        self._heat(np.arange(count))

    @property
    def upper_c(self) -> Floats:
        """What would come out of the tap."""
        return 0.5 * (self._sum + self._apart)

    @property
    def lower_c(self) -> Floats:
        """What the thermostat feels."""
        return 0.5 * (self._sum - self._apart)

    def set(self, setpoint_c: Values) -> None:
        """New setpoints; kept as the sum minus the difference at which the thermostat switches."""
        self._low[:] = 2.0 * np.asarray(setpoint_c) - self._band_k

    def after(self, draw_rows: Rows | None = None, draw_l_per_s: Floats | None = None) -> None:
        """One step; `draw_l_per_s` is what is drawn in the homes of `draw_rows` (each once), nothing elsewhere."""
        above = self._sum - self._apart
        above -= self._low
        self.is_on |= above <= 0.0
        self.is_on &= above < 2.0 * self._band_k
        runs = self.is_on if self.is_blocked is None else self.is_on & ~self.is_blocked
        changed = np.flatnonzero(runs != self._was_on)
        if changed.size:
            self._was_on[changed] = runs[changed]
            self._heat(changed)
        drawn = None if draw_rows is None or draw_l_per_s is None else self._drawn(draw_rows, draw_l_per_s)
        self._sum *= self._sum_keep
        self._sum += self._sum_gain
        self._apart *= self._apart_keep
        self._apart -= self._apart_gain
        if drawn is not None:
            self._sum[draw_rows], self._apart[draw_rows] = drawn
        self._apart.clip(0.0, math.inf, out=self._apart)  # a warmer lower half rises: both mix, the sum stays

    def _heat(self, rows: Rows) -> None:
        """What a step at rest adds to the sum and takes from the difference, with the element as it is now."""
        u, g, w = (pick(each, rows) for each in (self._loss_w_per_k, self._mixing_w_per_k, self._element_w))
        heat_w = w * self._was_on[rows]
        self.power_w[rows] = heat_w
        self._sum_gain[rows] = (1.0 - pick(self._sum_keep, rows)) * (heat_w / u + 2.0 * self.room_c)
        self._apart_gain[rows] = (1.0 - pick(self._apart_keep, rows)) * (heat_w / (u + 2.0 * g))

    def _drawn(self, rows: Rows, draw_l_per_s: Floats) -> tuple[Floats, Floats]:
        per_c = 1.0 / pick(self._j_per_k, rows)
        u, g = pick(self._loss_w_per_k, rows) * per_c, pick(self._mixing_w_per_k, rows) * per_c
        f = draw_l_per_s * (KG_PER_L * WATER_J_PER_KG_K) * per_c
        a, gf = g + u + f, g + f
        upper_in = u * self.room_c
        lower_in = upper_in + f * self.inlet_c + self.power_w[rows] * per_c
        determinant = 1.0 / (a * a - g * gf)
        rest_upper = (a * upper_in + gf * lower_in) * determinant
        rest_lower = (g * upper_in + a * lower_in) * determinant
        total, apart = self._sum[rows], self._apart[rows]
        upper, lower = 0.5 * (total + apart) - rest_upper, 0.5 * (total - apart) - rest_lower
        q = np.sqrt(g * gf)
        up, down = np.exp((q - a) * self._dt_s), np.exp((-q - a) * self._dt_s)
        fade, turn = 0.5 * (up + down), 0.5 * (up - down) / q
        upper, lower = rest_upper + fade * upper + turn * gf * lower, rest_lower + turn * g * upper + fade * lower
        return upper + lower, upper - lower
