"""The law of an event alone, told to a thousand loads of the simulated hardware's physics: see `bench.rebound`.

Water heaters (2 h in the evening), heat pumps (1 h of a winter's and of a spring's day), air conditioners (1 h of a summer's
day), each with a thermostat of its own. Three runs on the same weather and draws: no event; let go all at once after it; and
each home coming back by `controller.aggregate.price_response`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from controller.aggregate.price_response import COOLED, HEATED, TANK, Machine, Memory, Params, Seen, step
from sim_hardware.physics.thermal import curves
from sim_hardware.physics.thermal.air_conditioner import AirConditioner, AirConditionerParams
from sim_hardware.physics.thermal.heat_pump import HeatPumpParams
from sim_hardware.physics.vector.heat import HeatPumps, Houses, WaterHeaters

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DT_S: Final = 60.0
MEAN_OF: Final = 5
SETTLE_S: Final = 30.0 * 3600.0


class Crowd(Protocol):
    """Many homes with one kind of machine. `most_w` is what each may draw in the next step; a bound of comfort is met until it is
    `met_k` away, the thermostat's dead band.
    """

    params: Params
    event_h: tuple[float, float]
    met_k: float
    least_w: Floats
    rated_w: Floats

    def after(self, hour: float, most_w: Floats) -> None: ...
    def power_w(self) -> Floats: ...
    def wants(self, most_w: Floats) -> Bools: ...
    def outside_k(self) -> Floats: ...
    def spare_k(self) -> Floats: ...


def daily(hour: float, mean_c: float, swing_k: float) -> float:
    """The outdoor temperature, warmest at 15 h."""
    return mean_c + swing_k * float(np.cos((hour - 15.0) / 24.0 * 2.0 * np.pi))


class Tanks:
    """Water heaters of 2 kW on 150 to 250 l. The thermostat is below, people feel what comes out above: 40 °C at least."""

    params, met_k = TANK, 5.0
    event_h = (17.0, 19.0)

    def __init__(self, count: int, seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        draw = self._draw
        self.rated_w = self.least_w = np.full(count, 2000.0)
        self._count = count
        self._tanks = WaterHeaters(
            count,
            DT_S,
            volume_l=draw.uniform(150.0, 250.0, count),
            loss_w_per_k=draw.uniform(1.2, 2.2, count),
            element_w=self.rated_w,
            water_c=draw.uniform(53.0, 57.0, count),
            setpoint_c=55.0,
        )
        # Litres of a day at the tank's temperature, in draws of 3 min: most in the morning, some in the evening.
        self._litres = draw.uniform(40.0, 120.0, count)

    def after(self, hour: float, most_w: Floats) -> None:
        """A minute: some begin to draw, by the hour."""
        of_day = hour % 24.0
        busy = 0.3 + 2.5 * np.exp(-((of_day - 7.5) ** 2) / 2.0) + 1.8 * np.exp(-((of_day - 19.5) ** 2) / 4.0)
        rows = np.flatnonzero(self._draw.uniform(size=self._count) < busy / 23.0 * 0.33)
        litres = self._litres[rows] / 8.0
        self._tanks.is_blocked = most_w <= 0.0
        self._tanks.after(rows, litres / DT_S)

    def power_w(self) -> Floats:
        """What they draw."""
        return self._tanks.power_w

    def wants(self, most_w: Floats) -> Bools:
        """Whether the thermostat is closed."""
        return self._tanks.is_on

    def outside_k(self) -> Floats:
        """Below 40 °C at the tap."""
        return np.maximum(40.0 - self._tanks.upper_c, 0.0)

    def spare_k(self) -> Floats:
        """How far from where heat is asked for whatever it costs: early, for the element warms the lower half first."""
        middle_c = 0.5 * (self._tanks.upper_c + self._tanks.lower_c)
        return np.minimum(self._tanks.upper_c - 46.0, middle_c - 48.0)


def _houses(size: Floats, envelope: Floats, air_c: Floats) -> Houses:
    """Terrace houses of these sizes."""
    return Houses(
        len(size),
        DT_S,
        envelope_w_per_k=envelope,
        air_j_per_k=3.0e6 * size,
        mass_j_per_k=30.0e6 * size,
        coupling_w_per_k=1500.0 * size,
        air_c=air_c,
    )


class Rooms:
    """Houses of 100 to 220 W/K with modulating heat pumps about 20.5 °C; 18.5 °C at least."""

    params, met_k = HEATED, 1.0
    event_h = (17.0, 18.0)

    def __init__(self, count: int, seed: int, mean_c: float = -13.0) -> None:
        draw = np.random.default_rng(seed)
        self._mean_c, self._set_c = mean_c, draw.uniform(20.0, 21.5, count)
        envelope = draw.uniform(100.0, 220.0, count)
        size = envelope / 160.0 * draw.uniform(0.8, 1.2, count)
        self._houses = _houses(size, envelope, self._set_c + draw.uniform(-0.4, 0.4, count))
        self._heat_w, self._cop = envelope * draw.uniform(85.0, 110.0, count), draw.uniform(3.2, 4.2, count)
        self._pumps = HeatPumps(
            count, DT_S, params=HeatPumpParams(), heat_w=self._heat_w, cop=self._cop, setpoint_c=self._set_c
        )
        self._gain_w = draw.uniform(200.0, 500.0, count)
        self._outdoor_c = mean_c
        self.rated_w, self.least_w = self._most_w(), self._most_w() * 0.3

    def _most_w(self) -> Floats:
        held_c = max(min(self._outdoor_c, curves.WARMEST_HEATING_C), curves.COLDEST_C)
        return self._heat_w * curves.heating_capacity(held_c) * curves.heating_input(held_c) / self._cop

    def after(self, hour: float, most_w: Floats) -> None:
        """A minute of the day."""
        self._outdoor_c = daily(hour, self._mean_c, 2.5)
        self.rated_w, self.least_w = self._most_w(), self._most_w() * 0.31
        self._pumps.most_power_w = np.where(most_w > 0.0, np.minimum(most_w, 1e6) + 10.0, 0.0)
        self._pumps.after(self._houses.air_c, self._outdoor_c)
        self._houses.after(self._outdoor_c, self._pumps.heat_w + self._gain_w)

    def power_w(self) -> Floats:
        """What they draw, without standby."""
        return self._pumps.power_w - 10.0

    def wants(self, most_w: Floats) -> Bools:
        """Whether the room is so cold that the pump would draw more than it may."""
        share = np.clip(self._set_c + 0.5 - self._houses.air_c, 0.0, 1.0)
        return share * self.rated_w > np.minimum(most_w, self.rated_w * 0.3)

    def outside_k(self) -> Floats:
        """Below 18.5 °C."""
        return np.maximum(18.5 - self._houses.air_c, 0.0)

    def spare_k(self) -> Floats:
        """How far from three tenths before that, where comfort goes first."""
        return self._houses.air_c - 18.8


class Spring(Rooms):
    """The same on a mild day: pumps that go on and off."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count, seed, mean_c=9.0)


