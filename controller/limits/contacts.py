"""Relay contacts of a grid operator: a closed contact is a limit (section 14a EnWG, ripple control of section 9 EEG). Pure.

Sign:   a limit is a magnitude in W at the connection point, 0 is a limit.
Blind:  contacts that were never read, or have not been readable for a while, count as the failsafe says.
Quirk:  contacts bounce: a change counts once it has been seen for `settle_s`. Two closed at once contradict each other, as do
        none at all where one must be closed (a broken wire): the stricter holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from controller.limits.allowed import FREE, Allowed, Caps, Known, allowed

# A request on a shared line is lost now and then; what stays away longer is a broken wire.
UNREADABLE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Params:
    """What each contact means when it is closed, in the order in which they are read, and what holds when nobody knows.

    `one_is_closed`: the receiver always closes one of them, so that none closed is a broken wire.
    """

    name: str
    caps: tuple[Caps, ...]
    failsafe: Caps
    settle_s: float = 0.5
    one_is_closed: bool = False


class Memory(msgspec.Struct, frozen=True):
    """What counts (None: nothing was ever read), what was seen last and since when, and since when nothing can be read."""

    counts: tuple[bool, ...] | None = None
    seen: tuple[bool, ...] | None = None
    since_s: float = 0.0
    unread_since_s: float | None = None


def read(params: Params, memory: Memory, closed: Sequence[bool], now_s: float) -> Memory:
    """The contacts were read. ValueError where there are not as many as are configured."""
    if len(closed) != len(params.caps):
        raise ValueError(f"{params.name}: {len(closed)} contacts were read, {len(params.caps)} are configured")
    seen = tuple(closed)
    since_s = memory.since_s if seen == memory.seen else now_s
    counts = seen if memory.counts is None or now_s - since_s >= params.settle_s else memory.counts
    return Memory(counts, seen, since_s)


def unread(memory: Memory, now_s: float) -> Memory:
    """They could not be read."""
    if memory.unread_since_s is not None:
        return memory
    return msgspec.structs.replace(memory, unread_since_s=now_s)


def holds(params: Params, memory: Memory, now_s: float) -> Allowed:
    """What the contacts allow now."""
    if memory.counts is None:
        return _failsafe(params, "no contact was read yet")
    if memory.unread_since_s is not None and now_s - memory.unread_since_s >= UNREADABLE_S:
        return _failsafe(params, f"the contacts cannot be read for {now_s - memory.unread_since_s:.0f} s")
    closed = [index for index, is_closed in enumerate(memory.counts) if is_closed]
    if not closed and params.one_is_closed:
        return _failsafe(params, "no contact is closed, and one must be")
    caps = FREE
    for index in closed:
        caps = caps.stricter(params.caps[index])
    named = ", ".join(str(index + 1) for index in closed)
    why = f"{params.name}: contact {named} is closed" if closed else f"{params.name}: every contact is open"
    if len(closed) > 1:
        why = f"{params.name}: contacts {named} are closed, the stricter holds"
    return allowed(params.name, caps, "closed" if closed else "open", why)


def strictest(caps: Sequence[Caps]) -> Caps:
    """All of them at once."""
    all_ = FREE
    for each in caps:
        all_ = all_.stricter(each)
    return all_


def _failsafe(params: Params, why: str) -> Allowed:
    return Allowed(params.name, Known.UNKNOWN, params.failsafe, "failsafe", f"{params.name}: {why}")
