"""Phases: no phase of the connection point carries more than its fuse, nor differs from another by more than is allowed.

Each load gets a room of its own by the phases it draws on; where nobody knows which, by the worst. Batteries and inverters
count as balanced over the three, and are bound at the connection point. Less room is believed after two readings, for a meter
and a wallbox are not read at one moment; more after `recover_s` without a peak. A reading is used once, however old it gets.

When blind (a phase that nobody measures now): no load is raised but for a bound of comfort of what it warms, none is lowered,
and the connection point is not bound.

What is allowed to differ: VDE-AR-N 4100 names 4.6 kVA, 20 A at 230 V, between phases (unverified: not read).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import msgspec

from controller.wishes import Band, Rank, Wish

SOURCE: Final = "phases"
NAMES: Final = ("L1", "L2", "L3")
# What an ampere more on each phase draws, where nothing better is known.
BALANCED_W: Final = 3 * 230.0
BLIND: Final = "nobody knows the currents of the phases: nothing is raised"


@dataclass(frozen=True, slots=True)
class Params:
    """`fuse_a`: what each phase may carry, either way; `unbalance_max_a`: by how much two phases may differ (None: any).

    A load is raised only where `margin_a` is left, and was for `recover_s` (twice that at most).
    """

    fuse_a: float
    unbalance_max_a: float | None = None
    margin_a: float = 1.0
    recover_s: float = 30.0


class Draw(msgspec.Struct, frozen=True):
    """A load as the phases see it: what it draws, what an ampere on each of its phases is in W, and its phases (0 to 2);
    not `is_known`: it draws on some of them.
    """

    name: str
    power_w: float
    ampere_w: float
    wires: tuple[int, ...] = (0, 1, 2)
    is_known: bool = True


class Seen(msgspec.Struct, frozen=True):
    """A reading: the currents, and those without the loads of known phases, what each load drew, what batteries took of each
    phase.
    """

    at_s: float
    phases_a: tuple[float, ...]
    base_a: tuple[float, ...]
    own_w: Mapping[str, float]
    charge_a: float


class Memory(msgspec.Struct, frozen=True):
    """The last readings, newest last (empty: blind), and each phase's highest and lowest of two spans of time."""

    seen: tuple[Seen, ...] = ()
    since_s: float = -inf
    most_a: tuple[tuple[float, ...], ...] = ()
    least_a: tuple[tuple[float, ...], ...] = ()


class Bound(msgspec.Struct, frozen=True):
    """How much a load may draw (W) at once, and how much it may be raised to; by whom."""

    hard_w: float
    rise_w: float
    rank: Rank
    why: str
    is_blind: bool = False


def is_over(params: Params, memory: Memory) -> bool:
    """Whether a phase carries more than it may, or two differ by more."""
    if not memory.seen:
        return False
    most_a, least_a = max(memory.seen[-1].phases_a), min(memory.seen[-1].phases_a)
    may_a = params.unbalance_max_a
    return max(most_a, -least_a) > params.fuse_a or (may_a is not None and most_a - least_a > may_a)


def step(
    params: Params,
    memory: Memory,
    at_s: float,
    measured_a: Sequence[float | None],
    draws: Sequence[Draw],
    charge_w: float,
) -> Memory:
    """Take in a reading measured at `at_s`; one that is known already changes nothing. `charge_w`: what batteries take."""
    known_a = [each for each in measured_a if each is not None]
    if len(known_a) != len(NAMES):
        return msgspec.structs.replace(memory, seen=())
    if memory.seen and memory.seen[-1].at_s == at_s:
        return memory
    phases_a = tuple(known_a)
    for draw in draws:
        for wire in draw.wires if draw.is_known else ():
            known_a[wire] -= draw.power_w / draw.ampere_w
    base_a = tuple(known_a)
    own_w = {draw.name: draw.power_w for draw in draws}
    seen = (*memory.seen[-1:], Seen(at_s, phases_a, base_a, own_w, max(charge_w, 0.0) / BALANCED_W))
    if at_s - memory.since_s >= params.recover_s or len(memory.most_a) == 0:
        return Memory(seen, at_s, (*memory.most_a[-1:], base_a), (*memory.least_a[-1:], base_a))
    most_a = tuple(map(max, memory.most_a[-1], base_a))
    least_a = tuple(map(min, memory.least_a[-1], base_a))
    return Memory(seen, memory.since_s, (*memory.most_a[:-1], most_a), (*memory.least_a[:-1], least_a))


