"""Shelly Pro 3EM (120 A and 400 A), three-phase meter over Modbus TCP, in its profile "triphase".

Source: Shelly's page "Modbus" (shelly-api-docs.shelly.cloud, Gen2) for device info and word order; its pages "EM" and
        "EMData" could not be read up to their register tables. Two public transcriptions of these agree on every
        register (the search that showed them names no repository); creepystefan/ESPHome-Shelly-3EM-Pro-Gen-2,
        README.md, has 1013, 1020, 1040 and 1060 counted from one. 31000 in Shelly's tables is 1000 on the wire.
Sign:   consumed positive, as inside; "returned" energy is export.
Words:  floats and 32-bit integers have the low word first.
Limits: holes are not read over.
Quirk:  Modbus is off until it is enabled (Modbus.SetConfig, or the web page). The counters add what each phase took
        and gave without netting them (evcc#29727). Energy is a 32-bit float of watt-hours: beyond 16.8 MWh it moves
        in steps of 2 Wh, and so on.
Left:   the power factor, whose sign could not be read; the frequency.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("current_a", 1011, Shape.F32, low_word_first=True),
    Field("power_w", 1013, Shape.F32, low_word_first=True),
    Field("apparent_power_va", 1015, Shape.F32, low_word_first=True),
    Field("voltage_l1_v", 1020, Shape.F32, low_word_first=True),
    Field("current_l1_a", 1022, Shape.F32, low_word_first=True),
    Field("power_l1_w", 1024, Shape.F32, low_word_first=True),
    Field("apparent_power_l1_va", 1026, Shape.F32, low_word_first=True),
    Field("voltage_l2_v", 1040, Shape.F32, low_word_first=True),
    Field("current_l2_a", 1042, Shape.F32, low_word_first=True),
    Field("power_l2_w", 1044, Shape.F32, low_word_first=True),
    Field("apparent_power_l2_va", 1046, Shape.F32, low_word_first=True),
    Field("voltage_l3_v", 1060, Shape.F32, low_word_first=True),
    Field("current_l3_a", 1062, Shape.F32, low_word_first=True),
    Field("power_l3_w", 1064, Shape.F32, low_word_first=True),
    Field("apparent_power_l3_va", 1066, Shape.F32, low_word_first=True),
    Field("energy_import_wh", 1162, Shape.F32, low_word_first=True),
    Field("energy_export_wh", 1164, Shape.F32, low_word_first=True),
    table=Table.INPUT,
    gap=0,
)
TYPES: Final = (
    MeterType(
        name="shelly-pro-3em",
        maker="Shelly",
        product="Pro 3EM",
        registers=MAP,
        verified=Evidence.LISTS,
        quirks=("low word first", "enable Modbus first", "counters do not net the phases"),
        serial=SerialNumber(Table.INPUT, 0, 6, spelt=True),  # the MAC address
        identity=Identity(Table.INPUT, 6, 10, frozenset({"SPEM-003CEBEU"})),
    ),
)
