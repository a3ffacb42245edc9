"""Schneider Electric Acti9 iEM3150, iEM3155, iEM3255 and iEM3355, three-phase meters with one register map.

Source: volkszaehler/mbmd, meters/rs485/iem3000.go (citing DOCA0005DE-12), and the table "Farnell iEM3100-iEM3200" on
        aggsoft.com agree on every address, type and unit, but that the frequency is in the former only; DOCA0005EN-04
        could be read on page 52 (functions and types) and page 61 (which energies the iEM3150 lacks). The address on
        the wire is the register number minus 1, as mbmd has it and as nobrega8/mbmap-library,
        maps/schneider-electric/iem3000, says of two devices that were read.
Sign:   import positive, as inside. unverified: reactive power.
Words:  floats in kW, kvar and kVA beside 64-bit integers in Wh.
Limits: function 3 only. Holes are not read over.
Quirk:  the iEM3150 counts neither export nor reactive energy (page 61), so that it is not asked for reactive power
        either; where another model refuses them, it is read without.
Left:   the power factor, a number from -2 to 2 in four quadrants that no factor brings to ours.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("current_l1_a", 2999, Shape.F32),
    Field("current_l2_a", 3001, Shape.F32),
    Field("current_l3_a", 3003, Shape.F32),
    Field("voltage_l1_v", 3027, Shape.F32),
    Field("voltage_l2_v", 3029, Shape.F32),
    Field("voltage_l3_v", 3031, Shape.F32),
    Field("power_l1_w", 3053, Shape.F32, scale=1000.0),
    Field("power_l2_w", 3055, Shape.F32, scale=1000.0),
    Field("power_l3_w", 3057, Shape.F32, scale=1000.0),
    Field("power_w", 3059, Shape.F32, scale=1000.0),
    Field("apparent_power_va", 3075, Shape.F32, scale=1000.0),
    Field("frequency_hz", 3109, Shape.F32),
    Field("energy_import_wh", 3203, Shape.S64),
    table=Table.HOLDING,
    gap=0,
)
BOTH_WAYS: Final = RegisterMap(
    Field("reactive_power_var", 3067, Shape.F32, scale=1000.0),
    Field("energy_export_wh", 3207, Shape.S64),
    table=Table.HOLDING,
    gap=0,
)
IEM3155: Final = MeterType(
    name="iem3155",
    maker="Schneider Electric",
    product="iEM3155",
    registers=MAP,
    extras=BOTH_WAYS,
    verified=Evidence.LISTS,
    unverified=("reactive_power_var", "frequency_hz"),
    quirks=("kilowatts as floats, watt-hours as 64-bit integers",),
    serial=SerialNumber(Table.HOLDING, 129, 2),
)
TYPES: Final = (
    IEM3155,
    replace(
        IEM3155,
        name="iem3150",
        product="iEM3150",
        extras=None,
        unverified=("frequency_hz",),
        quirks=(*IEM3155.quirks, "counts no export"),
    ),
    replace(IEM3155, name="iem3255", product="iEM3255"),
    replace(IEM3155, name="iem3355", product="iEM3355"),
)
