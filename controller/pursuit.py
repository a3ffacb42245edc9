"""Pursuit: what the contracts that are open wish of the connection point, all together, and what they will miss.

A dispatch says a power and goes before the others, whoever issued them: while it is open, energy is counted and not steered,
and what it costs an interval is made up for behind it. What binds more strongly (connection, limits) binds both.
"""

from collections.abc import Sequence
from math import inf

import msgspec

from controller.items import Item
from controller.laws import dispatch, energy, shortfall
from controller.laws.shortfall import Short
from controller.reach import Reach
from controller.settle import settle
from controller.tracking import Goal
from controller.wishes import Band, Rank, Wish
from protocols.contracts import Dispatch, FallbackName

DISPATCH = "dispatch"


class Memory(msgspec.Struct, frozen=True):
    """What the laws carry from cycle to cycle."""

    of_dispatch: dispatch.Memory = dispatch.Memory()
    of_energy: energy.Memory = energy.Memory()
    of_shortfall: shortfall.Memory = shortfall.Memory()


class Scene(msgspec.Struct, frozen=True):
    """What is open, what is asked of the energy, what is seen, what the devices can do, and who binds more strongly."""

    dispatch: Dispatch | None
    dispatch_left_s: float
    items: tuple[Item, ...]
    goal: Goal | None
    site_w: float | None
    site_age_s: float
    link_lost_s: float | None
    reach: Reach | None
    may_hold: bool
    stronger: tuple[Wish, ...]


class Pursuit(msgspec.Struct, frozen=True):
    """The contracts' wish, why (or why not), and the state to fall into where they are not followed.

    `holds`: the devices may stay as they are. `on_course`: what flows now, kept up, meets the energy. `short`: to be said
    in this cycle (empty reason: what was said before no longer holds).
    """

    wish: Wish | None = None
    why: dispatch.Why = dispatch.Why()
    fallback: FallbackName | None = None
    holds: bool = False
    on_course: bool = False
    short: Short | None = None


# Where no contract is open.
NOBODY = (Memory(), Pursuit())


def pursue(
    params: dispatch.Params, rating_w: float, memory: Memory, now_s: float, scene: Scene
) -> tuple[Memory, Pursuit]:
    """One cycle of whatever contracts are open."""
    inputs = dispatch.Inputs(scene.dispatch, scene.site_w, scene.site_age_s, scene.link_lost_s)
    of_dispatch, wish, why = dispatch.step(params, memory.of_dispatch, now_s, inputs)
    if scene.goal is None or scene.reach is None or scene.site_w is None:
        return Memory(of_dispatch), _without_goal(scene, wish, why)
    of_shortfall, short = _short(memory.of_shortfall, now_s, scene, scene.goal, scene.reach, why.asked_w)
    if scene.dispatch is not None:
        # Whatever the devices did for the dispatch is no reason to wait when it is over.
        fallback = scene.dispatch.fallback if why.reason else None
        return Memory(of_dispatch, energy.Memory(), of_shortfall), Pursuit(wish, why, fallback, short=short)
    stronger = settle(scene.stronger, now_s).band
    interval = energy.Interval(
        ", ".join(scene.goal.contracts), scene.goal.start_s, scene.goal.end_s, scene.goal.energy_wh
    )
    reach, limited = scene.reach.power(), scene.reach.power().within(stronger)
    rating_w = min(rating_w, (reach.most_w - reach.least_w) / 2.0)
    seen = energy.Inputs(interval, scene.site_w, scene.site_age_s, scene.goal.metered_wh, limited, scene.may_hold)
    of_energy, wish, because = energy.step(energy.Params(rating_w, params.blind_s), memory.of_energy, now_s, seen)
    why = dispatch.Why(because.reason, because.text if because.reason else "", because.asked_w)
    fallback = scene.items[0].fallback if because.reason else None
    pursuit = Pursuit(wish, why, fallback, because.holds, because.on_course, short)
    return Memory(of_dispatch, of_energy, of_shortfall), pursuit


def _without_goal(scene: Scene, wish: Wish | None, why: dispatch.Why) -> Pursuit:
    """A dispatch alone, or energy that cannot be followed: nobody sees, or the link has been lost for too long."""
    if scene.dispatch is not None:
        return Pursuit(wish, why, scene.dispatch.fallback if why.reason else None)
    if not scene.items:
        return Pursuit()
    first = scene.items[0]
    if scene.site_w is None:
        why = dispatch.Why("meter_stale", f"reading of the connection point is {scene.site_age_s:.1f} s old")
    elif first.cut_off:
        why = dispatch.Why("link_lost", first.cut_off)
    return Pursuit(None, why, first.fallback)


def _short(
    memory: shortfall.Memory, now_s: float, scene: Scene, goal: Goal, reach: Reach, dispatched_w: float | None
) -> tuple[shortfall.Memory, Short | None]:
    short = _expected(now_s, scene, goal, reach, dispatched_w)
    memory, is_new = shortfall.step(memory, now_s, goal.end_s, goal.tolerance_wh, short)
    if not is_new:
        return memory, None
    return memory, short if memory.said else msgspec.structs.replace(short, reason="")


def _expected(now_s: float, scene: Scene, goal: Goal, reach: Reach, dispatched_w: float | None) -> Short:
    """What will be missing at the end with everything the site has, and the first thing that stands in the way."""
    left_s = max(goal.end_s - now_s, 0.0)
    owed_wh = goal.energy_wh - goal.metered_wh
    taken_s = 0.0 if dispatched_w is None else min(scene.dispatch_left_s, left_s)
    if dispatched_w is not None:
        owed_wh -= dispatched_w * taken_s / 3600.0
    free_s = left_s - taken_s
    with_devices, stronger = reach.energy(free_s), settle(scene.stronger, now_s).band
    bound = _energy(stronger, free_s)
    short_wh = _missed(owed_wh, with_devices.within(bound))
    if short_wh == 0.0:
        return Short(0.0, "", "")
    importing = short_wh > 0.0
    start = f"{abs(short_wh):.0f} Wh of {'import' if importing else 'export'} will be missing in {left_s:.0f} s: "
    if taken_s > 0.0 and scene.dispatch is not None:
        return Short(short_wh, DISPATCH, f"{start}dispatch {scene.dispatch.id} says {scene.dispatch.power_w:g} W")
    if abs(_missed(owed_wh, bound)) > abs(_missed(owed_wh, with_devices)):
        by, why = _who(scene.stronger, now_s, importing=importing)
        return Short(short_wh, by, f"{start}{why}")
    return Short(short_wh, "devices", start + reach.why(free_s, importing=importing))


def _energy(band: Band, left_s: float) -> Band:
    """Infinite ends stay infinite, also when no time is left."""
    least_wh = band.least_w if band.least_w == -inf else band.least_w * left_s / 3600.0
    return Band(least_wh, band.most_w if band.most_w == inf else band.most_w * left_s / 3600.0)


def _missed(owed_wh: float, within_wh: Band) -> float:
    return owed_wh - within_wh.nearest(owed_wh)


def _who(stronger: Sequence[Wish], now_s: float, *, importing: bool) -> tuple[str, str]:
    """Who binds the connection point on one side."""
    far_w = 1e12 if importing else -1e12
    probe = Wish("", Rank.CONTRACT, inf, "", within=Band(far_w, far_w), want_w=far_w)
    overruled = settle((*stronger, probe), now_s).clamp_of("")
    return ("devices", "") if overruled is None else (overruled.by, overruled.why)
