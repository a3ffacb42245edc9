"""Huawei SUN2000 (L1, M0 to M3), the AC side.

Source: olivergregorius/sun2000_modbus (MIT), registers.py, and bolliy/ioBroker.sun2000 (MIT), lib/, agree on the limit;
        the former and evcc-io/evcc (MIT), templates/definition/meter/huawei-sun2000-*.yaml, on power and energy. The other
        measurements are in the former only. Values not available: evcc's decoder. Addresses on the wire as listed.
Sign:   production positive; flipped here. With a battery this is the power of both. Reactive power is left out: no source
        says its sign.
Limit:  40126, fixed derating in W. No timer was found, nor whether it is kept in flash: it is written on change only.
Quirk:  slow: by the dongle one request at a time, and a second after the connection stands before the first.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_inverter import InverterType, Limiting
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

S32, U32 = 0x7FFFFFFF, 0xFFFFFFFF  # not available
MAP: Final = RegisterMap(
    Field("voltage_l1_v", 32069, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("voltage_l2_v", 32070, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("voltage_l3_v", 32071, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("current_l1_a", 32072, Shape.S32, scale=0.001, absent=S32),
    Field("current_l2_a", 32074, Shape.S32, scale=0.001, absent=S32),
    Field("current_l3_a", 32076, Shape.S32, scale=0.001, absent=S32),
    Field("power_w", 32080, Shape.S32, scale=-1.0, absent=S32),
    Field("frequency_hz", 32085, Shape.U16, scale=0.01, absent=0xFFFF),
    Field("temperature_c", 32087, Shape.S16, scale=0.1, absent=0x7FFF),
    Field("energy_export_wh", 32106, Shape.U32, scale=10.0, absent=U32),
    table=Table.HOLDING,
)
SUN2000: Final = MeterType(
    name="huawei-sun2000",
    maker="Huawei",
    product="SUN2000",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=tuple(field.quantity for field in MAP.fields if field.quantity not in ("power_w", "energy_export_wh")),
    quirks=("with a battery: the power of both", "no hardware fallback"),
)
DERATED: Final = Register("40126 fixed active power derated", 40126, Shape.U32)
RATED: Final = Register("30075 maximum active power", 30075, Shape.U32, absent=U32)
TYPES: Final = (
    InverterType(
        name=SUN2000.name,
        meter=SUN2000.build,
        sheet=SUN2000.sheet,
        limiting=Limiting(
            rated=RATED, percent=False, grant=(Step(DERATED, What.VALUE),), lift=(Step(DERATED, What.VALUE),)
        ),
    ),
)
