"""Eastron single-phase meters with one register map: SDM120M, SDM230, SDM220.

Source: "SDM120M Smart Meter Modbus Protocol Implementation V2.5", pages 5 and 8, and "SDM230Modbus Protocol V1.1",
        pages 2 and 3; both read in full in github.com/nmakel/sdm_modbus, documents/. Every address was also found
        alike in volkszaehler/mbmd, meters/rs485/sdm120.go and sdm230.go. The address on the wire is the register
        number minus 30001. SDM220: only volkszaehler/mbmd, meters/rs485/sdm220.go; unverified.
Sign:   import positive, as inside; nothing is flipped. unverified: that the power factor has the sign of the power,
        and that reactive power is positive when absorbed.
Names:  the one phase is L1, as voltage and current say; the power is the total, as there is no other.
Limits: 40 parameters of two registers a request (SDM230 list). A request must not begin or end inside a value
        (SDM120M list, 2.1). The registers between those listed can be read over: sdm_modbus does.
Serial: 0xFC00 and the meter code 0xFC02 stand in the list of the SDM120M only.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 0x0000, Shape.F32),
    Field("current_l1_a", 0x0006, Shape.F32),
    Field("power_w", 0x000C, Shape.F32),
    Field("apparent_power_va", 0x0012, Shape.F32),
    Field("reactive_power_var", 0x0018, Shape.F32),
    Field("power_factor_ratio", 0x001E, Shape.F32),
    Field("frequency_hz", 0x0046, Shape.F32),
    Field("energy_import_wh", 0x0048, Shape.F32, scale=1000.0),
    Field("energy_export_wh", 0x004A, Shape.F32, scale=1000.0),
    table=Table.INPUT,
    block_max=50,
)

SDM120: Final = MeterType(
    name="sdm120",
    maker="Eastron",
    product="SDM120",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    unverified=("reactive_power_var", "power_factor_ratio"),
    serial=SerialNumber(Table.HOLDING, 0xFC00, 2),
    identity=Identity(Table.HOLDING, 0xFC02, 1, frozenset({0x0020})),
)
SDM230: Final = replace(SDM120, name="sdm230", product="SDM230", serial=None, identity=None)
TYPES: Final = (
    SDM120,
    SDM230,
    replace(SDM230, name="sdm220", product="SDM220", verified=Evidence.UNVERIFIED),
)
