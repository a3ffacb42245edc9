"""A three-phase PV inverter of the 7xx generation: SunSpec models 1 and 701 to 712 (an invented make).

Source: SunSpec model files as named in sunspec_models.py and sunspec_der_models.py. No 713: it stores nothing.
Sign:   SunSpec counts injection as positive, as the functions do; DerPlant flips what reaches the terminal.
Order:  of several reactive functions the first enabled counts: power factor, volt-var, watt-var, constant var.
704:    limit, power factor when injecting, constant var; each with its reversion. What absorbs or sets active power is
        not there: a PV inverter follows the sun.
702:    WMax, VAMax and VarMax may be lowered; per cent are of what is set. 703: ES 0 separates it at once.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sim_hardware.devices import sunspec_der_models as der_layout
from sim_hardware.devices import sunspec_models as layout
from sim_hardware.devices.sunspec import Allowed, Block, SunSpecImage
from sim_hardware.devices.sunspec_controls import ReversionTimer
from sim_hardware.devices.sunspec_der_functions import TripSets, droop, var_unit, volt_var, volt_watt, watt_var
from sim_hardware.devices.sunspec_der_sets import ON_OFF, SECONDS, StoredSets
from sim_hardware.devices.sunspec_inverter import common, limit_timer_704, put_limit_defaults
from sim_hardware.devices.sunspec_measurement import Measurement
from sim_hardware.physics.der.plant import NOMINAL_V, DerPlant
from sim_hardware.physics.der.service import Cause, State
from sim_hardware.physics.der.settings import ConstantVar, EnterService, PowerFactor, Priority, Ratings
from sim_hardware.physics.terminal import Terminal

SLEEPING, STARTING, RUNNING, THROTTLED, STANDBY = 1, 2, 3, 4, 7  # model 701, InvSt
ALARMS: Final = {  # model 701, Alrm
    Cause.OVER_FREQUENCY: 1 << 8,
    Cause.UNDER_FREQUENCY: 1 << 9,
    Cause.OVER_VOLTAGE: 1 << 10,
    Cause.UNDER_VOLTAGE: 1 << 11,
    Cause.NOT_PERMITTED: 1 << 6,
}
# Model 702, CtrlModes: limit, fixed var and factor, volt-var, droop, four trips, watt-var, volt-watt.
CONTROLS: Final = sum(1 << bit for bit in (0, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13))
VARS: Final = 4  # model 704, VarSetMod: in var; the others in per cent, as DeptRef counts them
CATEGORIES: Final = {"A": 0, "B": 1}
CATEGORY_III: Final = 2
OVER_EXCITED: Final = 0  # model 704: injects var


def _capacity(ratings: Ratings) -> Block:
    w, va, inject, absorb = ratings.power_w, ratings.apparent_va, ratings.inject_var, ratings.absorb_var
    settable = {"WMax": w, "VAMax": va, "VarMaxInj": inject, "VarMaxAbs": absorb}
    # Nothing that may be lowered may be lowered to nothing: it is what per cent are of.
    allowed: Mapping[str, Allowed] = {name: (0.1 * rating, rating) for name, rating in settable.items()}
    block = Block(layout.M702, {"W_SF": 0, "PF_SF": -3, "VA_SF": 0, "Var_SF": 0, "V_SF": -1, "A_SF": -1}, allowed)
    block.put(WMaxRtg=w, VAMaxRtg=va, VarMaxInjRtg=inject, VarMaxAbsRtg=absorb, **settable)
    block.put(VNomRtg=NOMINAL_V, VNom=NOMINAL_V, AMaxRtg=ratings.current_pu * va / (3.0 * NOMINAL_V))
    block.put(NorOpCatRtg=CATEGORIES[ratings.category], AbnOpCatRtg=CATEGORY_III, CtrlModes=CONTROLS)
    return block


def _enter_service(own: EnterService) -> Block:
    seconds: Allowed = (0.0, 86_400.0)
    allowed: Mapping[str, Allowed] = {
        "ES": ON_OFF,
        "ESVHi": (100.0, 120.0),
        "ESVLo": (50.0, 100.0),
        "ESHzHi": (50.0, 60.0),
        "ESHzLo": (40.0, 50.0),
        "ESDlyTms": seconds,
        "ESRndTms": seconds,
        "ESRmpTms": seconds,
    }
    block = Block(der_layout.M703, {"V_SF": -2, "Hz_SF": -3}, allowed)
    block.put(ES=int(own.permitted), ESVHi=100.0 * own.high_pu, ESVLo=100.0 * own.low_pu)
    block.put(ESHzHi=own.high_hz, ESHzLo=own.low_hz, ESDlyTms=own.delay_s, ESRndTms=own.random_s, ESRmpTms=own.ramp_s)
    block.put(ESDlyRemTms=0)
    return block


def _controls(ratings: Ratings) -> Block:
    va = ratings.apparent_va
    factor: Mapping[str, Allowed] = {
        "PFWInjEna": ON_OFF,
        "PFWInjEnaRvrt": ON_OFF,
        "PFWInjRvrtTms": SECONDS,
        "PFWInj.PF": (0.5, 1.0),
        "PFWInj.Ext": ON_OFF,
        "PFWInjRvrt.PF": (0.5, 1.0),
        "PFWInjRvrt.Ext": ON_OFF,
    }
    constant: Mapping[str, Allowed] = {
        "VarSetEna": ON_OFF,
        "VarSetMod": frozenset({0, 1, 3, VARS}),
        "VarSetPri": ON_OFF,
        "VarSet": (-va, va),
        "VarSetRvrt": (-va, va),
        "VarSetPct": (-100.0, 100.0),
        "VarSetPctRvrt": (-100.0, 100.0),
        "VarSetEnaRvrt": ON_OFF,
        "VarSetRvrtTms": SECONDS,
    }
    limit: Mapping[str, Allowed] = {
        "WMaxLimPctEna": ON_OFF,
        "WMaxLimPct": (0.0, 100.0),
        "WMaxLimPctRvrt": (0.0, 100.0),
        "WMaxLimPctEnaRvrt": ON_OFF,
        "WMaxLimPctRvrtTms": SECONDS,
    }
    scales = {"PF_SF": -3, "WMaxLimPct_SF": -1, "VarSet_SF": 0, "VarSetPct_SF": -1}
    block = Block(layout.M704, scales, {**factor, **constant, **limit})
    put_limit_defaults(block)
    block.put(PFWInjEna=0, PFWInjEnaRvrt=0, PFWInjRvrtTms=0, PFWInjRvrtRem=0)
    block.put(**{"PFWInj.PF": 1.0, "PFWInj.Ext": 0, "PFWInjRvrt.PF": 1.0, "PFWInjRvrt.Ext": 0})
    block.put(VarSetEna=0, VarSetMod=VARS, VarSetPri=1, VarSet=0, VarSetRvrt=0, VarSetPct=0, VarSetPctRvrt=0)
    block.put(VarSetEnaRvrt=0, VarSetRvrtTms=0, VarSetRvrtRem=0)
    return block


def _timers(block: Block) -> tuple[ReversionTimer, ...]:
    factor = {"PFWInj.PF": "PFWInjRvrt.PF", "PFWInj.Ext": "PFWInjRvrt.Ext"}
    constant = {"VarSet": "VarSetRvrt", "VarSetPct": "VarSetPctRvrt"}
    return (
        limit_timer_704(block),
        ReversionTimer(block, "PFWInjEna", "PFWInjRvrtTms", factor, "PFWInjEnaRvrt", "PFWInjRvrtRem"),
        ReversionTimer(block, "VarSetEna", "VarSetRvrtTms", constant, "VarSetEnaRvrt", "VarSetRvrtRem"),
    )


class SunSpecDer(SunSpecImage):
    """The inverter's register image; it sets what the functions of its plant shall do, and starts from their settings."""

    def __init__(self, terminal: Terminal, plant: DerPlant, *, base: int = 40_000, serial: str = "PV-0001") -> None:
        self._terminal, self._plant, self._rated = terminal, plant, plant.settings.ratings
        own = plant.settings
        self._measurement, self._capacity = Measurement(), _capacity(self._rated)
        self._enter, self._controls = _enter_service(own.enter), _controls(self._rated)
        self._timers = _timers(self._controls)
        self._volt_var, self._volt_watt = volt_var(own.volt_var), volt_watt(own.volt_watt)
        self._trips, self._droop, self._watt_var = TripSets(own.trips), droop(own.droop), watt_var(own.watt_var)
        self._sets: tuple[StoredSets[Any], ...] = (
            self._volt_var,
            self._volt_watt,
            *self._trips.all,
            self._droop,
            self._watt_var,
        )
        self._wire()
        blocks = (self._measurement, self._capacity, self._enter, self._controls, *(each.block for each in self._sets))
        super().__init__((common("Sim DER inverter", serial), *blocks), base=base)
        self._command()

    def _wire(self) -> None:
        self._measurement.refresh, self._enter.refresh, self._controls.refresh = self._measure, self._wait, self._show
        self._volt_var.block.refresh = self._follow
        self._controls.written = self._written_704
        self._capacity.written = self._enter.written = self._written
        own, trips = self._plant.settings, (True,) * len(self._trips.all)
        enabled = (own.volt_var.enabled, own.volt_watt.enabled, *trips, own.droop.enabled, own.watt_var.enabled)
        for each, is_enabled in zip(self._sets, enabled, strict=True):
            each.tell = self._command
            each.block.put(Ena=int(is_enabled))

    def after(self, dt_s: float) -> None:
        """Let reversion timers run and requests be met, and what they say take effect."""
        ratings = self._plant.settings.ratings
        changed = [timer.after(dt_s) for timer in self._timers] + [each.after(dt_s, ratings) for each in self._sets]
        if any(changed):
            self._command()

    def _written(self, names: frozenset[str]) -> None:
        self._command()

    def _written_704(self, names: frozenset[str]) -> None:
        for timer in self._timers:
            timer.touched(names)
        self._command()

    def _command(self) -> None:
        ratings = self._ratings()
        limited = self._controls.get("WMaxLimPctEna") != 0
        self._plant.settings = replace(
            self._plant.settings,
            ratings=ratings,
            volt_var=self._volt_var.current(ratings),
            volt_watt=self._volt_watt.current(ratings),
            watt_var=self._watt_var.current(ratings),
            droop=self._droop.current(ratings),
            trips=self._trips.current(ratings),
            enter=self._enter_settings(),
            power_factor=self._power_factor(),
            constant_var=self._constant_var(ratings),
            limit_pu=self._controls.get("WMaxLimPct") / 100.0 if limited else None,
        )

    def _ratings(self) -> Ratings:
        get = self._capacity.get
        va = get("VAMax")
        most = (min(va, get(name)) for name in ("WMax", "VarMaxInj", "VarMaxAbs"))
        power_w, inject_var, absorb_var = most
        return replace(self._rated, power_w=power_w, apparent_va=va, inject_var=inject_var, absorb_var=absorb_var)

    def _enter_settings(self) -> EnterService:
        get = self._enter.get
        return EnterService(
            get("ES") != 0,
            get("ESVLo") / 100.0,
            get("ESVHi") / 100.0,
            get("ESHzLo"),
            get("ESHzHi"),
            get("ESDlyTms"),
            get("ESRndTms"),
            get("ESRmpTms"),
        )

    def _power_factor(self) -> PowerFactor:
        get = self._controls.get
        return PowerFactor(get("PFWInjEna") != 0, get("PFWInj.PF"), get("PFWInj.Ext") == OVER_EXCITED)

    def _constant_var(self, ratings: Ratings) -> ConstantVar:
        get, mode = self._controls.get, self._controls.get("VarSetMod")
        percent = get("VarSetPct")
        asked_pu = percent / 100.0 * var_unit(mode, ratings, percent)
        if mode == VARS:
            asked_pu = get("VarSet") / ratings.apparent_va
        reactive_pu = min(1.0, max(-1.0, asked_pu))  # VAMax may have been lowered since
        return ConstantVar(get("VarSetEna") != 0, reactive_pu, priority=Priority(int(get("VarSetPri"))))

    def _show(self) -> None:
        for timer in self._timers:
            timer.show()

    def _follow(self) -> None:
        self._volt_var.show()
        self._volt_var.block.put(**{"Crv1.VRefAuto": 100.0 * self._plant.functions.reference_pu})

    def _wait(self) -> None:
        self._enter.put(ESDlyRemTms=math.ceil(self._plant.functions.wait_s))

    def _measure(self) -> None:
        self._measurement.measure(self._terminal)
        functions = self._plant.functions
        tripped = functions.state is State.TRIPPED
        alarms = ALARMS[functions.cause] if tripped and functions.cause is not None else 0
        self._measurement.put(St=int(not tripped), ConnSt=int(not tripped), InvSt=self._state(), Alrm=alarms)

    def _state(self) -> int:
        match self._plant.functions.state:
            case State.TRIPPED | State.CEASED:
                return STANDBY
            case State.ENTERING:
                return STARTING
            case State.RUNNING:
                if self._plant.available_w <= 0.0:
                    return SLEEPING
                return THROTTLED if self._plant.is_throttled else RUNNING
