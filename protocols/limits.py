"""What an energy guard says to a node over MQTT (the heartbeat and writes of EEBUS LPC and LPP), and the limit history.

A message is a compact JWS of type `busbar-limit+jws`. `seq` rises with each message of an issuer to a node; `at` is when it
was made: one older than a minute is refused, because a broker keeps messages for a node that was away.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocols.contracts import Magnitude, Moment, Name
from protocols.faults import Refused

LIMIT: Final = "limit"  # the stream of the limit history


class Use(StrEnum):
    """What is limited at the connection point: LPC or LPP."""

    CONSUMPTION = "consumption"
    PRODUCTION = "production"


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="say"):
    """What every message has."""

    iss: Name
    aud: Name
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    at: Moment


class Heartbeat(Told, frozen=True, kw_only=True, tag="heartbeat"):
    """The guard is there; for both uses."""


class Write(Told, frozen=True, kw_only=True, tag="limit"):
    """A limit (magnitude; absent: there is none), for a time (absent: until the guard says otherwise)."""

    use: Use
    limit_w: Magnitude | None = None
    duration_s: Annotated[float, Meta(ge=0.0, le=31 * 86400.0)] | None = None


class Failsafe(Told, frozen=True, kw_only=True, tag="failsafe"):
    """What is to hold without a guard, and for how long at least."""

    use: Use
    limit_w: Magnitude
    duration_s: Annotated[float, Meta(ge=7200.0, le=86400.0)] = 7200.0


GuardMessage = Heartbeat | Write | Failsafe


def parse_guard(payload: bytes) -> GuardMessage:
    """A message, every field checked; Refused `malformed` names the field."""
    try:
        told: GuardMessage = msgspec.json.decode(payload, type=GuardMessage)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed", f"limit: {error}") from error
    return told


class LimitRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the limit history: what a source allowed from when to when, and what the meter says of it.

    Without `until` the limit has only begun. Limits are magnitudes in W; absent is none. `above_*` is what was metered above the
    limit after the time to get there; `kept`: `kept`, `broken`, `unproven`, absent where there was no limit to keep.
    """

    source: str
    since: str
    known: str
    state: str
    why: str
    clock: str
    until: str | None = None
    import_limit_w: float | None = None
    export_limit_w: float | None = None
    kept: str | None = None
    covered_s: float | None = None
    above_s: float | None = None
    above_wh: float | None = None
    worst_above_w: float | None = None


class LimitRefusal(msgspec.Struct, frozen=True):
    """A message of a guard that was not taken: a stable short word and a sentence."""

    at: str
    refused: str
    why: str
