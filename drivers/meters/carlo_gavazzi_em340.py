"""Carlo Gavazzi three-phase meters of the EM300, ET300 and EM500 series with one register map, and GARO's GNM3D.

Source: "GNM3D Series and GNM3T Series Communication Protocol, Version 1 Revision 1", pages 3 to 13, read in full in
        github.com/nmakel/sdm_modbus, documents/garo_gnm3d_modbus_protocol.pdf: the EM340 under another name, with the
        same words. EM330, EM340, ET340: volkszaehler/mbmd, meters/rs485/carlogavazzi-ex3x0.go, and EVerest,
        modules/HardwareDrivers/PowerMeters/CarloGavazzi_EM580 (EM300 series), agree with it; Carlo Gavazzi's own
        document (Version 2 Revision 17) could be read as a table of contents only. EM530, EM540: evcc,
        templates/definition/meter/cg-emt3xx.yaml takes mbmd's map; the EM580 of EVerest has the same values up to
        0x0033, and its counters elsewhere.
Sign:   import positive, as inside; reactive power positive when imported. Both only in bidirectional measurement.
Words:  32-bit integers have the low word first. 7FFFFFFFh is an overflow ("EEE" on the display).
Limits: 50 registers a request; the frames of the GNM3D document say 20, and the GNM3D gets the smaller. An address
        that is not in the tables is refused. 0x000B is answered only when it is asked for alone.
Quirk:  in easy connection mode (measurement A, and MID models of one direction) power and current are always positive
        and energy_export_wh stands still.
Left:   the power factor, whose sign was read for the GNM3D only.
"""

from dataclasses import replace
from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

OVERFLOW: Final = 0x7FFFFFFF
FIELDS: Final = (
    Field("voltage_l1_v", 0x0000, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("voltage_l2_v", 0x0002, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("voltage_l3_v", 0x0004, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("current_l1_a", 0x000C, Shape.S32, scale=0.001, absent=OVERFLOW, low_word_first=True),
    Field("current_l2_a", 0x000E, Shape.S32, scale=0.001, absent=OVERFLOW, low_word_first=True),
    Field("current_l3_a", 0x0010, Shape.S32, scale=0.001, absent=OVERFLOW, low_word_first=True),
    Field("power_l1_w", 0x0012, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("power_l2_w", 0x0014, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("power_l3_w", 0x0016, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("apparent_power_l1_va", 0x0018, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("apparent_power_l2_va", 0x001A, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("apparent_power_l3_va", 0x001C, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("reactive_power_l1_var", 0x001E, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("reactive_power_l2_var", 0x0020, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("reactive_power_l3_var", 0x0022, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("power_w", 0x0028, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("apparent_power_va", 0x002A, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("reactive_power_var", 0x002C, Shape.S32, scale=0.1, absent=OVERFLOW, low_word_first=True),
    Field("frequency_hz", 0x0033, Shape.S16, scale=0.1),
    Field("energy_import_wh", 0x0034, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    Field("energy_export_wh", 0x004E, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
)
EASY: Final = "set to easy connection it shows no export"

EM340: Final = MeterType(
    name="em340",
    maker="Carlo Gavazzi",
    product="EM340",
    registers=RegisterMap(*FIELDS, table=Table.INPUT, block_max=50),
    verified=Evidence.LISTS,
    unverified=("apparent_power_l1_va", "apparent_power_l2_va", "apparent_power_l3_va", "apparent_power_va"),
    quirks=("low word first", EASY),
    serial=SerialNumber(Table.INPUT, 0x5000, 7, spelt=True),
    # EVerest names these for the series, and not which model has which.
    identity=Identity(Table.INPUT, 0x000B, 1, frozenset({331, 332, 335, 336, 340, 341, 345, 346, 355})),
)
EM540: Final = replace(
    EM340,
    name="em540",
    product="EM540",
    unverified=(*EM340.unverified, "energy_import_wh", "energy_export_wh"),
    identity=None,
)
TYPES: Final = (
    EM340,
    replace(EM340, name="em330", product="EM330"),
    replace(EM340, name="et340", product="ET340"),
    EM540,
    replace(EM540, name="em530", product="EM530"),
    replace(
        EM340,
        name="gnm3d",
        maker="GARO",
        product="GNM3D",
        registers=RegisterMap(*FIELDS, table=Table.INPUT, block_max=20),
        verified=Evidence.DOCUMENT,
        unverified=(),
        identity=Identity(Table.INPUT, 0x000B, 1, frozenset({341})),
    ),
)
