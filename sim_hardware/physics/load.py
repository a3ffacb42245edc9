"""The base load of a home: a daily shape, a fridge, and appliances that come and go, each on its own phase."""

import math
from dataclasses import dataclass
from random import Random

from sim_hardware.physics.terminal import Phases

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Appliance:
    """Something switched on for a while: how often on average, how long on average, how much, on which phase."""

    name: str
    power_w: float
    mean_pause_s: float
    mean_run_s: float
    phase: int


APPLIANCES = (
    Appliance("fridge", 90.0, 2_400.0, 1_200.0, 0),
    Appliance("kettle", 2_000.0, 14_400.0, 180.0, 1),
    Appliance("oven", 2_400.0, 43_200.0, 2_400.0, 2),
    Appliance("washing machine", 800.0, 86_400.0, 5_400.0, 1),
)


class Load:
    """Synthetic and seeded; `hold_w` replaces it by fixed powers per phase (a test, a scripted scene)."""

    # Electronics and small motors: cos(phi) about 0.97, inductive.
    REACTIVE_PER_W = 0.25

    def __init__(self, random: Random, day_s: float, *, standby_w: float = 210.0) -> None:
        self._random = random
        self._day_s = day_s
        self._standby_w = standby_w
        self._running = [False] * len(APPLIANCES)
        self._left_s = [random.expovariate(1.0 / each.mean_pause_s) for each in APPLIANCES]
        self.hold_w: Phases | None = None

    def after(self, dt_s: float) -> None:
        """Let time pass: appliances switch."""
        self._day_s = (self._day_s + dt_s) % DAY_S
        for index, appliance in enumerate(APPLIANCES):
            self._left_s[index] -= dt_s
            if self._left_s[index] <= 0.0:
                self._switch(index, appliance)

    def _switch(self, index: int, appliance: Appliance) -> None:
        self._running[index] = not self._running[index]
        mean_s = appliance.mean_run_s if self._running[index] else appliance.mean_pause_s
        self._left_s[index] = self._random.expovariate(1.0 / mean_s)

    @property
    def power_w(self) -> Phases:
        """Consumption per phase."""
        if self.hold_w is not None:
            return self.hold_w
        base = self._base_w()
        phases = [0.5 * base, 0.3 * base, 0.2 * base]
        for running, appliance in zip(self._running, APPLIANCES, strict=True):
            phases[appliance.phase] += appliance.power_w if running else 0.0
        return phases[0], phases[1], phases[2]

    def _base_w(self) -> float:
        """More in the evening (half past seven), least in the small hours."""
        evening = math.cos(2.0 * math.pi * (self._day_s / DAY_S - 19.5 / 24.0))
        return self._standby_w * (1.0 + 0.5 * evening)

    def reactive_var(self, power_w: Phases) -> Phases:
        """Reactive power per phase at these active powers."""
        p1, p2, p3 = power_w
        return p1 * self.REACTIVE_PER_W, p2 * self.REACTIVE_PER_W, p3 * self.REACTIVE_PER_W
