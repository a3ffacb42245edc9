"""A contract on the wire: the terms of each product that an issuer signs, and the states that a node reports of them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocols.faults import Refused
from protocols.quantities import QUANTITIES
from protocols.settlement import SettlementTerms

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
_POWER_MAX_W: Final = QUANTITIES["power_w"].most

Name = Annotated[str, Meta(pattern=_NAME)]
Power = Annotated[float, Meta(ge=-_POWER_MAX_W, le=_POWER_MAX_W)]
Magnitude = Annotated[float, Meta(ge=0.0, le=_POWER_MAX_W)]
Moment = Annotated[datetime, Meta(tz=True)]
IntervalS = Annotated[int, Meta(ge=60, le=3600)]


class FallbackName(StrEnum):
    """The named states a site falls into; never "last value"."""

    SELF_CONSUMPTION = "self_consumption"  # keep the connection point near 0 W with the battery, PV unlimited
    IDLE = "idle"  # battery at rest, PV unlimited


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="product"):
    """What every product has. Powers and energies are those of the connection point, import positive.

    `seq` rises with each message of an issuer to a node; `hold_s` is how long the contract outlives the link to the broker
    (absent: to its end); `settlement` how it is paid for (absent: agreed elsewhere).
    """

    id: Name
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    iss: Name
    aud: Name
    start: Moment
    end: Moment
    tolerance_w: Annotated[float, Meta(ge=1.0, le=_POWER_MAX_W)] = 100.0
    hold_s: Annotated[float, Meta(ge=0.0, le=86400.0)] | None = None
    fallback: FallbackName = FallbackName.SELF_CONSUMPTION
    settlement: SettlementTerms | None = None

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return (self.end - self.start).total_seconds()


class Dispatch(Terms, frozen=True, kw_only=True, tag="dispatch"):
    """Hold `power_w` from `start` to `end`; `settle_s` is the time the site has to get there, on top of the ramp.

    The site begins at a moment of its own within `random_start_s` after `start`, so that a street does not jump at once.
    """

    power_w: Power
    ramp_w_per_s: Annotated[float, Meta(gt=0.0, le=_POWER_MAX_W)] | None = None
    settle_s: Annotated[float, Meta(ge=0.0, le=3600.0)] = 10.0
    random_start_s: Annotated[float, Meta(ge=0.0, le=3600.0)] = 0.0


class Energy(Terms, frozen=True, kw_only=True, tag="energy"):
    """A trade with `peer`: `energy_wh` in each interval of `interval_s` from `start`, import positive; several add up."""

    peer: Name
    energy_wh: Annotated[float, Meta(ge=-_POWER_MAX_W, le=_POWER_MAX_W)]
    interval_s: IntervalS = 900


class Reprofile(Terms, frozen=True, kw_only=True, tag="reprofile"):
    """The obligation to change the power by `change_w` against a baseline; several add up.

    `baseline_w` is the nomination, one power for each interval from `start` (absent: what energy contracts of the same time
    ask for, and without any the mean of the interval before the start).
    """

    change_w: Power
    interval_s: IntervalS = 900
    baseline_w: tuple[Power, ...] | None = None


class Option(Terms, frozen=True, kw_only=True, tag="option"):
    """The buyer's right to call any change from `least_w` to `most_w` (a conditional profile; of both signs: bidirectional).

    A call comes `notice_s` ahead and lasts `longest_s` at most (absent: to the end); while called it is a reprofile.
    """

    least_w: Power
    most_w: Power
    notice_s: Annotated[float, Meta(ge=0.0, le=86400.0)] = 0.0
    longest_s: Annotated[float, Meta(gt=0.0, le=7 * 86400.0)] | None = None
    interval_s: IntervalS = 900
    baseline_w: tuple[Power, ...] | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `at` on so much may flow at most, magnitudes in W; None is no limit, 0 is one."""

    at: Moment
    import_limit_w: Magnitude | None = None
    export_limit_w: Magnitude | None = None


