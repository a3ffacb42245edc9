"""Carlo Gavazzi EM24_E1 (EM24 with Ethernet), three-phase meter over Modbus TCP.

Source: volkszaehler/mbmd, meters/rs485/carlogavazzi-em24_e1.go, and nmakel/sdm_modbus, src/sdm_modbus/carlogavazzi.py:
        two transcriptions of "EM24_E1 (Ethernet) Communication Protocol", which itself could not be read. Reactive and
        apparent power stand in the second only. Codes and serial number: victronenergy/dbus-modbus-client,
        carlo_gavazzi.py.
Sign:   import positive, as inside. unverified: reactive power.
Words:  32-bit integers have the low word first. unverified for this model: 7FFFFFFFh is an overflow.
Limits: sdm_modbus reads 0x0000 to 0x0079 at once; 50 is what the EM340 allows.
Quirk:  other addresses than the EM24 with RS-485. Phases may be missing unless the "application" (0xA000) is 7 ("H");
        firmware before 1.8.3 is too old (evcc, cg-em24_e1.yaml).
Left:   the power factor, whose sign could not be read.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, SerialNumber
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
    Field("frequency_hz", 0x0033, Shape.S16, scale=0.1),
    Field("energy_import_wh", 0x0034, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    Field("energy_export_wh", 0x004E, Shape.S32, scale=100.0, absent=OVERFLOW, low_word_first=True),
    table=Table.INPUT,
    block_max=50,
)
TYPES: Final = (
    MeterType(
        name="em24-e1",
        maker="Carlo Gavazzi",
        product="EM24_E1",
        registers=MAP,
        verified=Evidence.LISTS,
        unverified=(
            "apparent_power_l1_va",
            "apparent_power_l2_va",
            "apparent_power_l3_va",
            "apparent_power_va",
            "reactive_power_l1_var",
            "reactive_power_l2_var",
            "reactive_power_l3_var",
            "reactive_power_var",
        ),
        quirks=("low word first", "firmware 1.8.3 and later", "application H"),
        serial=SerialNumber(Table.INPUT, 0x5000, 7, spelt=True),
        identity=Identity(Table.INPUT, 0x000B, 1, frozenset(range(1648, 1654))),
    ),
)
