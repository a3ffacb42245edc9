"""An air conditioner: on or off about its setpoint, with minimum times. Capacity and COP: `curves.py`.

`heat_w` is what it does to the house: negative, it takes heat out. `power_w` is positive.
"""

from dataclasses import dataclass

from sim_hardware.physics.check import above, within
from sim_hardware.physics.thermal import curves


@dataclass(frozen=True, slots=True, kw_only=True)
class AirConditionerParams:
    """Rated cooling and COP at 95 degF (35 degC); `latent` is moisture over sensible heat: it cools without effect."""

    cooling_w: float = 5_000.0
    cop: float = 3.5
    latent: float = 0.3
    band_k: float = 1.0
    least_on_s: float = 180.0
    least_off_s: float = 180.0

    def __post_init__(self) -> None:
        for field in ("cooling_w", "cop", "band_k"):
            above(f"air conditioner: {field}", getattr(self, field))
        for field in ("latent", "least_on_s", "least_off_s"):
            within(f"air conditioner: {field}", getattr(self, field), 0.0)


class AirConditioner:
    """`setpoint_c` and `is_blocked` (off at once, whatever its minimum times) are the controls."""

    def __init__(self, params: AirConditionerParams | None = None, *, setpoint_c: float = 24.0) -> None:
        self.params = params or AirConditionerParams()
        self.setpoint_c, self.is_blocked = setpoint_c, False
        self.is_on = False
        self.power_w = self.heat_w = 0.0
        self._since_s = self.params.least_off_s

    def after(self, dt_s: float, air_c: float, outdoor_c: float) -> None:
        """Decide on what the room was at the start of the step; the powers hold during it."""
        p = self.params
        self._switch(air_c - self.setpoint_c)
        held_c = min(max(outdoor_c, curves.COLDEST_COOLING_C), curves.HOTTEST_C)
        total_w = p.cooling_w * curves.cooling_capacity(held_c) if self.is_on else 0.0
        self.power_w = total_w / p.cop * curves.cooling_input(held_c)
        self.heat_w = -total_w / (1.0 + p.latent)
        self._since_s += dt_s

    def _switch(self, above_k: float) -> None:
        half_k = self.params.band_k / 2.0
        if self.is_on:
            turns = self.is_blocked or (above_k <= -half_k and self._since_s >= self.params.least_on_s)
        else:
            turns = not self.is_blocked and above_k >= half_k and self._since_s >= self.params.least_off_s
        if turns:
            self.is_on, self._since_s = not self.is_on, 0.0