class Limit(Terms, frozen=True, kw_only=True, tag="limit"):
    """An operating envelope: `schedule` in order of time, kept through a lost link; after it the default holds."""

    schedule: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=1000)]
    default_import_w: Magnitude | None = None
    default_export_w: Magnitude | None = None


Contract = Dispatch | Energy | Reprofile | Option | Limit


def product_of(contract: Contract) -> str:
    """The word of its tag."""
    return str(contract.__struct_config__.tag)


def asked_text(contract: Contract) -> str:
    """What a contract asks for, in a few words."""
    match contract:
        case Dispatch(power_w=power_w):
            return f"{power_w:g} W"
        case Energy(energy_wh=energy_wh, interval_s=interval_s, peer=peer):
            return f"{energy_wh:g} Wh each {interval_s} s with {peer}"
        case Reprofile(change_w=change_w):
            return f"change of {change_w:+g} W"
        case Option(least_w=least_w, most_w=most_w):
            return f"option on {least_w:+g} to {most_w:+g} W"
        case Limit(schedule=schedule):
            return f"limit in {len(schedule)} steps"


def power_of(contract: Contract) -> float:
    """The power that is traded, in W, import positive: of an option the greater side; of a limit 0."""
    match contract:
        case Dispatch(power_w=power_w):
            return power_w
        case Energy(energy_wh=energy_wh, interval_s=interval_s):
            return energy_wh * 3600 / interval_s
        case Reprofile(change_w=change_w):
            return change_w
        case Option(least_w=least_w, most_w=most_w):
            return max(least_w, most_w, key=abs)
        case Limit():
            return 0.0


def at_power(contract: Contract, most_w: float) -> Contract:
    """The terms at this power at most, a magnitude in W and of the same direction."""
    part = min(1.0, most_w / abs(power_of(contract))) if power_of(contract) != 0 else 1.0
    match contract:
        case Dispatch(power_w=power_w):
            return msgspec.structs.replace(contract, power_w=power_w * part)
        case Energy(energy_wh=energy_wh):
            return msgspec.structs.replace(contract, energy_wh=energy_wh * part)
        case Reprofile(change_w=change_w):
            return msgspec.structs.replace(contract, change_w=change_w * part)
        case Option(least_w=least_w, most_w=highest_w):
            return msgspec.structs.replace(contract, least_w=_cut(least_w, most_w), most_w=_cut(highest_w, most_w))
        case Limit():
            return contract


def _cut(power_w: float, most_w: float) -> float:
    return min(max(power_w, -most_w), most_w)


class State(StrEnum):
    """Where a contract stands; `controller.life` says which follows which. The last six are reports beside the states."""

    RECEIVED = "received"
    PROPOSED = "proposed"  # waits for the other side's acceptance
    AGREED = "agreed"  # waits for the zone's approval
    ACCEPTED = "accepted"  # in the book, waits for its window
    REFUSED = "refused"
    WRITTEN = "written"
    OBSERVED = "observed"
    REVERTED = "reverted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DEFAULTED = "defaulted"
    SETTLED = "settled"
    CLAMPED = "clamped"
    APPROVED = "approved"
    AMENDED = "amended"
    CALLED = "called"
    SHORT = "short"  # energy that will be missing at the end of an interval
    INTERVAL = "interval"  # an interval of a contract on energy is over, with its proof


class Outcome(StrEnum):
    """What the meter says of a contract once it has ended."""

    DELIVERED = "delivered"
    VIOLATED = "violated"
    UNPROVEN = "unproven"  # too few readings of the connection point to say


_DECODER: Final[msgspec.json.Decoder[Contract]] = msgspec.json.Decoder(Contract)


def parse_contract(payload: bytes) -> Contract:
    """The terms, every field checked; Refused `malformed` names the field, what it was and what is allowed."""
    try:
        return _DECODER.decode(payload)
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
