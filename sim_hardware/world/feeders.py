"""From `[feeder]` and its homes to a network that can be solved: who hangs where, what else draws, what stands in it.

Mistakes come all at once, as FeederError; those of a street or of own tables are found when the world file is read,
those of pandapower's networks when the network is made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from protocols.mistakes import Mistake, did_you_mean, shown
from sim_hardware.physics.feeder import Bus, Feeder, Site, Source
from sim_hardware.physics.network import Floats
from sim_hardware.world import known_feeders
from sim_hardware.world.feeder_base import FeederBase, Place
from sim_hardware.world.feeder_part import KEYS_OF, FeederPart, StationPart
from sim_hardware.world.own_feeder import own_feeder, own_mistakes
from sim_hardware.world.parts import HomePart
from sim_hardware.world.station_check import bank_sites, station_mistakes, with_tap_changers
from sim_hardware.world.street import HIGH_V, street

# Kinds that need no pandapower: their mistakes can be found at once.
QUICK: Final = ("street", "own")
PHASES: Final = ("L1", "L2", "L3")
# Homes are built for 230 V; the European LV feeder states 416 V.
LEAST_V, MOST_V = 380.0, 420.0


class FeederError(ValueError):
    """A feeder that cannot be, with every mistake in it."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = list(mistakes)


@dataclass(frozen=True, slots=True)
class Network:
    """A feeder whose sites are: one copy's homes in their order, then stated loads, then capacitor banks in their order."""

    feeder: Feeder
    places: tuple[Place, ...]
    """Where each home of one copy hangs."""
    stated_w: Floats
    stated_var: Floats
    level_v: float
    """Nominal voltage of the homes' buses, line to line."""


def feeder_mistakes(feeder: FeederPart, homes: Sequence[HomePart], stations: Sequence[StationPart]) -> list[Mistake]:
    """What can be found wrong without pandapower."""
    mistakes = [*_wrong_keys(feeder), *_alone(feeder, homes, stations), *own_mistakes(feeder)]
    if mistakes or feeder.kind not in QUICK:
        return mistakes
    try:
        network_of(feeder, homes, stations)
    except FeederError as error:
        return error.mistakes
    return []


def network_of(feeder: FeederPart, homes: Sequence[HomePart], stations: Sequence[StationPart]) -> Network:
    """The network of one copy of the world; FeederError, or ModuleNotFoundError where the extra is missing."""
    base = _base(feeder, sum(block.count for block in homes))
    known = {bus.name: bus for bus in base.feeder.buses}
    mistakes = [*_homes(homes, base, known), *station_mistakes(stations, base.feeder)]
    if mistakes:
        raise FeederError(mistakes)
    places = _places(homes, base.places)
    used = {place.bus for place in places} | _fed_by_zones(base.feeder)
    stays = [row for row, site in enumerate(base.feeder.sites) if site.bus not in used]
    sites = (
        *(Site(f"home {number}", place.bus) for number, place in enumerate(places, 1)),
        *(base.feeder.sites[row] for row in stays),
        *bank_sites(stations),
    )
    try:
        whole = replace(with_tap_changers(base.feeder, stations), sites=sites)
    except ValueError as error:  # a site that nothing feeds
        raise FeederError([Mistake("feeder", shown(feeder.kind), str(error))]) from error
    return Network(
        whole,
        places,
        base.stated_w[stays] * feeder.stated_share,
        base.stated_var[stays] * feeder.stated_share,
        known[places[0].bus].voltage_v,
    )


def _base(feeder: FeederPart, homes: int) -> FeederBase:
    match feeder.kind:
        case "street":
            return _street(feeder, homes)
        case "ieee-european-lv":
            return known_feeders.european_lv()
        case "cigre-lv":
            return known_feeders.cigre_lv()
        case "cigre-mv":
            return known_feeders.cigre_mv(feeder, homes)
        case "own":
            return _own(feeder)
        case "alone":
            raise ValueError("feeder kind alone has no network")


def _street(part: FeederPart, homes: int) -> FeederBase:
    one = street(part.houses or homes, part.length_m, part.service_m, part.transformer_va, high_bus="mv")
    feeder = Feeder(
        buses=(Bus("mv", HIGH_V), *one.buses),
        lines=one.lines,
        transformers=(one.transformer,),
        source=Source(bus="mv"),
    )
    return FeederBase(feeder, tuple(map(Place, one.houses)))


def _own(part: FeederPart) -> FeederBase:
    if mistakes := own_mistakes(part):
        raise FeederError(mistakes)
    return FeederBase(own_feeder(part), ())


def _fed_by_zones(feeder: Feeder) -> set[str]:
    """Buses of stated loads whose place a zone's street has taken."""
    return {each.from_bus for each in feeder.transformers if each.name.startswith("zone-")}


def _places(homes: Sequence[HomePart], free: Sequence[Place]) -> tuple[Place, ...]:
    """A place for each home: its own bus and phase where it says one, else the next of the feeder's."""
    ahead, places = iter(free), []
    for block in homes:
        for number in range(block.count):
            place = Place(block.bus[number % len(block.bus)]) if block.bus else next(ahead)
            if block.phase:
                place = replace(place, phase=PHASES.index(block.phase[number % len(block.phase)]))
            places.append(place)
    return tuple(places)


def _homes(homes: Sequence[HomePart], base: FeederBase, known: dict[str, Bus]) -> Iterator[Mistake]:
    without = sum(block.count for block in homes if not block.bus)
    if without > len(base.places):
        allowed = f"the feeder has places for {len(base.places)}; state a bus, of which there are {_some(known)}"
        yield Mistake("home", f"{without} without a bus", allowed)
    for index, block in enumerate(homes):
        for bus in dict.fromkeys(block.bus):
            if wrong := _unfit(bus, known):
                yield Mistake(f"home.{index}.bus", f"{shown(bus)} of {block.name}", wrong)


def _unfit(bus: str, known: dict[str, Bus]) -> str | None:
    if bus not in known:
        hint = did_you_mean(bus, list(known))
        return f"no such bus; {hint if hint.startswith('did') else f'there are {_some(known)}'}"
    level_v = known[bus].voltage_v
    if not LEAST_V <= level_v <= MOST_V:
        return f"a bus of {level_v:g} V; homes hang on {LEAST_V:g} to {MOST_V:g} V"
    return None


def _some(known: dict[str, Bus]) -> str:
    names = list(known)
    return ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "")


def _wrong_keys(feeder: FeederPart) -> Iterator[Mistake]:
    means = ("kind", "every_s", *KEYS_OF[feeder.kind])
    for key in sorted(feeder.model_fields_set - set(means)):
        kinds = [kind for kind, keys in KEYS_OF.items() if key in keys]
        yield Mistake(f"feeder.{key}", "…", f"a key of kind {' or '.join(kinds)}, not of {feeder.kind}")


def _alone(feeder: FeederPart, homes: Sequence[HomePart], stations: Sequence[StationPart]) -> Iterator[Mistake]:
    """What needs a network, in a world where homes have none."""
    if feeder.kind != "alone":
        return
    allowed = "needs a network: feeder.kind street, ieee-european-lv, cigre-lv, cigre-mv or own"
    for index, block in enumerate(homes):
        for key in ("bus", "phase"):
            if value := getattr(block, key):
                yield Mistake(f"home.{index}.{key}", shown(value), allowed)
    for index, station in enumerate(stations):
        yield Mistake(f"station.{index}", shown(station.name), allowed)
