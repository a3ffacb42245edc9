"""Eastron three-phase meters with one register map: SDM630, SDM72D-M-V2, SDM54, SMART X96-1A.

Source: SDM630 "Smart Meter Modbus Protocol Implementation V1.8", 1.2.1, pages 2 to 4 (serial number: page 7), and
        "SDM72D-M User Manual V1.1" (the V2), part 3, pages 13 to 16; both read in full in
        github.com/nmakel/sdm_modbus, documents/. Every address was also found alike in volkszaehler/mbmd,
        meters/rs485/sdm.go and sdm72v2.go. The address on the wire is the register number minus 30001. SDM54 and
        SMART X96-1A: only volkszaehler/mbmd, meters/rs485/sdm54.go and x961a.go; unverified.
Sign:   import positive, as inside; nothing is flipped. The power factor has the sign of the power (note 1 of the
        lists). unverified: that reactive power is positive when absorbed.
Limits: the lists allow 40 (SDM630) or 30 (SDM72) parameters of two registers a request, yet some meters refuse more
        than 50 registers (openWB/core#2890). 50, because two requests for what is needed take no longer on the wire
        than one over the hole. A request must not begin or end inside a value.
Serial: 0xFC00, a 32-bit holding register; an older list of the SDM630 (V2.0) has it in 0x2A instead. Where the meter
        refuses, the serial number stays empty and the nameplate says so.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
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
    Field("apparent_power_l1_va", 0x0012, Shape.F32),
    Field("apparent_power_l2_va", 0x0014, Shape.F32),
    Field("apparent_power_l3_va", 0x0016, Shape.F32),
    Field("reactive_power_l1_var", 0x0018, Shape.F32),
    Field("reactive_power_l2_var", 0x001A, Shape.F32),
    Field("reactive_power_l3_var", 0x001C, Shape.F32),
    Field("power_factor_l1_ratio", 0x001E, Shape.F32),
    Field("power_factor_l2_ratio", 0x0020, Shape.F32),
    Field("power_factor_l3_ratio", 0x0022, Shape.F32),
    Field("current_a", 0x0030, Shape.F32),
    Field("power_w", 0x0034, Shape.F32),
    Field("apparent_power_va", 0x0038, Shape.F32),
    Field("reactive_power_var", 0x003C, Shape.F32),
    Field("power_factor_ratio", 0x003E, Shape.F32),
    Field("frequency_hz", 0x0046, Shape.F32),
    Field("energy_import_wh", 0x0048, Shape.F32, scale=1000.0),
    Field("energy_export_wh", 0x004A, Shape.F32, scale=1000.0),
    table=Table.INPUT,
    block_max=50,
)

SDM630: Final = MeterType(
    name="sdm630",
    maker="Eastron",
    product="SDM630",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    unverified=("reactive_power_l1_var", "reactive_power_l2_var", "reactive_power_l3_var", "reactive_power_var"),
    quirks=("more than 50 registers at once are refused by some",),
    serial=SerialNumber(Table.HOLDING, 0xFC00, 2),
)
TYPES: Final = (
    SDM630,
    replace(
        SDM630,
        name="sdm72d-m-v2",
        product="SDM72D-M-V2",
        identity=Identity(Table.HOLDING, 0xFC02, 1, frozenset({0x0089})),
    ),
    replace(SDM630, name="sdm54", product="SDM54", verified=Evidence.UNVERIFIED),
    replace(SDM630, name="smart-x96-1a", product="SMART X96-1A", verified=Evidence.UNVERIFIED),
)
