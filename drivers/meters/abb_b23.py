"""ABB EQ meters A43, A44, B23 and B24, three-phase meters with one register map.

Source: volkszaehler/mbmd, meters/rs485/abb.go ("A/B-Series"), and the table on star.ke.st drawn from "B23/B24 User
        Manual", 2CMC485003M0201, which has reactive and apparent power too. Of "A43/A44 User Manual", 2CMC48001M0201
        revision C (easymanua.ls, manualshive.com), page 108 could be read (energies; addresses go on the wire as they
        stand) and pages 168 to 170 in part: whole replies with their meaning, which agree in order, type and
        resolution. The tables of pages 109 and 110 could not be read.
        Serial number and type designation: victronenergy/dbus-modbus-client, abb.py.
Sign:   import positive, as inside: powers are signed, counters are not. unverified: reactive power.
Absent: what a model does not measure is all ones where it is unsigned, the largest number where it is signed.
Limits: 125 registers a request, any block between 0x1000 and 0x8EFF.
Quirk:  basic ("steel") variants count import only and say "absent" for the rest.
Left:   the power factor, whose sign could not be read.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

NONE_U16: Final = 0xFFFF
NONE_U32: Final = 0xFFFFFFFF
NONE_S32: Final = 0x7FFFFFFF
NONE_U64: Final = 0xFFFFFFFFFFFFFFFF
MAP: Final = RegisterMap(
    Field("energy_import_wh", 0x5000, Shape.U64, scale=10.0, absent=NONE_U64),
    Field("energy_export_wh", 0x5004, Shape.U64, scale=10.0, absent=NONE_U64),
    Field("voltage_l1_v", 0x5B00, Shape.U32, scale=0.1, absent=NONE_U32),
    Field("voltage_l2_v", 0x5B02, Shape.U32, scale=0.1, absent=NONE_U32),
    Field("voltage_l3_v", 0x5B04, Shape.U32, scale=0.1, absent=NONE_U32),
    Field("current_l1_a", 0x5B0C, Shape.U32, scale=0.01, absent=NONE_U32),
    Field("current_l2_a", 0x5B0E, Shape.U32, scale=0.01, absent=NONE_U32),
    Field("current_l3_a", 0x5B10, Shape.U32, scale=0.01, absent=NONE_U32),
    Field("power_w", 0x5B14, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("power_l1_w", 0x5B16, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("power_l2_w", 0x5B18, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("power_l3_w", 0x5B1A, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("reactive_power_var", 0x5B1C, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("reactive_power_l1_var", 0x5B1E, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("reactive_power_l2_var", 0x5B20, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("reactive_power_l3_var", 0x5B22, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("apparent_power_va", 0x5B24, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("apparent_power_l1_va", 0x5B26, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("apparent_power_l2_va", 0x5B28, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("apparent_power_l3_va", 0x5B2A, Shape.S32, scale=0.01, absent=NONE_S32),
    Field("frequency_hz", 0x5B2C, Shape.U16, scale=0.01, absent=NONE_U16),
    table=Table.HOLDING,
)


def _designation(*begins: str) -> Identity:
    return Identity(Table.HOLDING, 0x8960, 2, frozenset(begins))


A43: Final = MeterType(
    name="a43",
    maker="ABB",
    product="A43",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("reactive_power_var", "reactive_power_l1_var", "reactive_power_l2_var", "reactive_power_l3_var"),
    quirks=("counters of 64 bits in 0.01 kWh", "absent values are all ones, or the largest signed number"),
    serial=SerialNumber(Table.HOLDING, 0x8900, 2),
)
B23: Final = replace(A43, name="b23", product="B23", identity=_designation("B23"))
TYPES: Final = (
    A43,
    replace(A43, name="a44", product="A44"),
    B23,
    replace(B23, name="b24", product="B24", identity=_designation("B24")),
)
