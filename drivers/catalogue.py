"""Every device model by the name used in configurations, with what it can do and how it is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Final

from drivers import batteries, inverters
from drivers.chargers import abb_terra_ac, alfen, go_e, keba
from drivers.chargers.abb_terra_ac import TerraAc
from drivers.chargers.alfen import Alfen
from drivers.chargers.go_e import GoE
from drivers.chargers.keba import Keba
from drivers.evidence import Evidence, Sheet
from drivers.heat_pumps import idm, lambda_eu
from drivers.heat_pumps.surplus import SurplusPump
from drivers.meters import TYPES
from drivers.register_battery import Following
from drivers.register_inverter import Limiting, Reverts
from drivers.register_meter import MeterType
from drivers.setpoints import Register
from drivers.sunspec import battery, inverter, storage
from drivers.sunspec.battery import SunSpecBattery
from drivers.sunspec.inverter import SunSpecInverter
from drivers.sunspec.measure import MEASURED
from drivers.sunspec.models import DER_MEASUREMENT, INVERTER_THREE_PHASE, STORAGE
from drivers.sunspec.points import Model as SunSpecModel
from drivers.sunspec.storage import SunSpecStorage
from drivers.switchgear.capacitor_bank import GenericCapacitorBank
from drivers.switchgear.tap_changer import GenericTapChanger
from drivers.telegrams import models
from drivers.telegrams.models import TelegramModel
from drivers.thermometers import r4dcb08, w1_therm, xy_md02
from drivers.thermometers.registers import ProbeType
from drivers.thermometers.w1_therm import W1Thermometer
from protocols.ports import Battery, Charger, Inverter, Meter, RegisterBus


class Timer(StrEnum):
    """What ends a setpoint in a device when nobody renews it, best first."""

    OWN = "own timer"  # after as long as it was told, into what it was told
    ON_SILENCE = "own timer, while nobody reads it"
    FIXED = "fixed"  # after a time, or into a state, that only its installer sets
    NONE = "none"  # "no hardware fallback": the guardian is what is left


@dataclass(frozen=True, slots=True)
class MeterModel:
    """A device that measures; `sleeps`: an inverter or battery, whose values may stand still for hours."""

    build: Callable[[RegisterBus, int], Meter]
    sheet: Sheet
    sleeps: bool = False


@dataclass(frozen=True, slots=True)
class InverterModel:
    """A producer that can be limited; built with `fallback_produce_max_w` (None: unlimited)."""

    build: Callable[[RegisterBus, int, float | None], Inverter]
    sheet: Sheet
    timer: Timer = Timer.OWN


@dataclass(frozen=True, slots=True)
class BatteryModel:
    """A store that follows a power; built with `fallback_power_w` (0: idle, None: its own mode)."""

    build: Callable[[RegisterBus, int, float | None], Battery]
    sheet: Sheet
    timer: Timer = Timer.OWN


@dataclass(frozen=True, slots=True)
class ChargerModel:
    """A charging point for cars that takes a limit; built with `fallback_a` (None: its own setting).

    `lease_s`: what it takes, from-to; `needs`: an option that its url must have.
    """

    build: Callable[[RegisterBus, int, float | None], Charger]
    sheet: Sheet
    timer: Timer
    lease_s: tuple[float, float] = (0.0, inf)
    needs: str = ""


@dataclass(frozen=True, slots=True)
class PumpModel:
    """A heat pump on a bus that is asked by its own registers; built with the power that it is offered (W)."""

    build: Callable[[RegisterBus, int, float], SurplusPump]
    verified: Evidence
    timer: Timer


@dataclass(frozen=True, slots=True)
class FileThermometer:
    """A thermometer that is a file of the machine; built with its url and how long to wait (s)."""

    build: Callable[[str, float], Meter]
    sheet: Sheet


ThermometerModel = ProbeType | FileThermometer
Model = MeterModel | TelegramModel | InverterModel | BatteryModel | ChargerModel


def _inverter(bus: RegisterBus, unit: int, fallback_produce_max_w: float | None) -> Inverter:
    return SunSpecInverter(bus, unit, fallback_produce_max_w=fallback_produce_max_w)


def _battery(bus: RegisterBus, unit: int, fallback_power_w: float | None) -> Battery:
    return SunSpecBattery(bus, unit, fallback_power_w=fallback_power_w)


def _storage(bus: RegisterBus, unit: int, fallback_power_w: float | None) -> Battery:
    return SunSpecStorage(bus, unit, fallback_power_w=fallback_power_w)


def _limited(limiting: Limiting) -> Timer:
    """What ends a declared limit; a fallback of our choice that its installer must have set is fixed."""
    if limiting.reverts is Reverts.NEVER:
        return Timer.NONE
    return Timer.FIXED if limiting.reverts is Reverts.TO_EVERYTHING or limiting.reverts_if else Timer.OWN


def _followed(following: Following) -> Timer:
    """What ends a declared power."""
    if following.to_own is None and following.to_idle is None:
        return Timer.NONE
    return Timer.OWN if following.timer else Timer.FIXED


def _sunspec(product: str, *models: SunSpecModel) -> Sheet:
    """Any maker's: what it is lies in the device, and is found by its model chain."""
    quantities = dict.fromkeys(source.quantity for model in models for source in MEASURED[model].each)
    return Sheet(maker="SunSpec", product=product, quantities=tuple(quantities), verified=Evidence.DOCUMENT)


