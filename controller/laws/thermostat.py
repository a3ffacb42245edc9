"""Thermostat: keep a store of heat within the owner's bounds, and leave the rest to the plan.

What binds, the strongest first, with rank COMFORT_BOUND: frost (`floor_c`), what is due against legionella (`reach_c`), the
owner's `least_c` and `most_c`. Each is met with hysteresis and a little before it is reached. Between the bounds the plan
decides (OPTIMISER); for a load it does not name, a dead band about `liked_c` (COMFORT). Where nothing is liked heat is asked
for near `least_c` alone, and what lies between is free for who has a surplus. A store that can be heated and cooled is told
at all times what each may do, one of both at most, and `turn_s` lies between them.

When blind (no believable temperature): the plan is not followed, for it is blind, too. A burn goes on for as long as it
would have taken by its own speed, `blind_burn_s` at most. Then heaters with a thermostat of their own are left alone; the
others run for the share of each hour that they took while the sensor lived. Where frost threatens (`floor_c` is finite) it is
a quarter more, for the weather may turn, and at least `blind_duty`; it is `blind_duty_most` at most. So nothing freezes for
days, and nothing heats for ever. Coolers rest.
Contradictory bounds (least above most) never heat and cool in turn: heated is below both, cooled above both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

import msgspec

from controller.asks import Ask
from controller.thermal.stores import Store
from controller.wishes import Rank

# What no sensor in a house or a tank shows while it lives: an open PT1000 reads hot, a shorted one cold.
COLDEST_C: Final = -40.0
HOTTEST_C: Final = 120.0
# Two days and nights weigh about as much as all that was before; less than a quarter of a day says nothing of a duty.
LEARN_S: Final = 2.0 * 86_400.0
LEARNT_S: Final = 6.0 * 3600.0
# How much more heat than before a house is given whose temperature nobody knows.
COLDER: Final = 1.25
# A gap between two cycles that is longer than this was no cycle: it teaches nothing.
GAP_S: Final = 120.0
FLOOR: Final = "floor"
REACH: Final = "reach"
LEAST: Final = "least"
MOST: Final = "most"
HEATS: Final = "heats"
COOLS: Final = "cools"
# These bounds heat while they are met.
COLD: Final = (FLOOR, REACH, LEAST)


@dataclass(frozen=True, slots=True)
class Params:
    """`band_k`: the whole width of the dead band; `guard_k`: how far before a bound it is met.

    `reach_margin_k`: how far above `reach_c` is heated, so that it is kept between two burns. `turn_s`: between heating and
    cooling; it must outlast the least on time of both. Then the stance when blind, as the module says.
    """

    band_k: float = 1.0
    guard_k: float = 0.2  # twice what a probe resolves
    reach_margin_k: float = 2.0
    turn_s: float = 900.0
    blind_burn_s: float = 1800.0
    blind_duty: float = 0.1
    blind_duty_most: float = 0.75
    blind_every_s: float = 3600.0

    def __post_init__(self) -> None:
        for name in ("band_k", "reach_margin_k", "blind_every_s"):
            _check(name, getattr(self, name), above=0.0)
        for name in ("guard_k", "turn_s", "blind_burn_s"):
            _check(name, getattr(self, name))
        if not 0.0 <= self.blind_duty <= self.blind_duty_most < 1.0:
            raise ValueError(
                f"blind_duty {self.blind_duty:g} and blind_duty_most {self.blind_duty_most:g}:"
                " 0 to less than 1, the first not above the second"
            )


class Memory(msgspec.Struct, frozen=True):
    """Of one store: the bound that is being met (empty: none), what the dead band does, when it was last heated and cooled;
    what was last seen, where and when the burn began and the temperature that ends it; and the mean duty with the time it is of.
    """

    at_s: float | None = None
    bound: str = ""
    turn: str = ""
    heated_s: float = -inf
    cooled_s: float = -inf
    seen_c: float | None = None
    seen_s: float | None = None
    burn_c: float | None = None
    burn_s: float = -inf
    goal_c: float = -inf
    duty: float = 0.0
    learnt_s: float = 0.0


class Why(msgspec.Struct, frozen=True):
    """Who decides (`floor`, `reach`, `least`, `most`, `plan`, `band`, `free`, `turning`, `blind`), and a sentence."""

    reason: str
    text: str


class _Bounds(msgspec.Struct, frozen=True):
    """What is met: heated below `low_c`, cooled above `high_c`, each until it is `band_k` inside."""

    low_c: float
    high_c: float
    band_k: float


Asks = dict[str, Ask]
Wants = Mapping[str, float]


def step(
    params: Params,
    memory: Memory,
    now_s: float,
    store: Store,
    want_w: Wants | None,
    most_w: Wants | None = None,
) -> tuple[Memory, Asks, Why]:
    """What is asked of each load of the store. `want_w`: the plan's powers by load; None: there is no plan.

    `most_w`: loads that may draw no more than this for now, such as after a price event; a bound of comfort breaks it.
    """
    air_c = believed(store.temperature_c)
    memory = _learnt(memory, now_s, air_c is not None)
    if air_c is None:
        asks, why = _blind(params, memory, now_s, store)
        return _apart(params, memory, now_s, store, asks, why, COLD[0])
    bounds = _bounds(params, store)
    bound = _bound(params, memory, store, bounds, air_c)
    memory = msgspec.structs.replace(memory, bound=bound, turn=_turn(params, memory, store, bounds, air_c))
    asks, why = _met(store, bound, air_c) if bound else _free(memory, store, want_w, most_w)
    memory = _seen(memory, now_s, air_c, _goal_c(params, store, bounds, bound, want_w))
    side = bound or (LEAST if air_c < (bounds.low_c + bounds.high_c) / 2.0 else MOST)
    return _apart(params, memory, now_s, store, asks, why, side)


def believed(temperature_c: float | None) -> float | None:
    """The temperature; None where it is absent, no number, or nothing that a living sensor shows."""
    if temperature_c is None or not COLDEST_C <= temperature_c <= HOTTEST_C:
        return None
    return temperature_c


def _bounds(params: Params, store: Store) -> _Bounds:
    """The owner's bounds, made safe: never reversed, never below the floor, met a little before they are reached."""
    low_c = max(min(store.least_c, store.most_c), store.floor_c)
    high_c = max(store.least_c, store.most_c, low_c)
    guard_k = min(params.guard_k, (high_c - low_c) / 4.0)
    band_k = min(_band_k(params, store), (high_c - low_c) / 2.0 - guard_k)
    return _Bounds(low_c + guard_k, high_c - guard_k, band_k)


