"""Storage with registers of its own, one file for each model or family of models with the same map.

A battery behind a hybrid inverter (BYD, Pylontech) speaks through it: its values stand in the registers of the inverter, on
the same line and unit. What follows a power is in `TYPES`; what can only be read, and why, in `METERS`.
"""

from typing import Final

from drivers.batteries import (
    goodwe_et,
    huawei_luna,
    kostal_plenticore,
    sma_sunny_island,
    solaredge_storedge,
    sungrow_sh,
    victron,
)
from drivers.register_battery import BatteryType
from drivers.register_meter import MeterType

TYPES: Final[tuple[BatteryType, ...]] = (
    *huawei_luna.TYPES,
    *sungrow_sh.TYPES,
    *goodwe_et.TYPES,
    *kostal_plenticore.TYPES,
    *solaredge_storedge.TYPES,
    *sma_sunny_island.TYPES,
    *victron.TYPES,
)
METERS: Final[tuple[MeterType, ...]] = victron.METERS
