"""SolarEdge inverters: read as SunSpec (models 101 to 103), limited by SolarEdge's own dynamic power control.

Source: SolarEdge, "Application Note: Dynamic Active/Reactive Power and Power Factor Control Over Modbus", version 1.1,
        could be read on page 1 (0xF300 and that it is off at first; the rating is read-only). The registers were found
        alike in two register tables on public repositories made for different programs, and in the comments on the
        "Modbus Interface for the SolarEdge TerraMax Inverter", version 1.0, in a third, which quotes its pages 11 to 16;
        0xF142 is in WillCodeForCats/solaredge-modbus-multi (Apache-2.0), hub.py. Addresses on the wire as listed.
Words:  low word first in SolarEdge's own registers, high word first in SunSpec's.
Limit:  0xF322, percent of the active power limit (0xF30C), is volatile and wants to be written at least twice in the
        command timeout (0xF310); after it 0xF312 holds. All others are kept in non-volatile memory: on change only.
Quirk:  advanced power control (0xF142) must have been enabled and committed by an installer, for the commit restarts the
        inverter. One Modbus TCP connection only. No SunSpec model 123.
"""

from typing import Final

from drivers.evidence import Evidence, Sheet
from drivers.register_inverter import InverterType, Limiting, Reverts
from drivers.setpoints import Register, Step, What
from drivers.sunspec.inverter import SunSpecInverter
from drivers.sunspec.phases import QUANTITIES
from protocols.ports import Meter, RegisterBus
from protocols.registers import Shape

ABSENT: Final = -3.4028234663852886e38  # 0xFF7FFFFF
LIMIT: Final = Register("F322 dynamic active power limit", 0xF322, Shape.F32, low_word_first=True, counted=True)


def _meter(bus: RegisterBus, unit: int) -> Meter:
    return SunSpecInverter(bus, unit, fallback_produce_max_w=None)


SHEET: Final = Sheet(
    maker="SolarEdge",
    product="inverters with SetApp",
    quantities=QUANTITIES,
    verified=Evidence.LISTS,
    quirks=(
        "advanced power control enabled by an installer",
        "one connection only",
        "low word first in its own registers",
    ),
)
TYPES: Final = (
    InverterType(
        name="solaredge",
        meter=_meter,
        sheet=SHEET,
        limiting=Limiting(
            rated=Register("F30C active power limit", 0xF30C, Shape.F32, low_word_first=True, absent=ABSENT),
            percent=True,
            needs=(Step(Register("F142 advanced power control", 0xF142, Shape.S32, low_word_first=True), 1),),
            grant=(
                Step(Register("F310 command timeout", 0xF310, Shape.U32, low_word_first=True), What.VALID_S),
                Step(Register("F312 fallback limit", 0xF312, Shape.F32, low_word_first=True), What.FALLBACK),
                Step(Register("F300 dynamic power control", 0xF300, Shape.U16), 1),
                Step(LIMIT, What.VALUE),
            ),
            lift=(Step(LIMIT, 100.0),),
            reverts=Reverts.TO_FALLBACK,
        ),
    ),
)
