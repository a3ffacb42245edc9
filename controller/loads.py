"""Loads: devices that consume in steps (a car at 6 A and more, a relay, a heat pump by SG-Ready), and rest in between.

Each takes, in merit order among the followers, the highest step that fits into what is left; what a step leaves over is
for the followers. `surplus` loads fit into the target of the connection point, `always` loads into the band that binds it.

A load that is asked for something (controller/asks.py) draws that as far as what is stronger than the ask leaves room; a
`plan` load without a plan is a `surplus` load.

No hunting: a rise must have fitted for `change_s`, and goes no higher than what fitted on the mean, unless a band (a contract) demands it; a fall within the device's own range comes `change_s` after the last
change at the earliest; on and off keep their least times, which count from a switch. Only the bands of the strongest
ranks (connection, phases, grid code, grid operator) break these times, and only downwards: a fuse knows no dwell. No ask does.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import floor, inf
from types import MappingProxyType
from typing import Final

import msgspec

from controller.asks import Ask
from controller.laws.phases import Bound, Draw, Rooms
from controller.laws.phases import Memory as PhasesMemory
from controller.laws.phases import Params as PhasesParams
from controller.split import NOISE_W, Follower, used_w
from controller.wishes import Rank

# Less than this does not draw: the standby of a wallbox with a full car is a few watts.
DRAWS_W: Final = 100.0


class Use(StrEnum):
    """When a load is on."""

    SURPLUS = "surplus"  # with what is over, or where a contract wants consumption
    ALWAYS = "always"  # at its most, less only where something binds
    PLANNED = "plan"  # what the plan says; without a fresh one as surplus


class Terms(msgspec.Struct, frozen=True):
    """What a load can be told: 0, or `least_w` to `most_w` in steps; with what patience; lower merit goes first.

    `rests`: between off and on it has a state of its own, in which it is left alone (SG-Ready: 0 blocks, `most_w` raises);
    `may_block`: whether 0 is allowed then. `settle_s`: by then it draws what it was told, or something else holds it.
    `unit_w`: what one unit draws of what the device is told in truth (an ampere, by the phases and volts of now).
    Surplus raises it once more than `raise_w` is over beyond the step, and lowers it once more than `lower_w` is missing.
    It draws on so many `phases` of `volts_v` each, the first of them `wired_to` (0 to 2 for L1 to L3; None: nobody knows).
    """

    least_w: float
    most_w: float
    step_w: float
    use: Use = Use.SURPLUS
    merit: int = -1
    least_on_s: float = 300.0
    least_off_s: float = 300.0
    change_s: float = 10.0
    settle_s: float = 30.0
    rests: bool = False
    may_block: bool = True
    unit_w: float = 1.0
    raise_w: float = 0.0
    lower_w: float = 0.0
    phases: int = 3
    wired_to: int | None = None
    volts_v: float = 230.0

    def fit(self, room_w: float) -> float:
        """The highest step within the room; 0 where none is."""
        room_w += 1e-6  # what fits but for the last digits of a float fits
        if room_w < self.least_w:
            return 0.0
        if self.step_w <= 0.0 or room_w >= self.most_w:
            return self.most_w if room_w >= self.most_w else self.least_w
        return self.least_w + floor((room_w - self.least_w) / self.step_w) * self.step_w

    def nearest(self, power_w: float) -> float:
        """The step next to what is asked for: a plan reckons with the volts of before."""
        if power_w < self.least_w / 2:
            return 0.0
        return max(self.fit(power_w + self.step_w / 2), self.least_w)

    @property
    def wires(self) -> tuple[int, ...]:
        """The phases that it draws on, or may."""
        if self.phases == 3 or self.wired_to is None:
            return 0, 1, 2
        return tuple(sorted((self.wired_to + each) % 3 for each in range(self.phases)))

    def near(self, power_w: float) -> float:
        """The step that draws this, about."""
        return 0.0 if power_w <= DRAWS_W else max(self.fit(power_w + self.step_w / 2), self.least_w)


class Load(msgspec.Struct, frozen=True):
    """A load now: what it draws (0 where nobody measures it and it is left alone), and whether there is anything to feed.

    `ask`: what is asked of it. `is_kept`: it keeps a store warm, so that without an ask its pump is left alone.
    """

    name: str
    power_w: float
    terms: Terms
    is_ready: bool = True
    ask: Ask | None = None
    is_kept: bool = False

    @property
    def draw(self) -> Draw:
        """The load as its phases see it."""
        terms = self.terms
        is_known = terms.phases == 3 or terms.wired_to is not None
        return Draw(self.name, self.power_w, terms.phases * terms.volts_v, terms.wires, is_known)


class Held(msgspec.Struct, frozen=True):
    """What a load was told last (None: left alone) and the `unit_w` of then; since when, since when on or off, and since
    when more would fit: how many cycles by now, and how many units on the mean.
    """

    told_w: float | None = None
    changed_s: float = -inf
    switched_s: float = -inf
    fits_since_s: float | None = None
    unit_w: float = 1.0
    fits: int = 0
    mean_units: float = 0.0


class Room(msgspec.Struct, frozen=True):
    """What loads and followers together may take (W): for the target, within the band, and within its strongest part;
    and what they must take at least for the band. Of one load also `firm_w`: what a bound of comfort may be given.
    """

    target_w: float
    band_w: float
    hard_w: float
    must_w: float = -inf
    firm_w: float = inf


class Allotment(msgspec.Struct, frozen=True):
    """What each load is told (None: left alone), what it is expected to draw, and why it does not do more or less.

    `bounds`: those that their phases keep from more. `rooms`: the phases with all loads as told.
    """

    told_w: dict[str, float | None]
    drawn_w: dict[str, float]
    whys: tuple[str, ...]
    bounds: Mapping[str, Bound] = MappingProxyType({})
    rooms: Rooms | None = None


Memory = Mapping[str, Held]
NONE: Final = Allotment({}, {}, ())
Phases = tuple[PhasesParams, PhasesMemory]


def allot(
    loads: Sequence[Load],
    followers: Sequence[Follower],
    memory: Memory,
    now_s: float,
    room: Room,
    phases: Phases | None = None,
) -> tuple[Memory, Allotment]:
    """Tell each load something; what is known of one that is not here now is kept."""
    bounds: dict[str, Bound] = {}
    told_w: dict[str, float | None] = {}
    drawn_w: dict[str, float] = {}
    kept: dict[str, Held] = dict(memory)
    order = sorted(loads, key=_key)
    pinned_w = {load.name: _pinned_w(load, _held(load, memory, now_s), now_s) for load in order}
    behind_w = sum(pinned_w.values())
    rooms = None if phases is None else Rooms(*phases, [load.draw for load in order], pinned_w)
    aid_w = -sum(follower.band.least_w for follower in followers)  # what the followers can give at most
    # What those before draw; what they may draw. What a plan has a battery take whatever comes is no surplus.
    ordered_w = {each.name: max(each.takes_w(0.0), 0.0) for each in followers if each.ordered is not None}
    given_w, taken_w = sum(ordered_w.values()), 0.0
    waiting = sorted(followers, key=_key)
    for load in order:
        while waiting and _key(waiting[0]) < _key(load):
            given_w += _given_w(waiting[0], room.target_w - given_w, ordered_w.get(waiting.pop(0).name, 0.0))
        held = _held(load, memory, now_s)
        behind_w -= pinned_w[load.name]
        band_w = room.band_w - taken_w - behind_w + aid_w
        hard_w = room.hard_w - taken_w + aid_w
        here = Room(room.target_w - given_w, band_w, hard_w, room.must_w - given_w, hard_w - behind_w)
        bound = None if rooms is None else rooms.of(load.name)
        kept[load.name] = now = _step(load, held, here, bound, now_s)
        told_w[load.name] = now.told_w
        drawn_w[load.name] = _drawn_w(load, now, now_s)
        given_w += drawn_w[load.name]
        most_w = drawn_w[load.name] if now.told_w is None else max(now.told_w, drawn_w[load.name])
        taken_w += most_w
        if rooms is not None and bound is not None:
            rooms.take(load.name, most_w)
            if _is_bound(load, held, here, bound, now, now_s):
                bounds[load.name] = bound
    whys = tuple(_why(load, told_w[load.name], bounds.get(load.name)) for load in order)
    return kept, Allotment(told_w, drawn_w, whys, bounds, rooms)


def _given_w(follower: Follower, left_w: float, ordered_w: float) -> float:
    """What a follower takes of what is left, beyond what is reckoned for it already."""
    left_w += ordered_w
    return used_w(follower.takes_w(left_w), left_w) - used_w(ordered_w, left_w)


def _step(load: Load, held: Held, room: Room, bound: Bound | None, now_s: float) -> Held:
    """What a load is told within its room, cut to that of its phases."""
    if bound is not None:
        room = _cut(load, held, room, bound)
    return _dwelt(load, held, _wanted(load, held, room, now_s), room, now_s)


def _cut(load: Load, held: Held, room: Room, bound: Bound) -> Room:
    """It stays where it is as long as that is bearable, and rises only where there is room enough."""
    most_w = max(bound.rise_w, min(bound.hard_w, _drawing_w(load, held.told_w)))
    hard_w = min(room.hard_w, bound.hard_w)
    # A house must not freeze because a meter tells no currents.
    firm_w = room.firm_w if bound.is_blind and load.is_kept else min(room.firm_w, most_w)
    return Room(room.target_w, min(room.band_w, most_w), hard_w, room.must_w, firm_w)


def _is_bound(load: Load, held: Held, room: Room, bound: Bound, now: Held, now_s: float) -> bool:
    """Whether without its phases it would be told, or wait for, more."""
    told_w = _drawing_w(load, now.told_w)
    if told_w >= load.terms.most_w:
        return False
    wanted_w = _wanted(load, held, room, now_s)
    return wanted_w is not None and wanted_w > max(told_w, bound.rise_w)


def _key(each: Load | Follower) -> tuple[int, str]:
    return (each.terms.merit if isinstance(each, Load) else each.merit, each.name)


def _held(load: Load, memory: Memory, now_s: float) -> Held:
    """What is known of a load; one that is new stands where it is seen to stand.

    What was told is in amperes, so at another voltage, or on other phases, it is another power.
    """
    held, unit_w = memory.get(load.name), load.terms.unit_w
    if held is None:
        held = Held(None, now_s, now_s) if load.power_w > DRAWS_W else Held()
        if not load.terms.rests:
            held = msgspec.structs.replace(held, told_w=load.terms.near(load.power_w))
    elif held.told_w is not None and held.unit_w != unit_w:
        held = msgspec.structs.replace(held, told_w=held.told_w * unit_w / held.unit_w)
    return msgspec.structs.replace(held, unit_w=unit_w)


def _pinned_w(load: Load, held: Held, now_s: float) -> float:
    """The least that it goes on with because it was switched on only just now."""
    is_on = held.told_w is not None and held.told_w > 0.0
    return load.terms.least_w if is_on and now_s - held.switched_s < load.terms.least_on_s else 0.0


def _wanted(load: Load, held: Held, room: Room, now_s: float) -> float | None:
    """What it would be told if nothing dwelt."""
    terms = load.terms
    if terms.rests:
        return _state(load, held, room)
    if not load.is_ready and (load.ask is not None or terms.use is not Use.ALWAYS):
        return 0.0
    if load.ask is None and terms.use is not Use.ALWAYS:
        return _offered(load, held, now_s, _over_w(load, held, room))
    if load.ask is None:
        return _offered(load, held, now_s, room.band_w)
    asked_w = min(terms.nearest(load.ask.want_w), _bound_w(load.ask, room))
    if load.ask.rank > Rank.CONTRACT:
        asked_w = max(asked_w, min(room.must_w, room.band_w))  # a contract, or a limit, may want it to draw more
    return _offered(load, held, now_s, asked_w)


def _offered(load: Load, held: Held, now_s: float, room_w: float) -> float:
    """The step within the room; one that does not draw is offered the least."""
    if not load.is_ready or _idles(load, held, now_s):
        room_w = min(room_w, load.terms.least_w)
    return load.terms.fit(room_w)


def _over_w(load: Load, held: Held, room: Room) -> float:
    """What is over, beyond one margin for more and within another one for as much as now."""
    terms, told_w = load.terms, 0.0 if held.told_w is None else held.told_w
    # What a contract demands is no surplus that may be gone with the next cloud.
    for_more_w = max(room.target_w - terms.raise_w, min(room.target_w, room.must_w))
    if terms.fit(min(for_more_w, room.band_w)) > told_w:
        return min(for_more_w, room.band_w)
    stays = min(room.target_w + terms.lower_w, room.band_w) >= told_w
    return told_w if stays else min(room.target_w, room.band_w)


def _bound_w(ask: Ask, room: Room) -> float:
    """What is stronger than the ask leaves so much."""
    return room.firm_w if ask.rank <= Rank.COMFORT_BOUND else room.band_w


def _state(load: Load, held: Held, room: Room) -> float | None:
    """Raised by an ask or with what is over; blocked by a bound of comfort or where even what it takes by itself does not fit;
    else left alone: a mere preference blocks nobody, for the label ends a block after two hours whatever was planned.
    """
    terms, ask = load.terms, load.ask
    if ask is not None and ask.want_w >= terms.most_w / 2:
        if _bound_w(ask, room) >= terms.most_w:
            return terms.most_w
    elif ask is not None and ask.rank <= Rank.COMFORT_BOUND:
        return 0.0 if terms.may_block else None
    elif ask is None and not load.is_kept and terms.use is not Use.ALWAYS and _over_w(load, held, room) >= terms.most_w:
        return terms.most_w
    alone_w = terms.most_w if held.told_w == 0.0 else load.power_w if held.told_w is None else 0.0
    fits = alone_w <= (room.band_w if ask is None else _bound_w(ask, room)) + NOISE_W
    return None if fits or not terms.may_block else 0.0


def _idles(load: Load, held: Held, now_s: float) -> bool:
    """Whether it may draw and does not: a full car is not flexible, and is offered the least."""
    if held.told_w is None or held.told_w == 0.0 or load.power_w >= DRAWS_W:
        return False
    told_s = held.switched_s if _same(load, held.told_w, load.terms.least_w) else held.changed_s
    return now_s - told_s >= load.terms.settle_s


def _dwelt(load: Load, held: Held, wanted_w: float | None, room: Room, now_s: float) -> Held:
    """What it is told now: the wish, or what its patience makes of it."""
    now, wish = _level(load, held.told_w), _level(load, wanted_w)
    if _same(load, now, wish):
        return held if held.fits_since_s is None else msgspec.structs.replace(held, fits_since_s=None)
    if wish > now:
        held = _fitting(load, held, wanted_w, now_s)
        since_s = now_s if held.fits_since_s is None else held.fits_since_s
        is_owed = wish <= room.must_w + NOISE_W and now_s - held.changed_s >= load.terms.change_s
        too_soon = now_s - since_s < load.terms.change_s and not is_owed
        if too_soon or (
            _switches(load, held.told_w, wanted_w) and now_s - held.switched_s < _least_s(load, held.told_w)
        ):
            return held
        return _told(load, held, wanted_w if is_owed else _meant_w(load, held, wanted_w), now_s)
    held = msgspec.structs.replace(held, fits_since_s=None)
    if _switches(load, held.told_w, wanted_w) and now_s - held.switched_s < _least_s(load, held.told_w):
        least_w = held.told_w if load.terms.rests else load.terms.least_w
        if _drawing_w(load, least_w) <= room.hard_w + NOISE_W:
            wanted_w = least_w
    is_hard = _drawing_w(load, held.told_w) > room.hard_w + NOISE_W
    waits = now_s - held.changed_s < load.terms.change_s and not is_hard
    return held if waits or wanted_w == held.told_w else _told(load, held, wanted_w, now_s)


def _fitting(load: Load, held: Held, wanted_w: float | None, now_s: float) -> Held:
    """More would fit, so much."""
    units = (0.0 if wanted_w is None else wanted_w) / load.terms.unit_w
    if held.fits_since_s is None:
        return msgspec.structs.replace(held, fits_since_s=now_s, fits=1, mean_units=units)
    fits = held.fits + 1
    return msgspec.structs.replace(held, fits=fits, mean_units=held.mean_units + (units - held.mean_units) / fits)


def _meant_w(load: Load, held: Held, wanted_w: float | None) -> float | None:
    """No more than fitted on the mean: a gap between two clouds is none."""
    if wanted_w is None or load.terms.rests:
        return wanted_w
    return min(wanted_w, max(load.terms.fit(held.mean_units * load.terms.unit_w), load.terms.least_w))


def _drawing_w(load: Load, told_w: float | None) -> float:
    return load.power_w if told_w is None else told_w


def _level(load: Load, told_w: float | None) -> float:
    """States in the order of what they draw; left alone stands between blocked and raised."""
    return load.terms.most_w / 2 if told_w is None else told_w


def _same(load: Load, one_w: float, other_w: float) -> bool:
    """Whether two powers are one step: the last digits of a float are none."""
    return abs(one_w - other_w) <= max(load.terms.step_w / 2, 1.0)


def _switches(load: Load, from_w: float | None, to_w: float | None) -> bool:
    return from_w != to_w if load.terms.rests else (from_w == 0.0) is not (to_w == 0.0)


def _least_s(load: Load, told_w: float | None) -> float:
    """How long the present state lasts at least."""
    return load.terms.least_off_s if told_w == 0.0 or told_w is None else load.terms.least_on_s


def _told(load: Load, held: Held, told_w: float | None, now_s: float) -> Held:
    switched_s = now_s if _switches(load, held.told_w, told_w) else held.switched_s
    return Held(told_w, now_s, switched_s, None, held.unit_w)


def _drawn_w(load: Load, held: Held, now_s: float) -> float:
    """What it draws by what it was told, while it gets there; then what is measured."""
    settled = now_s - held.changed_s >= load.terms.settle_s or not load.is_ready or _idles(load, held, now_s)
    return load.power_w if held.told_w is None or settled else held.told_w


def _why(load: Load, told_w: float | None, bound: Bound | None) -> str:
    if not load.is_ready:
        return f"{load.name} has nothing to feed"
    if told_w is None:
        return f"{load.name} is left alone"
    because = f": {bound.why}" if bound is not None else f": {load.ask.why}" if load.ask is not None else ""
    return f"{load.name} may take {told_w:.0f} W of {load.terms.most_w:.0f} W{because}"
