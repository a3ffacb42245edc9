"""What the home's own chain makes of an event: thermostat, the return after it, and the loads' patience, one of each a home.

The crowds of `bench.rebound_law` with machines that draw what they are told (within their least times): `controller.comfort.step`
asks and `controller.loads.allot` tells, every two minutes. The event is a dear time in which the plan wants nothing. Three runs
from one settled state: no event; all homes at once after it (the response switched off); and as the node does it.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

import numpy as np

from bench.rebound_law import DT_S, Coolers, Crowd, Floats, Found, Rooms, Run, Tanks, meant
from controller import comfort, loads
from controller.laws import thermostat
from controller.loads import Load, Terms, Use
from controller.thermal.stores import Store

FREE: Final = loads.Room(-inf, inf, inf)
NAME: Final = "machine"
# So many steps of the physics to a cycle of the homes: a thousand of them on one core.
CYCLE: Final = 2
# What a house in deep frost loses in such a cycle; a node's own is a hundred times shorter.
OF_STORES: Final = thermostat.Params(guard_k=0.3)
DEAR: Final[Mapping[str, float]] = {NAME: 0.0}


class Obedient(Crowd, Protocol):
    """A crowd that draws what it is told; what each home knows of its store, and how long it settles and learns."""

    settle_h: float

    def stores(self) -> list[Store]: ...


class ToldTanks(Tanks):
    """The thermometer shows the mean of the tank; heat is asked for at 48 °C whatever it costs, for 40 °C at the tap."""

    settle_h = 26.0

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count, seed)
        self._tanks.set(80.0)

    def stores(self) -> list[Store]:
        """As the owner set them."""
        middle_c = (0.5 * (self._tanks.upper_c + self._tanks.lower_c)).tolist()
        return [Store("tank", c, 48.0, 65.0, -inf, (NAME,), liked_c=55.0, band_k=5.0, is_tank=True) for c in middle_c]


class ToldRooms(Rooms):
    """18.5 °C at least."""

    settle_h = 8.0

    def __init__(self, count: int, seed: int, mean_c: float = -13.0) -> None:
        super().__init__(count, seed, mean_c)
        self.least_w = 1.15 * self.least_w  # what it goes down to in the coldest hour, too
        self._pumps.set(40.0)

    def stores(self) -> list[Store]:
        """As the owner set them."""
        seen = zip(self._houses.air_c.tolist(), self._set_c.tolist(), strict=True)
        return [Store("room", air_c, 18.5, 24.0, 5.0, (NAME,), liked_c=liked_c) for air_c, liked_c in seen]


class ToldSpring(ToldRooms):
    """The same on a mild day."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count, seed, mean_c=9.0)


class ToldCoolers(Coolers):
    """26 °C at most."""

    settle_h = 30.0

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count, seed)
        for each in self._machines:
            each.setpoint_c = 10.0

    def stores(self) -> list[Store]:
        """As the owner set them."""
        seen = zip(self._houses.air_c.tolist(), self._set_c.tolist(), strict=True)
        return [Store("room", air_c, 20.0, 26.0, 5.0, (), (NAME,), liked_c=liked_c) for air_c, liked_c in seen]


KINDS: Final[dict[str, Callable[[int, int], Obedient]]] = {
    "water heaters, 2 h": ToldTanks,
    "heat pumps, winter, 1 h": ToldRooms,
    "heat pumps, spring, 1 h": ToldSpring,
    "air conditioners, 1 h": ToldCoolers,
}


@dataclass
class Chain:
    """The crowd, and what each home remembers; `responds` False: nobody waits for anybody."""

    crowd: Obedient
    seed: int
    responds: bool = True
    of_comfort: list[comfort.Memory] = field(default_factory=list)
    of_loads: list[loads.Memory] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.crowd.rated_w)
        self.of_comfort, self.of_loads = [comfort.Memory()] * count, [{}] * count
        drawn = np.random.default_rng(self.seed + 10_000).uniform(size=count).tolist()
        self._params = [comfort.Params(OF_STORES, drawn=each) for each in drawn]
        powers = zip(self.crowd.least_w.tolist(), self.crowd.rated_w.tolist(), strict=True)
        self._terms = [
            Terms(least, most, 1.0 if least < most else 0.0, use=Use.PLANNED, change_s=0.0) for least, most in powers
        ]
        self._told_w = np.zeros(count)

    def run(self, begin_s: float, hours: float, *, event: bool = False, frees: float = 0.0) -> tuple[Floats, float]:
        """The sum of the powers each minute (W), and kelvin-hours outside per home; an event is from the begin to `frees`."""
        total_w, outside_kh = np.zeros(round(hours * 60.0)), 0.0
        for index in range(len(total_w)):
            now_s = begin_s + index * DT_S
            wants_w = DEAR if event and index * DT_S < frees * 3600.0 else None
            if index % CYCLE == 0:
                self._told_w = self._tell(now_s, wants_w)
            self.crowd.after(self.crowd.event_h[0] + now_s / 3600.0, self._told_w)
            total_w[index] = self.crowd.power_w().sum()
            outside_kh += float(self.crowd.outside_k().mean()) * DT_S / 3600.0
        return total_w, outside_kh

    def _tell(self, now_s: float, wants_w: Mapping[str, float] | None) -> Floats:
        powers_w = self.crowd.power_w().tolist()
        told_w = [
            self._home(home, now_s, store, powers_w[home], wants_w) for home, store in enumerate(self.crowd.stores())
        ]
        return np.array(told_w)

    def _home(
        self, home: int, now_s: float, store: Store, power_w: float, wants_w: Mapping[str, float] | None
    ) -> float:
        """What one home tells its machine."""
        load = Load(NAME, power_w, self._terms[home])
        scene = comfort.Scene((load,), (store,), (), wants_w, is_dear=wants_w is not None)
        params = self._params[home] if self.responds else comfort.Params(OF_STORES)
        self.of_comfort[home], asked = comfort.step(params, self.of_comfort[home], now_s, scene)
        self.of_loads[home], allotted = loads.allot([asked.of(load)], (), self.of_loads[home], now_s, FREE)
        return allotted.told_w[NAME] or 0.0


def measured(kind: str, count: int, seed: int, hours: float = 8.0, settle_h: float | None = None) -> Found:
    """Settle and learn (so many hours, or as many as the kind needs), then the three runs."""
    crowd = KINDS[kind](count, seed)
    settled = Chain(crowd, seed)
    settle_h = crowd.settle_h if settle_h is None else settle_h
    settled.run(-settle_h * 3600.0, settle_h)
    lasts_h = crowd.event_h[1] - crowd.event_h[0]
    naive = deepcopy(settled)
    naive.responds = False
    base_run, naive_run, ours_run = (
        Run(*meant(*chain.run(0.0, hours, event=event, frees=lasts_h)), round(lasts_h * 12.0))
        for chain, event in ((deepcopy(settled), False), (naive, True), (settled, True))
    )
    return Found.of(base_run, naive_run, ours_run)
