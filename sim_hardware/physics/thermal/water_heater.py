"""A hot-water tank in two equal halves, the warm one above: an element below, cold water in below, hot water out above.

    C dTu/dt = G (Tl - Tu) + U (Ta - Tu) + F (Tl - Tu)        C dTl/dt = G (Tu - Tl) + U (Ta - Tl) + F (Tin - Tl) + Q

C, U: heat capacity and loss of one half; F: heat capacity flow of the draw. Stepped exactly for a draw and an element
that hold still. Warm water rises: where the lower half would be the warmer one, both mix.
"""

import math
from dataclasses import dataclass

from sim_hardware.physics.check import above, within

WATER_J_PER_KG_K = 4186.0
KG_PER_L = 0.998


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterHeaterParams:
    """`mixing_w_per_k` is what flows between the halves at rest (conduction through water and wall)."""

    volume_l: float = 200.0
    loss_w_per_k: float = 1.7
    element_w: float = 2_000.0
    band_k: float = 5.0
    mixing_w_per_k: float = 2.0

    def __post_init__(self) -> None:
        for field in ("volume_l", "loss_w_per_k", "element_w", "band_k"):
            above(f"water heater: {field}", getattr(self, field))
        within("water heater: mixing_w_per_k", self.mixing_w_per_k, 0.0)

    @property
    def half_j_per_k(self) -> float:
        """Heat capacity of one half."""
        return 0.5 * self.volume_l * KG_PER_L * WATER_J_PER_KG_K


class WaterHeater:
    """`setpoint_c` and `is_blocked` are the controls, `draw_l_per_s` is what people do; the element answers below."""

    def __init__(
        self, params: WaterHeaterParams | None = None, *, water_c: float = 55.0, setpoint_c: float = 55.0
    ) -> None:
        self.params = params or WaterHeaterParams()
        self.upper_c = self.lower_c = within("water heater: water_c", water_c, 0.0, 100.0)
        self.setpoint_c = within("water heater: setpoint_c", setpoint_c, 0.0, 95.0)
        self.room_c, self.inlet_c, self.draw_l_per_s = 18.0, 10.0, 0.0
        self.is_blocked = False
        self.is_on = False
        self.power_w = 0.0

    def after(self, dt_s: float) -> None:
        """Decide on what the lower half was at the start of the step, then let heat and water flow."""
        half_k = self.params.band_k / 2.0
        if self.lower_c <= self.setpoint_c - half_k:
            self.is_on = True
        elif self.lower_c >= self.setpoint_c + half_k:
            self.is_on = False
        self.power_w = self.params.element_w if self.is_on and not self.is_blocked else 0.0
        self._flow(dt_s)
        if self.lower_c > self.upper_c:
            self.upper_c = self.lower_c = 0.5 * (self.lower_c + self.upper_c)

    def _flow(self, dt_s: float) -> None:
        """x' = rest + exp(A dt) (x - rest), A = [[-(a+f), g+f], [g, -(a+f)]] with a = (G + U)/C, g = G/C, f = F/C."""
        p, c = self.params, self.params.half_j_per_k
        f = within("water heater: draw_l_per_s", self.draw_l_per_s, 0.0) * KG_PER_L * WATER_J_PER_KG_K / c
        u, g = 0.5 * p.loss_w_per_k / c, p.mixing_w_per_k / c
        a = g + u + f
        upper_in, lower_in = u * self.room_c, u * self.room_c + f * self.inlet_c + self.power_w / c
        determinant = a * a - g * (g + f)
        rest_upper_c = (a * upper_in + (g + f) * lower_in) / determinant
        rest_lower_c = (g * upper_in + a * lower_in) / determinant
        upper, lower = self.upper_c - rest_upper_c, self.lower_c - rest_lower_c
        q = math.sqrt(g * (g + f))
        fade, turn = math.exp(-a * dt_s) * math.cosh(q * dt_s), math.exp(-a * dt_s) * _sinh_by(q, dt_s)
        self.upper_c = rest_upper_c + fade * upper + turn * (g + f) * lower
        self.lower_c = rest_lower_c + turn * g * upper + fade * lower


def _sinh_by(q: float, dt_s: float) -> float:
    """sinh(q dt) / q, which is dt where q is 0."""
    return math.sinh(q * dt_s) / q if q > 0.0 else dt_s
