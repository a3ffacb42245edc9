"""Release: go back to the state of rest by and by after a contract, so that a street does not jump when its contracts end.

After contracts on energy, at the default gradient; after a dispatch with a ramp, by that ramp; after one without, at once,
as it began. When blind: wishes nothing, and the site is at rest.
"""

from typing import Final

import msgspec

from controller.wishes import Rank, Wish
from protocols.contracts import Dispatch

SOURCE = "release"
# Of the connection's rating in a second: the default gradient of CSIP-AUS (27 hundredths of a percent).
SHARE_PER_S: Final = 0.0027
# A step so often: a new setpoint each second would wear out what a contract spared.
EACH_S: Final = 5.0


class Memory(msgspec.Struct, frozen=True):
    """The power from which to go back, since when, and how fast (None: at the default gradient, 0: at once)."""

    from_w: float | None = None
    at_s: float | None = None
    ramp_w_per_s: float | None = None


def followed(memory: Memory, wish: Wish | None, value_w: float | None, contract: Dispatch | None) -> Memory:
    """Remember where a contract has brought the site."""
    if wish is None or value_w is None:
        return memory
    if contract is None:
        return Memory(value_w)
    return Memory(None if contract.ramp_w_per_s is None else value_w, None, contract.ramp_w_per_s)


def step(
    memory: Memory, now_s: float, goal_w: float | None, default_w_per_s: float, good_until_s: float
) -> tuple[Memory, Wish | None]:
    """The wish on the way back; None once the site is at rest, or where nobody sees where that is."""
    if memory.from_w is None:
        return memory, None
    if goal_w is None:
        return Memory(), None
    at_s = now_s if memory.at_s is None else memory.at_s
    from_w, ramp = memory.from_w, default_w_per_s if memory.ramp_w_per_s is None else memory.ramp_w_per_s
    if now_s - at_s >= EACH_S:
        step_w = ramp * (now_s - at_s)
        from_w, at_s = min(max(goal_w, from_w - step_w), from_w + step_w), now_s
    if from_w == goal_w:
        return Memory(), None
    wish = Wish(SOURCE, Rank.DEFAULT, good_until_s, f"back to {goal_w:.0f} W by {ramp:.0f} W/s", want_w=from_w)
    return Memory(from_w, at_s, memory.ramp_w_per_s), wish
