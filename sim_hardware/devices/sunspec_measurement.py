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


def measurement() -> Block:
    """Model 701, on and connected."""
    block = Block(layout.M701, SCALES)
    block.put(ACType=THREE_PHASE, St=ON, ConnSt=CONNECTED, Alrm=0, DERMode=GRID_FOLLOWING, TmpCab=25.0)
    return block


def measure(block: Block, t: Terminal) -> None:
    """Show what flows at the terminal."""
    apparent_va = math.hypot(t.total_w, t.total_var)
    block.put(W=-t.total_w, VA=apparent_va, Var=-t.total_var, A=sum(t.current_a(phase) for phase in range(3)))
    block.put(PF=-t.total_w / apparent_va if apparent_va > 0.0 else 1.0, Hz=t.frequency_hz, LNV=sum(t.voltage_v) / 3.0)
    block.put(TotWhInj=sum(t.export_wh), TotWhAbs=sum(t.import_wh))
    for phase in range(3):
        _measure_phase(block, t, phase)


def _measure_phase(block: Block, t: Terminal, phase: int) -> None:
    name = f"L{phase + 1}"
    block.put(
        **{
            f"W{name}": -t.power_w[phase],
            f"VA{name}": t.apparent_va(phase),
            f"Var{name}": -t.reactive_var[phase],
            f"A{name}": t.current_a(phase),
            f"V{name}": t.voltage_v[phase],
            f"TotWhInj{name}": t.export_wh[phase],
            f"TotWhAbs{name}": t.import_wh[phase],
        }
    )
