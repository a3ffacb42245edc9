"""Shortfall: say that the energy of an interval will be missed, once, as soon as it is clear, and once that it will not.

A kettle is no shortfall: what is expected must last for a while before it is said. With a new interval it begins anew.
When blind: nothing is expected, and nothing is said.
"""

from typing import Final

import msgspec

# How long something must be expected before it is said; less than a twentieth of the usual interval.
PATIENCE_S: Final = 20.0


class Memory(msgspec.Struct, frozen=True):
    """The interval by its end, the reason that was last said (empty: none), and since when another one is expected."""

    end_s: float = 0.0
    said: str = ""
    since_s: float | None = None


class Short(msgspec.Struct, frozen=True):
    """What will be missing at the end (Wh; positive: too little will have been imported), for which reason (a short word)."""

    short_wh: float
    reason: str
    text: str


def step(memory: Memory, now_s: float, end_s: float, tolerance_wh: float, short: Short) -> tuple[Memory, bool]:
    """Whether `short`, or that nothing is missing any more, is to be said now; `said` is then its reason."""
    if end_s != memory.end_s:
        memory = Memory(end_s)
    # Half of what is tolerated takes it back, so that a value on the edge is said once.
    bound_wh = tolerance_wh if memory.said == "" else tolerance_wh / 2.0
    reason = short.reason if abs(short.short_wh) > bound_wh else ""
    if reason == memory.said:
        return Memory(end_s, memory.said), False
    since_s = now_s if memory.since_s is None else memory.since_s
    if now_s - since_s < min(PATIENCE_S, max(end_s - now_s, 0.0)):
        return Memory(end_s, memory.said, since_s), False
    return Memory(end_s, reason), True
