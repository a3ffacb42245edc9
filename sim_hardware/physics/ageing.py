"""How a battery ages: by its swings (cycle) and by standing (calendar), with a fast loss while the first film grows.

Source: B. Xu, A. Oudalov, A. Ulbig, G. Andersson, D. Kirschen, "Modeling of Lithium-Ion Battery Degradation for Cell Life
Assessment", IEEE Trans. Smart Grid 9(2), 2018: f = swing + time stress, L = 1 - a exp(-b f) - (1 - a) exp(-f). Swings are counted
between turning points, each as half a cycle (simpler than the paper's rainflow count: small swings inside a large one
count by themselves and split it). Parameters are the paper's, fitted to LMO cells; another chemistry needs its own.
"""

import math
from dataclasses import dataclass

from sim_hardware.physics.check import above, finite, within

KELVIN = 273.15


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingParams:
    """Table of the source: film (alpha, beta), depth (k1 to k3), state of charge, temperature, time per second."""

    film: float = 5.75e-2
    film_rate: float = 121.0
    depth_1: float = 1.40e5
    depth_2: float = -0.501
    depth_3: float = -1.23e5
    charge: float = 1.04
    charge_at: float = 0.50
    temperature: float = 6.93e-2
    temperature_at_c: float = 25.0
    per_s: float = 4.14e-10


class Ageing:
    """Feed it the state of charge; read `health`, the capacity left over the capacity when new."""

    # Measurement noise and standing still are no turning points.
    LEAST_SWING = 0.005

    def __init__(self, params: AgeingParams | None = None, *, soc: float = 0.5) -> None:
        self.params = params or AgeingParams()
        self.swing_stress = 0.0
        self.time_stress = 0.0
        self._turned_at = self._far = within("ageing: soc", soc, 0.0, 1.0)

    @property
    def health(self) -> float:
        """1 when new."""
        stress = self.swing_stress + self.time_stress
        p = self.params
        return p.film * math.exp(-p.film_rate * stress) + (1.0 - p.film) * math.exp(-stress)

    def after(self, dt_s: float, soc: float, cell_c: float = 25.0) -> None:
        """Age through a step that ended at this state of charge."""
        above("ageing: dt_s", dt_s)
        within("ageing: soc", soc, -1e-9, 1.0 + 1e-9)
        heat = self._heat(finite("ageing: cell_c", cell_c))
        self.time_stress += self.params.per_s * dt_s * self._charge(soc) * heat
        rising = self._far >= self._turned_at
        if (soc >= self._far) if rising else (soc <= self._far):
            self._far = soc
        elif abs(soc - self._far) >= self.LEAST_SWING:
            self._half_cycle(heat)
            self._turned_at, self._far = self._far, soc

    def _half_cycle(self, heat: float) -> None:
        depth = abs(self._far - self._turned_at)
        if depth >= self.LEAST_SWING:
            self.swing_stress += 0.5 * self._depth(depth) * self._charge(0.5 * (self._far + self._turned_at)) * heat

    def _depth(self, depth: float) -> float:
        p = self.params
        return 1.0 / (p.depth_1 * math.pow(depth, p.depth_2) + p.depth_3)

    def _charge(self, soc: float) -> float:
        return math.exp(self.params.charge * (soc - self.params.charge_at))

    def _heat(self, cell_c: float) -> float:
        p = self.params
        reference = p.temperature_at_c + KELVIN
        return math.exp(p.temperature * (cell_c - p.temperature_at_c) * reference / (cell_c + KELVIN))
