"""SunSpec model 701: what a three-phase device measures at its terminal.

Sign:   SunSpec counts injection as positive; flipped here and nowhere else on this side of the wire.
"""

import math
from typing import Final

from sim_hardware.devices import sunspec_models as layout
from sim_hardware.devices.sunspec import Block
from sim_hardware.physics.terminal import Terminal

THREE_PHASE, ON, CONNECTED, GRID_FOLLOWING = 2, 1, 1, 1
SCALES: Final = {
    "A_SF": -2,
    "V_SF": -1,
    "Hz_SF": -3,
    "W_SF": 0,
    "PF_SF": -3,
    "VA_SF": 0,
    "Var_SF": 0,
    "TotWh_SF": 0,
    "Tmp_SF": -1,
}
TOTALS: Final = ("W", "VA", "Var", "A", "PF", "Hz", "LNV", "TotWhInj", "TotWhAbs")
PHASE: Final = ("W", "VA", "Var", "A", "V", "TotWhInj", "TotWhAbs")


class Measurement(Block):
    """Model 701, on and connected."""

    def __init__(self) -> None:
        super().__init__(layout.M701, SCALES)
        self.put(ACType=THREE_PHASE, St=ON, ConnSt=CONNECTED, Alrm=0, DERMode=GRID_FOLLOWING, TmpCab=25.0)
        self._places = self.slots(*TOTALS, *(f"{name}L{phase}" for phase in (1, 2, 3) for name in PHASE))

    def measure(self, t: Terminal) -> None:
        """Show what flows at the terminal."""
        total_w, total_var, volts = t.total_w, t.total_var, t.voltage_v
        total_va, phases_va = math.hypot(total_w, total_var), [t.apparent_va(phase) for phase in range(3)]
        amps = [va / volt for va, volt in zip(phases_va, volts, strict=True)]
        factor = -total_w / total_va if total_va > 0.0 else 1.0
        shown = [-total_w, total_va, -total_var, sum(amps), factor, t.frequency_hz, sum(volts) / 3.0]
        shown += (sum(t.export_wh), sum(t.import_wh))
        for phase, (w, var) in enumerate(zip(t.power_w, t.reactive_var, strict=True)):
            shown += (-w, phases_va[phase], -var, amps[phase], volts[phase], t.export_wh[phase], t.import_wh[phase])
        self.show(self._places, shown)
