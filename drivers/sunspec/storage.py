"""A battery behind a SunSpec hybrid inverter, as Fronius GEN24 has it (BYD, LG): it follows a power by model 124.

Source: SunSpec models 124 and 160, from their model files (see models.py); that modules 3 and 4 of model 160 are the
        battery's charging and discharging, that a negative discharge rate forces charging, and that the reversion timer
        works (3600 s unless set) is told of Fronius GEN24 in evcc-io/evcc (MIT), templates/definition/meter/
        fronius-gen24.yaml, and in its issues 18386 and 33037: unverified elsewhere.
Sign:   each module counts its own direction; InWRte is charging, OutWRte is discharging, in percent of WChaMax.
Quirk:  charging from the grid must be allowed in the device. The two rates are a window: both ends are set to the power.
        After the timer the battery is in its own mode; model 124 knows no other fallback.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from drivers.evidence import Evidence, Sheet
from drivers.sunspec.discovery import Device, discover
from drivers.sunspec.models import BASIC_STORAGE
from drivers.sunspec.nameplate import nameplate
from drivers.sunspec.points import Kind, Model, Point, changes, scaled
from protocols.faults import NotApplied, Unsupported
from protocols.ports import Nameplate, Ratings, RegisterBus
from protocols.readings import Measurement

MODEL: Final = "sunspec-storage"
SHEET: Final = Sheet(
    maker="SunSpec",
    product="storage behind a hybrid inverter, models 124 and 160",
    quantities=("power_w", "energy_import_wh", "energy_export_wh", "soc_percent"),
    verified=Evidence.DOCUMENT,
    unverified=("power_w", "energy_import_wh", "energy_export_wh"),
    quirks=("modules 3 and 4 are taken for the battery", "charging from the grid must be allowed in the device"),
)
FRONIUS: Final = replace(SHEET, maker="Fronius", product="battery of GEN24 (BYD, LG), models 124 and 160")
# A module has 20 registers, the first begins at offset 10.
MODULES: Final = Model(
    160,
    (
        Point("DCW_SF", 4, Kind.SUNSSF),
        Point("DCWH_SF", 5, Kind.SUNSSF),
        Point("N", 8, Kind.UINT16),
        Point("charge.DCW", 61, Kind.UINT16, "DCW_SF"),
        Point("charge.DCWH", 62, Kind.ACC32, "DCWH_SF"),
        Point("discharge.DCW", 81, Kind.UINT16, "DCW_SF"),
        Point("discharge.DCWH", 82, Kind.ACC32, "DCWH_SF"),
    ),
)
_BATTERY_MODULES: Final = 4  # two of the roof, then charging and discharging
_POWERS: Final = ("charge.DCW", "charge.DCWH", "discharge.DCW", "discharge.DCWH", "N")
_CONTROLS: Final = ("StorCtl_Mod", "OutWRte", "InWRte", "InOutWRte_RvrtTms", "WChaMax")
_BOTH_LIMITS: Final = 3  # StorCtl_Mod: bit 0 limits charging, bit 1 discharging
_LONGEST_S: Final = 0xFFFE


@dataclass(frozen=True, slots=True)
class _Found:
    """What probing found; `rated_w` is None where nothing can be followed."""

    device: Device
    rated_w: float | None
    measures_power: bool
    has_timer: bool


class SunSpecStorage:
    """Implements `protocols.ports.Battery`. Falls back to its own mode only; `fallback_power_w` other than None is not kept."""

    def __init__(self, bus: RegisterBus, unit: int, *, fallback_power_w: float | None) -> None:
        self._bus, self._unit = bus, unit
        self._own_mode_after = fallback_power_w is None
        self._found: _Found | None = None

    async def probe(self) -> Nameplate:
        """Find the models and what of them is implemented."""
        device = Device(self._bus, self._unit, await discover(self._bus, self._unit))
        self._found = found = await self._look(device)
        lacks = [name for name, there in self._features(found) if not there]
        ratings = None
        if found.rated_w is not None:
            ratings = Ratings(found.rated_w, found.rated_w, reverts_by_itself=found.has_timer and self._own_mode_after)
        return await nameplate(device, ratings, tuple(lacks))

    async def read(self) -> Measurement:
        """Every quantity, in one transaction per model."""
        found = await self._probed()
        values: dict[str, float | None] = {}
        if BASIC_STORAGE in found.device.chain:
            values["soc_percent"] = (await found.device.snapshot(BASIC_STORAGE, ("ChaState",))).value("ChaState")
        if found.measures_power:
            values |= await self._powers(found.device)
        return values

    async def follow(self, power_w: float | None, valid_s: float) -> None:
        """As `protocols.ports.Battery`; Unsupported where model 124 has no rates or no WChaMax."""
        found = await self._probed()
        if found.rated_w is None:
            raise Unsupported(f"unit {self._unit}: the battery follows no power, it lacks 124 WChaMax or its rates")
        if power_w is None:
            await self._write(found.device, {"StorCtl_Mod": 0})
            return
        if not math.isfinite(power_w):
            raise ValueError(f"a battery power of {power_w} W; allowed is any finite number")
        if not (math.isfinite(valid_s) and valid_s > 0):
            raise ValueError(f"a lease of {valid_s} s; allowed is more than 0")
        wanted = {"InOutWRte_RvrtTms": max(1, min(int(valid_s), _LONGEST_S))} if found.has_timer else {}
        rate = await self._rate(found.device, power_w / found.rated_w)
        await self._write(found.device, wanted | {"OutWRte": -rate, "InWRte": rate, "StorCtl_Mod": _BOTH_LIMITS})

    def _features(self, found: _Found) -> tuple[tuple[str, bool], ...]:
        return (
            ("power_w (160 with 4 modules)", found.measures_power),
            ("124.WChaMax and rates", found.rated_w is not None),
            ("124.InOutWRte_RvrtTms", found.has_timer),
            ("reversion value", self._own_mode_after),
        )

    async def _look(self, device: Device) -> _Found:
        rated_w, has_timer, modules = None, False, None
        if BASIC_STORAGE in device.chain:
            controls = await device.snapshot(BASIC_STORAGE, _CONTROLS)
            has_timer = controls.raw("InOutWRte_RvrtTms") is not None
            if None not in (controls.raw("StorCtl_Mod"), controls.value("OutWRte"), controls.value("InWRte")):
                rated_w = controls.value("WChaMax") or None
        if MODULES in device.chain:
            modules = (await device.snapshot(MODULES, ("N",))).raw("N")
        return _Found(device, rated_w, modules == _BATTERY_MODULES, has_timer)

    async def _powers(self, device: Device) -> dict[str, float | None]:
        modules = await device.snapshot(MODULES, _POWERS)
        charged_w, discharged_w = modules.value("charge.DCW"), modules.value("discharge.DCW")
        power_w = None if charged_w is None or discharged_w is None else charged_w - discharged_w
        imported_wh, exported_wh = modules.value("charge.DCWH"), modules.value("discharge.DCWH")
        return {"power_w": power_w, "energy_import_wh": imported_wh, "energy_export_wh": exported_wh}

    async def _rate(self, device: Device, share: float) -> int:
        """The raw rate for a share of the rating, rounded towards zero: never more power than was asked for."""
        exponent = (await device.snapshot(BASIC_STORAGE, ("InWRte",))).exponent("InWRte")
        if exponent is None:
            raise Unsupported(f"unit {self._unit}: model 124 InWRte has no scale factor")
        steps = scaled(100.0 * max(-1.0, min(1.0, share)), -exponent)
        return math.trunc(steps + math.copysign(1e-9, steps))

    async def _write(self, device: Device, wanted: dict[str, int]) -> None:
        for offset, words in changes(BASIC_STORAGE, wanted):
            await device.write(BASIC_STORAGE, offset, words)
        after = await device.snapshot(BASIC_STORAGE, _CONTROLS)
        for name, number in wanted.items():
            if after.raw(name) != number:
                raise NotApplied(f"model 124 {name}: wrote {number}, reads {after.raw(name)}")

    async def _probed(self) -> _Found:
        if self._found is None:
            await self.probe()
        assert self._found is not None
        return self._found
