"""A power limit that an energy guard sets and must keep alive: EEBUS LPC (consumption) and LPP (production).

Source: EEBUS LPC UC TS 1.0.0, 2.3.3 and the requirements [LPC-901] to [LPC-922]; the paper was not at hand. Read from
        the test suites of three implementations that name them one by one: EVerest's EEBUS module (Apache-2.0), evcc
        (MIT) and the crate `eebus`, which also cites the implementation guide of 2026. LPP follows word for word.
Sign:   a limit is a magnitude in W, 0 is a limit, None is none. LPP's negative limits are turned round at the border.
Blind:  after a restart, and once the heartbeat has been missing for 120 s, the failsafe limit holds.

Pure: time comes in as monotonic seconds, and `passed` must be called before anything else is asked or told. The
failsafe values are the caller's to keep over a power cut; the rest of the memory is not kept: a restart is `INIT`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

HEARTBEAT_S: Final = 120.0  # [LPC-906], [LPC-911], [LPC-912], [LPC-921]
FRESH_S: Final = 60.0  # how soon after a heartbeat a limit must follow (implementation guide 2.14)
FAILSAFE_LEAST_S: Final = 2 * 3600.0  # [LPC-022/4]
FAILSAFE_MOST_S: Final = 24 * 3600.0


class State(StrEnum):
    """Where the limited side stands."""

    INIT = "init"
    LIMITED = "limited"
    UNLIMITED_CONTROLLED = "unlimited/controlled"
    FAILSAFE = "failsafe"
    UNLIMITED_AUTONOMOUS = "unlimited/autonomous"


class Event(StrEnum):
    """What takes it on."""

    LIMIT = "an active limit"
    RELEASE = "a deactivated limit"
    EXPIRY = "the limit's duration is over"
    SILENCE = "nothing for 120 s"
    NO_LIMIT = "120 s of heartbeats without a limit"
    WAITED = "the failsafe duration is over"


TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = MappingProxyType(
    {
        State.INIT: {
            Event.LIMIT: State.LIMITED,  # [LPC-904]
            Event.RELEASE: State.UNLIMITED_CONTROLLED,  # [LPC-902], [LPC-905]
            Event.SILENCE: State.UNLIMITED_AUTONOMOUS,  # [LPC-906], counted from the restart
        },
        State.LIMITED: {
            Event.LIMIT: State.LIMITED,
            Event.RELEASE: State.UNLIMITED_CONTROLLED,  # [LPC-909]
            Event.EXPIRY: State.UNLIMITED_CONTROLLED,  # [LPC-908]
            Event.SILENCE: State.FAILSAFE,  # [LPC-912]
        },
        State.UNLIMITED_CONTROLLED: {
            Event.LIMIT: State.LIMITED,  # [LPC-910]
            Event.RELEASE: State.UNLIMITED_CONTROLLED,
            Event.SILENCE: State.FAILSAFE,  # [LPC-911]
        },
        State.FAILSAFE: {
            Event.LIMIT: State.LIMITED,  # [LPC-919]
            Event.RELEASE: State.UNLIMITED_CONTROLLED,  # [LPC-920]
            Event.NO_LIMIT: State.UNLIMITED_AUTONOMOUS,  # [LPC-921]
            Event.WAITED: State.UNLIMITED_AUTONOMOUS,  # [LPC-922]
        },
        State.UNLIMITED_AUTONOMOUS: {
            Event.LIMIT: State.LIMITED,  # [LPC-919]
            Event.RELEASE: State.UNLIMITED_CONTROLLED,  # [LPC-920]
        },
    }
)
_AFTER_A_HEARTBEAT: Final = frozenset({State.INIT, State.FAILSAFE, State.UNLIMITED_AUTONOMOUS})


class Failsafe(msgspec.Struct, frozen=True):
    """What holds without a guard, and for how long at least. ValueError where it is out of range."""

    limit_w: float = 4200.0  # the usual floor of section 14a EnWG for one device
    duration_s: float = FAILSAFE_LEAST_S

    def __post_init__(self) -> None:
        if not 0.0 <= self.limit_w < float("inf"):
            raise ValueError(f"failsafe limit {self.limit_w:g} W: 0 and more is allowed")
        if not FAILSAFE_LEAST_S <= self.duration_s <= FAILSAFE_MOST_S:
            raise ValueError(f"failsafe duration {self.duration_s:g} s: 7200 to 86400 s (2 to 24 h) is allowed")


class Memory(msgspec.Struct, frozen=True):
    """The state since when, the last heartbeat, the first one in this state, and the limit that was last accepted."""

    state: State
    since_s: float
    heartbeat_s: float | None = None
    first_heartbeat_s: float | None = None
    limit_w: float | None = None
    until_s: float | None = None


class Write(msgspec.Struct, frozen=True):
    """What the guard says: a limit, for a time (None: until it says otherwise), or with `limit_w` None that there is none."""

    limit_w: float | None
    duration_s: float | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why a write was not taken: a stable short word and a sentence with the value and what is allowed."""

    reason: str
    why: str


