"""A SunSpec battery that follows a power.

Source: SunSpec models 1, 701, 702, 704 and 713; see models.py.
Sign:   injection (discharging) positive in the device; measurements are flipped in measure.py, setpoints here.
"""

import math
from dataclasses import dataclass
from typing import Final

from drivers.sunspec.discovery import Device, discover
from drivers.sunspec.lease import POWER_704, Lease, LeasedControl
from drivers.sunspec.measure import FLIPPED, MEASURED, measured
from drivers.sunspec.models import DER_CAPACITY, DER_CONTROLS, DER_MEASUREMENT, STORAGE
from drivers.sunspec.nameplate import nameplate
from drivers.sunspec.points import Snapshot
from protocols.faults import Unsupported
from protocols.ports import Nameplate, Ratings, RegisterBus
from protocols.readings import Measurement

MODEL: Final = "sunspec-battery"

_RATED: Final = ("WMaxRtg", "WChaRteMaxRtg", "WDisChaRteMaxRtg")
_EXPECTED: Final = (DER_MEASUREMENT, DER_CAPACITY, DER_CONTROLS, STORAGE)


@dataclass(frozen=True, slots=True)
class _Found:
    """What probing found."""

    device: Device
    control: LeasedControl | None


class SunSpecBattery:
    """Implements `protocols.ports.Battery`.

    `fallback_power_w` is the power once a setpoint has run out without renewal: 0 is idle, None the battery's own mode.
    """

    def __init__(self, bus: RegisterBus, unit: int, *, fallback_power_w: float | None) -> None:
        self._bus = bus
        self._unit = unit
        self._fallback_w = None if fallback_power_w is None else _finite(fallback_power_w)
        self._found: _Found | None = None

    async def probe(self) -> Nameplate:
        """Find the models, the ratings and the control; `lacks` names what is missing by model or point."""
        device = Device(self._bus, self._unit, await discover(self._bus, self._unit))
        control = await _control(device)
        self._found = _Found(device, control)
        missing = () if control is None else await control.lacks(self._fallback_w)
        ratings = await _ratings(device, reverts=control is not None and not missing)
        absent = tuple(str(model.number) for model in _EXPECTED if model not in device.chain)
        return await nameplate(device, ratings, (*absent, *missing))

    async def read(self) -> Measurement:
        """Every quantity, in one transaction per model."""
        device = (await self._probed()).device
        values: dict[str, float | None] = {}
        for model in (DER_MEASUREMENT, STORAGE):
            if model in device.chain:
                values |= measured(model, await device.snapshot(model, MEASURED[model].points))
        return values

    async def follow(self, power_w: float | None, valid_s: float) -> None:
        """As `protocols.ports.Battery`; Unsupported where model 704 has no power setpoint.

        Back to its own mode (None) has no lease: own mode is where the battery stays then, whatever the fallback.
        """
        control = (await self._probed()).control
        if control is None:
            raise Unsupported(f"unit {self._unit}: the battery follows no power, it lacks 704 WSet")
        if power_w is None:
            await control.lift()
            return
        fallback = None if self._fallback_w is None else self._fallback_w * FLIPPED
        await control.grant(Lease(_finite(power_w) * FLIPPED, valid_s, fallback))

    async def _probed(self) -> _Found:
        if self._found is None:
            await self.probe()
        assert self._found is not None
        return self._found


async def _control(device: Device) -> LeasedControl | None:
    if DER_CONTROLS not in device.chain:
        return None
    control = LeasedControl(device, POWER_704)
    return control if (await control.look()).raw(POWER_704.enable) is not None else None


async def _ratings(device: Device, *, reverts: bool) -> Ratings | None:
    if DER_CAPACITY not in device.chain:
        return None
    rated = await device.snapshot(DER_CAPACITY, _RATED)
    charge_w, discharge_w = _first(rated, "WChaRteMaxRtg"), _first(rated, "WDisChaRteMaxRtg")
    if charge_w is None or discharge_w is None:
        return None
    energy_wh = None
    if STORAGE in device.chain:
        energy_wh = (await device.snapshot(STORAGE, ("WHRtg",))).value("WHRtg")
    return Ratings(charge_w, discharge_w, energy_wh, reverts)


def _first(rated: Snapshot, name: str) -> float | None:
    """The rating of its own, else that of the whole device."""
    own = rated.value(name)
    return rated.value("WMaxRtg") if own is None else own


def _finite(power_w: float) -> float:
    if not math.isfinite(power_w):
        raise ValueError(f"a battery power of {power_w} W; allowed is any finite number")
    return power_w
