"""A three-phase PV inverter with SunSpec models 1, 103, 120, 121, 123 and 704 (an invented make).

Source: SunSpec model files as named in sunspec_models.py.
Sign:   SunSpec counts injection as positive; flipped here and nowhere else on this side of the wire.
Limit:  123 and 704 are two views of one control, the last writer wins. Per cent of WMax (121, else the rating). The
        reversion falls to WMaxLimPctRvrt/EnaRvrt (704); with 123 alone, which has neither, to "disabled".
Choice: different scale factors in 123 (0.01 %) and 704 (0.1 %), as found in the field. Of the power factor and var
        controls only what SunSpec makes mandatory is there, and it can be disabled only.
"""

import math
from collections.abc import Collection, Mapping
from typing import Final

from sim_hardware.devices import sunspec_models as layout
from sim_hardware.devices.sunspec import Allowed, Block, SunSpecImage
from sim_hardware.devices.sunspec_controls import ReversionTimer
from sim_hardware.physics.pv import Plant
from sim_hardware.physics.terminal import Terminal

ALL_MODELS: Final = (1, 103, 120, 121, 123, 704)
ON_OFF: Final = frozenset({0, 1})
SECONDS_16: Final = (0.0, 65_534.0)
SECONDS_32: Final = (0.0, 4_294_967_294.0)
SLEEPING, MPPT, THROTTLED, STANDBY = 2, 4, 5, 8  # model 103, St
PV = 4  # model 120, DERTyp


def common(model: str, serial: str) -> Block:
    """Model 1 of our make."""
    block = Block(layout.M1, {})
    block.put(Mn="Busbar", Md=model, Vr="1.0", SN=serial, DA=1)
    return block


# What model 103 shows anew each time it is read.
MEASURED: Final = ("A", "AphA", "AphB", "AphC", "PhVphA", "PhVphB", "PhVphC", "W", "VA", "VAr", "Hz", "WH", "PF", "St")


def _monitor() -> Block:
    scales = {
        "A_SF": -2,
        "V_SF": -1,
        "W_SF": 0,
        "Hz_SF": -2,
        "VA_SF": 0,
        "VAr_SF": 0,
        "PF_SF": -2,
        "WH_SF": 0,
        "Tmp_SF": -1,
    }
    block = Block(layout.M103, scales)
    block.put(Evt1=0, Evt2=0, TmpCab=35.0)
    return block


def _nameplate(rating_w: float) -> Block:
    scales = {"WRtg_SF": 0, "VARtg_SF": 0, "VArRtg_SF": 0, "ARtg_SF": -1, "PFRtg_SF": -2}
    block = Block(layout.M120, scales)
    block.put(DERTyp=PV, WRtg=rating_w, VARtg=rating_w, ARtg=rating_w / 690.0)
    var = 0.44 * rating_w  # IEEE 1547-2018 category B
    block.put(VArRtgQ1=var, VArRtgQ2=var, VArRtgQ3=-var, VArRtgQ4=-var)
    block.put(PFRtgQ1=0.9, PFRtgQ2=-0.9, PFRtgQ3=-0.9, PFRtgQ4=0.9)
    return block


def _settings(rating_w: float) -> Block:
    allowed: Mapping[str, Allowed] = {"WMax": (0.0, rating_w), "VRef": (100.0, 300.0), "VRefOfs": (-50.0, 50.0)}
    block = Block(layout.M121, {"WMax_SF": 0, "VRef_SF": 0, "VRefOfs_SF": 0}, allowed)
    block.put(WMax=rating_w, VRef=230.0, VRefOfs=0.0)
    return block


def _controls_123() -> Block:
    allowed: Mapping[str, Allowed] = {
        "Conn": ON_OFF,
        "WMaxLimPct": (0.0, 100.0),
        "WMaxLimPct_RvrtTms": SECONDS_16,
        "WMaxLim_Ena": ON_OFF,
        "OutPFSet": (-1.0, 1.0),
        "OutPFSet_Ena": frozenset({0}),
        "VArPct_Ena": frozenset({0}),
    }
    block = Block(layout.M123, {"WMaxLimPct_SF": -2, "OutPFSet_SF": -2}, allowed)
    block.put(Conn=1, WMaxLimPct=100.0, WMaxLimPct_RvrtTms=0, WMaxLim_Ena=0)
    block.put(OutPFSet=1.0, OutPFSet_Ena=0, VArPct_Ena=0)
    return block


