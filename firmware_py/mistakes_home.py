"""Mistakes in what the owner wants that no key can see alone: bounds that contradict each other, hours that do not fit, and
heaters and sensors that are not there or stand twice.

As `firmware_py.mistakes`, these are looked for in the raw values.
"""

from collections.abc import Iterator
from datetime import time
from math import isfinite
from typing import Any, Final

from drivers.catalogue import MODELS, BatteryModel, MeterModel
from drivers.telegrams.models import TelegramModel
from firmware_py.tables import table, tables
from protocols.mistakes import Mistake, did_you_mean, shown

Table = dict[str, Any]
_HEATERS: Final = ("relay", "heat_pump")
_OF_BATTERIES: Final = ("wear_per_kwh", "efficiency_percent", "capacity_wh")
# Defaults that must fit each other.
_ROOM: Final = {"least_c": 19.0, "most_c": 24.0, "frost_c": 7.0}
_TANK: Final = {"least_c": 45.0, "most_c": 65.0, "legionella_c": 60.0}
_DAY_S: Final = 86_400


def crossed_home(raw: Table) -> Iterator[Mistake]:
    """Everything about rooms, tanks, cars, runs, batteries and the plan itself."""
    for key, room in tables(raw, "room"):
        yield from _room(key, room)
    for key, tank in tables(raw, "tank"):
        yield from _tank(key, tank)
    yield from _names(raw)
    yield from _sensors(raw)
    yield from _heaters(raw)
    for key, charger in tables(raw, "charger"):
        yield from _car(f"{key}.car", charger, table(charger, "car"))
    for key, relay in tables(raw, "relay"):
        yield from _run(f"{key}.run", relay, table(relay, "run"))
    for key, device in tables(raw, "device"):
        yield from _battery(key, device)
    yield from _place(table(raw, "site"))
    yield from _plan(raw)


def _place(site: Table) -> Iterator[Mistake]:
    """Half a place is none."""
    for here, there in (("latitude_deg", "longitude_deg"), ("longitude_deg", "latitude_deg")):
        if here in site and there not in site:
            yield Mistake(f"site.{there}", "(absent)", f"must be there beside {here}")
    if "unbalance_max_a" in site and "fuse_a" not in site:
        yield Mistake("site.fuse_a", "(absent)", "must be there beside unbalance_max_a")


def _room(key: str, room: Table) -> Iterator[Mistake]:
    least_c, most_c, frost_c = (_number(room, name, value) for name, value in _ROOM.items())
    yield from _bounds(key, room, least_c, most_c)
    night = table(room, "night")
    if frost_c > least_c:
        yield Mistake(f"{key}.frost_c", shown(frost_c), f"at most least_c, {least_c:g}, is allowed")
    night_c = _number(night, "least_c", frost_c)
    if frost_c <= least_c and not frost_c <= night_c <= most_c:
        yield Mistake(
            f"{key}.night.least_c", shown(night_c), f"{frost_c:g} (frost_c) to {most_c:g} (most_c) is allowed"
        )
    if night and (begins := _clock(night.get("from"))) is not None and begins == _clock(night.get("to")):
        yield Mistake(f"{key}.night.to", shown(night.get("to")), "must differ from `from`: a night has a length")
    if not room.get("heated_by") and not room.get("cooled_by"):
        yield Mistake(f"{key}.heated_by", "(absent)", "heated_by or cooled_by must name what warms or cools it")


def _tank(key: str, tank: Table) -> Iterator[Mistake]:
    least_c, most_c, legionella_c = (_number(tank, name, value) for name, value in _TANK.items())
    yield from _bounds(key, tank, least_c, most_c)
    if legionella_c > most_c and _number(tank, "legionella_days", 7.0) > 0:
        text = f"at most most_c, {most_c:g}, is allowed; legionella_days = 0 leaves it out"
        yield Mistake(f"{key}.legionella_c", shown(legionella_c), text)