def _band_k(params: Params, store: Store) -> float:
    return params.band_k if store.band_k is None else store.band_k


def _bound(params: Params, memory: Memory, store: Store, bounds: _Bounds, air_c: float) -> str:
    """The strongest bound that has to be met now; one that is being met lasts until it is met by the dead band."""
    if air_c < store.floor_c or (memory.bound == FLOOR and air_c < store.floor_c + _band_k(params, store)):
        return FLOOR
    if store.reach_c is not None and (
        air_c < store.reach_c + params.guard_k or _still_reaches(params, memory, store, air_c)
    ):
        return REACH
    if air_c < bounds.low_c or (memory.bound in COLD and air_c < bounds.low_c + bounds.band_k):
        return LEAST
    if air_c > bounds.high_c or (memory.bound == MOST and air_c > bounds.high_c - bounds.band_k):
        return MOST
    return ""


def _still_reaches(params: Params, memory: Memory, store: Store, air_c: float) -> bool:
    return memory.bound == REACH and store.reach_c is not None and air_c < store.reach_c + params.reach_margin_k


def _turn(params: Params, memory: Memory, store: Store, bounds: _Bounds, air_c: float) -> str:
    """What the dead band does. With both machines there is a band's width between where they work."""
    half_k = _band_k(params, store) / 2.0
    liked_c = store.liked_c
    if liked_c is None:
        heat_off_c, cool_off_c = bounds.low_c + 2.0 * bounds.band_k, bounds.high_c - 2.0 * bounds.band_k
        heat_on_c, cool_on_c = bounds.low_c + bounds.band_k, bounds.high_c - bounds.band_k
    else:
        apart_k = 2.0 * half_k if store.heaters and store.coolers else 0.0
        heat_on_c, heat_off_c = liked_c - half_k, liked_c + half_k
        cool_on_c, cool_off_c = liked_c + half_k + apart_k, liked_c - half_k + apart_k
    if store.heaters and air_c < heat_on_c:
        return HEATS
    if store.coolers and air_c > cool_on_c:
        return COOLS
    if memory.turn == HEATS and air_c < min(heat_off_c, bounds.high_c):
        return HEATS
    return COOLS if memory.turn == COOLS and air_c > max(cool_off_c, bounds.low_c) else ""


