"""Price response without a rebound: after an event each home comes back by itself, no faster than it usually draws.

A machine that was held off for an hour wants its most at once, and a thousand of them make a new peak. So each home learns what
it draws on average; after an event, until its thermostat is content, it draws at first `share` of that, by and by a little
more than all of it. The sum of a thousand such homes is then about the usual sum, whatever each one lacks, and no home talks
to another.
A machine that goes lower than this runs at its least, in burns that a budget of energy pays for; where in such a
cycle a home begins comes from outside (`drawn`, 0 to 1, its own number), so that burns of many homes do not fall together.
Comfort goes first: what a bound of comfort takes is paid from the budget afterwards.

When blind (power not measured): the usual power of before holds, and what was allowed is taken for drawn.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import Final

import msgspec

# After so long a usual power is known; before, `unknown` of the most is taken.
KNOWN_S: Final = 3600.0
# A longer gap between two steps is not reckoned with whole: nobody knows what was drawn.
GAP_S: Final = 900.0
# By this share of the usual power, each hour, a home that comes back draws more.
RISE_PER_H: Final = 0.1


@dataclass(frozen=True, slots=True)
class Params:
    """`usual_s`: over which the usual power is taken (hours for a room, whose need follows the weather; a day for a tank).

    A home comes back with `share` of it, a tenth more each hour until it has `extra` more than usual, and `more_per_h` on top of
    that, so that every one arrives. It begins below 1 because the need may be falling: an hour after an afternoon's event the sun
    is lower, too. `burn_s`: how long a burn lasts at least where the budget pays for burns.
    """

    usual_s: float = 3.0 * 3600.0
    share: float = 0.8
    extra: float = 0.02
    more_per_h: float = 0.01
    burn_s: float = 900.0
    unknown: float = 0.2

    def __post_init__(self) -> None:
        for name in ("usual_s", "burn_s", "unknown", "share"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be more than 0")
        for name in ("extra", "more_per_h"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be 0 to 1")


# A tank's need comes in draws at certain hours of the day, and it can wait for them; the need for cooling falls with the sun.
HEATED: Final = Params()
COOLED: Final = Params(share=0.65)
TANK: Final = Params(usual_s=86_400.0, share=1.2, extra=0.4)


class Phase(StrEnum):
    """Where a home stands."""

    USUAL = "usual"
    EVENT = "event"
    RETURNS = "returns"


class Memory(msgspec.Struct, frozen=True):
    """The phase, since when it returns, the usual power and the time it is the mean of, the budget and whether a burn is on."""

    phase: Phase = Phase.USUAL
    at_s: float | None = None
    since_s: float = 0.0
    usual_w: float = 0.0
    learnt_s: float = 0.0
    saved_wh: float = 0.0
    burns: bool = False


class Machine(msgspec.Struct, frozen=True):
    """What it draws while it runs (least and most), and the home's own number."""

    least_w: float
    most_w: float
    drawn: float


class Seen(msgspec.Struct, frozen=True):
    """Whether an event holds it off, what it draws (None: not measured), and whether its thermostat wants more than that."""

    in_event: bool
    power_w: float | None
    wants: bool


def step(params: Params, memory: Memory, now_s: float, machine: Machine, seen: Seen) -> tuple[Memory, float]:
    """What it may draw for now (W): inf when nothing holds it, 0 in an event. A bound of comfort may break it."""
    passed_s = 0.0 if memory.at_s is None else min(max(now_s - memory.at_s, 0.0), GAP_S)
    if seen.in_event:
        return _changed(memory, now_s, Phase.EVENT), 0.0
    match memory.phase:
        case Phase.USUAL:
            return _learnt(params, memory, now_s, passed_s, seen.power_w), inf
        case Phase.EVENT:
            memory = _begun(params, _changed(memory, now_s, Phase.RETURNS), machine)
            passed_s = 0.0
        case Phase.RETURNS:
            pass
    if not seen.wants:
        return _changed(memory, now_s, Phase.USUAL), inf
    return _returned(params, memory, now_s, passed_s, machine, seen.power_w)


def _changed(memory: Memory, now_s: float, phase: Phase) -> Memory:
    since_s = memory.since_s if memory.phase is phase else now_s
    return msgspec.structs.replace(memory, phase=phase, at_s=now_s, since_s=since_s)


def _learnt(params: Params, memory: Memory, now_s: float, passed_s: float, power_w: float | None) -> Memory:
    """The mean of what it draws when nothing holds it; old days fade."""
    if power_w is None or not isfinite(power_w) or passed_s == 0.0:
        return msgspec.structs.replace(memory, at_s=now_s)
    learnt_s = min(memory.learnt_s + passed_s, params.usual_s)
    usual_w = memory.usual_w + (max(power_w, 0.0) - memory.usual_w) * passed_s / learnt_s
    return msgspec.structs.replace(memory, at_s=now_s, usual_w=usual_w, learnt_s=learnt_s)


def _budget_w(params: Params, memory: Memory, now_s: float, machine: Machine) -> float:
    """What it may draw on average while it returns."""
    usual_w = memory.usual_w if memory.learnt_s >= KNOWN_S else params.unknown * machine.most_w
    hours = (now_s - memory.since_s) / 3600.0
    return usual_w * (min(params.share + RISE_PER_H * hours, 1.0 + params.extra) + params.more_per_h * hours)


def _begun(params: Params, memory: Memory, machine: Machine) -> Memory:
    """Somewhere in the cycle of burns, as if it had gone on for ever: a share of it burns, in every stage."""
    share = min(_budget_w(params, memory, memory.since_s, machine) / max(machine.least_w, 1.0), 1.0)
    burns = machine.drawn < share or share == 1.0
    stage = 1.0 - machine.drawn / share if burns else (machine.drawn - share) / (1.0 - share)
    return msgspec.structs.replace(memory, burns=burns, saved_wh=stage * _burn_wh(params, machine, share))


def _burn_wh(params: Params, machine: Machine, share: float) -> float:
    """What has to be saved for a burn, beside what comes in while it lasts."""
    return machine.least_w * (1.0 - share) * params.burn_s / 3600.0


def _returned(
    params: Params, memory: Memory, now_s: float, passed_s: float, machine: Machine, power_w: float | None
) -> tuple[Memory, float]:
    """The usual power and a little more; in burns, where that is less than it can run at."""
    budget_w = _budget_w(params, memory, now_s, machine)
    if budget_w >= machine.least_w:
        return msgspec.structs.replace(memory, at_s=now_s), budget_w
    burn_wh = _burn_wh(params, machine, budget_w / machine.least_w)
    if power_w is None or not isfinite(power_w):
        power_w = machine.least_w if memory.burns else 0.0
    saved_wh = memory.saved_wh + (budget_w - power_w) * passed_s / 3600.0
    saved_wh = min(max(saved_wh, -burn_wh), burn_wh)
    burns = saved_wh > 0.0 if memory.burns else saved_wh >= burn_wh
    memory = msgspec.structs.replace(memory, at_s=now_s, saved_wh=saved_wh, burns=burns)
    return memory, machine.least_w if burns else 0.0