def restarted(now_s: float) -> Memory:
    """The memory after a restart [LPC-901]. A lost connection is none (implementation guide 2.17)."""
    return Memory(State.INIT, now_s)


def limit_w(failsafe: Failsafe, memory: Memory) -> float | None:
    """The limit that holds now, a magnitude; None: there is none."""
    match memory.state:
        case State.INIT | State.FAILSAFE:
            return failsafe.limit_w
        case State.LIMITED:
            return memory.limit_w
        case State.UNLIMITED_CONTROLLED | State.UNLIMITED_AUTONOMOUS:
            return None


def due(failsafe: Failsafe, memory: Memory) -> tuple[float, Event] | None:
    """The next thing that time alone will bring, and when; None where only the guard can."""
    heard_s = memory.since_s if memory.heartbeat_s is None else memory.heartbeat_s
    match memory.state:
        case State.INIT:
            return memory.since_s + HEARTBEAT_S, Event.SILENCE
        case State.UNLIMITED_CONTROLLED:
            return heard_s + HEARTBEAT_S, Event.SILENCE
        case State.LIMITED:
            silence = (heard_s + HEARTBEAT_S, Event.SILENCE)
            return silence if memory.until_s is None else min(silence, (memory.until_s, Event.EXPIRY))
        case State.FAILSAFE:
            waited = (memory.since_s + failsafe.duration_s, Event.WAITED)
            first_s = memory.first_heartbeat_s
            return waited if first_s is None else min(waited, (first_s + HEARTBEAT_S, Event.NO_LIMIT))
        case State.UNLIMITED_AUTONOMOUS:
            return None


def ends_s(failsafe: Failsafe, memory: Memory) -> float | None:
    """When the limit that holds now is over by itself, if the guard goes on as it does; None: nobody knows."""
    match memory.state:
        case State.LIMITED:
            return memory.until_s
        case State.INIT | State.FAILSAFE:
            next_ = due(failsafe, memory)
            return None if next_ is None else next_[0]
        case State.UNLIMITED_CONTROLLED | State.UNLIMITED_AUTONOMOUS:
            return None


def passed(failsafe: Failsafe, memory: Memory, now_s: float) -> Memory:
    """What has become of it by now, each change dated to the moment at which it was due."""
    while (next_ := due(failsafe, memory)) is not None and next_[0] <= now_s:
        memory = _moved(memory, next_[1], next_[0])
    return memory


def heard(memory: Memory, now_s: float) -> Memory:
    """A heartbeat: it keeps what there is alive, and by itself it changes nothing."""
    first_s = now_s if memory.first_heartbeat_s is None else memory.first_heartbeat_s
    return msgspec.structs.replace(memory, heartbeat_s=now_s, first_heartbeat_s=first_s)


def written(memory: Memory, write: Write, now_s: float) -> tuple[Memory, Refusal | None]:
    """The guard writes a limit. Refused ones change nothing; one that says the same again is taken."""
    if (refusal := _against(memory, write, now_s)) is not None:
        return memory, refusal
    if write.limit_w is None or write.duration_s == 0.0:  # implementation guide 2.16, example 2
        return _moved(memory, Event.RELEASE, now_s), None
    until_s = None if write.duration_s is None else now_s + write.duration_s
    limited = _moved(memory, Event.LIMIT, now_s)
    return msgspec.structs.replace(limited, limit_w=write.limit_w, until_s=until_s), None


def _against(memory: Memory, write: Write, now_s: float) -> Refusal | None:
    if write.limit_w is not None and not 0.0 <= write.limit_w < float("inf"):
        return Refusal("negative", f"limit {write.limit_w:g} W: 0 and more is allowed")
    if write.duration_s is not None and not 0.0 <= write.duration_s < float("inf"):
        return Refusal("duration", f"duration {write.duration_s:g} s: 0 and more is allowed")
    fresh = memory.heartbeat_s is not None and now_s - memory.heartbeat_s <= FRESH_S
    if memory.state in _AFTER_A_HEARTBEAT and not fresh:
        ago = "none" if memory.heartbeat_s is None else f"{now_s - memory.heartbeat_s:.1f} s ago"
        return Refusal("no_heartbeat", f"last heartbeat: {ago}; in {memory.state} a limit must follow one within 60 s")
    return None


def _moved(memory: Memory, event: Event, at_s: float) -> Memory:
    """The next state; dwelling in the same one does not begin anew."""
    state = TRANSITIONS[memory.state][event]
    if state is memory.state:
        return msgspec.structs.replace(memory, limit_w=None, until_s=None)
    return Memory(state, at_s, memory.heartbeat_s)
