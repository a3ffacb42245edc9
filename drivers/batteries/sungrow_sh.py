"""The battery of a Sungrow SH hybrid inverter (Sungrow SBR, BYD, Pylontech and others).

Source: mkaiser/Sungrow-SHx-Inverter-Modbus-Home-Assistant (MIT), modbus_sungrow.yaml, evcc-io/evcc (MIT), templates/definition/
        meter/sungrow-hybrid.yaml, and openWB/core (facts only), sungrow_sh/bat.py, agree on charge, counters and control; the
        power and its sign are in the first and the last. The address on the wire is the number in Sungrow's list minus 1.
Sign:   discharging positive; flipped here.
Words:  low word first. Measurements are input registers, the control is in holding registers.
Follow: forced mode (13049 = 2) with a command (13050: 0xAA charge, 0xBB discharge, 0xCC stop) and a power in W (13051). No
        timer was found, nor whether they are kept in flash: written on change only.
Quirk:  older firmware has no power with a sign (5213): such a device lacks power_w. Behind a WiNet-S some registers differ.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

SH: Final = MeterType(
    name="sungrow-sh-battery",
    maker="Sungrow",
    product="battery of SH hybrid inverters",
    registers=RegisterMap(
        Field("soc_percent", 13022, Shape.U16, scale=0.1),
        Field("soh_percent", 13023, Shape.U16, scale=0.1),
        Field("temperature_c", 13024, Shape.S16, scale=0.1),
        Field("energy_export_wh", 13026, Shape.U32, scale=100.0, low_word_first=True),
        Field("energy_import_wh", 13040, Shape.U32, scale=100.0, low_word_first=True),
        table=Table.INPUT,
        gap=12,
    ),
    extras=RegisterMap(Field("power_w", 5213, Shape.S32, scale=-1.0, low_word_first=True), table=Table.INPUT),
    verified=Evidence.LISTS,
    unverified=("soh_percent", "temperature_c", "energy_import_wh"),
    quirks=("older firmware lacks the power", "low word first", "no hardware fallback"),
)
MODE: Final = Register("13049 EMS mode", 13049, Shape.U16)
COMMAND: Final = Register("13050 charge/discharge command", 13050, Shape.U16)
POWER: Final = Step(Register("13051 forced power", 13051, Shape.U16), What.VALUE)
RATED: Final = Register("5628 rated power of the battery converter", 5627, Shape.U16, scale=100.0, table=Table.INPUT)
TYPES: Final = (
    BatteryType(
        name=SH.name,
        meter=SH.build,
        sheet=SH.sheet,
        following=Following(
            consume_max=RATED,
            produce_max=RATED,
            energy=Register("5639 capacity", 5638, Shape.U16, scale=10.0, table=Table.INPUT),
            charge=(POWER, Step(COMMAND, 0xAA), Step(MODE, 2)),
            discharge=(POWER, Step(COMMAND, 0xBB), Step(MODE, 2)),
            idle=(Step(COMMAND, 0xCC), Step(MODE, 2)),
            release=(Step(MODE, 0), Step(COMMAND, 0xCC)),
        ),
    ),
)
