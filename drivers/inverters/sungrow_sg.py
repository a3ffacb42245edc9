"""Sungrow SG string inverters.

Source: evcc-io/evcc (MIT), templates/definition/meter/sungrow-inverter.yaml, and bohdan-s/SunGather (facts only),
        registers-sungrow.yaml, agree on power and energy; the currents also with openWB/core (facts only), sungrow_sg. The
        rest, and the limit, are in SunGather only. The address on the wire is the number in Sungrow's list minus 1.
Sign:   production positive; flipped here. Reactive power is left out: no source says its sign.
Words:  low word first. Measurements are input registers, the limit is in holding registers.
Limit:  5008 in steps of 0.1 %, switched by 5007 (0xAA on, 0x55 off). unverified: one list only. No timer was found, nor
        whether it is kept in flash: it is written on change only.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_inverter import InverterType, Limiting
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("energy_export_wh", 5003, Shape.U32, scale=1000.0, low_word_first=True),
    Field("temperature_c", 5007, Shape.S16, scale=0.1),
    Field("apparent_power_va", 5008, Shape.U32, low_word_first=True),
    Field("voltage_l1_v", 5018, Shape.U16, scale=0.1),
    Field("voltage_l2_v", 5019, Shape.U16, scale=0.1),
    Field("voltage_l3_v", 5020, Shape.U16, scale=0.1),
    Field("current_l1_a", 5021, Shape.S16, scale=0.1),
    Field("current_l2_a", 5022, Shape.S16, scale=0.1),
    Field("current_l3_a", 5023, Shape.S16, scale=0.1),
    Field("power_w", 5030, Shape.U32, scale=-1.0, low_word_first=True),
    Field("frequency_hz", 5035, Shape.U16, scale=0.1),
    table=Table.INPUT,
)
SG: Final = MeterType(
    name="sungrow-sg",
    maker="Sungrow",
    product="SG string inverters",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("temperature_c", "apparent_power_va", "voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "frequency_hz"),
    quirks=("low word first", "limit found in one list only", "no hardware fallback"),
)
SWITCH: Final = Register("5007 power limitation switch", 5006, Shape.U16)
SETTING: Final = Register("5008 power limitation setting", 5007, Shape.U16, scale=0.1)
TYPES: Final = (
    InverterType(
        name=SG.name,
        meter=SG.build,
        sheet=SG.sheet,
        limiting=Limiting(
            rated=Register("5001 nominal power", 5000, Shape.U16, scale=100.0, table=Table.INPUT),
            percent=True,
            grant=(Step(SETTING, What.VALUE), Step(SWITCH, 0xAA)),
            lift=(Step(SWITCH, 0x55),),
        ),
    ),
)
