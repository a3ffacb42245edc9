"""Siemens SENTRON PAC2200, PAC3200 and PAC4200, three-phase meters: the values they have in common.

Source: PAC3200: "Manual, 02/2008, A5E01168664B-04", table 3-6, page 40 (offsets 1 to 45), on easymanua.ls, and the
        table "Siemens Sentron PAC 3200" on aggsoft.com (the same, and 57 to 73). PAC4200: "System Manual, 09/2009,
        A5E02316180B-02", table A-1, page 226 (1 to 57), and "Manual, 09/2008, A5E02316180B-01", table A-9, page 208
        (energies). PAC2200: volkszaehler/mbmd, meters/rs485/pac2200.go; of "Manual, 05/2018, L1V30415167B-02" pages
        91 and 92 could be read in part and agree (21, 25, 37). The address on the wire is the offset.
Sign:   import positive, as inside; unverified beyond mbmd. The power factor has none and is left out.
Limits: functions 3 and 4. A read that begins or ends inside a value is refused.
Quirk:  the counters at 801 and 809 are those of tariff 1 (64-bit floats in Wh): a meter whose tariff is switched
        counts the rest at 805 and 813. PAC2200: mbmd reads the frequency at 46, where no value of two registers can
        begin in a table of odd offsets; left out.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

COMMON: Final = (
    Field("voltage_l1_v", 1, Shape.F32),
    Field("voltage_l2_v", 3, Shape.F32),
    Field("voltage_l3_v", 5, Shape.F32),
    Field("current_l1_a", 13, Shape.F32),
    Field("current_l2_a", 15, Shape.F32),
    Field("current_l3_a", 17, Shape.F32),
    Field("apparent_power_l1_va", 19, Shape.F32),
    Field("apparent_power_l2_va", 21, Shape.F32),
    Field("apparent_power_l3_va", 23, Shape.F32),
    Field("power_l1_w", 25, Shape.F32),
    Field("power_l2_w", 27, Shape.F32),
    Field("power_l3_w", 29, Shape.F32),
    Field("apparent_power_va", 63, Shape.F32),
    Field("power_w", 65, Shape.F32),
    Field("reactive_power_var", 67, Shape.F32),
    Field("energy_import_wh", 801, Shape.F64),
    Field("energy_export_wh", 809, Shape.F64),
)
FREQUENCY: Final = Field("frequency_hz", 55, Shape.F32)
TARIFF: Final = "counts tariff 1 only"

PAC2200: Final = MeterType(
    name="pac2200",
    maker="Siemens",
    product="PAC2200",
    registers=RegisterMap(*COMMON, table=Table.HOLDING),
    verified=Evidence.UNVERIFIED,
    quirks=(TARIFF, "no frequency"),
)
PAC3200: Final = MeterType(
    name="pac3200",
    maker="Siemens",
    product="PAC3200",
    registers=RegisterMap(*COMMON, FREQUENCY, table=Table.HOLDING),
    verified=Evidence.LISTS,
    unverified=("frequency_hz", "reactive_power_var", "energy_import_wh", "energy_export_wh"),
    quirks=(TARIFF,),
)
TYPES: Final = (
    PAC2200,
    PAC3200,
    replace(
        PAC3200,
        name="pac4200",
        product="PAC4200",
        unverified=("apparent_power_va", "power_w", "reactive_power_var"),
    ),
)