_INVERTER: Final = _sunspec("inverter, models 101 to 103, 111 to 113 and 701", INVERTER_THREE_PHASE, DER_MEASUREMENT)


def _go_e(bus: RegisterBus, unit: int, fallback_a: float | None) -> Charger:
    return GoE(bus, unit)  # it has no fallback: what it is let go into, its owner tells it


CHARGERS: Final[Mapping[str, ChargerModel]] = {
    abb_terra_ac.TYPE.name: ChargerModel(
        TerraAc,
        abb_terra_ac.TYPE.sheet,
        Timer.ON_SILENCE,
        (abb_terra_ac.TIMEOUT_LEAST_S, abb_terra_ac.TIMEOUT_MOST_S),
    ),
    alfen.TYPE.name: ChargerModel(Alfen, alfen.TYPE.sheet, Timer.FIXED),
    go_e.TYPE.name: ChargerModel(_go_e, go_e.TYPE.sheet, Timer.NONE),
    keba.TYPE.name: ChargerModel(
        Keba, keba.TYPE.sheet, Timer.OWN, (keba.LEASE_LEAST_S, keba.LEASE_MOST_S), needs="write=6"
    ),
}


def _pump(kind: MeterType, surplus: Register) -> PumpModel:
    def build(bus: RegisterBus, unit: int, power_w: float) -> SurplusPump:
        return SurplusPump(bus, unit, kind, surplus, power_w)

    return PumpModel(build, Evidence.UNVERIFIED, Timer.NONE)


PUMPS: Final[Mapping[str, PumpModel]] = {
    idm.TYPE.name: _pump(idm.TYPE, idm.SURPLUS),
    lambda_eu.TYPE.name: _pump(lambda_eu.TYPE, lambda_eu.SURPLUS),
}
SWITCHGEAR: Final[Mapping[str, type[GenericTapChanger | GenericCapacitorBank]]] = {
    "tap-changer": GenericTapChanger,
    "capacitor-bank": GenericCapacitorBank,
}
THERMOMETERS: Final[Mapping[str, ThermometerModel]] = {
    r4dcb08.NAME: r4dcb08.TYPE,
    xy_md02.NAME: xy_md02.TYPE,
    w1_therm.NAME: FileThermometer(W1Thermometer, w1_therm.SHEET),
}

MODELS: Final[Mapping[str, Model]] = {
    **{kind.name: MeterModel(kind.build, kind.sheet) for kind in TYPES},
    **{kind.name: MeterModel(kind.build, kind.sheet, sleeps=True) for kind in (*inverters.METERS, *batteries.METERS)},
    **{kind.name: InverterModel(kind.build, kind.sheet, _limited(kind.limiting)) for kind in inverters.TYPES},
    **{kind.name: BatteryModel(kind.build, kind.sheet, _followed(kind.following)) for kind in batteries.TYPES},
    inverter.MODEL: InverterModel(_inverter, _INVERTER),
    "fronius": InverterModel(_inverter, replace(_INVERTER, maker="Fronius", product="Symo, Primo, Eco, GEN24, Tauro")),
    storage.MODEL: BatteryModel(_storage, storage.SHEET),
    "fronius-gen24-battery": BatteryModel(_storage, storage.FRONIUS),
    battery.MODEL: BatteryModel(_battery, _sunspec("battery, models 701 and 713", DER_MEASUREMENT, STORAGE)),
    **CHARGERS,
    **{kind.name: MeterModel(kind.build, kind.sheet, sleeps=True) for kind in (idm.TYPE, lambda_eu.TYPE)},
    **models.MODELS,
}
