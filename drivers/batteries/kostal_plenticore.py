"""The battery of a Kostal Plenticore hybrid inverter (BYD, Pylontech and others).

Source: kilianknoll/kostal-modbusquery (facts only), kostal-modbusquery.py, OpenEMS/openems (facts only),
        KostalManagedEssImpl.java, and openWB/core (facts only), kostal_plenticore/bat.py, agree on power, charge and setpoint;
        energy and the limits read out of the battery are in the first only. 1080 is 2 for Modbus: OpenEMS.
Sign:   discharging positive; flipped here.
Words:  low word first, unless the web page of the device is set to the order of SunSpec.
Follow: 1034, W on the DC side, discharging positive. The device takes its own mode again when 1034 was not written for a time
        that is set in its web page: 30 s unless set (openWB), so `lease_s` must not be longer. It is released by silence.
Quirk:  unit id 71, port 1502; one program at a time. An installer must allow external control by Modbus (1080).
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

PLENTICORE: Final = MeterType(
    name="kostal-plenticore-battery",
    maker="Kostal",
    product="battery of Plenticore",
    registers=RegisterMap(
        Field("temperature_c", 214, Shape.F32, low_word_first=True),
        Field("soc_percent", 514, Shape.U16),
        Field("power_w", 582, Shape.S16, scale=-1.0),
        Field("energy_import_wh", 1046, Shape.F32, low_word_first=True),
        Field("energy_export_wh", 1048, Shape.F32, low_word_first=True),
        table=Table.HOLDING,
    ),
    verified=Evidence.LISTS,
    unverified=("energy_import_wh", "energy_export_wh"),
    quirks=(
        "lease_s at most its own time-out, 30 s unless set",
        "released by silence",
        "low word first unless set otherwise",
    ),
)


def setpoint(scale: float) -> tuple[Step, ...]:
    """1034 with this sign."""
    register = Register("1034 charge power", 1034, Shape.F32, scale=scale, low_word_first=True, counted=True)
    return (Step(register, What.VALUE),)


TYPES: Final = (
    BatteryType(
        name=PLENTICORE.name,
        meter=PLENTICORE.build,
        sheet=PLENTICORE.sheet,
        following=Following(
            consume_max=Register("1076 maximum charge power", 1076, Shape.F32, low_word_first=True),
            produce_max=Register("1078 maximum discharge power", 1078, Shape.F32, low_word_first=True),
            energy=Register("1068 work capacity", 1068, Shape.F32, low_word_first=True),
            needs=(Step(Register("1080 battery management mode", 1080, Shape.U16), 2),),
            charge=setpoint(-1.0),
            discharge=setpoint(1.0),
            idle=setpoint(1.0),
            release=(),
            to_own=(),
        ),
    ),
)
