"""Mistakes in what switches that no key can see alone: who is wired twice, half or not at all, and what a model needs.

As `firmware_py.mistakes`, these are looked for in the raw values.
"""

from collections.abc import Iterator
from typing import Any, Final

from drivers.catalogue import CHARGERS, MODELS, PUMPS
from drivers.evidence import Evidence
from drivers.telegrams.models import TelegramModel
from firmware_py.config_loads import CURRENT_LEAST_A, LEASE_S
from protocols.mistakes import Mistake, shown

LOADS: Final = ("charger", "relay", "heat_pump")
SWITCHED: Final = (*LOADS, "switchgear")
_CURRENT_MAX_A: Final = 16.0
Tables = list[tuple[str, dict[str, Any]]]


def crossed_loads(loads: dict[str, Tables], devices: Tables, cycle_s: float) -> Iterator[Mistake]:
    """Chargers, relays and heat pumps, by the name of their array."""
    for key, charger in loads["charger"]:
        yield from _charger(key, charger)
    for key, relay in loads["relay"]:
        yield from _wired(key, relay, ("channel", "line"))
        yield from _metered(key, relay, devices)
    for key, pump in loads["heat_pump"]:
        yield from _pump(key, pump)
        yield from _metered(key, pump, devices)
    yield from _twice([each for kind in ("relay", "heat_pump") for each in loads[kind]], "line", "channel")
    for key, load in (each for kind in LOADS for each in loads[kind]):
        lease_s = _number(load, "lease_s", LEASE_S)
        if lease_s < 4 * cycle_s:
            yield Mistake(
                f"{key}.lease_s", shown(lease_s), f"at least {4 * cycle_s:g}, four of node.cycle_s, is allowed"
            )


def _charger(key: str, charger: dict[str, Any]) -> Iterator[Mistake]:
    most_a = _number(charger, "current_max_a", _CURRENT_MAX_A)
    least_a = _number(charger, "current_min_a", CURRENT_LEAST_A)
    if "current_min_a" in charger and least_a > most_a:
        yield Mistake(f"{key}.current_min_a", shown(least_a), f"current_max_a, {most_a:g}, is the most that is allowed")
    fallback_a = charger.get("fallback_a")
    if isinstance(fallback_a, int | float) and fallback_a != 0 and not CURRENT_LEAST_A <= fallback_a <= most_a:
        yield Mistake(
            f"{key}.fallback_a", shown(fallback_a), f"0 or {CURRENT_LEAST_A:g} to current_max_a, {most_a:g}, is allowed"
        )
    model = CHARGERS.get(str(charger.get("model")))
    if model is None:
        return
    lease_s = _number(charger, "lease_s", LEASE_S)
    if not model.lease_s[0] <= lease_s <= model.lease_s[1]:
        allowed = f"{model.lease_s[0]:g} to {model.lease_s[1]:g} is allowed for {charger['model']}"
        yield Mistake(f"{key}.lease_s", shown(lease_s), allowed)
    if model.needs and model.needs not in str(charger.get("url")).partition("?")[2].split("&"):
        yield Mistake(f"{key}.url", shown(charger.get("url")), f"{charger['model']} needs ?{model.needs}")


def _pump(key: str, pump: dict[str, Any]) -> Iterator[Mistake]:
    yield from _wired(key, pump, ("channels", "lines", "model"))
    model = PUMPS.get(str(pump.get("model")))
    if model is not None and model.verified is Evidence.UNVERIFIED and pump.get("control") is not True:
        text = f"the control of {pump['model']} is unverified: true is needed to use it all the same (docs/devices.md)"
        yield Mistake(f"{key}.control", shown(pump.get("control", False)), text)
    if "model" not in pump and "control" in pump:
        yield Mistake(f"{key}.control", shown(pump["control"]), "is for a model whose control is unverified")


def _wired(key: str, part: dict[str, Any], ways: tuple[str, ...]) -> Iterator[Mistake]:
    """One way only; all of them but a GPIO line need a url."""
    found = [way for way in ways if way in part]
    if len(found) != 1:
        yield Mistake(f"{key}.{ways[0]}", " and ".join(found) or "(absent)", f"one of {', '.join(ways)} must be there")
        return
    on_gpio = found[0] in ("line", "lines")
    if on_gpio and "url" in part:
        yield Mistake(f"{key}.url", shown(part["url"]), f"a GPIO {found[0]} has none")
    if not on_gpio and "url" not in part:
        yield Mistake(f"{key}.url", "(absent)", f"must be there beside {found[0]}")


def _metered(key: str, load: dict[str, Any], devices: Tables) -> Iterator[Mistake]:
    if "meter" not in load:
        return
    models = {str(device.get("name")): MODELS.get(str(device.get("model"))) for _, device in devices}
    meter = load["meter"]
    if meter not in models:
        yield Mistake(f"{key}.meter", shown(meter), f"allowed are the devices {', '.join(models)}")
    elif isinstance(models[meter], TelegramModel):
        yield Mistake(f"{key}.meter", shown(meter), "a meter that sends telegrams is too slow for a load")


def _twice(parts: Tables, *ways: str) -> Iterator[Mistake]:
    """A contact that two loads would switch."""
    seen: dict[tuple[object, ...], str] = {}
    for key, part in parts:
        for way in ways:
            several = part.get(f"{way}s")
            for value in several if isinstance(several, list) else [part[way]] if way in part else []:
                place = (value,) if way == "line" else (part.get("url"), part.get("unit", 1), value)
                if (first := seen.setdefault(place, key)) != key or (
                    isinstance(several, list) and several.count(value) > 1
                ):
                    yield Mistake(f"{key}.{way}", shown(value), f"is switched by {first} too")
                    break


def _number(part: dict[str, Any], key: str, default: float) -> float:
    value = part.get(key, default)
    return float(value) if isinstance(value, int | float) else default