class Coolers:
    """Air conditioners that are on or off about 24 °C on a summer's day; 26 °C at most."""

    params, met_k = COOLED, 1.0
    event_h = (16.0, 17.0)

    def __init__(self, count: int, seed: int) -> None:
        draw = np.random.default_rng(seed)
        envelope = draw.uniform(100.0, 220.0, count)
        size = envelope / 160.0 * draw.uniform(0.8, 1.2, count)
        self._set_c = draw.uniform(23.5, 24.5, count)
        self._houses = _houses(size, envelope, self._set_c + draw.uniform(-0.4, 0.4, count))
        cooling_w = envelope * draw.uniform(30.0, 45.0, count)
        self._machines = [
            AirConditioner(AirConditionerParams(cooling_w=float(w)), setpoint_c=float(c))
            for w, c in zip(cooling_w, self._set_c, strict=True)
        ]
        self._gain_w = envelope * draw.uniform(4.0, 6.0, count)
        self.rated_w = self.least_w = cooling_w / 3.5

    def after(self, hour: float, most_w: Floats) -> None:
        """A minute of the day."""
        outdoor_c = daily(hour, 27.0, 6.0)
        sun_w = self._gain_w * max(float(np.sin((hour % 24.0 - 6.0) / 12.0 * np.pi)), 0.0)
        blocked = most_w <= 0.0
        for each, air_c, is_blocked in zip(self._machines, self._houses.air_c, blocked, strict=True):
            each.is_blocked = bool(is_blocked)
            each.after(DT_S, air_c, outdoor_c)
        heat_w = np.array([each.heat_w for each in self._machines])
        self._houses.after(outdoor_c, heat_w + sun_w)

    def power_w(self) -> Floats:
        """What they draw."""
        return np.array([each.power_w for each in self._machines])

    def wants(self, most_w: Floats) -> Bools:
        """Whether the room is above the lower end of the dead band: it would run on."""
        return self._houses.air_c > self._set_c - 0.5

    def outside_k(self) -> Floats:
        """Above 26 °C."""
        return np.maximum(self._houses.air_c - 26.0, 0.0)

    def spare_k(self) -> Floats:
        """How far from three tenths before that, where comfort goes first."""
        return 25.7 - self._houses.air_c


