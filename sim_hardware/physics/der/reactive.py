"""Reactive power: one of four functions, the first that is enabled.

Source: OpenDER q_funcs.py (order: power factor, volt-var, watt-var, constant var), volt_var.py, watt_var.py,
        constant_pf.py, constant_vars.py.
Differs: a change of function ramps from what came out before; q_funcs.py divides its memory by the rating and so starts
        from about 0.
"""

import math
from enum import Enum
from typing import Final

from sim_hardware.physics.der.response import OpenLoop, Ramp
from sim_hardware.physics.der.service import Supply
from sim_hardware.physics.der.settings import PowerFactor, Settings, VoltVar
from sim_hardware.physics.terminal import approach

REFERENCE_PU: Final = (0.95, 1.05)  # the range of a reference that follows by itself (QV_VREF_MIN, QV_VREF_MAX)


class Mode(Enum):
    """Which function sets the reactive power."""

    NONE = "none"
    POWER_FACTOR = "power factor"
    VOLT_VAR = "volt-var"
    WATT_VAR = "watt-var"
    CONSTANT = "constant var"


def mode_of(settings: Settings) -> Mode:
    """The first that is enabled."""
    order = (
        (settings.power_factor.enabled, Mode.POWER_FACTOR),
        (settings.volt_var.enabled, Mode.VOLT_VAR),
        (settings.watt_var.enabled, Mode.WATT_VAR),
        (settings.constant_var.enabled, Mode.CONSTANT),
    )
    return next((mode for enabled, mode in order if enabled), Mode.NONE)


def power_factor_var(own: PowerFactor, power_pu: float) -> float:
    """Reactive power that gives this factor at this active power, in the unit of the latter."""
    magnitude = power_pu * math.sqrt(1.0 - own.factor**2) / own.factor
    return magnitude if own.injecting else -magnitude


class VoltVarMemory:
    """Volt-var with its reference, which may follow the voltage."""

    def __init__(self) -> None:
        self._response = OpenLoop()
        self._followed_pu: float | None = None

    def reset(self) -> None:
        """As after a trip: nothing flows, the reference starts anew."""
        self._response.value, self._followed_pu = 0.0, None

    @property
    def followed_pu(self) -> float:
        """Where a reference stands that follows by itself."""
        low, high = REFERENCE_PU
        return 1.0 if self._followed_pu is None else min(high, max(low, self._followed_pu))

    def after(self, dt_s: float, own: VoltVar, voltage_pu: float) -> float:
        """Reactive power after this step."""
        before_pu = voltage_pu if self._followed_pu is None else self._followed_pu
        self._followed_pu = approach(before_pu, voltage_pu, own.automatic_s, dt_s)
        reference_pu = self.followed_pu if own.automatic else own.reference_pu
        # A curve is shifted by shifting what it is asked.
        return self._response.after(dt_s, own.curve.at(voltage_pu - (reference_pu - 1.0)), own.response_s)


class ReactivePower:
    """The reactive power that the functions want, per unit of the apparent power. All run, one is heard."""

    def __init__(self) -> None:
        self.mode: Mode | None = None
        self.volt_var = VoltVarMemory()
        self._watt_var, self._factor, self._constant = OpenLoop(), OpenLoop(), OpenLoop()
        self._ramp = Ramp()
        self._changing = False

    def reset(self) -> None:
        """As after a trip: nothing flows."""
        self.volt_var.reset()
        self._watt_var.value = self._factor.value = self._constant.value = self._ramp.value = 0.0
        self._changing = False

    def after(self, dt_s: float, settings: Settings, supply: Supply, power_pu: float) -> float:
        """The wanted reactive power after this step; `power_pu` is the wanted active power."""
        wanted = self._each(dt_s, settings, supply, power_pu)
        mode = mode_of(settings)
        self._changing = self._changing or (self.mode is not None and mode is not self.mode)
        self.mode = mode
        result_pu = self._ramp.after(dt_s, wanted[mode], settings.mode_change_s if self._changing else 0.0)
        self._changing = self._changing and result_pu != wanted[mode]
        return result_pu

    def _each(self, dt_s: float, settings: Settings, supply: Supply, power_pu: float) -> dict[Mode, float]:
        ratings, factor, constant = settings.ratings, settings.power_factor, settings.constant_var
        factor_pu = power_factor_var(factor, power_pu) * ratings.power_w / ratings.apparent_va
        watt_var_pu = settings.watt_var.curve.at(power_pu)
        return {
            Mode.NONE: 0.0,
            Mode.POWER_FACTOR: self._factor.after(dt_s, factor_pu, factor.response_s),
            Mode.VOLT_VAR: self.volt_var.after(dt_s, settings.volt_var, supply.mean_pu),
            Mode.WATT_VAR: self._watt_var.after(dt_s, watt_var_pu, settings.watt_var.response_s),
            Mode.CONSTANT: self._constant.after(dt_s, constant.reactive_pu, constant.response_s),
        }
