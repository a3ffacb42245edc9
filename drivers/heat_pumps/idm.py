"""iDM heat pumps (Navigator 2.0, Pro and 10) over Modbus TCP: what it takes.

Source: three public lists that name the same places, FLOAT in two registers with the low word first: kodebach/hacs-idm-heatpump's
        table, Xerolux/idm-heatpump-api (from iDM's "MODBUS TCP NAVIGATOR 10", 2025-06-18) and ReneMronet/ha-idm-heatpump: 1050 (flow,
        degC), 4122 (electrical power, kW). Facts only; iDM's own paper was not read.
Sign:   consumed positive, as inside. `temperature_c` is that of the flow line.
Limits: function 4, as the last list reads floats first: unverified. Modbus TCP is switched on under "building management".
Ask:    74 is the PV surplus (kW, positive: what is fed in) in all three. It is no setpoint: the pump decides by its own settings.
        From lists only, and whether a written one is shown by function 4 is unverified: off unless `control = true`.
Lease:  how long the pump believes an old surplus was not found: no hardware fallback. Whether 74 is kept in flash was not found
        either; one of them marks what is, and 74 is not among it.
Left:   energy: the lists count heat, not what was consumed. Modes, setpoints of temperature (kept in EEPROM).
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from drivers.setpoints import Register
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("temperature_c", 1050, Shape.F32, low_word_first=True),
    Field("power_w", 4122, Shape.F32, scale=1000.0, low_word_first=True),
    table=Table.INPUT,
    gap=0,
)
TYPE: Final = MeterType(
    name="idm-heat-pump",
    maker="iDM",
    product="Navigator 2.0, Pro, 10",
    registers=MAP,
    verified=Evidence.LISTS,
    quirks=("low word first", "temperature of the flow line", "takes a surplus (74) where control = true"),
)
SURPLUS: Final = Register("74 PV surplus", 74, Shape.F32, scale=1000.0, low_word_first=True, table=Table.INPUT)
