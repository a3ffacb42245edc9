"""A SunSpec inverter whose production can be limited.

Source: SunSpec models 1, 101 to 103 or 111 to 113 (or 701), 120, 121, 123 and 704; see models.py and phases.py.
Sign:   injection positive in the device; flipped in measure.py. A limit is a magnitude.
Quirk:  Fronius devices can be set to whole numbers (103) or floating-point ones (113); both are read.
Limit:  percent of WMax, by model 704 with a fallback value of its own, else by 123, which falls back to "unlimited".
"""

import math
from dataclasses import dataclass
from typing import Final

from drivers.sunspec.discovery import Device, discover
from drivers.sunspec.lease import LIMIT_123, LIMIT_704, Lease, LeasedControl
from drivers.sunspec.measure import MEASURED, measured
from drivers.sunspec.models import (
    DER_CAPACITY,
    DER_CONTROLS,
    DER_MEASUREMENT,
    IMMEDIATE_CONTROLS,
    INVERTER_THREE_PHASE,
    NAMEPLATE,
    SETTINGS,
)
from drivers.sunspec.nameplate import nameplate
from drivers.sunspec.phases import as_103, float_map
from drivers.sunspec.points import Model
from protocols.faults import Unsupported
from protocols.ports import Nameplate, Ratings, RegisterBus
from protocols.readings import Measurement
from protocols.registers import RegisterMap

MODEL: Final = "sunspec-inverter"

# Where "100 %" is found: the setting before the rating, and first in the generation of models the control belongs to.
_WMAX_123: Final = ((SETTINGS, "WMax"), (NAMEPLATE, "WRtg"), (DER_CAPACITY, "WMax"), (DER_CAPACITY, "WMaxRtg"))
_WMAX_704: Final = (*_WMAX_123[2:], *_WMAX_123[:2])
_EXPECTED: Final = (INVERTER_THREE_PHASE, NAMEPLATE, SETTINGS, IMMEDIATE_CONTROLS, DER_CONTROLS)


@dataclass(frozen=True, slots=True)
class _Found:
    """What probing found."""

    device: Device
    measures: Model
    control: LeasedControl | None
    wmax_w: float | None
    floats: RegisterMap | None


class SunSpecInverter:
    """Implements `protocols.ports.Inverter`.

    `fallback_produce_max_w` is what may be produced once a limit has run out without renewal; None: everything. Model
    123 knows no other fallback; where one is asked for, the nameplate says that the device does not revert by itself.
    """

    def __init__(self, bus: RegisterBus, unit: int, *, fallback_produce_max_w: float | None) -> None:
        self._bus = bus
        self._unit = unit
        self._fallback_w = None if fallback_produce_max_w is None else _magnitude(fallback_produce_max_w)
        self._found: _Found | None = None

    async def probe(self) -> Nameplate:
        """Find the models, the rating and the control; `lacks` names what is missing by model or point."""
        chain = await discover(self._bus, self._unit)
        device = Device(self._bus, self._unit, as_103(chain))
        control = await _control(device)
        wmax_w = await _wmax_w(device, control)
        measures = INVERTER_THREE_PHASE if INVERTER_THREE_PHASE in device.chain else DER_MEASUREMENT
        self._found = _Found(device, measures, control, wmax_w, float_map(chain))
        missing = () if control is None else await control.lacks(self._fallback_w)
        reverts = control is not None and not missing
        ratings = None if wmax_w is None else Ratings(0.0, wmax_w, reverts_by_itself=reverts)
        absent = tuple(str(model.number) for model in _EXPECTED if model not in device.chain)
        return await nameplate(device, ratings, (*absent, *missing))

    async def read(self) -> Measurement:
        """Every quantity, in one transaction."""
        if (floats := (await self._probed()).floats) is not None:
            return await self._read(floats)
        found = await self._probed()
        return measured(found.measures, await found.device.snapshot(found.measures, MEASURED[found.measures].points))

    async def limit(self, produce_max_w: float | None, valid_s: float) -> None:
        """As `protocols.ports.Inverter`; above the rating is 100 %. Unsupported where neither 704 nor 123 is there.

        Lifting (None) disables the limit; where a fallback is set it is a lease of 100 % instead, so that the fallback
        comes into force also after a limit was lifted and nobody renews.
        """
        found = await self._probed()
        if found.control is None or found.wmax_w is None:
            what = "704 and 123" if found.control is None else "WMax (702 or 121) and WRtg (120)"
            raise Unsupported(f"unit {self._unit}: production can not be limited, the inverter lacks {what}")
        if produce_max_w is None and self._fallback_w is None:
            await found.control.lift()
            return
        value = 100.0 if produce_max_w is None else _percent(produce_max_w, found.wmax_w)
        fallback = None if self._fallback_w is None else _percent(self._fallback_w, found.wmax_w)
        await found.control.grant(Lease(value, valid_s, fallback))

    async def _read(self, floats: RegisterMap) -> Measurement:
        blocks = [await self._bus.read(self._unit, floats.table, it.address, it.count) for it in floats.blocks]
        return floats.decode(blocks)

    async def _probed(self) -> _Found:
        if self._found is None:
            await self.probe()
        assert self._found is not None
        return self._found


async def _control(device: Device) -> LeasedControl | None:
    """The limit by model 704 where it is implemented, else by 123, else none."""
    for points_of in (LIMIT_704, LIMIT_123):
        if points_of.model in device.chain:
            control = LeasedControl(device, points_of)
            if (await control.look()).raw(points_of.enable) is not None:
                return control
    return None


async def _wmax_w(device: Device, control: LeasedControl | None) -> float | None:
    """What the percentages of the control refer to; None where no model says it."""
    places = _WMAX_704 if control is not None and control.model is DER_CONTROLS else _WMAX_123
    for model, name in places:
        if model in device.chain:
            value = (await device.snapshot(model, (name,))).value(name)
            if value is not None and value > 0:
                return value
    return None


def _percent(power_w: float, wmax_w: float) -> float:
    return min(100.0, 100.0 * _magnitude(power_w) / wmax_w)


def _magnitude(power_w: float) -> float:
    if not (math.isfinite(power_w) and power_w >= 0):
        raise ValueError(f"a production limit of {power_w} W; allowed is 0 and more")
    return power_w
