"""A three-phase battery inverter with SunSpec models 1, 701, 702, 704 and 713 (an invented make).

Source: SunSpec model files as named in sunspec_models.py.
Sign:   SunSpec counts injection (discharge) as positive, in W and in WSet; flipped here and nowhere else on this side.
Set:    WSetEna with WSetMod W_MAX_PCT (WSetPct of WMax) or WATTS (WSet); the reversion falls to WSetRvrt, WSetPctRvrt and
        WSetEnaRvrt; disabled means the battery's own mode, rest. WMaxLimPct limits discharging only.
"""

from collections.abc import Mapping
from typing import Final

from sim_hardware.devices import sunspec_models as layout
from sim_hardware.devices.sunspec import Allowed, Block, SunSpecImage
from sim_hardware.devices.sunspec_controls import ReversionTimer
from sim_hardware.devices.sunspec_inverter import (
    ON_OFF,
    SECONDS_32,
    common,
    limit_timer_704,
    put_limit_defaults,
)
from sim_hardware.devices.sunspec_measurement import Measurement
from sim_hardware.physics.battery import Store
from sim_hardware.physics.terminal import Terminal

RUNNING, STANDBY = 3, 7  # model 701, InvSt
WATTS: Final = 1  # model 704, WSetMod
MAX_W_AND_FIXED_W: Final = 0b11  # model 702, CtrlModes


def _capacity(rating_w: float) -> Block:
    block = Block(layout.M702, {"W_SF": 0, "VA_SF": 0, "V_SF": -1, "A_SF": -1})
    block.put(WMaxRtg=rating_w, WChaRteMaxRtg=rating_w, WDisChaRteMaxRtg=rating_w, VAMaxRtg=rating_w)
    block.put(WMax=rating_w, WChaRteMax=rating_w, WDisChaRteMax=rating_w, VAMax=rating_w)
    block.put(VNomRtg=230.0, VNom=230.0, AMaxRtg=rating_w / 690.0, CtrlModes=MAX_W_AND_FIXED_W)
    return block


def _controls(rating_w: float) -> Block:
    power, percent = (-rating_w, rating_w), (-100.0, 100.0)
    allowed: Mapping[str, Allowed] = {
        "WSetEna": ON_OFF,
        "WSetMod": ON_OFF,
        "WSet": power,
        "WSetRvrt": power,
        "WSetPct": percent,
        "WSetPctRvrt": percent,
        "WSetEnaRvrt": ON_OFF,
        "WSetRvrtTms": SECONDS_32,
        "WMaxLimPctEna": ON_OFF,
        "WMaxLimPct": (0.0, 100.0),
        "WMaxLimPctRvrt": (0.0, 100.0),
        "WMaxLimPctEnaRvrt": ON_OFF,
        "WMaxLimPctRvrtTms": SECONDS_32,
    }
    block = Block(layout.M704, {"WMaxLimPct_SF": -1, "WSet_SF": 0, "WSetPct_SF": -1}, allowed)
    put_limit_defaults(block)
    block.put(WSetEna=0, WSetMod=WATTS, WSet=0, WSetRvrt=0, WSetPct=0, WSetPctRvrt=0, WSetEnaRvrt=0)
    block.put(WSetRvrtTms=0, WSetRvrtRem=0)
    return block


class SunSpecBattery(SunSpecImage):
    """The battery's register image; it sets what its store is asked for."""

    def __init__(self, terminal: Terminal, store: Store, *, base: int = 40_000, serial: str = "BAT-0001") -> None:
        self._terminal, self._store = terminal, store
        self._measurement, self._content = Measurement(), Block(layout.M713, {"WH_SF": 0, "Pct_SF": -1})
        self._controls = _controls(store.rating_w)
        values = {"WSet": "WSetRvrt", "WSetPct": "WSetPctRvrt"}
        self._set_timer = ReversionTimer(self._controls, "WSetEna", "WSetRvrtTms", values, "WSetEnaRvrt", "WSetRvrtRem")
        self._limit_timer = limit_timer_704(self._controls)
        self._measurement.refresh, self._content.refresh = self._measure, self._weigh
        self._controls.refresh, self._controls.written = self._show, self._written
        blocks = (
            common("Sim battery", serial),
            self._measurement,
            _capacity(store.rating_w),
            self._controls,
            self._content,
        )
        super().__init__(blocks, base=base)

    def after(self, dt_s: float) -> None:
        """Let the reversion timers run, and what they say take effect."""
        set_ended, limit_ended = self._set_timer.after(dt_s), self._limit_timer.after(dt_s)
        if set_ended or limit_ended:
            self._command()

    def _written(self, names: frozenset[str]) -> None:
        self._set_timer.touched(names)
        self._limit_timer.touched(names)
        self._command()

    def _show(self) -> None:
        self._set_timer.show()
        self._limit_timer.show()

    def _command(self) -> None:
        get = self._controls.get
        limited = get("WMaxLimPctEna")
        self._store.discharge_limit_w = self._percent_w(get("WMaxLimPct")) if limited else None
        inject_w = get("WSet") if get("WSetMod") == WATTS else self._percent_w(get("WSetPct"))
        self._store.request_w = -inject_w if get("WSetEna") else None

    def _percent_w(self, percent: float) -> float:
        return percent / 100.0 * self._store.rating_w

    def _measure(self) -> None:
        self._measurement.measure(self._terminal)
        flows = self._terminal.total_w != 0.0 or self._terminal.total_var != 0.0
        self._measurement.put(InvSt=RUNNING if flows else STANDBY)

    def _weigh(self) -> None:
        store = self._store
        self._content.put(WHRtg=store.capacity_wh, WHAvail=store.stored_wh, SoC=100.0 * store.soc, SoH=100.0, Sta=0)
