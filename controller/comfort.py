"""Comfort: what the owner's laws and the plan ask of each load, beside what everybody wishes of the connection point.

The strongest ask of a load holds; of two of the same rank the one for more (a pump that warms house and tank). A load that
warms or cools a store is asked by its thermostat, which knows the plan; other `plan` loads are asked by the plan itself. After an
event the thermostat's asks are capped, so that a crowd of homes does not come back at once (controller/aggregate/returns.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Final

import msgspec

from controller.aggregate import returns
from controller.asks import Ask
from controller.laws import departure, thermostat
from controller.laws.departure import CarView
from controller.loads import Load, Use
from controller.thermal.stores import Store
from controller.wishes import Rank

Asks = Mapping[str, Ask]
NONE: Final[Asks] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of the owner's laws. `drawn`: this home's own number from 0 to 1, which says where in a crowd that comes back
    after an event it begins (None: it comes back at once).
    """

    of_stores: thermostat.Params = thermostat.Params()
    of_departure: departure.Params = departure.Params()
    drawn: float | None = None

    def __post_init__(self) -> None:
        if self.drawn is not None and not 0.0 <= self.drawn <= 1.0:
            raise ValueError(f"drawn is {self.drawn:g}; it must be 0 to 1")


class Memory(msgspec.Struct, frozen=True):
    """What the laws carry from cycle to cycle."""

    of_stores: Mapping[str, thermostat.Memory] = MappingProxyType({})
    of_departure: departure.Memory = departure.NOBODY
    of_returns: returns.Memories = returns.NONE


class Scene(msgspec.Struct, frozen=True):
    """The loads that are seen, what is to be warm, which cars leave, and what the plan wants (None: there is none).

    `is_limited`: an operator limits import to less than the connection. `is_dear`: the plan holds this hour to be dear.
    """

    loads: Sequence[Load]
    stores: Sequence[Store]
    cars: Sequence[CarView]
    wants_w: Mapping[str, float] | None = None
    why: str = ""
    is_limited: bool = False
    is_dear: bool = False


class Asked(msgspec.Struct, frozen=True):
    """What is asked of each load, and the loads that warm or cool something."""

    asks: Asks = NONE
    kept: frozenset[str] = frozenset()

    def of(self, load: Load) -> Load:
        """The load with what is asked of it."""
        ask, is_kept = self.asks.get(load.name), load.name in self.kept
        if ask is None and not is_kept:
            return load
        return Load(load.name, load.power_w, load.terms, load.is_ready, ask, is_kept)

    def firm(self) -> "Asked":
        """Only the bounds of comfort."""
        return Asked({name: ask for name, ask in self.asks.items() if ask.rank <= Rank.COMFORT_BOUND}, self.kept)


NOTHING: Final = Asked()


def step(params: Params, memory: Memory, now_s: float, scene: Scene) -> tuple[Memory, Asked]:
    """What is asked in this cycle."""
    if not (scene.stores or scene.cars or memory.of_departure) and scene.wants_w is None:
        return memory, NOTHING
    kept = frozenset(name for store in scene.stores for name in (*store.heaters, *store.coolers))
    of_stores, asks = _stored(params, memory, now_s, scene, None)
    of_returns, most_w = _returned(params, memory.of_returns, now_s, scene, asks)
    if len(most_w) > 0:
        of_stores, asks = _stored(params, memory, now_s, scene, most_w)
    ready_w = {load.name: load.terms.most_w for load in scene.loads if load.is_ready}
    of_departure, asked = departure.step(params.of_departure, memory.of_departure, now_s, scene.cars, ready_w)
    _add(asks, asked)
    _add(asks, _planned(scene, kept))
    return Memory(of_stores, of_departure, of_returns), Asked(asks, kept)


def _stored(
    params: Params, memory: Memory, now_s: float, scene: Scene, most_w: Mapping[str, float] | None
) -> tuple[Mapping[str, thermostat.Memory], dict[str, Ask]]:
    """What the thermostats ask, within caps."""
    asks: dict[str, Ask] = {}
    after = dict(memory.of_stores)
    for store in scene.stores:
        before = after.get(store.name, thermostat.Memory())
        after[store.name], asked, _ = thermostat.step(params.of_stores, before, now_s, store, scene.wants_w, most_w)
        _add(asks, asked)
    return after, asks


def _returned(
    params: Params, memory: returns.Memories, now_s: float, scene: Scene, asks: Asks
) -> tuple[returns.Memories, Mapping[str, float]]:
    """The loads that come back after an event, and what each may draw."""
    if params.drawn is None or not scene.stores:
        return memory, returns.NO_CAPS
    of_load = returns.presets(scene.stores)
    seen = {load.name: (of_load[load.name], load) for load in scene.loads if load.name in of_load}
    events = frozenset(name for name in seen if scene.is_limited or _is_priced_out(scene, name))
    return returns.returned(memory, now_s, params.drawn, seen, asks, events)


def _is_priced_out(scene: Scene, name: str) -> bool:
    return scene.is_dear and scene.wants_w is not None and scene.wants_w.get(name, inf) <= 0.0


def _add(asks: dict[str, Ask], more: Asks) -> None:
    for name, ask in more.items():
        there = asks.get(name)
        if there is None or (ask.rank, -ask.want_w) < (there.rank, -there.want_w):
            asks[name] = ask


def _planned(scene: Scene, kept: frozenset[str]) -> Asks:
    if scene.wants_w is None:
        return NONE
    return {
        load.name: Ask(max(0.0, want_w), Rank.OPTIMISER, scene.why)
        for load in scene.loads
        if load.terms.use is Use.PLANNED
        and load.name not in kept
        and (want_w := scene.wants_w.get(load.name)) is not None
    }
