"""Signed messages about a contract, besides its terms: who does what with it. Tagged by `action`, each a JWS like the terms.

They obey the rules of terms: a trusted key, an issuer that is the key's, a node they are for, a number that is used once.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocols.contracts import Contract, Magnitude, Moment, Name, Power
from protocols.faults import Refused

Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Words = Annotated[str, Meta(max_length=500)]


class Deed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="action"):
    """What every such message has; `contract` is the one it is about, after `until` it counts for nothing."""

    seq: Annotated[int, Meta(ge=1, le=2**53)]
    iss: Name
    aud: Name
    contract: Name
    until: Moment | None = None


class WithTerms(Deed, frozen=True, kw_only=True):
    """A message that brings terms; issuer, node and number of both are the same."""

    terms: Contract

    def __post_init__(self) -> None:
        """ValueError names the field, what it is and what is allowed."""
        for name in ("seq", "iss", "aud"):
            inner, outer = getattr(self.terms, name), getattr(self, name)
            if inner != outer:
                raise ValueError(f"terms.{name} is {inner}: must be that of the message, {outer}")
        if (self.terms.id == self.contract) is not isinstance(self, Amend):
            allowed = "that of the contract" if isinstance(self, Amend) else "an id of its own"
            raise ValueError(f"terms.id is {self.terms.id}: must be {allowed}")


class Cancel(Deed, frozen=True, kw_only=True, tag="cancel"):
    """The contract ends now, or never begins. While it is proposed, the one who is asked declines with it."""

    why: Words = ""


class Amend(WithTerms, frozen=True, kw_only=True, tag="amend"):
    """New terms in the place of the old, which stay in force until the new ones are."""


class Supersede(WithTerms, frozen=True, kw_only=True, tag="supersede"):
    """Another contract that ends this one when it begins."""


class Counter(WithTerms, frozen=True, kw_only=True, tag="counter"):
    """A counter-offer: a proposal that answers the contract, and ends it when it is accepted."""


class Accept(Deed, frozen=True, kw_only=True, tag="accept"):
    """The second signature under a proposal; `sha256` is the hash of the proposal's signed message."""

    sha256: Hash


class Approve(Deed, frozen=True, kw_only=True, tag="approve"):
    """The zone's word: `full`, `partly` (at `power_w`) or `refused`, and the element of the network that binds."""

    sha256: Hash
    verdict: Literal["full", "partly", "refused"]
    power_w: Magnitude | None = None
    binding: Words = ""

    def __post_init__(self) -> None:
        """ValueError where a partial approval leaves no power, or another one names a power."""
        if (self.power_w is not None and self.power_w > 0) is not (self.verdict == "partly"):
            raise ValueError(f"power_w is {self.power_w}: above 0 with verdict partly, absent with {self.verdict}")


class Call(Deed, frozen=True, kw_only=True, tag="call"):
    """The buyer of an option calls `change_w` from `start` for `duration_s`."""

    start: Moment
    duration_s: Annotated[float, Meta(gt=0.0, le=7 * 86400.0)]
    change_w: Power


class Default(Deed, frozen=True, kw_only=True, tag="default"):
    """`party` does not keep the contract, says the signer."""

    party: Name
    why: Words


class Settle(Deed, frozen=True, kw_only=True, tag="settle"):
    """The contract is paid: the amount, and the hash of the statement it rests on."""

    amount_due: Decimal
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    sha256: Hash


Action = Cancel | Amend | Supersede | Counter | Accept | Approve | Call | Default | Settle
_DECODER: Final[msgspec.json.Decoder[Action]] = msgspec.json.Decoder(Action)


def action_name(action: Deed) -> str:
    """The word of its tag."""
    return str(action.__struct_config__.tag)


def parse_action(payload: bytes) -> Action:
    """The message, every field checked; Refused `malformed` names the field, what it was and what is allowed."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"message about a contract: {error}") from error


def encode_action(action: Action) -> bytes:
    """The JSON bytes that are signed."""
    return msgspec.json.encode(action)