def _met(store: Store, bound: str, air_c: float) -> tuple[Asks, Why]:
    """A bound of comfort: one side at its most, the other one at rest."""
    limits = {FLOOR: store.floor_c, REACH: store.reach_c, LEAST: store.least_c, MOST: store.most_c}
    text = f"{store.name} is at {air_c:.1f} °C, its bound {bound} is {limits[bound]:g} °C"
    heat_w, cool_w = (inf, 0.0) if bound in COLD else (0.0, inf)
    asks = {name: Ask(heat_w, Rank.COMFORT_BOUND, text) for name in store.heaters}
    return asks | {name: Ask(cool_w, Rank.COMFORT_BOUND, text) for name in store.coolers}, Why(bound, text)


def _free(memory: Memory, store: Store, want_w: Wants | None, most_w: Wants | None) -> tuple[Asks, Why]:
    """Between the bounds: the plan, else the dead band, within what may be drawn for now."""
    asks: Asks = {}
    wants = {} if want_w is None else want_w
    mosts = {} if most_w is None else most_w
    for name, does in (*((each, HEATS) for each in store.heaters), *((each, COOLS) for each in store.coolers)):
        if name in wants:
            ask: Ask | None = Ask(_drawn(wants[name]), Rank.OPTIMISER, f"the plan, between the bounds of {store.name}")
        else:
            ask = _banded(memory, store, does)
        if name in mosts:
            ask = _capped(ask, _drawn(mosts[name]))
        if ask is not None:
            asks[name] = ask
    if wants.keys() & asks.keys():
        return asks, Why("plan", f"{store.name} is within its bounds: the plan decides")
    return asks, Why("band" if asks else "free", f"{store.name} {memory.turn or 'rests'} within its bounds")


def _drawn(power_w: float) -> float:
    """A power that can be asked for: what is no number, or below 0, is nothing."""
    return max(0.0, power_w)


def _banded(memory: Memory, store: Store, does: str) -> Ask | None:
    """The dead band's ask; none where nothing is liked and no other machine must be kept from working against this one."""
    if memory.turn == does:
        return Ask(inf, Rank.COMFORT, f"{store.name} {does} within its dead band")
    if store.liked_c is None and not (store.heaters and store.coolers):
        return None
    return Ask(0.0, Rank.COMFORT, f"{store.name} is within its dead band")


def _capped(ask: Ask | None, most_w: float) -> Ask | None:
    if most_w == inf or (ask is not None and ask.want_w <= most_w):
        return ask
    if ask is None:
        return None if most_w > 0.0 else Ask(0.0, Rank.OPTIMISER, "nothing may be drawn for now, after an event")
    return Ask(most_w, Rank.OPTIMISER, f"{ask.why}, but no more than {most_w:.0f} W for now, after an event")


def _goal_c(params: Params, store: Store, bounds: _Bounds, bound: str, want_w: Wants | None) -> float:
    """The temperature at which a burn that goes on now ends."""
    match bound:
        case "floor":
            return store.floor_c + _band_k(params, store)
        case "reach":
            return inf if store.reach_c is None else store.reach_c + params.reach_margin_k
        case "least":
            return bounds.low_c + bounds.band_k
        case _:
            if want_w is not None or store.liked_c is None:
                return bounds.high_c
            return store.liked_c + _band_k(params, store) / 2.0


def _seen(memory: Memory, now_s: float, air_c: float, goal_c: float) -> Memory:
    if memory.seen_s is not None and now_s - memory.seen_s > GAP_S:
        memory = msgspec.structs.replace(memory, burn_c=None)  # what began before the gap tells no speed
    return msgspec.structs.replace(memory, seen_c=air_c, seen_s=now_s, goal_c=goal_c)


def _learnt(memory: Memory, now_s: float, seen: bool) -> Memory:
    """The mean duty, as far back as it is worth knowing."""
    gap_s = now_s - memory.at_s if memory.at_s is not None else inf
    if not seen or not 0.0 < gap_s <= GAP_S:
        return msgspec.structs.replace(memory, at_s=now_s)
    learnt_s = min(memory.learnt_s + gap_s, LEARN_S)
    on = 1.0 if memory.heated_s == memory.at_s else 0.0
    duty = memory.duty + (on - memory.duty) * gap_s / learnt_s
    return msgspec.structs.replace(memory, at_s=now_s, duty=duty, learnt_s=learnt_s)


