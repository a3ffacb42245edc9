"""SMA Sunny Tripower 8.0 and 10.0 (STP8.0-3AV-40, STP10.0-3AV-40), three-phase inverters: SMA's own register profile.

Source: SMA, "Modbus Parameters and Measured Values, SUNNY TRIPOWER 8.0 / SUNNY TRIPOWER 10.0" (modbuslist_en.html, from
        firmware 3.10.08.R, Grid Guard 10.0), and SMA-Modbus-general-TI-en-10 for types, formats and values not available,
        page 13; both in michischatz/smarthomeng-smamodbus, specs/. The address on the wire is the number in the list.
Sign:   production positive; flipped here.
Limit:  41255, percent of the set power limit (30233), "device control object": the only one here that may be written
        cyclically. What ends it (41193, 41195, 44037: timeout of 600 s unless set) lies in flash, and the operating mode
        (40210) behind the Grid Guard code: looked at when probed, and left to the installer.
Quirk:  unit id 3 unless set otherwise. At night most values are not available.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_inverter import InverterType, Limiting, Reverts
from drivers.register_meter import MeterType, SerialNumber
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

S32, U32, U64 = -0x80000000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF  # not available
MAP: Final = RegisterMap(
    Field("energy_export_wh", 30513, Shape.U64, absent=U64),
    Field("power_w", 30775, Shape.S32, scale=-1.0, absent=S32),
    Field("power_l1_w", 30777, Shape.S32, scale=-1.0, absent=S32),
    Field("power_l2_w", 30779, Shape.S32, scale=-1.0, absent=S32),
    Field("power_l3_w", 30781, Shape.S32, scale=-1.0, absent=S32),
    Field("voltage_l1_v", 30783, Shape.U32, scale=0.01, absent=U32),
    Field("voltage_l2_v", 30785, Shape.U32, scale=0.01, absent=U32),
    Field("voltage_l3_v", 30787, Shape.U32, scale=0.01, absent=U32),
    Field("frequency_hz", 30803, Shape.U32, scale=0.01, absent=U32),
    Field("apparent_power_va", 30813, Shape.S32, absent=S32),
    Field("temperature_c", 30953, Shape.S32, scale=0.1, absent=S32),
    Field("current_l1_a", 30977, Shape.S32, scale=0.001, absent=S32),
    Field("current_l2_a", 30979, Shape.S32, scale=0.001, absent=S32),
    Field("current_l3_a", 30981, Shape.S32, scale=0.001, absent=S32),
    table=Table.HOLDING,
    gap=0,
)
STP: Final = MeterType(
    name="sma-stp",
    maker="SMA",
    product="Sunny Tripower STP8.0-3AV-40, STP10.0-3AV-40",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    quirks=("unit id 3", "falls back as its installer has set it (41193, 41195, 44037)"),
    serial=SerialNumber(Table.HOLDING, 30057, 2),
)
TYPES: Final = (
    InverterType(
        name=STP.name,
        meter=STP.build,
        sheet=STP.sheet,
        limiting=Limiting(
            rated=Register("30233 set active power limit", 30233, Shape.U32, absent=U32),
            percent=True,
            needs=(Step(Register("40210 operating mode", 40210, Shape.U32), 1079),),  # external setting
            grant=(Step(Register("41255 active power limitation", 41255, Shape.S16, 0.01, counted=True), What.VALUE),),
            lift=(Step(Register("41255 active power limitation", 41255, Shape.S16, 0.01, counted=True), 10000),),
            reverts=Reverts.TO_FALLBACK,
            reverts_if=(
                Step(Register("41193 fallback behavior", 41193, Shape.U32), 2507),  # apply fallback values
                Step(Register("44037 fallback of maximum power", 44037, Shape.S32, 0.01), What.FALLBACK_W),
            ),
        ),
    ),
)
