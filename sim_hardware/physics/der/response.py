"""How outputs follow in time: a lag, a ramp, and a condition that must last."""

import math
from dataclasses import dataclass
from typing import Final

from sim_hardware.physics.terminal import approach

# An open-loop response time is that to 90 % of the final change: ln(10) time constants (OpenDER low_pass_filter.py: 2.3).
TO_90_PERCENT: Final = math.log(10.0)
ROUNDING_S: Final = 1e-9  # steps of 0.1 s do not add up exactly


@dataclass(slots=True)
class OpenLoop:
    """A first-order lag stated by its open-loop response time; at once where that is 0, or without a value yet."""

    value: float | None = None

    def after(self, dt_s: float, target: float, response_s: float) -> float:
        """Follow the target for this long."""
        start = target if self.value is None else self.value
        self.value = approach(start, target, response_s / TO_90_PERCENT, dt_s)
        return self.value


@dataclass(slots=True)
class Ramp:
    """Goes to its target at no more than one unit in `full_scale_s`; at once where that is 0, or without a value yet."""

    value: float | None = None

    def after(self, dt_s: float, target: float, full_scale_s: float) -> float:
        """Move towards the target for this long."""
        if full_scale_s > 0.0 and self.value is not None:
            most = dt_s / full_scale_s
            target = self.value + min(most, max(-most, target - self.value))
        self.value = target
        return target


@dataclass(slots=True)
class OnDelay:
    """True once a condition has lasted (OpenDER cond_delay.py)."""

    held_s: float = 0.0

    def after(self, dt_s: float, condition: bool, delay_s: float) -> bool:
        """Whether the condition, which held during this step or did not, has lasted `delay_s`."""
        self.held_s = self.held_s + dt_s if condition else 0.0
        return condition and self.held_s >= delay_s - ROUNDING_S

    def left_s(self, delay_s: float) -> float:
        """How long it must still last."""
        return max(0.0, delay_s - self.held_s)
