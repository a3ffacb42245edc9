"""The inverter models that carry what model 103 does: for fewer phases (101, 102), and in floating-point numbers (111 to 113).

Source: model_101, 102, 111, 112 and 113 .json (SunSpec, Apache-2.0) as shipped with pysunspec2 1.3.7: 101 and 102 have every
        point where 103 has it; tests/drivers/test_sunspec_phases.py compares them, and the offsets below.
Sign:   injection positive in the device; flipped here. What is not implemented is NaN.
"""

from dataclasses import replace
from typing import Final

from drivers.sunspec.discovery import Chain
from drivers.sunspec.models import INVERTER_THREE_PHASE
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

LIKE_103: Final = (102, 101)
FLOATS: Final = (113, 112, 111)

# Quantity, offset from the ID register, and what brings it to our sign.
_POINTS: Final = (
    ("current_a", 2, 1.0),
    ("current_l1_a", 4, 1.0),
    ("current_l2_a", 6, 1.0),
    ("current_l3_a", 8, 1.0),
    ("voltage_l1_v", 16, 1.0),
    ("voltage_l2_v", 18, 1.0),
    ("voltage_l3_v", 20, 1.0),
    ("power_w", 22, -1.0),
    ("frequency_hz", 24, 1.0),
    ("apparent_power_va", 26, 1.0),
    ("reactive_power_var", 28, -1.0),
    ("energy_export_wh", 32, 1.0),
    ("temperature_c", 40, 1.0),
)
QUANTITIES: Final = tuple(quantity for quantity, _, _ in _POINTS)


def as_103(chain: Chain) -> Chain:
    """The chain with the inverter's model, whichever it is, also in the place of 103."""
    wanted = INVERTER_THREE_PHASE.number
    for number in (wanted, *LIKE_103, *FLOATS):
        if number in chain.places:
            return replace(chain, places=chain.places | {wanted: chain.places[number]})
    return chain


def float_map(chain: Chain) -> RegisterMap | None:
    """The registers of the inverter's floating-point model; None where it has one of whole numbers, or none."""
    if any(number in chain.places for number in (INVERTER_THREE_PHASE.number, *LIKE_103)):
        return None
    for number in FLOATS:
        if number in chain.places:
            first = chain.places[number].address
            fields = (Field(name, first + offset, Shape.F32, scale) for name, offset, scale in _POINTS)
            return RegisterMap(*fields, table=Table.HOLDING)
    return None
