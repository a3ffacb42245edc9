"""`[[station]]` against its feeder: where a device may stand, and what it makes of the feeder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from protocols.mistakes import Mistake, did_you_mean, shown
from sim_hardware.physics.feeder import Feeder, Site, Transformer
from sim_hardware.world.feeder_part import STATION_KEYS_OF, StationPart

# A transformer of which no taps are stated gets those of a common on-load tap changer.
TAP_STEPS, TAP_STEP_PERCENT = 8, 1.25
BANK_STEPS, BANK_STEP_VAR = 6, 25_000.0
ALL_KEYS: Final = ("steps", "step_percent", "step_var")


def station_mistakes(stations: Sequence[StationPart], feeder: Feeder) -> Iterator[Mistake]:
    """Keys that the kind has not, and places that are not there."""
    changers: dict[str, str] = {}
    for index, station in enumerate(stations):
        key = f"station.{index}"
        for name in ALL_KEYS:
            if name in station.model_fields_set and name not in STATION_KEYS_OF[station.kind]:
                yield Mistake(f"{key}.{name}", shown(getattr(station, name)), f"not a key of a {station.kind}")
        yield from _place(key, station, feeder)
        if station.kind == "tap-changer" and station.at is not None:
            other = changers.setdefault(station.at, station.name)
            if other != station.name:
                yield Mistake(
                    f"{key}.at", shown(station.at), f"{other} is there already; one tap changer each is allowed"
                )


def _place(key: str, station: StationPart, feeder: Feeder) -> Iterator[Mistake]:
    names = _allowed(station, feeder)
    what = {"tap-changer": "transformer", "capacitor-bank": "bus"}.get(station.kind, "transformer or line")
    if station.at is None:
        yield Mistake(f"{key}.at", "(absent)", f"the {what} of {station.name} must be there: {_some(names)}")
    elif station.at not in names:
        hint = did_you_mean(station.at, names)
        wrong = hint if hint.startswith("did") else f"there are {_some(names)}"
        yield Mistake(f"{key}.at", f"{shown(station.at)} of {station.name}", f"no such {what}; {wrong}")


def _allowed(station: StationPart, feeder: Feeder) -> list[str]:
    transformers = [each.name for each in feeder.transformers]
    if station.kind == "tap-changer":
        return transformers
    if station.kind == "capacitor-bank":
        return [bus.name for bus in feeder.buses]
    return transformers + [line.name for line in feeder.lines]


def _some(names: Sequence[str]) -> str:
    return (", ".join(names[:8]) or "none") + (f", … ({len(names)} in all)" if len(names) > 8 else "")


def with_tap_changers(feeder: Feeder, stations: Sequence[StationPart]) -> Feeder:
    """The feeder with the taps that its tap changers have."""
    changers = {station.at: station for station in stations if station.kind == "tap-changer"}
    transformers = [
        _tapped(each, changers[each.name]) if each.name in changers else each for each in feeder.transformers
    ]
    return replace(feeder, transformers=tuple(transformers))


def _tapped(transformer: Transformer, station: StationPart) -> Transformer:
    has = transformer.tap_step_pu > 0.0 and transformer.tap_most > transformer.tap_least
    least, most = (transformer.tap_least, transformer.tap_most) if has else (-TAP_STEPS, TAP_STEPS)
    step_pu = transformer.tap_step_pu if has else TAP_STEP_PERCENT / 100.0
    if station.steps is not None:
        least, most = -station.steps, station.steps
    if station.step_percent is not None:
        step_pu = station.step_percent / 100.0
    tap = min(most, max(least, transformer.tap))
    return replace(transformer, tap=tap, tap_least=least, tap_most=most, tap_step_pu=step_pu)


def bank_sites(stations: Sequence[StationPart]) -> list[Site]:
    """Where capacitor banks hang, in their order."""
    return [Site(f"station {each.name}", each.at or "") for each in stations if each.kind == "capacitor-bank"]
