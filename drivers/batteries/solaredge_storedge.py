"""The first battery of a SolarEdge StorEdge or Home Hub inverter, by SolarEdge's own registers.

Source: WillCodeForCats/solaredge-modbus-multi (Apache-2.0), hub.py, const.py and number.py, and evcc-io/evcc (MIT),
        templates/definition/meter/solaredge-hybrid.yaml, agree on power, charge, counters and the command registers; the
        time-out and the default mode are in the first and in OpenEMS/openems (facts only), with the modes' meanings. Health,
        temperature and available energy are in the first only. Addresses on the wire as listed.
Sign:   charging positive, as inside.
Words:  low word first. Not available: 0xFF7FFFFF.
Follow: under remote control (0xE004 = 4, set by an installer, never by us) a command (0xE00D: 3 charge, 4 discharge to meet the
        inverter's limit, 0 off, 7 self-consumption), its limits (0xE00E, 0xE010) and a time (0xE00B), after which the default
        mode (0xE00A) holds. Whether these are kept in flash was not found: only the command is written at each renewal.
Quirk:  charging from the grid must be allowed (0xE005). Discharging is to the roof's power and the inverter's limit.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

ABSENT: Final = -3.4028234663852886e38
U64: Final = 0xFFFFFFFFFFFFFFFF
STOREDGE: Final = MeterType(
    name="solaredge-battery",
    maker="SolarEdge",
    product="battery 1 of StorEdge, Home Hub",
    registers=RegisterMap(
        Field("temperature_c", 0xE16C, Shape.F32, low_word_first=True, absent=ABSENT),
        Field("power_w", 0xE174, Shape.F32, low_word_first=True, absent=ABSENT),
        Field("energy_export_wh", 0xE176, Shape.U64, low_word_first=True, absent=U64),
        Field("energy_import_wh", 0xE17A, Shape.U64, low_word_first=True, absent=U64),
        Field("available_energy_wh", 0xE180, Shape.F32, low_word_first=True, absent=ABSENT),
        Field("soh_percent", 0xE182, Shape.F32, low_word_first=True, absent=ABSENT),
        Field("soc_percent", 0xE184, Shape.F32, low_word_first=True, absent=ABSENT),
        table=Table.HOLDING,
    ),
    verified=Evidence.LISTS,
    unverified=("temperature_c", "available_energy_wh", "soh_percent"),
    quirks=("remote control (0xE004) set by an installer", "charging from the grid must be allowed", "low word first"),
)
DEFAULT: Final = Register("E00A default mode", 0xE00A, Shape.U16)
COMMAND: Final = Register("E00D command mode", 0xE00D, Shape.U16, counted=True)
CHARGE: Final = Register("E00E charge limit", 0xE00E, Shape.F32, low_word_first=True)
DISCHARGE: Final = Register("E010 discharge limit", 0xE010, Shape.F32, low_word_first=True)
TYPES: Final = (
    BatteryType(
        name=STOREDGE.name,
        meter=STOREDGE.build,
        sheet=STOREDGE.sheet,
        following=Following(
            consume_max=Register("E144 continuous charge power", 0xE144, Shape.F32, low_word_first=True, absent=ABSENT),
            produce_max=Register(
                "E146 continuous discharge power", 0xE146, Shape.F32, low_word_first=True, absent=ABSENT
            ),
            energy=Register("E142 rated energy", 0xE142, Shape.F32, low_word_first=True, absent=ABSENT),
            needs=(Step(Register("E004 storage control mode", 0xE004, Shape.U16), 4),),
            timer=(Step(Register("E00B command timeout", 0xE00B, Shape.U32, low_word_first=True), What.VALID_S),),
            to_own=(Step(DEFAULT, 7),),
            to_idle=(Step(DEFAULT, 0),),
            charge=(Step(CHARGE, What.VALUE), Step(COMMAND, 3)),
            discharge=(Step(DISCHARGE, What.VALUE), Step(COMMAND, 4)),
            idle=(Step(COMMAND, 0),),
            release=(Step(COMMAND, 7),),
        ),
    ),
)
