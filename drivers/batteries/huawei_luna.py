"""Huawei LUNA2000 behind a SUN2000 hybrid inverter, all towers as one.

Source: olivergregorius/sun2000_modbus (MIT), registers.py and mappings.py, and evcc-io/evcc (MIT), templates/definition/meter/
        huawei-sun2000-hybrid.yaml, agree on all but 47249, which is in the former and in bolliy/ioBroker.sun2000 (MIT), lib/;
        the sign also with openWB/core (facts only). Values not available: evcc's decoder. Addresses as listed.
Sign:   charging positive, as inside.
Follow: forced charge or discharge (47100) with a power (47247, 47249) for a time (47083, in minutes), renewed by writing 47100
        again; then the battery is in its own mode. unverified: that 0 W of forced charge is idle.
Quirk:  a lease of less than a minute is a minute to the device. Charging from the grid must be allowed (47087).
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

LUNA: Final = MeterType(
    name="huawei-luna",
    maker="Huawei",
    product="LUNA2000 behind SUN2000",
    registers=RegisterMap(
        Field("soc_percent", 37760, Shape.U16, scale=0.1, absent=0xFFFF),
        Field("power_w", 37765, Shape.S32, absent=0x7FFFFFFF),
        Field("energy_import_wh", 37780, Shape.U32, scale=10.0, absent=0xFFFFFFFF),
        Field("energy_export_wh", 37782, Shape.U32, scale=10.0, absent=0xFFFFFFFF),
        table=Table.HOLDING,
        gap=13,
    ),
    verified=Evidence.LISTS,
    quirks=("a lease counts in whole minutes", "charging from the grid must be allowed (47087)"),
)
FORCED: Final = Register("47100 forcible charge/discharge", 47100, Shape.U16, counted=True)  # 1 charge, 2 discharge
CHARGE: Final = Step(Register("47247 forcible charge power", 47247, Shape.U32), What.VALUE)
DISCHARGE: Final = Step(Register("47249 forcible discharge power", 47249, Shape.U32), What.VALUE)
TYPES: Final = (
    BatteryType(
        name=LUNA.name,
        meter=LUNA.build,
        sheet=LUNA.sheet,
        following=Following(
            consume_max=Register("37046 maximum charge power", 37046, Shape.U32, absent=0xFFFFFFFF),
            produce_max=Register("37048 maximum discharge power", 37048, Shape.U32, absent=0xFFFFFFFF),
            energy=Register("37758 rated capacity", 37758, Shape.U32, absent=0xFFFFFFFF),
            timer=(
                Step(Register("47246 setting mode", 47246, Shape.U16), 0),  # by duration
                Step(Register("47083 period", 47083, Shape.U16, scale=60.0), What.VALID_S),
            ),
            charge=(CHARGE, Step(FORCED, 1)),
            discharge=(DISCHARGE, Step(FORCED, 2)),
            idle=(CHARGE, Step(FORCED, 1)),
            release=(Step(FORCED, 0),),
            to_own=(),
        ),
    ),
)
