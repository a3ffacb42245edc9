"""Every device model by the name used in configurations, with what it can do and how it is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers import eastron_sdm630
from drivers.sunspec import battery, inverter
from drivers.sunspec.battery import SunSpecBattery
from drivers.sunspec.inverter import SunSpecInverter
from drivers.telegrams import models
from drivers.telegrams.models import TelegramModel
from protocols.ports import Battery, Inverter, Meter, RegisterBus


@dataclass(frozen=True, slots=True)
class MeterModel:
    """A device that measures."""

    build: Callable[[RegisterBus, int], Meter]


@dataclass(frozen=True, slots=True)
class InverterModel:
    """A producer that can be limited; built with `fallback_produce_max_w` (None: unlimited)."""

    build: Callable[[RegisterBus, int, float | None], Inverter]


@dataclass(frozen=True, slots=True)
class BatteryModel:
    """A store that follows a power; built with `fallback_power_w` (0: idle, None: its own mode)."""

    build: Callable[[RegisterBus, int, float | None], Battery]


Model = MeterModel | TelegramModel | InverterModel | BatteryModel


def _inverter(bus: RegisterBus, unit: int, fallback_produce_max_w: float | None) -> Inverter:
    return SunSpecInverter(bus, unit, fallback_produce_max_w=fallback_produce_max_w)


def _battery(bus: RegisterBus, unit: int, fallback_power_w: float | None) -> Battery:
    return SunSpecBattery(bus, unit, fallback_power_w=fallback_power_w)


MODELS: Final[Mapping[str, Model]] = {
    eastron_sdm630.MODEL: MeterModel(eastron_sdm630.build),
    inverter.MODEL: InverterModel(_inverter),
    battery.MODEL: BatteryModel(_battery),
    **models.MODELS,
}
