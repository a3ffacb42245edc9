"""Inepro PRO380 and its siblings under other names, WAGO 879-30xx and KLEFR 693x/694x: three-phase meters with one map.

Source: volkszaehler/mbmd, meters/rs485/inepro.go (PRO380) and wago87930.go, and EVerest, modules/HardwareDrivers/
        PowerMeters/GenericPowermeter/models/Klefr_693x-694x.yaml, agree on every address, type and unit, but for the
        apparent power, which EVerest has not. "PRO380 user manual V2.18" could not be read.
Sign:   import ("forward") positive, as inside. unverified: reactive power.
Words:  floats, powers in kW, kvar and kVA, energy in kWh.
Limits: function 3. unverified: that the registers between those listed can be read over, so they are not.
Left:   the power factor, whose sign could not be read.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 0x5002, Shape.F32),
    Field("voltage_l2_v", 0x5004, Shape.F32),
    Field("voltage_l3_v", 0x5006, Shape.F32),
    Field("frequency_hz", 0x5008, Shape.F32),
    Field("current_l1_a", 0x500C, Shape.F32),
    Field("current_l2_a", 0x500E, Shape.F32),
    Field("current_l3_a", 0x5010, Shape.F32),
    Field("power_w", 0x5012, Shape.F32, scale=1000.0),
    Field("power_l1_w", 0x5014, Shape.F32, scale=1000.0),
    Field("power_l2_w", 0x5016, Shape.F32, scale=1000.0),
    Field("power_l3_w", 0x5018, Shape.F32, scale=1000.0),
    Field("reactive_power_var", 0x501A, Shape.F32, scale=1000.0),
    Field("reactive_power_l1_var", 0x501C, Shape.F32, scale=1000.0),
    Field("reactive_power_l2_var", 0x501E, Shape.F32, scale=1000.0),
    Field("reactive_power_l3_var", 0x5020, Shape.F32, scale=1000.0),
    Field("apparent_power_va", 0x5022, Shape.F32, scale=1000.0),
    Field("apparent_power_l1_va", 0x5024, Shape.F32, scale=1000.0),
    Field("apparent_power_l2_va", 0x5026, Shape.F32, scale=1000.0),
    Field("apparent_power_l3_va", 0x5028, Shape.F32, scale=1000.0),
    Field("energy_import_wh", 0x600C, Shape.F32, scale=1000.0),
    Field("energy_export_wh", 0x6018, Shape.F32, scale=1000.0),
    table=Table.HOLDING,
    gap=0,
)
PRO380: Final = MeterType(
    name="pro380",
    maker="Inepro",
    product="PRO380",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("reactive_power_var", "reactive_power_l1_var", "reactive_power_l2_var", "reactive_power_l3_var"),
    quirks=("kilowatts",),
)
TYPES: Final = (
    PRO380,
    replace(PRO380, name="wago-879-30xx", maker="WAGO", product="879-30xx"),
    replace(
        PRO380,
        name="klefr-693x",
        maker="KLEFR",
        product="693x/694x",
        unverified=(
            *PRO380.unverified,
            "apparent_power_va",
            "apparent_power_l1_va",
            "apparent_power_l2_va",
            "apparent_power_l3_va",
        ),
    ),
)