KINDS: Final[dict[str, Callable[[int, int], Crowd]]] = {
    "water heaters, 2 h": Tanks,
    "heat pumps, winter, 1 h": Rooms,
    "heat pumps, spring, 1 h": Spring,
    "air conditioners, 1 h": Coolers,
}


@dataclass
class Fleet:
    """The law of each home; with `returns` False they are let go all at once."""

    crowd: Crowd
    seed: int
    returns: bool
    memories: list[Memory] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.crowd.rated_w)
        self.memories = [Memory()] * count
        self.drawn = np.random.default_rng(self.seed + 10_000).uniform(size=count)
        self.met = np.zeros(count, dtype=np.bool_)
        self.most_w = np.full(count, inf)

    def allowed(self, now_s: float, in_event: bool) -> Floats:
        """What each may draw; a bound of comfort is the thermostat's part."""
        crowd = self.crowd
        if self.returns:
            values = zip(crowd.least_w.tolist(), crowd.rated_w.tolist(), self.drawn.tolist(), strict=True)
            powers, wants = crowd.power_w().tolist(), crowd.wants(self.most_w).tolist()
            for home, (least_w, most_w, drawn) in enumerate(values):
                seen = Seen(in_event, powers[home], wants[home])
                machine = Machine(least_w, most_w, drawn)
                self.memories[home], self.most_w[home] = step(crowd.params, self.memories[home], now_s, machine, seen)
        else:
            self.most_w[:] = 0.0 if in_event else inf
        spare_k = crowd.spare_k()
        self.met = (spare_k < 0.0) | (self.met & (spare_k < crowd.met_k))
        return np.where(self.met, inf, self.most_w)


@dataclass(frozen=True)
class Run:
    """Powers of the crowd (W, means of 5 min) from the event's begin, and kelvin-hours outside per home."""

    power_w: Floats
    outside_kh: float
    event: int

    @property
    def peak_w(self) -> float:
        """The highest from the event's end on."""
        return float(self.power_w[self.event :].max())


def run(crowd: Crowd, seed: int, *, event: bool, returns: bool, hours: float = 14.0) -> Run:
    """Hours to settle and to learn, then the event and the hours behind it."""
    fleet = Fleet(crowd, seed, returns)
    begin = round(SETTLE_S / DT_S)
    end = begin + round((crowd.event_h[1] - crowd.event_h[0]) * 3600.0 / DT_S)
    total_w, outside_kh = np.zeros(begin + round(hours * 3600.0 / DT_S)), 0.0
    learns = begin - round(3.0 * crowd.params.usual_s / DT_S)
    free_w = most_w = np.full(len(crowd.rated_w), inf)
    for index in range(len(total_w)):
        if event and (index >= begin or (index >= learns and index % MEAN_OF == 0)):
            most_w = fleet.allowed(index * DT_S, begin <= index < end)
        hour = crowd.event_h[0] + (index - begin) * DT_S / 3600.0
        crowd.after(hour, most_w if index >= begin else free_w)
        total_w[index] = crowd.power_w().sum()
        if index >= begin:
            outside_kh += float(crowd.outside_k().mean()) * DT_S / 3600.0
    return Run(*meant(total_w[begin:], outside_kh), (end - begin) // MEAN_OF)


def meant(power_w: Floats, outside_kh: float) -> tuple[Floats, float]:
    """Means of 5 min, and what goes with them."""
    return power_w[: len(power_w) // MEAN_OF * MEAN_OF].reshape(-1, MEAN_OF).mean(axis=1), outside_kh


@dataclass(frozen=True)
class Found:
    """Of one kind and seed: peaks over the peak without an event, the share of the event's power saved, comfort."""

    naive: float
    ours: float
    saved: float
    outside_kh: float
    base_outside_kh: float

    @classmethod
    def of(cls, base: Run, naive: Run, ours: Run) -> "Found":
        """From the three runs."""
        saved = 1.0 - float(ours.power_w[: ours.event].mean() / base.power_w[: base.event].mean())
        peaks = naive.peak_w / base.peak_w - 1.0, ours.peak_w / base.peak_w - 1.0
        return cls(*peaks, saved, ours.outside_kh, base.outside_kh)


def measured(kind: str, count: int, seed: int, hours: float = 14.0) -> Found:
    """The three runs."""
    make = KINDS[kind]
    base = run(make(count, seed), seed, event=False, returns=False, hours=hours)
    naive = run(make(count, seed), seed, event=True, returns=False, hours=hours)
    ours = run(make(count, seed), seed, event=True, returns=True, hours=hours)
    return Found.of(base, naive, ours)
