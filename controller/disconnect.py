"""The disconnect control of a meter: which state follows which trigger, and when a load limit pulls it. Pure.

Source: DLMS UA 1000-1 (Blue Book), interface class 70 "Disconnect control", table 25 of edition 12 and the control modes, as
        public implementations quote them in their comments; the book itself was not at hand. Of transition h only the name
        was read (local_reconnect): that it leads from ready to connected is unverified. Mode 7 is left out.
Sign:   a limit is of imported power; export never pulls it.
Blind:  without readings nothing changes: a site is neither cut off nor connected on a guess. A gap begins the count anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Control(StrEnum):
    """Where the control stands; only in `CONNECTED` does the relay let current flow."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    READY = "ready_for_reconnection"


class Trigger(StrEnum):
    """Who moves it: from afar, a hand at the meter, the meter itself."""

    REMOTE_DISCONNECT = "remote_disconnect"
    REMOTE_RECONNECT = "remote_reconnect"
    MANUAL_DISCONNECT = "manual_disconnect"
    MANUAL_RECONNECT = "manual_reconnect"
    LOCAL_DISCONNECT = "local_disconnect"
    LOCAL_RECONNECT = "local_reconnect"


TRANSITIONS: Final[Mapping[str, tuple[Control, Trigger, Control]]] = MappingProxyType(
    {
        "a": (Control.DISCONNECTED, Trigger.REMOTE_RECONNECT, Control.CONNECTED),
        "b": (Control.CONNECTED, Trigger.REMOTE_DISCONNECT, Control.DISCONNECTED),
        "c": (Control.READY, Trigger.REMOTE_DISCONNECT, Control.DISCONNECTED),
        "d": (Control.DISCONNECTED, Trigger.REMOTE_RECONNECT, Control.READY),
        "e": (Control.READY, Trigger.MANUAL_RECONNECT, Control.CONNECTED),
        "f": (Control.CONNECTED, Trigger.MANUAL_DISCONNECT, Control.READY),
        "g": (Control.CONNECTED, Trigger.LOCAL_DISCONNECT, Control.READY),
        "h": (Control.READY, Trigger.LOCAL_RECONNECT, Control.CONNECTED),
    }
)
# Which transitions each control mode has; in mode 0 the site is always connected.
MODES: Final[Mapping[int, str]] = MappingProxyType(
    {0: "", 1: "bcfgde", 2: "bcfgae", 3: "bcgde", 4: "bcgae", 5: "bcfgdeh", 6: "bcgdeh"}
)


def after(control: Control, trigger: Trigger, mode: int) -> Control | None:
    """The state that follows; None where this mode has no such transition."""
    allowed = (TRANSITIONS[letter] for letter in MODES[mode])
    return next((to for begin, by, to in allowed if (begin, by) == (control, trigger)), None)


@dataclass(frozen=True, slots=True)
class Limit:
    """A load limit in force; `until_us` in microseconds of UTC since 1970."""

    import_max_w: float
    over_s: float
    until_us: int | None = None
    reconnect_after_s: float | None = None
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Watch:
    """What the supervision of a limit remembers: since when it is passed, when it was pulled, how often it has connected again."""

    over_since_s: float | None = None
    seen_s: float | None = None
    pulled_s: float | None = None
    attempts: int = 0


# Readings further apart say nothing of the time between.
_GAP_S: Final = 5.0


def supervised(
    limit: Limit, watch: Watch, now_s: float, import_w: float | None, control: Control
) -> tuple[Watch, Trigger | None]:
    """What the meter has to do about its limit now; `import_w` None: not measured."""
    if control is Control.READY:
        return _waiting(limit, watch, now_s)
    if control is Control.DISCONNECTED or import_w is None:
        return replace(watch, over_since_s=None, seen_s=None), None
    is_gap = watch.seen_s is None or now_s - watch.seen_s > _GAP_S
    if import_w <= limit.import_max_w:
        return replace(watch, over_since_s=None, seen_s=now_s, pulled_s=None), None
    since_s = now_s if is_gap or watch.over_since_s is None else watch.over_since_s
    if now_s - since_s < limit.over_s:
        return replace(watch, over_since_s=since_s, seen_s=now_s), None
    return Watch(pulled_s=now_s, attempts=watch.attempts), Trigger.LOCAL_DISCONNECT


def _waiting(limit: Limit, watch: Watch, now_s: float) -> tuple[Watch, Trigger | None]:
    """Pulled by the limit: connect again after its time, as often as is allowed; pulled by others: leave it to them."""
    if watch.pulled_s is None or limit.reconnect_after_s is None or watch.attempts >= limit.attempts:
        return watch, None
    if now_s - watch.pulled_s < limit.reconnect_after_s:
        return watch, None
    return Watch(attempts=watch.attempts + 1), Trigger.LOCAL_RECONNECT
