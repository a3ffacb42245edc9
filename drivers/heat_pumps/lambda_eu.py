"""Lambda EU-L heat pumps over Modbus TCP, the first of an installation: what it takes.

Source: openhab/openhab-addons (facts only), modbus.lambda, HeatpumpBlockParser, written from Lambda's "Modbus-Beschreibung und
        Protokoll" (2025-02), and the Home Assistant integration lambda_heat_pumps (MIT), const.py, agree on place and type
        of each; the scales are in the latter. The maker's own paper was not read. Base 1000; a second pump stands at 1100.
Sign:   consumed positive, as inside. `temperature_c` is that of the flow line.
Words:  of the energy the highest first; the latter list lets one turn it round, so that is unverified.
Limits: function 3.
Left:   the power of the compressor's inverter is not that of pumps and heating rods. Requests (1015 to 1018) and the surplus
        that the E-manager takes (102) are not written: no fallback was found for either.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
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
    quirks=("the compressor's inverter only", "temperature of the flow line", "read-only"),
)
