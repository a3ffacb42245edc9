"""A whole plan made better by moving its switching one step at a time: a relaxed problem each, some milliseconds from the last.

It comes before branch and bound, whose root alone costs as much as some hundred of these.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from controller.planning.model import Switch
from controller.planning.site import Bools

# A move has to earn this much to be one.
LEAST_GAIN = 1e-4

Pattern: TypeAlias = tuple[Bools, ...]
Cost: TypeAlias = Callable[[Pattern, float], float]


def nudged(each: Sequence[Switch], on: Pattern, cost: Cost, begins: float, enough: float, tries: int) -> Pattern:
    """The pattern after all moves that pay, until it costs `enough` or so many were tried.

    `cost(pattern, below)` is what a pattern costs, or anything not under `below`; `begins` is what the first one does.
    """
    least, moved = begins, True
    while moved:
        moved = False
        for at, switch in enumerate(each):
            for other in moves(on[at]):
                if least <= enough or tries <= 0:
                    return on
                if not switch.keeps(other):
                    continue
                tries -= 1
                tried = (*on[:at], other, *on[at + 1 :])
                found = cost(tried, least - LEAST_GAIN)
                if found < least - LEAST_GAIN:
                    on, least, moved = tried, found, True
                    break
    return on


def moves(on: Bools) -> Iterator[Bools]:
    """Each edge a step later or earlier, then each run (on or off) a step later or earlier."""
    edges = np.flatnonzero(np.diff(on)) + 1
    for begin in (0, *edges):
        end = int(edges[edges > begin].min(initial=on.size))
        flips = [[begin], [begin - 1], [begin, end], [begin - 1, end - 1]]
        for flip in flips:
            if flip[0] >= 0 and flip[-1] < on.size:
                other = on.copy()
                other[flip] = ~on[flip]
                yield other
