"""Inverters with registers of their own, one file for each model or family of models with the same map.

What can be limited is in `TYPES`; what can only be read, and why, in `METERS`.
"""

from typing import Final

from drivers.inverters import (
    goodwe_et,
    huawei_sun2000,
    kostal_plenticore,
    sma_tripower,
    solaredge,
    sungrow_sg,
    sungrow_sh,
)
from drivers.register_inverter import InverterType
from drivers.register_meter import MeterType

TYPES: Final[tuple[InverterType, ...]] = (
    *sma_tripower.TYPES,
    *solaredge.TYPES,
    *huawei_sun2000.TYPES,
    *sungrow_sg.TYPES,
)
METERS: Final[tuple[MeterType, ...]] = (
    *sungrow_sh.METERS,
    *goodwe_et.METERS,
    *kostal_plenticore.METERS,
)
