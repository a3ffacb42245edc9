"""An electric car: it comes and goes by its habit, charges on one or three phases, and tapers when nearly full.

Power is positive when charging. The wallbox gives a current; below 6 A per phase a car does not charge (IEC 61851-1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from sim_hardware.physics.check import above, within
from sim_hardware.physics.load import DAY_S
from sim_hardware.physics.terminal import Phases

LEAST_A = 6.0


@dataclass(frozen=True, slots=True)
class Trip:
    """One day: when it leaves and comes back (seconds of the day, in this order), and what the way takes."""

    leave_s: float
    arrive_s: float
    energy_wh: float

    def __post_init__(self) -> None:
        within("trip: leave_s", self.leave_s, 0.0, DAY_S)
        within("trip: arrive_s", self.arrive_s, self.leave_s, DAY_S)
        within("trip: energy_wh", self.energy_wh, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvParams:
    """Battery, on-board charger and its taper: full power up to `taper_from`, `taper_to` of it when full."""

    capacity_wh: float = 60_000.0
    phases: int = 3
    most_a: float = 16.0
    efficiency: float = 0.9
    taper_from: float = 0.8
    taper_to: float = 0.1

    def __post_init__(self) -> None:
        above("ev: capacity_wh", self.capacity_wh)
        within("ev: most_a", self.most_a, LEAST_A, 80.0)
        above("ev: efficiency", within("ev: efficiency", self.efficiency, 0.0, 1.0))
        within("ev: taper_from", self.taper_from, 0.0, 0.99)
        within("ev: taper_to", self.taper_to, 0.0, 1.0)
        if self.phases not in (1, 2, 3):
            raise ValueError(f"ev: phases is {self.phases}; it must be 1, 2 or 3")


def commuter(random: Random) -> Trip:
    """A working day, drawn anew: away from about 7:30 to 17:30, 20 to 60 km there and back at 180 Wh/km."""
    leave_s = min(12.0, max(5.0, random.gauss(7.5, 0.75))) * 3600.0
    arrive_s = min(23.5, max(12.5, random.gauss(17.5, 1.25))) * 3600.0
    return Trip(leave_s, arrive_s, random.uniform(20.0, 60.0) * 180.0)


class Ev:
    """`limit_a` is the wallbox's offer per phase (None: all the car can take); `habit` gives each day's trip.

    `is_home`: it is plugged in. `is_unplugged`: somebody has pulled the cable, whatever the habit says.
    """

    def __init__(
        self, habit: Callable[[], Trip], params: EvParams | None = None, *, day_s: float = 0.0, soc: float = 0.6
    ) -> None:
        self.params = params or EvParams()
        self._habit = habit
        self._day_s = within("ev: day_s", day_s, 0.0, DAY_S)
        self.stored_wh = within("ev: soc", soc, 0.0, 1.0) * self.params.capacity_wh
        self.trip = habit()
        self.limit_a: float | None = None
        self.is_unplugged = False
        self._is_away = self.trip.leave_s <= self._day_s < self.trip.arrive_s
        self.is_home = not self._is_away
        self.power_w = 0.0
        self.current_a = 0.0

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self.stored_wh / self.params.capacity_wh

    @property
    def phase_w(self) -> Phases:
        """The power by phase; a car of one phase is on L1."""
        share = self.power_w / self.params.phases
        one, two, three = (share if phase < self.params.phases else 0.0 for phase in range(3))
        return one, two, three

    def after(self, dt_s: float, voltage_v: float = 230.0) -> None:
        """Charge as it stood at the start of the step, at this voltage per phase, then come or go."""
        p = self.params
        offer_a = p.most_a if self.limit_a is None else min(self.limit_a, p.most_a)
        taper = min(1.0, 1.0 - (self.soc - p.taper_from) / (1.0 - p.taper_from) * (1.0 - p.taper_to))
        charges = self.is_home and offer_a >= LEAST_A
        wanted_w = p.phases * voltage_v * min(offer_a, p.most_a * taper) if charges else 0.0
        room_w = (p.capacity_wh - self.stored_wh) / p.efficiency * 3600.0 / dt_s
        self.power_w = min(wanted_w, room_w)
        self.current_a = self.power_w / (p.phases * voltage_v)
        self.stored_wh += self.power_w * p.efficiency * dt_s / 3600.0
        self._move(dt_s)

    def _move(self, dt_s: float) -> None:
        self._day_s += dt_s
        if self._day_s >= DAY_S:
            self._day_s -= DAY_S
            self.trip = self._habit()
        was_away, self._is_away = self._is_away, self.trip.leave_s <= self._day_s < self.trip.arrive_s
        self.is_home = not self._is_away and not self.is_unplugged
        if was_away and not self._is_away:
            self.stored_wh = max(0.0, self.stored_wh - self.trip.energy_wh)
