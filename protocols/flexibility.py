"""What a site offers: how far it can leave its plan, for how long, at what price. Powers are at the connection point, import positive.

The offers of one message are alternatives: after one is bought the next message tells what is left. Bought it becomes a contract
(`reprofile_of`, `option_of`) whose baseline is the nomination that the message carries, so that both sides count from the same.
"""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocols.contracts import Magnitude, Moment, Name, Option, Power, Reprofile
from protocols.faults import Refused

FLEXIBILITY: Final = "flexibility"
# An offer is a figure of a plan, and a contract's change is rounded to whole watts.
_ROUNDING_W: Final = 1.0

Energy = Annotated[float, Meta(ge=0.0)]


class Level(msgspec.Struct, frozen=True):
    """A change held over the window, positive: more import. `cost`: what it costs the site, with its rebound; `price_per_kwh`
    is asked for each kWh of the change: that cost and the owner's profit.
    """

    change_w: Power
    cost: float
    price_per_kwh: float


class Offer(msgspec.Struct, frozen=True):
    """A window and the change that can be held over all of it: up to `up_w` more import, up to `down_w` less (magnitudes; 0: none).

    `levels`: prices of the whole and of the half each way. `baseline_w`: the plan, one power for each interval from `start`.
    """

    start: Moment
    end: Moment
    interval_s: Annotated[int, Meta(ge=60, le=3600)]
    baseline_w: tuple[Power, ...]
    up_w: Magnitude
    down_w: Magnitude
    levels: tuple[Level, ...] = ()

    @property
    def up_wh(self) -> float:
        """More import over the whole window."""
        return self.up_w * self._hours

    @property
    def down_wh(self) -> float:
        """Less import over the whole window."""
        return self.down_w * self._hours

    @property
    def _hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600.0


class EquivalentStore(msgspec.Struct, frozen=True):
    """The site as one battery, seen from the connection point: what it could still take in, what it could do without, and
    the share of its content that is lost in an hour.
    """

    energy_up_wh: Energy
    energy_down_wh: Energy
    leaks_per_h: Annotated[float, Meta(ge=0.0)]


class Flexibility(msgspec.Struct, frozen=True, kw_only=True):
    """What a node offers; it may be bought until `good_until`. `notes`: what was left out, and why."""

    node: Name
    made_at: Moment
    good_until: Moment
    store: EquivalentStore
    offers: tuple[Offer, ...]
    notes: tuple[str, ...] = ()


def parse_flexibility(payload: bytes) -> Flexibility:
    """A message, every field checked; Refused `malformed` names the field."""
    try:
        told: Flexibility = msgspec.json.decode(payload, type=Flexibility)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed", f"flexibility: {error}") from error
    return told


def encode_flexibility(told: Flexibility) -> bytes:
    """The JSON bytes that are published."""
    return msgspec.json.encode(told)


def reprofile_of(offer: Offer, change_w: float, *, contract: str, seq: int, issuer: str, node: str) -> Reprofile:
    """The contract that buys a change; Refused `not_offered` where it is more than the offer."""
    _offered(offer, change_w)
    return Reprofile(
        id=contract, seq=seq, iss=issuer, aud=node, start=offer.start, end=offer.end, change_w=change_w,
        interval_s=offer.interval_s, baseline_w=offer.baseline_w,
    )  # fmt: skip


def option_of(
    offer: Offer,
    least_w: float,
    most_w: float,
    *,
    contract: str,
    seq: int,
    issuer: str,
    node: str,
    notice_s: float = 0.0,
) -> Option:
    """The contract that buys the right to one call between two changes; Refused `not_offered` where one is more than the offer."""
    _offered(offer, least_w)
    _offered(offer, most_w)
    return Option(
        id=contract, seq=seq, iss=issuer, aud=node, start=offer.start, end=offer.end, least_w=least_w, most_w=most_w,
        notice_s=notice_s, interval_s=offer.interval_s, baseline_w=offer.baseline_w,
    )  # fmt: skip


def _offered(offer: Offer, change_w: float) -> None:
    if not -offer.down_w - _ROUNDING_W <= change_w <= offer.up_w + _ROUNDING_W:
        raise Refused(
            "not_offered",
            f"a change of {change_w:+g} W from {_text(offer.start)}: offered are {-offer.down_w:+g} to {offer.up_w:+g} W",
        )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