def _blind(params: Params, memory: Memory, now_s: float, store: Store) -> tuple[Asks, Why]:
    """Without a temperature: the burn to its end, then a duty, or nobody's business."""
    text = f"nobody knows how warm {store.name} is"
    asks = {name: Ask(0.0, Rank.COMFORT_BOUND, text) for name in store.coolers if name not in store.by_itself}
    burns_until_s = _burns_until_s(params, memory)
    if now_s < burns_until_s:
        on = Ask(inf, Rank.COMFORT_BOUND, f"{text}: the burn ends in {burns_until_s - now_s:.0f} s")
        return asks | dict.fromkeys(store.heaters, on), Why("blind", on.why)
    duty = _blind_duty(params, memory, store)
    # The part without heat comes first: the burn was just now.
    since_s = max(now_s - burns_until_s, 0.0) if isfinite(burns_until_s) else now_s
    heats = since_s % params.blind_every_s >= (1.0 - duty) * params.blind_every_s
    text = f"{text}: {duty * 100:.0f} % of each {params.blind_every_s / 60:.0f} min"
    ask = Ask(inf if heats else 0.0, Rank.COMFORT_BOUND, text)
    return asks | {name: ask for name in store.heaters if name not in store.by_itself}, Why("blind", text)


def _burns_until_s(params: Params, memory: Memory) -> float:
    """Until when a burn that the sensor saw begin may go on; -inf where none was on."""
    if memory.seen_s is None or memory.seen_c is None:
        return -inf
    if memory.burn_c is None:
        return memory.seen_s
    risen_k, passed_s = memory.seen_c - memory.burn_c, memory.seen_s - memory.burn_s
    left_k = max(memory.goal_c - memory.seen_c, 0.0)
    left_s = left_k * passed_s / risen_k if risen_k > 0.0 and isfinite(left_k) else inf
    return memory.seen_s + min(left_s, params.blind_burn_s)


def _blind_duty(params: Params, memory: Memory, store: Store) -> float:
    learnt = memory.duty if memory.learnt_s >= LEARNT_S else 0.0
    duty = max(COLDER * learnt, params.blind_duty) if isfinite(store.floor_c) else learnt
    return min(duty, params.blind_duty_most)


def _apart(
    params: Params, memory: Memory, now_s: float, store: Store, asks: Asks, why: Why, side: str
) -> tuple[Memory, Asks, Why]:
    """Heaters and coolers never together, and never right after each other; `side` goes first."""
    heats, cools = _runs(asks, store.heaters), _runs(asks, store.coolers)
    if heats and cools:
        loser = store.coolers if side in COLD else store.heaters
        asks = asks | {name: Ask(0.0, asks[name].rank, why.text) for name in loser if name in asks}
        heats, cools = side in COLD, side not in COLD
    waits_s = params.turn_s - now_s + (memory.cooled_s if heats else memory.heated_s)
    if (heats or cools) and waits_s > 0.0:
        why = Why("turning", f"{store.name} waits {waits_s:.0f} s between heating and cooling")
        asks = {name: Ask(0.0, Rank.COMFORT_BOUND, why.text) for name in (*store.heaters, *store.coolers)}
        heats = cools = False
    return _ran(memory, now_s, heats, cools), asks, why


def _runs(asks: Asks, names: tuple[str, ...]) -> bool:
    return any(name in asks and asks[name].want_w > 0.0 for name in names)


def _ran(memory: Memory, now_s: float, heats: bool, cools: bool) -> Memory:
    """Note who runs now, and where a burn begins and ends; a blind burn began where the sensor saw it."""
    if cools:
        memory = msgspec.structs.replace(memory, cooled_s=now_s)
    if memory.seen_s != now_s:
        return msgspec.structs.replace(memory, heated_s=now_s) if heats else memory
    if not heats:
        return msgspec.structs.replace(memory, burn_c=None) if memory.burn_c is not None else memory
    if memory.burn_c is None:
        memory = msgspec.structs.replace(memory, burn_c=memory.seen_c, burn_s=now_s)
    return msgspec.structs.replace(memory, heated_s=now_s)


def _check(name: str, value: float, above: float | None = None) -> None:
    if not isfinite(value) or value < 0.0 or (above is not None and value <= above):
        raise ValueError(f"{name} is {value:g}; it must be {'more than 0' if above is not None else '0 or more'}")
