"""Those who draw hot water: showers and sinks, each for a while, now and then."""

from random import Random

from sim_hardware.physics.load import Appliance

# 0.1 l/s for some minutes, a little over 100 l a day.
DRAW = Appliance("hot water", 0.0, 4 * 3600.0, 180.0, 0)
DRAW_L_PER_S = 0.1


class Taps:
    """`draw_l_per_s`; `hold_l_per_s` replaces it by a fixed one."""

    def __init__(self, random: Random, draw: Appliance = DRAW, rate_l_per_s: float = DRAW_L_PER_S) -> None:
        self._random, self._draw, self._rate_l_per_s = random, draw, rate_l_per_s
        self._is_open = False
        self._left_s = random.expovariate(1.0 / draw.mean_pause_s)
        self.hold_l_per_s: float | None = None

    @property
    def draw_l_per_s(self) -> float:
        """What flows now."""
        if self.hold_l_per_s is not None:
            return self.hold_l_per_s
        return self._rate_l_per_s if self._is_open else 0.0

    def after(self, dt_s: float) -> None:
        """Somebody opens or closes a tap."""
        self._left_s -= dt_s
        if self._left_s <= 0.0:
            self._is_open = not self._is_open
            mean_s = self._draw.mean_run_s if self._is_open else self._draw.mean_pause_s
            self._left_s = self._random.expovariate(1.0 / mean_s)
