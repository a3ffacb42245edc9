"""Whether the inverter feeds: it trips, ceases for a moment, waits, and enters service on a ramp.

Source: OpenDER operating_status.py, trip_crit.py, rt_crit.py (category III), es_crit.py, es_perf.py.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

from sim_hardware.physics.der.response import ROUNDING_S, OnDelay, Ramp
from sim_hardware.physics.der.settings import EnterService, Limits, Trips


class State(Enum):
    """What the inverter does as a whole."""

    TRIPPED = "tripped"  # separated, waiting to enter service
    ENTERING = "entering"  # on the ramp
    RUNNING = "running"
    CEASED = "ceased"  # momentary cessation: nothing flows, it goes on as soon as the voltage is back


class Cause(Enum):
    """Why it tripped last."""

    UNDER_VOLTAGE = "under voltage"
    OVER_VOLTAGE = "over voltage"
    UNDER_FREQUENCY = "under frequency"
    OVER_FREQUENCY = "over frequency"
    NOT_PERMITTED = "service not permitted"


RAMP_END: Final = 1.1  # beyond 1, so that the end of the ramp shows (es_perf.py)


@dataclass(frozen=True, slots=True)
class Supply:
    """What the inverter sees at its terminals: voltages per unit, lowest, highest and mean of the phases."""

    low_pu: float
    high_pu: float
    mean_pu: float
    frequency_hz: float

    def __post_init__(self) -> None:
        """Numbers, none negative."""
        values = (self.low_pu, self.high_pu, self.mean_pu, self.frequency_hz)
        if not all(math.isfinite(value) and value >= 0.0 for value in values):
            raise ValueError(f"{self}: allowed are numbers from 0")


class Relay:
    """Watches one quantity against its limits; changed limits start anew."""

    def __init__(self) -> None:
        self._limits: Limits = ()
        self._delays: list[OnDelay] = []

    def after(self, dt_s: float, limits: Limits, beyond: Callable[[float], bool]) -> bool:
        """Whether the quantity has been beyond any limit for its time."""
        if limits != self._limits:
            self._limits, self._delays = limits, [OnDelay() for _ in limits]
        pairs = zip(limits, self._delays, strict=True)
        passed = [delay.after(dt_s, beyond(limit.at), limit.hold_s) for limit, delay in pairs]  # each counts, always
        return any(passed)


class Trip:
    """The eight must-trip functions."""

    def __init__(self) -> None:
        self._relays = {cause: Relay() for cause in Cause}

    def after(self, dt_s: float, supply: Supply, trips: Trips) -> Cause | None:
        """Why it must trip now, or None."""
        watched = (
            (Cause.UNDER_VOLTAGE, trips.under_voltage, lambda at: supply.low_pu < at),
            (Cause.OVER_VOLTAGE, trips.over_voltage, lambda at: supply.high_pu > at),
            (Cause.UNDER_FREQUENCY, trips.under_frequency, lambda at: supply.frequency_hz < at),
            (Cause.OVER_FREQUENCY, trips.over_frequency, lambda at: supply.frequency_hz > at),
        )
        causes = [cause for cause, limits, beyond in watched if self._relays[cause].after(dt_s, limits, beyond)]
        return causes[0] if causes else None


class Cessation:
    """Momentary cessation at voltages so low or so high."""

    def __init__(self) -> None:
        self._low, self._high = Relay(), Relay()

    def after(self, dt_s: float, supply: Supply, trips: Trips) -> bool:
        """Whether nothing may flow now."""
        low = self._low.after(dt_s, trips.cease_under_voltage, lambda at: supply.low_pu <= at)
        high = self._high.after(dt_s, trips.cease_over_voltage, lambda at: supply.high_pu >= at)
        return low or high


class Return:
    """The wait before service: voltage and frequency good for a time, then a random time."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._good = OnDelay()
        self._random_left_s: float | None = None  # None: not drawn yet
        self.left_s = 0.0

    def after(self, dt_s: float, supply: Supply, enter: EnterService, waiting: bool) -> bool:
        """Whether it may enter service; the time runs even before it is `waiting`, the random one only then."""
        good = self._good.after(dt_s, is_good(supply, enter), enter.delay_s)
        if not (good and waiting):
            self._random_left_s = None
        elif self._random_left_s is None:
            self._random_left_s = self._random.uniform(0.0, enter.random_s) if enter.ramp_s <= 0.0 else 0.0
        else:
            self._random_left_s -= dt_s
        random_left_s = 0.0 if self._random_left_s is None else max(0.0, self._random_left_s)
        self.left_s = self._good.left_s(enter.delay_s) + random_left_s
        return good and random_left_s <= ROUNDING_S


def is_good(supply: Supply, enter: EnterService) -> bool:
    """Whether voltage, frequency and permission allow to enter service."""
    voltage = enter.low_pu <= supply.low_pu and supply.high_pu <= enter.high_pu
    return voltage and enter.low_hz <= supply.frequency_hz <= enter.high_hz and enter.permitted


class Service:
    """The state machine; it starts in service.

    `ramp_pu` is what the ramp of entering service allows (above 1 it is over), `cause` why it tripped last.
    """

    def __init__(self, random: Random) -> None:
        self.state = State.RUNNING
        self.cause: Cause | None = None
        self.ramp_pu = RAMP_END
        self._ramp = Ramp(RAMP_END)
        self._trip, self._cessation, self._return = Trip(), Cessation(), Return(random)

    @property
    def wait_s(self) -> float:
        """How long until it enters service if the grid stays good; 0 where it does not wait."""
        return self._return.left_s if self.state is State.TRIPPED else 0.0

    def after(self, dt_s: float, supply: Supply, enter: EnterService, trips: Trips) -> State:
        """What it does in this step."""
        returns = self._return.after(dt_s, supply, enter, self.state is State.TRIPPED)
        cause = self._trip.after(dt_s, supply, trips) or (None if enter.permitted else Cause.NOT_PERMITTED)
        ceases = self._cessation.after(dt_s, supply, trips)
        if cause is not None:
            self.cause = cause
        if cause is not None or (self.state is State.TRIPPED and not returns):
            self.state = State.TRIPPED
            self.ramp_pu = self._ramp.value = 0.0
        else:
            self.state = State.CEASED if ceases else self._in_service()
            self.ramp_pu = self._ramp.after(dt_s, RAMP_END, enter.ramp_s)
        return self.state

    def _in_service(self) -> State:
        return State.RUNNING if self.ramp_pu > 1.0 else State.ENTERING
