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
# The points of each phase.
PHASES: Final = tuple(
    tuple(f"{quantity}L{phase}" for quantity in ("W", "VA", "Var", "A", "V", "TotWhInj", "TotWhAbs"))
    for phase in (1, 2, 3)
)


def measurement() -> Block:
    """Model 701, on and connected."""
    block = Block(layout.M701, SCALES)
    block.put(ACType=THREE_PHASE, St=ON, ConnSt=CONNECTED, Alrm=0, DERMode=GRID_FOLLOWING, TmpCab=25.0)
    return block


def measure(block: Block, t: Terminal) -> None:
    """Show what flows at the terminal."""
    total_w, total_var = t.total_w, t.total_var
    apparent_va, currents_a = math.hypot(total_w, total_var), [t.current_a(phase) for phase in range(3)]
    factor = -total_w / apparent_va if apparent_va > 0.0 else 1.0
    block.put(W=-total_w, VA=apparent_va, Var=-total_var, A=sum(currents_a), PF=factor, Hz=t.frequency_hz)
    block.put(LNV=sum(t.voltage_v) / 3.0, TotWhInj=sum(t.export_wh), TotWhAbs=sum(t.import_wh))
    for phase, (w, va, var, a, v, injected, absorbed) in enumerate(PHASES):
        power_w, current_a, voltage_v = t.power_w[phase], currents_a[phase], t.voltage_v[phase]
        block.put(**{w: -power_w, va: t.apparent_va(phase), var: -t.reactive_var[phase], a: current_a, v: voltage_v})
        block.put(**{injected: t.export_wh[phase], absorbed: t.import_wh[phase]})