class Rooms:
    """The rooms of loads that are told one after another; those behind keep what they are `pinned_w` to."""

    def __init__(self, params: Params, memory: Memory, draws: Sequence[Draw], pinned_w: Mapping[str, float]) -> None:
        self._params, self._memory, self._draws, self._pinned_w = params, memory, draws, pinned_w
        self._taken_a = [0.0, 0.0, 0.0]
        self._place = {draw.name: place for place, draw in enumerate(draws)}

    def of(self, name: str) -> Bound:
        """The room of a load, those before it being told already."""
        memory, place = self._memory, self._place[name]
        if not memory.seen:
            return Bound(inf, -inf, Rank.SAFETY, BLIND, is_blind=True)
        draw, behind = self._draws[place], self._draws[place + 1 :]
        hard_w, rank, why = max(self._hard(draw, behind, seen) for seen in memory.seen)
        return Bound(hard_w, self._rise_w(draw, behind), rank, why)

    def _hard(self, draw: Draw, behind: Sequence[Draw], seen: Seen) -> tuple[float, Rank, str]:
        own_a = _own_a(draw, seen)
        here_a = [base_a + taken_a for base_a, taken_a in zip(seen.base_a, self._taken_a, strict=True)]
        fuse_a = min(self._params.fuse_a + seen.charge_a - here_a[wire] for wire in draw.wires) + own_a
        whole_a = _with(here_a, behind, lambda each: seen.own_w.get(each.name, 0.0))
        skew_a = self._skew_a(draw, here_a, whole_a, whole_a) + own_a
        if skew_a < fuse_a:
            why = f"the phases may differ by {self._params.unbalance_max_a:g} A"
            return skew_a * draw.ampere_w, Rank.GRID_CODE, why
        return fuse_a * draw.ampere_w, Rank.SAFETY, f"{_names(draw)} may carry {self._params.fuse_a:g} A"

    def _rise_w(self, draw: Draw, behind: Sequence[Draw]) -> float:
        """By the worst of late: what was drawn on these phases at most, and on the others at least."""
        memory, seen, params = self._memory, self._memory.seen[-1], self._params
        own_a = _own_a(draw, seen)
        most_a = [max(each) + taken_a for *each, taken_a in zip(*memory.most_a, self._taken_a, strict=True)]
        least_a = [min(each) + taken_a for *each, taken_a in zip(*memory.least_a, self._taken_a, strict=True)]
        held_a = _with(most_a, behind, lambda each: self._pinned_w.get(each.name, 0.0))
        fuse_a = min(params.fuse_a + seen.charge_a - held_a[wire] for wire in draw.wires)
        skew_a = self._skew_a(draw, most_a, most_a, _with(least_a, behind, lambda each: seen.own_w.get(each.name, 0.0)))
        return (min(fuse_a, skew_a) + own_a - params.margin_a) * draw.ampere_w

    def _skew_a(self, draw: Draw, here_a: Sequence[float], most_a: Sequence[float], least_a: Sequence[float]) -> float:
        """How much more on its phases keeps them near enough to the others."""
        may_a = self._params.unbalance_max_a
        if may_a is None or (draw.is_known and len(draw.wires) == len(NAMES)):
            return inf
        if not draw.is_known:
            return may_a - (max(most_a) - min(least_a))
        lowest_a = min(each for wire, each in enumerate(least_a) if wire not in draw.wires)
        return may_a + lowest_a - max(here_a[wire] for wire in draw.wires)

    def take(self, name: str, power_w: float) -> None:
        """A load was told this, or draws it still."""
        draw = self._draws[self._place[name]]
        own_w = self._memory.seen[-1].own_w.get(name, 0.0) if self._memory.seen else power_w
        # Nobody knows which phases a fall frees.
        more_w = power_w if draw.is_known else max(power_w - own_w, 0.0)
        for wire in draw.wires:
            self._taken_a[wire] += more_w / draw.ampere_w

    def wish(self, site_w: float, good_until_s: float) -> Wish | None:
        """What the balanced devices must keep of the connection point, all loads being told; `site_w` is with those."""
        if not self._memory.seen:
            return None
        here_a = [base_a + taken_a for base_a, taken_a in zip(self._memory.seen[-1].base_a, self._taken_a, strict=True)]
        most_w = site_w + (self._params.fuse_a - max(here_a)) * BALANCED_W
        least_w = site_w - (self._params.fuse_a + min(here_a)) * BALANCED_W
        why = f"each phase may carry {self._params.fuse_a:g} A"
        return Wish(SOURCE, Rank.SAFETY, good_until_s, why, Band(min(least_w, most_w), most_w))


def _own_a(draw: Draw, seen: Seen) -> float:
    """What the load itself has in the currents; one of known phases was taken out of them."""
    return 0.0 if draw.is_known else seen.own_w.get(draw.name, 0.0) / draw.ampere_w


def _with(here_a: Sequence[float], behind: Sequence[Draw], power_w: Callable[[Draw], float]) -> list[float]:
    whole_a = list(here_a)
    for draw in behind:
        for wire in draw.wires if draw.is_known else ():
            whole_a[wire] += power_w(draw) / draw.ampere_w
    return whole_a


def _names(draw: Draw) -> str:
    return ", ".join(NAMES[wire] for wire in draw.wires) if draw.is_known else "each phase"
