"""KEBA KeContact P30 (c-series, x-series) over Modbus TCP: what it shows.

Source: KEBA, "Modbus TCP Programmers Guide V1.02", pages 10 to 13 as they stand on manualshive.com and easymanua.ls: 1008 to 1012
        (mA), 1014 (serial number), 1020 (mW), 1036 (Wh), 1040 to 1044 (V); each number is a UINT32, two registers, function 3.
        The order of the words was not read there; a public map of the same guide has the highest first: unverified.
        SmartApplianceEnabler takes 1036 for tenths of a watt-hour, against the guide: compare the first reading with
        the display.
Sign:   consumed positive, as inside; it gives nothing back.
Unit:   255. Modbus TCP is switched on by DIP switch DSW1.3.
Limits: one value a request: it cannot be asked for several.
Left:   the limit (5004, 6000 to 63000 mA, write-only, gone at a reboot) and its failsafe (5016, 5018, 5020): the pages on the
        failsafe could not be read, and without it a limit would outlive whoever set it.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("current_l1_a", 1008, Shape.U32, scale=0.001),
    Field("current_l2_a", 1010, Shape.U32, scale=0.001),
    Field("current_l3_a", 1012, Shape.U32, scale=0.001),
    Field("power_w", 1020, Shape.U32, scale=0.001),
    Field("energy_import_wh", 1036, Shape.U32),
    Field("voltage_l1_v", 1040, Shape.U32),
    Field("voltage_l2_v", 1042, Shape.U32),
    Field("voltage_l3_v", 1044, Shape.U32),
    table=Table.HOLDING,
    block_max=2,
    gap=0,
)
TYPE: Final = MeterType(
    name="keba",
    maker="KEBA",
    product="KeContact P30",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    unverified=("energy_import_wh",),
    quirks=("unit id 255", "one value a request", "read-only: its failsafe could not be read"),
    serial=SerialNumber(Table.HOLDING, 1014, 2),
)
