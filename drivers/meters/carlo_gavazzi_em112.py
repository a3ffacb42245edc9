"""Carlo Gavazzi EM111, EM112 and ET112, single-phase meters with one register map.

Source: evcc, templates/definition/meter/cg-emt1xx.yaml (power, both counters), and nobrega8/mbmap-library,
        maps/carlo-gavazzi/em111 and et112 (voltage, current, word order), the part of it that a search shows;
        OpenEMS#3215 gives the counters as registers 300017 and 300033 too. The document "EM100 Series and ET100
        Series Modbus communication protocol" could not be read. Only the counters stand in two lists, so unverified.
Sign:   import positive, as inside.
Words:  32-bit integers have the low word first. unverified for this model: 7FFFFFFFh is an overflow.
Names:  the one phase is L1, as voltage and current say; the power is the total, as there is no other.
Limits: 50 registers a request. Holes are not read over.
Left:   frequency, reactive and apparent power, power factor: their addresses could not be read.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

OVERFLOW: Final = 0x7FFFFFFF
MAP: Final = RegisterMap(
    Field("voltage_l1_v", 0x0000, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("current_l1_a", 0x0002, Shape.S32, scale=0.001, absent=OVERFLOW, low_word_first=True),
    Field("power_w", 0x0004, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("energy_import_wh", 0x0010, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    Field("energy_export_wh", 0x0020, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    table=Table.INPUT,
    block_max=50,
    gap=0,
)
EM112: Final = MeterType(
    name="em112",
    maker="Carlo Gavazzi",
    product="EM112",
    registers=MAP,
    verified=Evidence.UNVERIFIED,
    quirks=("low word first",),
)
TYPES: Final = (
    EM112,
    replace(EM112, name="em111", product="EM111"),
    replace(EM112, name="et112", product="ET112"),
)
