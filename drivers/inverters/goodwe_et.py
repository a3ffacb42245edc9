"""GoodWe ET, EH, BT and BH hybrid inverters, the AC side; read only (the battery: drivers/batteries/goodwe_et.py).

Source: marcelblijleven/goodwe (MIT), goodwe/et.py, and OpenEMS/openems (facts only), AbstractGoodWe.java, agree on the power;
        energy also with evcc-io/evcc (MIT), goodwe-hybrid.yaml. Voltages, currents, frequency and the powers of the phases
        are in the first only. Addresses on the wire as listed.
Sign:   production positive; flipped here. With a battery this is the power of both.
Quirk:  unit id 247. The energy is that of the roof, on the DC side.
Left:   the feed-in limit (47509, 47510), which limits the connection point and not the production.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 35121, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("current_l1_a", 35122, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("frequency_hz", 35123, Shape.U16, scale=0.01, absent=0xFFFF),
    Field("power_l1_w", 35125, Shape.S16, scale=-1.0),
    Field("voltage_l2_v", 35126, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("current_l2_a", 35127, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("power_l2_w", 35130, Shape.S16, scale=-1.0),
    Field("voltage_l3_v", 35131, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("current_l3_a", 35132, Shape.U16, scale=0.1, absent=0xFFFF),
    Field("power_l3_w", 35135, Shape.S16, scale=-1.0),
    Field("power_w", 35137, Shape.S32, scale=-1.0),
    Field("energy_export_wh", 35191, Shape.U32, scale=100.0, absent=0xFFFFFFFF),
    table=Table.HOLDING,
)
METERS: Final = (
    MeterType(
        name="goodwe-et",
        maker="GoodWe",
        product="ET, EH, BT, BH hybrid inverters",
        registers=MAP,
        verified=Evidence.LISTS,
        unverified=tuple(
            field.quantity for field in MAP.fields if field.quantity not in ("power_w", "energy_export_wh")
        ),
        quirks=("unit id 247", "read only: it has a limit of the feed-in, none of the production"),
    ),
)
