"""Schneider Electric PowerLogic PM3250 and PM3255, three-phase meters with one register map.

Source: one public register list for Home Assistant that cites DOCA0006EN (the search that showed it names no
        repository), so unverified; what the iEM3000 has (schneider_iem3000.py) stands there at the same addresses. The
        manual itself (DOCA0006EN-02 to -07) could be read up to its contents only. The address on the wire is the
        register number minus 1.
Sign:   import positive, as inside; unverified.
Words:  floats in kW, kvar and kVA beside 64-bit integers in Wh.
Limits: function 3. Holes are not read over.
Left:   the power factor, a number from -2 to 2 in four quadrants that no factor brings to ours.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
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
    Field("reactive_power_l1_var", 3061, Shape.F32, scale=1000.0),
    Field("reactive_power_l2_var", 3063, Shape.F32, scale=1000.0),
    Field("reactive_power_l3_var", 3065, Shape.F32, scale=1000.0),
    Field("reactive_power_var", 3067, Shape.F32, scale=1000.0),
    Field("apparent_power_l1_va", 3069, Shape.F32, scale=1000.0),
    Field("apparent_power_l2_va", 3071, Shape.F32, scale=1000.0),
    Field("apparent_power_l3_va", 3073, Shape.F32, scale=1000.0),
    Field("apparent_power_va", 3075, Shape.F32, scale=1000.0),
    Field("frequency_hz", 3109, Shape.F32),
    Field("energy_import_wh", 3203, Shape.S64),
    Field("energy_export_wh", 3207, Shape.S64),
    table=Table.HOLDING,
    gap=0,
)
PM3255: Final = MeterType(
    name="pm3255",
    maker="Schneider Electric",
    product="PM3255",
    registers=MAP,
    verified=Evidence.UNVERIFIED,
    quirks=("kilowatts as floats, watt-hours as 64-bit integers",),
    serial=SerialNumber(Table.HOLDING, 129, 2),
    identity=Identity(Table.HOLDING, 49, 20, frozenset({"PM3255", "METSEPM3255"})),
)
TYPES: Final = (
    PM3255,
    replace(PM3255, name="pm3250", product="PM3250", identity=None),  # how it names itself could not be read
)
