"""Lambda EU-L heat pumps over Modbus TCP, the first of an installation: what it takes.

Source: openhab/openhab-addons (facts only), modbus.lambda, HeatpumpBlockParser, written from Lambda's "Modbus-Beschreibung und
        Protokoll" (2025-02), and the Home Assistant integration lambda_heat_pumps (MIT), const.py, agree on place and type
        of each; the scales are in the latter. The maker's own paper was not read. Base 1000; a second pump stands at 1100.
Sign:   consumed positive, as inside. `temperature_c` is that of the flow line.
Words:  of the energy the highest first; the latter list lets one turn it round, so that is unverified.
Limits: function 3 to read.
Ask:    the surplus that the E-manager may use (102, W, INT16), as lambda_heat_pumps, hendrikmuhs/lambda-heatpump-modbus-tcp and
        evcc's users write it. It is no setpoint: the pump decides by its own settings (base load, least power, a delay of
        minutes) what it makes of it. Lambda's support has to set the E-meter to "ModBus Client" and its point to "E-Eintrag";
        whether surplus is positive there (as here) or negative is a setting too. So it is **unverified**, and off unless
        `control = true`. It can not be blocked by it, and not be ordered.
Lease:  how long the pump believes an old surplus was not found: no hardware fallback.
Left:   the power of the compressor's inverter is not that of pumps and heating rods. Requests (1015 to 1018): flow temperatures.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from drivers.setpoints import Register
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("temperature_c", 1004, Shape.S16, scale=0.01),
    Field("power_w", 1012, Shape.S16),
    Field("energy_import_wh", 1020, Shape.S32),
    table=Table.HOLDING,
)
TYPE: Final = MeterType(
    name="lambda-heat-pump",
    maker="Lambda",
    product="EU-L heat pump (the first)",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("energy_import_wh",),
    quirks=(
        "the compressor's inverter only",
        "temperature of the flow line",
        "takes a surplus (102) where control = true",
    ),
)
SURPLUS: Final = Register("102 E-manager actual power", 102, Shape.S16)
