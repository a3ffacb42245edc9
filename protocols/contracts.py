"""The contract setpoint on the wire: the terms that an issuer signs, and the states that a node reports of them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocols.faults import Refused
from protocols.quantities import QUANTITIES
from protocols.settlement import SettlementTerms

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
_POWER_MAX_W: Final = QUANTITIES["power_w"].most

Name = Annotated[str, Meta(pattern=_NAME)]
Power = Annotated[float, Meta(ge=-_POWER_MAX_W, le=_POWER_MAX_W)]
Moment = Annotated[datetime, Meta(tz=True)]


class FallbackName(StrEnum):
    """The named states a site falls into; never "last value"."""

    SELF_CONSUMPTION = "self_consumption"  # keep the connection point near 0 W with the battery, PV unlimited
    IDLE = "idle"  # battery at rest, PV unlimited


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `dispatch`: hold `power_w` at the connection point from `start` to `end` (import positive).

    `seq` rises with each message of an issuer to a node. `settle_s` is the time the site has to get there, on top of
    the ramp; `hold_s` how long the setpoint outlives the link to the broker (absent: to its end); `settlement` how it is
    paid for (absent: agreed elsewhere).
    """

    id: Name
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    iss: Name
    aud: Name
    product: Literal["dispatch"]
    start: Moment
    end: Moment
    power_w: Power
    tolerance_w: Annotated[float, Meta(ge=1.0, le=_POWER_MAX_W)] = 100.0
    ramp_w_per_s: Annotated[float, Meta(gt=0.0, le=_POWER_MAX_W)] | None = None
    settle_s: Annotated[float, Meta(ge=0.0, le=3600.0)] = 10.0
    hold_s: Annotated[float, Meta(ge=0.0, le=86400.0)] | None = None
    fallback: FallbackName = FallbackName.SELF_CONSUMPTION
    settlement: SettlementTerms | None = None

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return (self.end - self.start).total_seconds()


class State(StrEnum):
    """Where a contract stands; `CLAMPED` is reported beside them whenever the reason of a clamp changes."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WRITTEN = "written"
    CLAMPED = "clamped"
    OBSERVED = "observed"
    REVERTED = "reverted"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """What the meter says of a contract once it has ended."""

    DELIVERED = "delivered"
    VIOLATED = "violated"
    UNPROVEN = "unproven"  # too few readings of the connection point to say


def parse_contract(payload: bytes) -> Contract:
    """The terms, every field checked; Refused `malformed` names the field, what it was and what is allowed."""
    try:
        return msgspec.json.decode(payload, type=Contract)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed", f"contract: {error}") from error


def encode_contract(contract: Contract) -> bytes:
    """The JSON bytes an issuer signs."""
    return msgspec.json.encode(contract)


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and a Z."""
    # Several times faster than `isoformat`, and every message carries such texts; without a fraction where it is zero.
    whole, _, fraction = msgspec.to_builtins(moment.astimezone(UTC)).removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:3] or '000'}Z"
