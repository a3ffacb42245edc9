"""SMA Sunny Island 4.4M, 6.0H and 8.0H, battery inverters: SMA's own register profile.

Source: SMA, "Modbus Parameters and Measured Values, SUNNY ISLAND" (modbuslist_en.html, from firmware 3.20.09.R), and
        SMA-Modbus-general-TI-en-10 for types and values not available, page 13; both in michischatz/smarthomeng-smamodbus,
        specs/. That a positive setpoint discharges: evcc-io/evcc (MIT), templates/definition/meter/sma-si-modbus.yaml, and
        openWB/core (facts only), sma_sunny_boy/bat.py. The address on the wire is the number in the list.
Sign:   discharging positive; flipped here. unverified: of 30775.
Follow: 40149 in W, made active by 40151 (802 active, 803 inactive): for cyclic writing, and not readable, so that no read-back
        is made. What follows their absence (41193, 41195) is set by an installer, into flash; to what power it falls back the
        list does not say: counted as no hardware fallback.
Quirk:  unit id 3 unless set otherwise. One phase each.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType, SerialNumber
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

S32, U32, U64 = -0x80000000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF  # not available
ISLAND: Final = MeterType(
    name="sma-sunny-island",
    maker="SMA",
    product="Sunny Island 4.4M, 6.0H, 8.0H",
    registers=RegisterMap(
        Field("power_w", 30775, Shape.S32, scale=-1.0, absent=S32),
        Field("voltage_l1_v", 30783, Shape.U32, scale=0.01, absent=U32),
        Field("frequency_hz", 30803, Shape.U32, scale=0.01, absent=U32),
        Field("soc_percent", 30845, Shape.U32, absent=U32),
        Field("temperature_c", 30849, Shape.S32, scale=0.1, absent=S32),
        Field("current_l1_a", 30977, Shape.S32, scale=0.001, absent=S32),
        Field("energy_import_wh", 31397, Shape.U64, absent=U64),
        Field("energy_export_wh", 31401, Shape.U64, absent=U64),
        table=Table.HOLDING,
        gap=0,
    ),
    verified=Evidence.DOCUMENT,
    unverified=("power_w",),
    quirks=("unit id 3", "setpoints can not be read back", "no hardware fallback but what its installer has set"),
    serial=SerialNumber(Table.HOLDING, 30057, 2),
)
ACTIVE: Final = Register("40151 control by communication", 40151, Shape.U32, blind=True)
RATED: Final = Register("30233 set active power limit", 30233, Shape.U32, absent=U32)


def setpoint(scale: float) -> tuple[Step, ...]:
    """40149 with this sign, then made active."""
    register = Register("40149 active power setpoint", 40149, Shape.S32, scale=scale, blind=True)
    return (Step(register, What.VALUE), Step(ACTIVE, 802))


TYPES: Final = (
    BatteryType(
        name=ISLAND.name,
        meter=ISLAND.build,
        sheet=ISLAND.sheet,
        following=Following(
            consume_max=RATED,
            produce_max=RATED,
            charge=setpoint(-1.0),
            discharge=setpoint(1.0),
            idle=setpoint(1.0),
            release=(Step(ACTIVE, 803),),
        ),
    ),
)
