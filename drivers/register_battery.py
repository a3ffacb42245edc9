"""Any battery that follows a power told to registers of its own, and the declaration itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from drivers.evidence import Sheet
from drivers.setpoints import Register, Steps, Told, What
from protocols.faults import Unsupported
from protocols.ports import Meter, Nameplate, Ratings, RegisterBus
from protocols.readings import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How a battery is told a power; each of `charge`, `discharge`, `idle` and `release` (its own mode) is in order.

    What is told is the magnitude of the power. `timer` comes before: what ends the setpoint, and when. `to_own` and
    `to_idle` say how the device is made to fall into its own mode or to stand still when nobody renews: () where it
    always does, None where it can not. `needs` is what an installer must have set; it is never written.
    """

    charge: Steps
    discharge: Steps
    idle: Steps
    release: Steps
    consume_max: Register
    produce_max: Register
    energy: Register | None = None  # in Wh
    timer: Steps = ()
    to_own: Steps | None = None
    to_idle: Steps | None = None
    needs: Steps = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryType:
    """A battery model: how it is read (`meter`, without control), and how it follows a power."""

    name: str  # in a configuration
    meter: Callable[[RegisterBus, int], Meter]
    sheet: Sheet
    following: Following

    def build(self, bus: RegisterBus, unit: int, fallback_power_w: float | None) -> "RegisterBattery":
        """A battery of this type at this unit."""
        return RegisterBattery(bus, unit, self, fallback_power_w)


class RegisterBattery:
    """Implements `protocols.ports.Battery` for a declared type.

    `fallback_power_w` is the power once a setpoint has run out without renewal: 0 is idle, None the battery's own mode.
    """

    def __init__(self, bus: RegisterBus, unit: int, kind: BatteryType, fallback_power_w: float | None) -> None:
        self._unit, self._following = unit, kind.following
        self._meter, self._told = kind.meter(bus, unit), Told(bus, unit)
        self._fallback_w = None if fallback_power_w is None else _finite(fallback_power_w)
        self._missing: tuple[str, ...] | None = None

    async def probe(self) -> Nameplate:
        """Find the ratings and what the control needs; `lacks` names what is missing."""
        plate, following = await self._meter.probe(), self._following
        ratings = await self._ratings(reverts=self._fallback_steps() is not None)
        unset = await self._told.unset(following.needs, {})
        steps = (*following.timer, *(self._fallback_steps() or ()), *following.charge, *following.discharge)
        self._missing = (*unset, *await self._told.lacks((*steps, *following.idle, *following.release)))
        unrated = () if ratings is not None else ("ratings",)
        if ratings is not None and self._missing:
            ratings = replace(ratings, reverts_by_itself=False)
        return replace(plate, ratings=ratings, lacks=(*plate.lacks, *self._missing, *unrated))

    async def read(self) -> Measurement:
        """Every quantity once."""
        return await self._meter.read()

    async def follow(self, power_w: float | None, valid_s: float) -> None:
        """As `protocols.ports.Battery`; Unsupported where probing found a lack."""
        if self._missing is None:
            await self.probe()
        if self._missing:
            raise Unsupported(f"unit {self._unit}: the battery follows no power, it lacks {', '.join(self._missing)}")
        if power_w is None:
            await self._told.tell(self._following.release, {})
            return
        if not (math.isfinite(valid_s) and valid_s > 0):
            raise ValueError(f"a lease of {valid_s} s; allowed is more than 0")
        values = {What.VALUE: abs(_finite(power_w)), What.VALID_S: valid_s}
        await self._told.tell((*(self._fallback_steps() or ()), *self._following.timer, *self._way(power_w)), values)

    def _way(self, power_w: float) -> Steps:
        following = self._following
        if power_w == 0:
            return following.idle
        return following.charge if power_w > 0 else following.discharge

    def _fallback_steps(self) -> Steps | None:
        """How the device is made to fall back as asked; None where it can not."""
        if self._fallback_w is None:
            return self._following.to_own
        return self._following.to_idle if self._fallback_w == 0 else None

    async def _ratings(self, *, reverts: bool) -> Ratings | None:
        following = self._following
        consume_w, produce_w = (
            await self._told.read(following.consume_max),
            await self._told.read(following.produce_max),
        )
        if consume_w is None or produce_w is None:
            return None
        energy_wh = None if following.energy is None else await self._told.read(following.energy)
        return Ratings(consume_w, produce_w, energy_wh, reverts)


def _finite(power_w: float) -> float:
    if not math.isfinite(power_w):
        raise ValueError(f"a battery power of {power_w} W; allowed is any finite number")
    return power_w
