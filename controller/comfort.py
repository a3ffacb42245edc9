"""Comfort: what the owner's laws and the plan ask of each load, beside what everybody wishes of the connection point.

The strongest ask of a load holds; of two of the same rank the one for more (a pump that warms house and tank). A load that
warms or cools a store is asked by its thermostat, which knows the plan; other `plan` loads are asked by the plan itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

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
    """The parameters of the owner's laws."""

    of_stores: thermostat.Params = thermostat.Params()
    of_departure: departure.Params = departure.Params()


class Memory(msgspec.Struct, frozen=True):
    """What the laws carry from cycle to cycle."""

    of_stores: Mapping[str, thermostat.Memory] = MappingProxyType({})
    of_departure: departure.Memory = departure.NOBODY


class Scene(msgspec.Struct, frozen=True):
    """The loads that are seen, what is to be warm, which cars leave, and what the plan wants (None: there is none)."""

    loads: Sequence[Load]
    stores: Sequence[Store]
    cars: Sequence[CarView]
    wants_w: Mapping[str, float] | None = None
    why: str = ""


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
    asks: dict[str, Ask] = {}
    of_stores = dict(memory.of_stores)
    kept = frozenset(name for store in scene.stores for name in (*store.heaters, *store.coolers))
    for store in scene.stores:
        before = of_stores.get(store.name, thermostat.Memory())
        of_stores[store.name], asked, _ = thermostat.step(params.of_stores, before, now_s, store, scene.wants_w)
        _add(asks, asked)
    ready_w = {load.name: load.terms.most_w for load in scene.loads if load.is_ready}
    of_departure, asked = departure.step(params.of_departure, memory.of_departure, now_s, scene.cars, ready_w)
    _add(asks, asked)
    _add(asks, _planned(scene, kept))
    return Memory(of_stores, of_departure), Asked(asks, kept)


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