def _bounds(key: str, store: Table, least_c: float, most_c: float) -> Iterator[Mistake]:
    if least_c > most_c:
        yield Mistake(f"{key}.least_c", shown(least_c), f"at most most_c, {most_c:g}, is allowed")
    elif not least_c <= _number(store, "liked_c", least_c) <= most_c:
        yield Mistake(
            f"{key}.liked_c", shown(store["liked_c"]), f"least_c, {least_c:g}, to most_c, {most_c:g}, is allowed"
        )


def _names(raw: Table) -> Iterator[Mistake]:
    """A plan and its series know everything by its name."""
    kinds = ("device", "charger", *_HEATERS, "thermometer")
    seen: list[object] = [each.get("name") for kind in kinds for _, each in tables(raw, kind)]
    for key, store in (*tables(raw, "room"), *tables(raw, "tank")):
        if (name := store.get("name")) in seen:
            yield Mistake(f"{key}.name", shown(name), "stands twice; a room or tank needs a name of its own")
        seen.append(name)


def _sensors(raw: Table) -> Iterator[Mistake]:
    """Thermometers, and devices that may measure a temperature beside something else."""
    known = [str(each.get("name")) for kind in ("thermometer", "device", "heat_pump") for _, each in tables(raw, kind)]
    stores = [
        (f"{key}.{name}", store[name]) for key, store in _stores(raw) for name in ("sensor", "outdoor") if name in store
    ]
    for key, sensor in stores:
        if isinstance(sensor, str) and sensor not in known:
            yield Mistake(key, shown(sensor), f"no thermometer of this name; {did_you_mean(sensor, known)}")


def _stores(raw: Table) -> list[tuple[str, Table]]:
    return [*tables(raw, "room"), *tables(raw, "tank")]


def _heaters(raw: Table) -> Iterator[Mistake]:
    """Each must be a relay or a heat pump, and warms one store only: nobody could say where its heat went."""
    known = [str(each.get("name")) for kind in _HEATERS for _, each in tables(raw, kind)]
    runs = {each.get("name") for _, each in tables(raw, "relay") if "run" in each}
    users: dict[object, str] = {}
    for key, store in _stores(raw):
        named = [(way, each) for way in ("heated_by", "cooled_by") for each in _listed(store.get(way))]
        for way, heater in named:
            if heater not in known:
                text = did_you_mean(str(heater), known) if known else "there is no relay and no heat pump"
                yield Mistake(f"{key}.{way}", shown(heater), text)
            elif (user := users.setdefault(heater, f"{key}.{way}")) != f"{key}.{way}":
                yield Mistake(f"{key}.{way}", shown(heater), f"stands in {user} already; a heater has one store")
            if heater in runs:
                yield Mistake(f"{key}.{way}", shown(heater), "has hours to run too; it cannot follow both")
        for heater in {each for _, each in named}:
            if named.count(("heated_by", heater)) > 1 or named.count(("cooled_by", heater)) > 1:
                yield Mistake(f"{key}.heated_by", shown(heater), "stands twice")


def _car(key: str, charger: Table, car: Table) -> Iterator[Mistake]:
    if not car:
        return
    capacity_wh, needs_wh = (_number(car, name, 0.0) for name in ("capacity_wh", "needs_wh"))
    if needs_wh > capacity_wh > 0:
        yield Mistake(f"{key}.needs_wh", shown(needs_wh), f"at most capacity_wh, {capacity_wh:g}, is allowed")
    departs, returns = _clock(car.get("departs")), _clock(car.get("returns"))
    if departs is not None and departs == returns:
        yield Mistake(f"{key}.returns", shown(car["returns"]), "must differ from departs: it is away for some time")
    elif departs is not None and returns is not None:
        yield from _chargeable(key, charger, needs_wh, _span_s(returns, departs))
    if charger.get("use", "surplus") != "plan":
        yield Mistake(
            f"{key}", shown(charger.get("use", "surplus")), 'a car with hours needs use = "plan" of its charger'
        )


