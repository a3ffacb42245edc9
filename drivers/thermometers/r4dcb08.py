"""R4DCB08: eight DS18B20 probes on RS-485, Modbus RTU.

Source: "R4DCB08 modbus rtu protocol", the maker's (Eletechsup; undated; a copy stands in
        acpiccolo/R4DCB08-Temperature-Collector, docs/, at f4e98de): holding registers 0 to 7, function 3, 0.1 degC, signed;
        0x8000: no sensor or error. boneIO-eu/app_black's r4dcb08.json has the same registers. 9600 baud, 8N1, unit 1.
Limits: 1 to 8 registers in a request; only the channel's own is asked for.
Quirk:  register 0xFD makes it talk by itself, which no Modbus line bears: leave it at 0. The corrections in 8 to 15 are the
        installer's; the board adds them itself.
Left:   whether it passes on a DS18B20's 85 degC of power-on: unverified, and 85.0 is taken as a temperature here.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from drivers.thermometers.registers import QUANTITY, ProbeType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

NAME: Final = "r4dcb08"
CHANNELS: Final = 8
NO_SENSOR: Final = -0x8000


def channel(number: int) -> MeterType:
    """The register of one probe."""
    return MeterType(
        name=NAME,
        maker="Eletechsup",
        product="R4DCB08",
        registers=RegisterMap(
            Field(QUANTITY, number, Shape.S16, scale=0.1, absent=NO_SENSOR), table=Table.HOLDING, gap=0
        ),
        verified=Evidence.DOCUMENT,
        quirks=("eight channels", "a cut probe is a fault"),
    )


TYPE: Final = ProbeType(CHANNELS, channel)
