"""The battery of a GoodWe ET, EH, BT or BH hybrid inverter (GoodWe Lynx, BYD and others).

Source: marcelblijleven/goodwe (MIT), goodwe/et.py, and OpenEMS/openems (facts only), AbstractGoodWe.java, and evcc-io/evcc (MIT),
        templates/definition/meter/goodwe-hybrid.yaml, agree on power, charge and control registers; the energy modes 8, 11
        and 12 are told in OpenEMS only, EmsPowerMode.java, which cites table 8-16 of GoodWe: unverified. Addresses as listed.
Sign:   discharging positive (goodwe: roof + battery - grid = house); flipped here.
Follow: 47511: 11 charge, 12 discharge, 8 standby, 1 its own mode; 47512 is the power in W. No timer was found, nor whether
        they are kept in flash: written on change only.
Quirk:  unit id 247.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

ET: Final = MeterType(
    name="goodwe-et-battery",
    maker="GoodWe",
    product="battery of ET, EH, BT, BH hybrid inverters",
    registers=RegisterMap(
        Field("power_w", 35182, Shape.S32, scale=-1.0),
        Field("energy_import_wh", 35206, Shape.U32, scale=100.0, absent=0xFFFFFFFF),
        Field("energy_export_wh", 35209, Shape.U32, scale=100.0, absent=0xFFFFFFFF),
        Field("temperature_c", 37003, Shape.S16, scale=0.1),
        Field("soc_percent", 37007, Shape.U16, absent=0xFFFF),
        Field("soh_percent", 37008, Shape.U16, absent=0xFFFF),
        table=Table.HOLDING,
    ),
    verified=Evidence.LISTS,
    quirks=("unit id 247", "the modes of its control are from one list only", "no hardware fallback"),
)
MODE: Final = Register("47511 EMS power mode", 47511, Shape.U16)
POWER: Final = Step(Register("47512 EMS power", 47512, Shape.U16), What.VALUE)
RATED: Final = Register("35001 rated power", 35001, Shape.U16)
TYPES: Final = (
    BatteryType(
        name=ET.name,
        meter=ET.build,
        sheet=ET.sheet,
        following=Following(
            consume_max=RATED,
            produce_max=RATED,
            charge=(POWER, Step(MODE, 11)),
            discharge=(POWER, Step(MODE, 12)),
            idle=(Step(MODE, 8),),
            release=(Step(MODE, 1),),
        ),
    ),
)