def _chargeable(key: str, charger: Table, needs_wh: float, home_s: float) -> Iterator[Mistake]:
    """What the charging point gives at its most, from the return to the departure."""
    most_w = 230.0 * _number(charger, "phases", 3.0) * _number(charger, "current_max_a", 16.0)
    if needs_wh > most_w * home_s / 3600.0:
        text = f"at most {most_w * home_s / 3600.0:.0f} is allowed: {most_w:g} W from returns to departs"
        yield Mistake(f"{key}.needs_wh", shown(needs_wh), text)


def _run(key: str, relay: Table, run: Table) -> Iterator[Mistake]:
    if not run:
        return
    begins, ends = _clock(run.get("from", time(0, 0))), _clock(run.get("until", time(0, 0)))
    hours = _number(run, "hours", 0.0)
    if begins is not None and ends is not None and _span_s(begins, ends) < hours * 3600.0 <= _DAY_S:
        text = f"at most {_span_s(begins, ends) / 3600.0:g}, the hours from `from` to `until`, is allowed"
        yield Mistake(f"{key}.hours", shown(hours), text)
    if relay.get("use", "surplus") != "plan":
        yield Mistake(f"{key}", shown(relay.get("use", "surplus")), 'hours to run need use = "plan" of the relay')


def _battery(key: str, device: Table) -> Iterator[Mistake]:
    model = MODELS.get(str(device.get("model")))
    for name in _OF_BATTERIES:
        if name in device and model is not None and not isinstance(model, BatteryModel):
            yield Mistake(f"{key}.{name}", shown(device[name]), f"{device.get('model')} is no battery")


def _plan(raw: Table) -> Iterator[Mistake]:
    """What is to be planned needs a plan, and a plan prices; who may be switched must be there."""
    plan, owner = table(raw, "plan"), table(raw, "owner")
    asks = [each for kind in ("charger", "relay") for each in tables(raw, kind) if each[1].get("use") == "plan"]
    heaters = {
        heater for _, store in _stores(raw) for way in ("heated_by", "cooled_by") for heater in _listed(store.get(way))
    }
    if "plan" not in raw:
        for key, load in asks:
            if load.get("name") not in heaters:
                yield Mistake(
                    f"{key}.use", shown("plan"), "a table [plan] must be there, or nobody ever switches it on"
                )
    elif "tariff" not in raw:
        yield Mistake("tariff", "(absent)", "must be there beside [plan]: a plan needs prices")
    if _number(plan, "exact_h", 4.0) > _number(plan, "horizon_h", 48.0):
        yield Mistake("plan.exact_h", shown(plan.get("exact_h", 4.0)), "at most horizon_h is allowed")
    known = [str(each.get("name")) for kind in ("charger", *_HEATERS) for _, each in tables(raw, kind)]
    known += [str(each.get("name")) for _, each in tables(raw, "device") if not _only_measures(each)]
    for name in _listed(owner.get("may_switch")):
        if name not in known:
            yield Mistake("owner.may_switch", shown(name), did_you_mean(str(name), known))


def _only_measures(device: Table) -> bool:
    return isinstance(MODELS.get(str(device.get("model"))), MeterModel | TelegramModel)


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _number(part: Table, key: str, default: float) -> float:
    """The number at a key; the default where there is none, or something that is said to be wrong elsewhere."""
    value = part.get(key, default)
    told = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if told else default


def _clock(value: object) -> time | None:
    """A time of day; None where it is none, which is said elsewhere."""
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _span_s(begins: time, ends: time) -> float:
    """From one time of day to the next one of the other; a whole day where they are the same."""
    one_s, other_s = (each.hour * 3600 + each.minute * 60 + each.second for each in (begins, ends))
    return float((other_s - one_s) % _DAY_S or _DAY_S)
