"""Departure: a car that would not be ready in time any more is charged with all there is.

Nothing is asked as long as there is time: what else wants to charge it (surplus, the plan) is cheaper. Once it has begun it
goes on until the car has what it needs, for a charge that begins and ends by the minute would never be in time.

When blind (nobody knows what it needs or when it leaves, or it is not plugged in): asks nothing. A departure that is past
asks nothing: the next one is not known yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from controller.asks import Ask
from controller.wishes import Rank


class CarView(msgspec.Struct, frozen=True):
    """A car on the charging point `load`: the energy still to be charged as the charger counts it (Wh), the monotonic time
    at which it leaves (None: nobody knows), and what it takes at most and at least (W).
    """

    load: str
    needs_wh: float | None
    departs_s: float | None
    charge_max_w: float
    charge_least_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Params:
    """It begins so much earlier than it must: a share of the time it takes (a house that needs the fuse, a battery that
    tapers), and `early_s` (the charger's least time off, a car that wakes slowly).
    """

    share: float = 0.15
    early_s: float = 600.0


# The loads whose cars are being hurried.
Memory = frozenset[str]
NOBODY: Memory = frozenset()


def step(
    params: Params, memory: Memory, now_s: float, cars: Sequence[CarView], most_w: Mapping[str, float]
) -> tuple[Memory, dict[str, Ask]]:
    """What is asked of the charging points; `most_w`: those with a car, and what each can give it now."""
    asks: dict[str, Ask] = {}
    for car in cars:
        charge_w = min(car.charge_max_w, most_w.get(car.load, 0.0))
        if charge_w > 0.0 and _is_late(params, car, charge_w, now_s, hurried=car.load in memory):
            asks[car.load] = Ask(inf, Rank.COMFORT_BOUND, "the car leaves soon and needs all the time there is")
    return frozenset(asks) if asks else NOBODY, asks


def _is_late(params: Params, car: CarView, charge_w: float, now_s: float, *, hurried: bool) -> bool:
    if car.needs_wh is None or car.departs_s is None or not car.needs_wh > 0.0 or not now_s < car.departs_s:
        return False
    # One that is hurried stays so until it is done, unless it leaves much later than was thought.
    patience = 2.0 if hurried else 1.0
    needed_s = car.needs_wh / charge_w * 3600.0
    return car.departs_s - now_s <= patience * (needed_s * (1.0 + params.share) + params.early_s)
