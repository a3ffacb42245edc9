"""Chargers, relays and heat pumps as the node sees them: polled like meters, told a power, which becomes a current, a
contact or a state here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from controller.loads import DRAWS_W, Terms
from protocols.ports import Charger, Meter, Nameplate, Plug, Ratings, Relay, SgMode, Thermostat
from protocols.readings import Measurement

NOMINAL_V: Final = 230.0
# A phase that carries less is one that the car does not use.
USED_A: Final = 1.0
_PHASES: Final = ("l1", "l2", "l3")
# The numbers of the SG-Ready label.
SG_STATES: Final[Mapping[SgMode, float]] = {
    SgMode.BLOCKED: 1.0,
    SgMode.NORMAL: 2.0,
    SgMode.ENCOURAGED: 3.0,
    SgMode.ORDERED: 4.0,
}


class LoadDevice(Meter, Protocol):
    """A load: what it can be told, whether there is anything to feed, what it draws by its own word, and how it is told."""

    @property
    def terms(self) -> Terms:
        """What it can be told now."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether there is anything to feed."""
        ...

    def power_w(self, values: Measurement, metered_w: float | None) -> float | None:
        """What it draws, by its own reading or a meter's; None where neither is known."""
        ...

    async def tell(self, power_w: float | None, valid_s: float) -> None:
        """Let it take this (None: let it go) for `valid_s` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Wiring:
    """How a charging point is wired, and what the owner lets it take, in amperes per phase."""

    phases: int
    least_a: float
    most_a: float
    step_a: float
    fallback_a: float | None = None


class ChargerLoad:
    """A charging point. Watts become amperes by the phases that the car uses and their voltage, as last measured."""

    def __init__(self, charger: Charger, wiring: Wiring, terms: Terms) -> None:
        """`terms`: all but the powers."""
        self._charger, self._wiring, self._terms = charger, wiring, terms
        self._plug: Plug | None = None
        self._phases, self._volts = wiring.phases, NOMINAL_V
        self._rated_a: float | None = None

    async def probe(self) -> Nameplate:
        """As `protocols.ports.Meter`."""
        plate = await self._charger.probe()
        if plate.ratings is not None:
            self._rated_a = plate.ratings.consume_max_w / (3 * NOMINAL_V)
        return plate

    async def read(self) -> Measurement:
        """Its quantities, and aside of them the plug."""
        values = await self._charger.read()
        self._plug = await self._charger.plug()
        self._learn(values)
        return values

    def _learn(self, values: Measurement) -> None:
        """A car of one phase on three is common (IEC 61851-1 does not tell): what flows, tells."""
        if self._plug is Plug.EMPTY:
            self._phases = self._wiring.phases
        used = [phase for phase in _PHASES if _reaches(values, f"current_{phase}_a", USED_A)]
        if used and _reaches(values, "power_w", DRAWS_W):
            self._phases = len(used)
        volts = [value for phase in used or _PHASES if (value := values.get(f"voltage_{phase}_v")) is not None]
        seen = [value for value in volts if value > NOMINAL_V / 2]
        self._volts = sum(seen) / len(seen) if seen else NOMINAL_V

    @property
    def is_ready(self) -> bool:
        """Whether a car is plugged in, or the device does not know."""
        return self._plug not in (Plug.EMPTY, Plug.FAULTY, Plug.OUT_OF_ORDER)

    @property
    def terms(self) -> Terms:
        """In watts at the present voltage."""
        each_w = self._phases * self._volts
        wiring, terms = self._wiring, self._terms
        return msgspec.structs.replace(
            terms,
            least_w=wiring.least_a * each_w,
            most_w=self._most_a() * each_w,
            step_w=wiring.step_a * each_w,
            unit_w=each_w,
            phases=self._phases,
            volts_v=self._volts,
        )

    def power_w(self, values: Measurement, metered_w: float | None) -> float | None:
        """By its own meter."""
        return values.get("power_w")

    async def tell(self, power_w: float | None, valid_s: float) -> None:
        """A current on each phase, in its steps."""
        current_a = self._wiring.fallback_a if power_w is None else self._amperes(power_w)
        await self._charger.allow(current_a, valid_s)

    def _most_a(self) -> float:
        most_a = self._wiring.most_a
        return most_a if self._rated_a is None else max(min(most_a, self._rated_a), self._wiring.least_a)

    def _amperes(self, power_w: float) -> float:
        """The nearest step: the voltage may have moved since the power was chosen, the step has not."""
        if power_w <= 0.0:
            return 0.0
        wiring = self._wiring
        steps = round((power_w / (self._phases * self._volts) - wiring.least_a) / wiring.step_a)
        return min(max(wiring.least_a + steps * wiring.step_a, wiring.least_a), self._most_a())


def _reaches(values: Measurement, name: str, least: float) -> bool:
    value = values.get(name)
    return value is not None and value >= least


class RelayLoad:
    """A load behind a contact; `on_closed`: it is on while the contact is closed. Let go, the contact is open."""

    def __init__(self, relay: Relay, terms: Terms, *, on_closed: bool = True) -> None:
        self._relay, self._terms, self._on_closed = relay, terms, on_closed

    @property
    def terms(self) -> Terms:
        """On or off."""
        return self._terms

    @property
    def is_ready(self) -> bool:
        """Nobody knows better."""
        return True

    async def probe(self) -> Nameplate:
        """Whether the contact answers."""
        await self._relay.is_on()
        return Nameplate("", "relay", "", ratings=Ratings(self._terms.most_w, 0.0))

    async def read(self) -> Measurement:
        """Whether the load is on, by its contact."""
        return {"on_ratio": float((await self._relay.is_on()) is self._on_closed)}

    def power_w(self, values: Measurement, metered_w: float | None) -> float | None:
        """By its meter; without one its rating while it is on."""
        on = values.get("on_ratio")
        return metered_w if metered_w is not None or on is None else on * self._terms.most_w

    async def tell(self, power_w: float | None, valid_s: float) -> None:
        """Switch it."""
        await self._relay.switch(power_w is not None and (power_w > 0.0) is self._on_closed, valid_s)


class PumpLoad:
    """A heat pump by its SG-Ready states: 0 W blocks it, its rating raises it, let go it does as it likes."""

    def __init__(self, pump: Thermostat, terms: Terms, raised: SgMode = SgMode.ENCOURAGED) -> None:
        self._pump, self._terms, self._raised = pump, terms, raised

    @property
    def terms(self) -> Terms:
        """Blocked, raised, or left alone."""
        return self._terms

    @property
    def is_ready(self) -> bool:
        """Nobody knows better."""
        return True

    async def probe(self) -> Nameplate:
        """Whether the contacts answer."""
        await self._pump.asked()
        return Nameplate("", "heat pump", "", ratings=Ratings(self._terms.most_w, 0.0))

    async def read(self) -> Measurement:
        """The state that it is asked for."""
        return {"sg_ready_state": SG_STATES[await self._pump.asked()]}

    def power_w(self, values: Measurement, metered_w: float | None) -> float | None:
        """By its meter; without one its rating while it is raised, and nothing to reckon with while it is left alone."""
        state = values.get("sg_ready_state")
        if metered_w is not None or state is None:
            return metered_w
        return self._terms.most_w if state > SG_STATES[SgMode.NORMAL] else 0.0

    async def tell(self, power_w: float | None, valid_s: float) -> None:
        """Ask for the state."""
        asked = SgMode.NORMAL if power_w is None else self._raised if power_w > 0.0 else SgMode.BLOCKED
        await self._pump.ask(asked, valid_s)
