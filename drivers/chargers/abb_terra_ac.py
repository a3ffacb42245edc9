"""ABB Terra AC wallbox over Modbus TCP (by cable only) or RTU: what it shows.

Source: a user's register list, github.com/peufeu2/GrugBus (facts only), grugbus/devices/EVSE_ABB_Terra.csv and .md: function 4,
        0x4010 to 0x4014 (mA), 0x4016 to 0x401A (0.1 V), 0x401C (W), each a UINT32. A second public list names the same
        quantities between 0x4000 and 0x4020 without their places. ABB's own "Terra AC Charger ModbusCommunication" v1.7
        was not found: the places and the order of the words (highest first here) are unverified.
Sign:   consumed positive, as inside; it gives nothing back.
Quirk:  one Modbus connection. "Local Controller" has to be set in ABB's app. Asked for nothing for its communication
        time-out (0x4020), it stops.
Left:   0x401E is the energy of this session, which starts anew with each: no register of energy. The limit (0x4100, mA): no
        second source gives its word order, and its fallback was not found.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("current_l1_a", 0x4010, Shape.U32, scale=0.001),
    Field("current_l2_a", 0x4012, Shape.U32, scale=0.001),
    Field("current_l3_a", 0x4014, Shape.U32, scale=0.001),
    Field("voltage_l1_v", 0x4016, Shape.U32, scale=0.1),
    Field("voltage_l2_v", 0x4018, Shape.U32, scale=0.1),
    Field("voltage_l3_v", 0x401A, Shape.U32, scale=0.1),
    Field("power_w", 0x401C, Shape.U32),
    table=Table.INPUT,
)
TYPE: Final = MeterType(
    name="abb-terra-ac",
    maker="ABB",
    product="Terra AC",
    registers=MAP,
    verified=Evidence.UNVERIFIED,
    quirks=("one connection", "stops when nobody asks", "no register of energy", "read-only"),
)
