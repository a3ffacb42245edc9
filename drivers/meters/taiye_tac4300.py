"""Taiye TAC4300-CT, three-phase meter.

Source: "TAC4300CT series Modbus Protocol v1.0", pages 1 and 2 (floats, function 4) and 8 (serial number), read in
        full in github.com/nmakel/sdm_modbus, documents/taiyedq4300_modbus_protocol_v1.0.pdf;
        src/sdm_modbus/taiyedq.py agrees.
Sign:   import positive, as inside; the power factor has the sign of the current's direction (note 1). unverified:
        reactive power.
Limits: none given; 50 registers, as meters of this kind are known to allow.
Quirk:  looks like an Eastron up to 0x0010 and differs from there: reactive power comes before apparent power.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 0x0000, Shape.F32),
    Field("voltage_l2_v", 0x0002, Shape.F32),
    Field("voltage_l3_v", 0x0004, Shape.F32),
    Field("current_l1_a", 0x0006, Shape.F32),
    Field("current_l2_a", 0x0008, Shape.F32),
    Field("current_l3_a", 0x000A, Shape.F32),
    Field("power_l1_w", 0x000C, Shape.F32),
    Field("power_l2_w", 0x000E, Shape.F32),
    Field("power_l3_w", 0x0010, Shape.F32),
    Field("reactive_power_l1_var", 0x0012, Shape.F32),
    Field("reactive_power_l2_var", 0x0014, Shape.F32),
    Field("reactive_power_l3_var", 0x0016, Shape.F32),
    Field("apparent_power_l1_va", 0x0018, Shape.F32),
    Field("apparent_power_l2_va", 0x001A, Shape.F32),
    Field("apparent_power_l3_va", 0x001C, Shape.F32),
    Field("power_factor_l1_ratio", 0x001E, Shape.F32),
    Field("power_factor_l2_ratio", 0x0020, Shape.F32),
    Field("power_factor_l3_ratio", 0x0022, Shape.F32),
    Field("frequency_hz", 0x0030, Shape.F32),
    Field("power_w", 0x0032, Shape.F32),
    Field("reactive_power_var", 0x0034, Shape.F32),
    Field("apparent_power_va", 0x0036, Shape.F32),
    Field("power_factor_ratio", 0x0038, Shape.F32),
    Field("current_a", 0x003C, Shape.F32),
    Field("energy_import_wh", 0x0500, Shape.F32, scale=1000.0),
    Field("energy_export_wh", 0x0502, Shape.F32, scale=1000.0),
    table=Table.INPUT,
    block_max=50,
)
TYPES: Final = (
    MeterType(
        name="tac4300",
        maker="Taiye",
        product="TAC4300-CT",
        registers=MAP,
        verified=Evidence.DOCUMENT,
        unverified=("reactive_power_l1_var", "reactive_power_l2_var", "reactive_power_l3_var", "reactive_power_var"),
        serial=SerialNumber(Table.HOLDING, 0x5602, 2),
    ),
)