def _controls_704(percent_scale: int) -> Block:
    allowed: Mapping[str, Allowed] = {
        "WMaxLimPctEna": ON_OFF,
        "WMaxLimPct": (0.0, 100.0),
        "WMaxLimPctRvrt": (0.0, 100.0),
        "WMaxLimPctEnaRvrt": ON_OFF,
        "WMaxLimPctRvrtTms": SECONDS_32,
    }
    block = Block(layout.M704, {"WMaxLimPct_SF": percent_scale}, allowed)
    put_limit_defaults(block)
    return block


def put_limit_defaults(block: Block) -> None:
    """The limit of model 704 as it leaves the factory: disabled, no reversion."""
    block.put(WMaxLimPctEna=0, WMaxLimPct=100.0, WMaxLimPctRvrt=100.0, WMaxLimPctEnaRvrt=0)
    block.put(WMaxLimPctRvrtTms=0, WMaxLimPctRvrtRem=0)


def limit_timer_704(block: Block) -> ReversionTimer:
    """The reversion of model 704's limit."""
    return ReversionTimer(
        block,
        "WMaxLimPctEna",
        "WMaxLimPctRvrtTms",
        {"WMaxLimPct": "WMaxLimPctRvrt"},
        "WMaxLimPctEnaRvrt",
        "WMaxLimPctRvrtRem",
    )


class SunSpecInverter(SunSpecImage):
    """The inverter's register image; it sets the limit of its plant."""

    def __init__(
        self,
        terminal: Terminal,
        plant: Plant,
        *,
        models: Collection[int] = ALL_MODELS,
        base: int = 40_000,
        serial: str = "PV-0001",
    ) -> None:
        self._terminal, self._plant = terminal, plant
        self._monitor, self._settings = _monitor(), _settings(plant.rating_w)
        # 704's registers hold the limit; where only 123 shows it, they must hold it as finely as 123 writes it.
        self._c123, self._c704 = _controls_123(), _controls_704(-1 if 704 in models else -2)
        # One timer, in 704's registers even where a client sees 123 only: 704's fallback from the factory is 123's.
        self._timer = limit_timer_704(self._c704)
        self._shown = self._monitor.slots(*MEASURED)
        self._wire()
        blocks = (
            common("Sim PV inverter", serial),
            self._monitor,
            _nameplate(plant.rating_w),
            self._settings,
            self._c123,
            self._c704,
        )
        super().__init__([block for block in blocks if block.model.id in models], base=base)
        self._command()

    def _wire(self) -> None:
        self._monitor.refresh = self._measure
        self._c123.refresh = self._mirror
        self._c704.refresh = self._timer.show
        self._settings.written = lambda names: self._command()
        self._c123.written = self._written_123
        self._c704.written = self._written_704

    def after(self, dt_s: float) -> None:
        """Let the reversion timer run, and what it says take effect."""
        if self._timer.after(dt_s):
            self._command()

    def _written_704(self, names: frozenset[str]) -> None:
        self._timer.touched(names)
        self._command()

    def _written_123(self, names: frozenset[str]) -> None:
        twins = {
            "WMaxLimPct": "WMaxLimPct",
            "WMaxLimPct_RvrtTms": "WMaxLimPctRvrtTms",
            "WMaxLim_Ena": "WMaxLimPctEna",
        }
        written = {twins[name]: self._c123.get(name) for name in names & twins.keys()}
        self._c704.put(**written)
        self._written_704(frozenset(written))

    def _mirror(self) -> None:
        """Show in 123 what stands in 704."""
        limit = self._c704
        self._c123.put(WMaxLimPct=limit.get("WMaxLimPct"), WMaxLim_Ena=limit.get("WMaxLimPctEna"))
        self._c123.put(WMaxLimPct_RvrtTms=limit.get("WMaxLimPctRvrtTms"))

    def _command(self) -> None:
        if not self._c123.get("Conn"):
            self._plant.limit_w = 0.0
        elif self._c704.get("WMaxLimPctEna"):
            self._plant.limit_w = self._c704.get("WMaxLimPct") / 100.0 * self._settings.get("WMax")
        else:
            self._plant.limit_w = self._settings.get("WMax")

    def _measure(self) -> None:
        t = self._terminal
        amps = [t.current_a(phase) for phase in range(3)]
        total_w, total_var = t.total_w, t.total_var
        apparent_va = math.hypot(total_w, total_var)
        factor = -100.0 * total_w / apparent_va if apparent_va > 0.0 else 100.0
        shown = (sum(amps), *amps, *t.voltage_v, -total_w, apparent_va, -total_var, t.frequency_hz, sum(t.export_wh))
        self._monitor.show(self._shown, (*shown, factor, self._state()))

    def _state(self) -> int:
        if not self._c123.get("Conn"):
            return STANDBY
        if self._plant.available_w <= 0.0:
            return SLEEPING
        return THROTTLED if self._plant.is_throttled else MPPT
