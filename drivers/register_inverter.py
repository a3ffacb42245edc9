"""Any inverter whose production is limited through registers of its own, and the declaration itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from drivers.evidence import Sheet
from drivers.setpoints import Register, Steps, Told, What
from protocols.faults import Unsupported
from protocols.ports import Meter, Nameplate, Ratings, RegisterBus
from protocols.readings import Measurement

FULL_PERCENT: Final = 100.0


class Reverts(Enum):
    """What a device does by itself once nobody renews the limit."""

    NEVER = "keeps it"
    TO_EVERYTHING = "unlimited"
    TO_FALLBACK = "falls back to a value of our choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiting:
    """How production is limited. `grant` is in order: first what ends the limit, then the limit, then what enables it.

    `rated` is the register of what 100 % is, in W; `percent`: the limit is told in percent of it. `needs`: what an
    installer must have set, or there is no limit; `reverts_if`: or it does not revert. Neither is ever written.
    """

    grant: Steps
    lift: Steps
    rated: Register
    percent: bool
    reverts: Reverts = Reverts.NEVER
    needs: Steps = ()
    reverts_if: Steps = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterType:
    """An inverter model: how it is read (`meter`, without control), and how it is limited."""

    name: str  # in a configuration
    meter: Callable[[RegisterBus, int], Meter]
    sheet: Sheet
    limiting: Limiting

    def build(self, bus: RegisterBus, unit: int, fallback_produce_max_w: float | None) -> "RegisterInverter":
        """An inverter of this type at this unit."""
        return RegisterInverter(bus, unit, self, fallback_produce_max_w)


class RegisterInverter:
    """Implements `protocols.ports.Inverter` for a declared type.

    `fallback_produce_max_w` is what may be produced once a limit has run out without renewal; None: everything.
    """

    def __init__(self, bus: RegisterBus, unit: int, kind: InverterType, fallback_produce_max_w: float | None) -> None:
        self._unit, self._limiting = unit, kind.limiting
        self._meter, self._told = kind.meter(bus, unit), Told(bus, unit)
        self._fallback_w = None if fallback_produce_max_w is None else _magnitude(fallback_produce_max_w)
        self._rated_w: float | None = None
        self._missing: tuple[str, ...] = ("a probe",)

    async def probe(self) -> Nameplate:
        """Find the rating and what the control needs; `lacks` names what is missing."""
        plate = await self._meter.probe()
        self._rated_w = await self._rating()
        self._missing = await self._control_lacks()
        if self._missing or self._rated_w is None:
            ratings = None if self._rated_w is None else Ratings(0.0, self._rated_w)
            return replace(plate, ratings=ratings, lacks=(*plate.lacks, *self._missing))
        unset = await self._reversion_lacks()
        ratings = Ratings(0.0, self._rated_w, reverts_by_itself=not unset and self._reverts_as_asked())
        return replace(plate, ratings=ratings, lacks=(*plate.lacks, *unset))

    async def read(self) -> Measurement:
        """Every quantity once."""
        return await self._meter.read()

    async def limit(self, produce_max_w: float | None, valid_s: float) -> None:
        """As `protocols.ports.Inverter`; above the rating is the rating. Unsupported where probing found a lack.

        Lifting (None) where a fallback is set and the device falls back to it is a lease of everything instead.
        """
        if self._missing == ("a probe",):
            await self.probe()
        if self._missing or self._rated_w is None:
            raise Unsupported(f"unit {self._unit}: production can not be limited, it lacks {', '.join(self._missing)}")
        if not (math.isfinite(valid_s) and valid_s > 0):
            raise ValueError(f"a lease of {valid_s} s; allowed is more than 0")
        value_w = self._rated_w if produce_max_w is None else min(self._rated_w, _magnitude(produce_max_w))
        lifted = produce_max_w is None and not (self._fallback_w is not None and self._reverts_as_asked())
        values = {What.VALUE: self._told_as(value_w), What.VALID_S: valid_s, **self._fallback()}
        await self._told.tell(self._limiting.lift if lifted else self._limiting.grant, values)

    def _reverts_as_asked(self) -> bool:
        reverts = self._limiting.reverts
        return reverts is Reverts.TO_FALLBACK or (reverts is Reverts.TO_EVERYTHING and self._fallback_w is None)

    def _fallback(self) -> dict[What, float]:
        assert self._rated_w is not None
        fallback_w = self._rated_w if self._fallback_w is None else min(self._rated_w, self._fallback_w)
        return {What.FALLBACK: self._told_as(fallback_w), What.FALLBACK_W: fallback_w}

    def _told_as(self, power_w: float) -> float:
        """The value in the unit of the limit."""
        assert self._rated_w is not None
        return FULL_PERCENT * power_w / self._rated_w if self._limiting.percent else power_w

    async def _rating(self) -> float | None:
        rated_w = await self._told.read(self._limiting.rated)
        return rated_w if rated_w is not None and rated_w > 0 else None

    async def _control_lacks(self) -> tuple[str, ...]:
        if self._rated_w is None:
            return (self._limiting.rated.name,)
        unset = await self._told.unset(self._limiting.needs, {})
        return (*unset, *await self._told.lacks(self._limiting.grant))

    async def _reversion_lacks(self) -> tuple[str, ...]:
        everything = self._fallback_w is None
        return await self._told.unset(self._limiting.reverts_if, self._fallback(), or_more=everything)


def _magnitude(power_w: float) -> float:
    if not (math.isfinite(power_w) and power_w >= 0):
        raise ValueError(f"a production limit of {power_w} W; allowed is 0 and more")
    return power_w
