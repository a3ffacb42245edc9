"""XY-MD02: a room's temperature (and humidity) from an SHT20 or SHT40, Modbus RTU.

Source: the manual as a public transcription gives it (nobrega8/mbmap-library, maps/xy/xy-md02, rev. 2): input registers 1
        (0.1 degC, signed) and 2 (0.1 %), function 4; unit 1 at 9600 baud, 8N1. boneIO-eu/app_black's sht20.json has the
        same two. The manual itself was not read.
Left:   the humidity: no quantity of ours. What it shows without its sensor is not documented.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from drivers.thermometers.registers import QUANTITY, ProbeType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

NAME: Final = "xy-md02"
_TYPE: Final = MeterType(
    name=NAME,
    maker="XY",
    product="MD02",
    registers=RegisterMap(Field(QUANTITY, 1, Shape.S16, scale=0.1), table=Table.INPUT, gap=0),
    verified=Evidence.LISTS,
    quirks=("what a broken sensor shows is not documented",),
)
TYPE: Final = ProbeType(1, lambda channel: _TYPE)
