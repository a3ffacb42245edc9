"""Chint DTSU666 and DTSU666-CT, three-phase meter.

Source: volkszaehler/mbmd, meters/rs485/dtsu666.go; the tables on aggsoft.com (Chint DTSU666) and star.ke.st have the
        same addresses. The factors are mbmd's; OpenEMS#3728 has those of voltage, current, power and frequency,
        ha_chint_pm#2 says that they hold for DTSU666 and -CT. The manual ZTY0.464.1448 could be read on page 12 only.
Sign:   import positive, as inside; unverified: reactive power.
Limits: function 3. unverified: that the registers between those listed can be read over, so they are not.
Quirk:  the DTSU666-H (Huawei) sends volts, amperes and watts without factors, and Sungrow's firmware has another map
        (mbmd#356): neither is this model.
Left:   energy: 0x101E, 0x401E and 0x4000 are all reported, of different versions (ha_chint_pm#16). The power factor.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 0x2006, Shape.F32, scale=0.1),
    Field("voltage_l2_v", 0x2008, Shape.F32, scale=0.1),
    Field("voltage_l3_v", 0x200A, Shape.F32, scale=0.1),
    Field("current_l1_a", 0x200C, Shape.F32, scale=0.001),
    Field("current_l2_a", 0x200E, Shape.F32, scale=0.001),
    Field("current_l3_a", 0x2010, Shape.F32, scale=0.001),
    Field("power_w", 0x2012, Shape.F32, scale=0.1),
    Field("power_l1_w", 0x2014, Shape.F32, scale=0.1),
    Field("power_l2_w", 0x2016, Shape.F32, scale=0.1),
    Field("power_l3_w", 0x2018, Shape.F32, scale=0.1),
    Field("reactive_power_var", 0x201A, Shape.F32, scale=0.1),
    Field("reactive_power_l1_var", 0x201C, Shape.F32, scale=0.1),
    Field("reactive_power_l2_var", 0x201E, Shape.F32, scale=0.1),
    Field("reactive_power_l3_var", 0x2020, Shape.F32, scale=0.1),
    Field("frequency_hz", 0x2044, Shape.F32, scale=0.01),
    table=Table.HOLDING,
    gap=0,
)
TYPES: Final = (
    MeterType(
        name="dtsu666",
        maker="Chint",
        product="DTSU666",
        registers=MAP,
        verified=Evidence.LISTS,
        unverified=(
            "reactive_power_var",
            "reactive_power_l1_var",
            "reactive_power_l2_var",
            "reactive_power_l3_var",
        ),
        quirks=("not the DTSU666-H, not Sungrow's", "no energy: its place differs with the version"),
    ),
)
