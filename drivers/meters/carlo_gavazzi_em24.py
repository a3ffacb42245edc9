"""Carlo Gavazzi EM24-DIN with RS-485 (PFA, PFB and X models), three-phase meter. The one with Ethernet is the em24-e1.

Source: "EM24-DIN PFA, PFB & X models, Communication Protocol", table 2.3-1, page 8, and the serial number, page 13,
        as shown on manualshelf.com (em24dinav93xo2x); its revision is on no page that could be read. 0x003E to 0x0044
        are there kWh(+) TOT, kvarh(+) TOT, kWh(+) PAR, kvarh(+) PAR: volkszaehler/mbmd,
        meters/rs485/carlogavazzi-em24.go, has the partial counter 0x0042 as the total (evcc#17173 says so too). The
        rest of mbmd's list agrees. energy_export_wh: 0x005C in mbmd and in evcc#31736, which says that it is right
        but not always there.
Sign:   import positive, as inside; evcc#31143 shows negative powers of phases. unverified: reactive power.
Words:  32-bit integers have the low word first. unverified for this model: 7FFFFFFFh is an overflow.
Limits: unverified: 11 registers a request, as the EM26-96 of the same time says; this document's page could not be
        read.
Quirk:  which values there are depends on the "application" (0x1101) and the variant: some refuse the export counter
        with exception 2, and are read without it. Older firmware has no serial number at 0x1300.
Left:   the power factor, whose sign tells leading from lagging and not the direction.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

OVERFLOW: Final = 0x7FFFFFFF
MAP: Final = RegisterMap(
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
    Field("frequency_hz", 0x0037, Shape.S16, scale=0.1),
    Field("energy_import_wh", 0x003E, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    table=Table.INPUT,
    block_max=11,
)
EXPORT: Final = RegisterMap(
    Field("energy_export_wh", 0x005C, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    table=Table.INPUT,
)
TYPES: Final = (
    MeterType(
        name="em24",
        maker="Carlo Gavazzi",
        product="EM24-DIN",
        registers=MAP,
        extras=EXPORT,
        verified=Evidence.DOCUMENT,
        unverified=(
            "reactive_power_l1_var",
            "reactive_power_l2_var",
            "reactive_power_l3_var",
            "reactive_power_var",
            "energy_export_wh",
        ),
        quirks=("low word first", "no export counter in some variants", "RS-485 only; the map of the E1 differs"),
        serial=SerialNumber(Table.INPUT, 0x1300, 7, spelt=True),
    ),
)
