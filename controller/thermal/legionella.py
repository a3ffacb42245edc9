"""When a tank has to be heated through against legionella: every so many days, for so long, in a cheap hour where there is one.

60 °C at the tank's outlet is what the German rule of good practice DVGW W 551 (2004) asks of large installations; it was not
read, and neither the days nor the time at that temperature are from it (`unverified`): the owner sets all three.
What has to survive a restart is one number, `Memory.kept_utc_s`; an unknown one, or one that lies in the future, is due.

When blind: the time at the temperature starts anew, so a tank nobody sees is never taken for safe; it falls due, and says so.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Final

import msgspec

DAY_S: Final = 86_400.0
# A single lost reading does not start the time anew.
GAP_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Params:
    """`reach_c` for `keep_s` every `every_s`; `ahead_s` before it is due a cheap hour is taken.

    What is not reached in `try_s` (a heat pump that ends at 55 °C) is given up and tried again after `again_s`.
    """

    reach_c: float = 60.0
    keep_s: float = 1800.0
    every_s: float = 7.0 * DAY_S
    ahead_s: float = DAY_S
    try_s: float = 6.0 * 3600.0
    again_s: float = DAY_S

    def __post_init__(self) -> None:
        for name in ("keep_s", "every_s", "try_s", "again_s"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0.0):
                raise ValueError(f"legionella: {name} is {value:g}; it must be more than 0")
        if not 45.0 <= self.reach_c <= 85.0:
            raise ValueError(f"legionella: reach_c is {self.reach_c:g}; it must be 45 to 85")
        if not 0.0 <= self.ahead_s < self.every_s:
            raise ValueError(
                f"legionella: ahead_s is {self.ahead_s:g}; it must be 0 to less than every_s {self.every_s:g}"
            )


class Memory(msgspec.Struct, frozen=True):
    """When it was last kept (UTC; to be kept on disk); the rest by the monotonic clock: since when it has been hot and when that
    was last seen, since when this memory lives, since when it is tried, and when it was given up.
    """

    kept_utc_s: float | None = None
    hot_since_s: float | None = None
    hot_s: float | None = None
    born_s: float | None = None
    tries_since_s: float | None = None
    failed_s: float | None = None


class Due(msgspec.Struct, frozen=True):
    """What the tank must be heated to now (None: nothing), when it has to be done (UTC), whether it was given up, and why."""

    reach_c: float | None
    by_utc_s: float
    failed: bool
    why: str


def step(
    params: Params, memory: Memory, now_s: float, utc_s: float, temperature_c: float | None, is_cheap: bool
) -> tuple[Memory, Due]:
    """What is due now; `is_cheap`: whether this hour is a good one (a low price, sun to spare)."""
    memory = _hot(params, memory, now_s, utc_s, temperature_c)
    by_utc_s = _by_utc_s(params, memory, now_s, utc_s)
    memory = _tried(params, memory, now_s, utc_s, by_utc_s, is_cheap)
    failed = memory.failed_s is not None
    reach_c = None if memory.tries_since_s is None else params.reach_c
    return memory, Due(reach_c, by_utc_s, failed, _why(params, memory, by_utc_s - utc_s, failed))


def _hot(params: Params, memory: Memory, now_s: float, utc_s: float, temperature_c: float | None) -> Memory:
    """Count the time at the temperature."""
    memory = msgspec.structs.replace(memory, born_s=now_s if memory.born_s is None else memory.born_s)
    seen = temperature_c is not None and isfinite(temperature_c)
    if not seen and memory.hot_s is not None and now_s - memory.hot_s <= GAP_S:
        return memory
    if not seen or temperature_c is None or temperature_c < params.reach_c:
        return msgspec.structs.replace(memory, hot_since_s=None, hot_s=None)
    since_s = memory.hot_since_s
    if since_s is None or memory.hot_s is None or now_s - memory.hot_s > GAP_S:
        since_s = now_s
    memory = msgspec.structs.replace(memory, hot_since_s=since_s, hot_s=now_s)
    if now_s - since_s < params.keep_s:
        return memory
    return msgspec.structs.replace(memory, kept_utc_s=utc_s, tries_since_s=None, failed_s=None)


def _by_utc_s(params: Params, memory: Memory, now_s: float, utc_s: float) -> float:
    """When it has to be done: in its turn, or a day after nobody knew."""
    if memory.kept_utc_s is not None and memory.kept_utc_s <= utc_s:
        return memory.kept_utc_s + params.every_s
    born_s = now_s if memory.born_s is None else memory.born_s
    return utc_s - (now_s - born_s) + params.ahead_s


def _tried(params: Params, memory: Memory, now_s: float, utc_s: float, by_utc_s: float, is_cheap: bool) -> Memory:
    """Begin, go on, or give up for a while. What has begun goes on when the cheap hour is over."""
    if memory.tries_since_s is not None:
        if now_s - memory.tries_since_s < params.try_s:
            return memory
        return msgspec.structs.replace(memory, tries_since_s=None, failed_s=now_s)
    if memory.failed_s is not None and now_s - memory.failed_s < params.again_s:
        return memory
    left_s = by_utc_s - utc_s
    if left_s <= 0.0 or (is_cheap and left_s <= params.ahead_s):
        return msgspec.structs.replace(memory, tries_since_s=now_s)
    return memory


def _why(params: Params, memory: Memory, left_s: float, failed: bool) -> str:
    at = f"{params.reach_c:g} °C for {params.keep_s / 60:.0f} min"
    if memory.tries_since_s is not None:
        return f"heated to {at} against legionella" + ("" if left_s > 0.0 else f", {-left_s / 3600:.0f} h late")
    if failed:
        return f"{at} was not reached in {params.try_s / 3600:.0f} h: tried again later"
    return f"{at} is due in {left_s / 3600:.0f} h"
