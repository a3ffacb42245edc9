"""Sungrow SH hybrid inverters, the AC side; read only (the battery: drivers/batteries/sungrow_sh.py).

Source: Sungrow, "Communication Protocol of Residential Hybrid Inverter" V1.0.20, could be read on pages 1 to 4 (functions 4
        for what is measured, models); mkaiser/Sungrow-SHx-Inverter-Modbus-Home-Assistant (MIT), modbus_sungrow.yaml, agrees
        with openWB/core (facts only), sungrow_sh, on the power and with evcc-io/evcc (MIT), sungrow-hybrid.yaml, on the
        voltages; currents, frequency and temperature are in the first only. The address on the wire is the list's minus 1.
Sign:   production positive; flipped here. With a battery this is the power of both.
Words:  low word first.
Left:   the feed-in limit (13073, 13086), which limits the connection point and not the production.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("temperature_c", 5007, Shape.S16, scale=0.1),
    Field("voltage_l1_v", 5018, Shape.U16, scale=0.1),
    Field("voltage_l2_v", 5019, Shape.U16, scale=0.1),
    Field("voltage_l3_v", 5020, Shape.U16, scale=0.1),
    Field("current_l1_a", 13030, Shape.S16, scale=0.1),
    Field("current_l2_a", 13031, Shape.S16, scale=0.1),
    Field("current_l3_a", 13032, Shape.S16, scale=0.1),
    Field("power_w", 13033, Shape.S32, scale=-1.0, low_word_first=True),
    table=Table.INPUT,
)
METERS: Final = (
    MeterType(
        name="sungrow-sh",
        maker="Sungrow",
        product="SH hybrid inverters",
        registers=MAP,
        extras=RegisterMap(Field("frequency_hz", 5241, Shape.U16, scale=0.01), table=Table.INPUT),
        verified=Evidence.LISTS,
        unverified=("temperature_c", "current_l1_a", "current_l2_a", "current_l3_a", "frequency_hz"),
        quirks=("read only: it has a limit of the feed-in, none of the production", "low word first"),
    ),
)
