"""B+G e-tech DS100, three-phase meter.

Source: volkszaehler/mbmd, meters/rs485/ds100.go, and evcc, templates/definition/meter/bgetech-ds100.yaml, agree on
        import, voltages, currents and active powers; the rest stands in mbmd only. Of the export counter mbmd says
        0x118A, evcc 0x0118; the latter is ten registers behind the import as in mbmd's list of the sibling WS100, and
        is taken.
Sign:   import ("forward") positive, as inside. unverified: reactive power.
Limits: function 3. unverified: that the registers between those listed can be read over, so they are not.
Left:   the power factor, whose sign could not be read.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("energy_import_wh", 0x010E, Shape.U32, scale=10.0),
    Field("energy_export_wh", 0x0118, Shape.U32, scale=10.0),
    Field("voltage_l1_v", 0x0400, Shape.U32, scale=0.001),
    Field("voltage_l2_v", 0x0402, Shape.U32, scale=0.001),
    Field("voltage_l3_v", 0x0404, Shape.U32, scale=0.001),
    Field("current_l1_a", 0x0410, Shape.S32, scale=0.001),
    Field("current_l2_a", 0x0412, Shape.S32, scale=0.001),
    Field("current_l3_a", 0x0414, Shape.S32, scale=0.001),
    Field("power_l1_w", 0x041A, Shape.S32),
    Field("power_l2_w", 0x041C, Shape.S32),
    Field("power_l3_w", 0x041E, Shape.S32),
    Field("power_w", 0x0420, Shape.S32),
    Field("apparent_power_l1_va", 0x0422, Shape.U32),
    Field("apparent_power_l2_va", 0x0424, Shape.U32),
    Field("apparent_power_l3_va", 0x0426, Shape.U32),
    Field("apparent_power_va", 0x0428, Shape.U32),
    Field("reactive_power_l1_var", 0x042A, Shape.S32),
    Field("reactive_power_l2_var", 0x042C, Shape.S32),
    Field("reactive_power_l3_var", 0x042E, Shape.S32),
    Field("reactive_power_var", 0x0430, Shape.S32),
    Field("frequency_hz", 0x0435, Shape.U16, scale=0.1),
    table=Table.HOLDING,
    gap=0,
)
TYPES: Final = (
    MeterType(
        name="ds100",
        maker="B+G e-tech",
        product="DS100",
        registers=MAP,
        verified=Evidence.LISTS,
        unverified=(
            "energy_export_wh",
            "apparent_power_l1_va",
            "apparent_power_l2_va",
            "apparent_power_l3_va",
            "apparent_power_va",
            "reactive_power_l1_var",
            "reactive_power_l2_var",
            "reactive_power_l3_var",
            "reactive_power_var",
            "frequency_hz",
        ),
    ),
)
