"""Janitza UMG 96RM, UMG 104 and UMG 604, three-phase power analysers: the block of frequently required readings.

Source: the tables "Janitza UMG604" and "Janitza UMG104" on aggsoft.com, drawn from Janitza's address lists; the one of
        the UMG 96RM-EL (1.040.109.4.h) on star.ke.st up to 19060; volkszaehler/mbmd, meters/rs485/janitza.go, for the
        B series, which has the same block (0x4A38 is 19000). They agree on every address; total and delivered energy of
        the UMG 96RM were found in the list of its sibling UMG 96-PA (cfos-emobility.de). The document "UMG 96RM
        Modbus-address list and Formulary", 1.040.034.b, could be read for the functions (3 and 4) and the byte order.
        The address on the wire is the number in the list.
Sign:   consumed positive, as inside. unverified: reactive power, which is that of the fundamental.
Quirk:  energy is a 32-bit float of watt-hours: beyond 16.8 MWh it moves in steps of 2 Wh, and so on. 19068 counts
        tariff 1 in the lists of UMG 604 and UMG 104. The same values with the low word first stand 32768 higher.
Left:   19044 to 19048, the cosine of the fundamental, which is no power factor.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 19000, Shape.F32),
    Field("voltage_l2_v", 19002, Shape.F32),
    Field("voltage_l3_v", 19004, Shape.F32),
    Field("current_l1_a", 19012, Shape.F32),
    Field("current_l2_a", 19014, Shape.F32),
    Field("current_l3_a", 19016, Shape.F32),
    Field("power_l1_w", 19020, Shape.F32),
    Field("power_l2_w", 19022, Shape.F32),
    Field("power_l3_w", 19024, Shape.F32),
    Field("power_w", 19026, Shape.F32),
    Field("apparent_power_l1_va", 19028, Shape.F32),
    Field("apparent_power_l2_va", 19030, Shape.F32),
    Field("apparent_power_l3_va", 19032, Shape.F32),
    Field("apparent_power_va", 19034, Shape.F32),
    Field("reactive_power_l1_var", 19036, Shape.F32),
    Field("reactive_power_l2_var", 19038, Shape.F32),
    Field("reactive_power_l3_var", 19040, Shape.F32),
    Field("reactive_power_var", 19042, Shape.F32),
    Field("frequency_hz", 19050, Shape.F32),
    Field("energy_import_wh", 19068, Shape.F32),
    Field("energy_export_wh", 19076, Shape.F32),
    table=Table.HOLDING,
)
UMG604: Final = MeterType(
    name="umg604",
    maker="Janitza",
    product="UMG 604",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("reactive_power_l1_var", "reactive_power_l2_var", "reactive_power_l3_var", "reactive_power_var"),
    quirks=("energy as a 32-bit float of Wh", "import counts tariff 1"),
)
TYPES: Final = (
    UMG604,
    replace(UMG604, name="umg104", product="UMG 104"),
    replace(
        UMG604,
        name="umg96rm",
        product="UMG 96RM",
        unverified=(*UMG604.unverified, "energy_import_wh", "energy_export_wh"),
    ),
)
