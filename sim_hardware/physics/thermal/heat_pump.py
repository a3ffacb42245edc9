"""An air-source heat pump that modulates, keeps its minimum times, and defrosts.

It starts at the lower end of a band about the setpoint, follows the distance from the upper end, and stops there. Moist
air near freezing ices the coil: after `frost_s` of running it turns round for `defrost_s` and takes heat from the house.
Capacity and COP: `curves.py`. Electrical power is positive when drawn, heat positive into the house.
"""

from dataclasses import dataclass

from sim_hardware.physics.check import above, within
from sim_hardware.physics.thermal import curves


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatPumpParams:
    """Rated heat and COP at 47 degF (8.3 degC); `least` is the lowest modulation as a share of the present capacity."""

    heat_w: float = 8_000.0
    cop: float = 3.5
    least: float = 0.3
    band_k: float = 1.0
    least_on_s: float = 600.0
    least_off_s: float = 600.0
    frost_below_c: float = 5.0
    frost_above_c: float = -10.0
    frost_s: float = 2_700.0
    defrost_s: float = 300.0
    defrost_share: float = 0.4
    """Of the rated heat: what a defrost takes from the house."""
    standby_w: float = 10.0

    def __post_init__(self) -> None:
        for field in ("heat_w", "cop", "band_k", "frost_s", "defrost_s"):
            above(f"heat pump: {field}", getattr(self, field))
        for field in ("least", "defrost_share"):
            within(f"heat pump: {field}", getattr(self, field), 0.0, 1.0)
        for field in ("least_on_s", "least_off_s", "standby_w"):
            within(f"heat pump: {field}", getattr(self, field), 0.0)
        if self.frost_above_c >= self.frost_below_c:
            raise ValueError(
                f"heat pump: frost_above_c is {self.frost_above_c:g}; it must be below frost_below_c {self.frost_below_c:g}"
            )


class HeatPump:
    """`setpoint_c` and `most_power_w` (None: no limit; less than the least modulation: off, at once) are the controls."""

    def __init__(self, params: HeatPumpParams | None = None, *, setpoint_c: float = 20.0) -> None:
        self.params = params or HeatPumpParams()
        self.setpoint_c = setpoint_c
        self.most_power_w: float | None = None
        self.is_on = False
        self.power_w = self.params.standby_w
        self.heat_w = 0.0
        self._since_s = self.params.least_off_s  # it may start
        self._frost_s = 0.0  # how long ice has grown; below 0: what is left of a defrost

    @property
    def is_defrosting(self) -> bool:
        """Whether it takes heat from the house at present."""
        return self._frost_s < 0.0

    def after(self, dt_s: float, air_c: float, outdoor_c: float) -> None:
        """Decide on what the room was at the start of the step; the powers hold during it."""
        p = self.params
        held_c = min(max(outdoor_c, curves.COLDEST_C), curves.WARMEST_HEATING_C)
        most_heat_w = p.heat_w * curves.heating_capacity(held_c)
        cop = p.cop / curves.heating_input(held_c)
        wanted = (self.setpoint_c - air_c) / p.band_k + 0.5  # 1 at the lower end of the band, 0 at the upper
        allowed = 1.0 if self.most_power_w is None else min(1.0, (self.most_power_w - p.standby_w) * cop / most_heat_w)
        self._switch(wanted, allowed)
        share = min(max(wanted, p.least), allowed)
        self.heat_w = share * most_heat_w if self.is_on else 0.0
        self.power_w = p.standby_w + self.heat_w / cop
        if self.is_defrosting:
            self.heat_w = -p.defrost_share * p.heat_w
        self._age(dt_s, frosts=p.frost_above_c < outdoor_c < p.frost_below_c)

    def _switch(self, wanted: float, allowed: float) -> None:
        if self.is_on:
            stops = (wanted <= 0.0 and self._since_s >= self.params.least_on_s) or allowed < self.params.least
        else:
            stops = not (wanted >= 1.0 and self._since_s >= self.params.least_off_s and allowed >= self.params.least)
        if self.is_on == stops:
            self.is_on, self._since_s = not stops, 0.0
        if stops:
            self._frost_s = max(0.0, self._frost_s)

    def _age(self, dt_s: float, frosts: bool) -> None:
        self._since_s += dt_s
        if self.is_on and (frosts or self.is_defrosting):
            self._frost_s += dt_s
        if self._frost_s >= self.params.frost_s:
            self._frost_s = -self.params.defrost_s
