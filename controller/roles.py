"""Who may send what: a table of roles. A node's trust list gives each issuer its role."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocols.actions import (
    Accept,
    Action,
    Amend,
    Approve,
    Call,
    Cancel,
    Counter,
    Default,
    Settle,
    Supersede,
    WithTerms,
    action_name,
)
from protocols.contracts import Contract, Dispatch, Energy, Limit, Option, Reprofile, product_of
from protocols.outlook import Forecast, OutlookMessage, Prices, Trip


class Role(StrEnum):
    """What an issuer is to this node."""

    ANY = "any"  # every product, as before there were roles
    GRID = "grid"  # the network operator: limits, direct orders, flexibility
    MARKET = "market"  # aggregators, markets and neighbours: trades, and no limits
    APPROVER = "approver"  # the zone: its word on trades, and nothing else
    HOUSEHOLD = "household"  # the owner: answers proposals


@dataclass(frozen=True, slots=True)
class Party:
    """An issuer on the trust list. `is_asked`: its proposals wait for the household's acceptance."""

    name: str
    role: Role = Role.ANY
    is_asked: bool = False


_TRADES: Final = frozenset({Dispatch, Energy, Reprofile, Option})
_ISSUERS: Final = frozenset({Cancel, Amend, Supersede, Counter, Accept, Call, Default, Settle})
MAY: Final[Mapping[Role, frozenset[type]]] = MappingProxyType(
    {
        Role.ANY: _TRADES | {Limit} | _ISSUERS,
        Role.GRID: frozenset({Dispatch, Limit, Reprofile, Option}) | _ISSUERS,
        Role.MARKET: _TRADES | _ISSUERS,
        Role.APPROVER: frozenset({Approve}),
        Role.HOUSEHOLD: frozenset({Accept, Cancel, Counter, Default}),
    }
)
# Who may tell a node of the hours to come. Whose prices count is the tariff's word besides.
MAY_TELL: Final[Mapping[Role, frozenset[type]]] = MappingProxyType(
    {
        Role.ANY: frozenset({Prices, Forecast, Trip}),
        Role.GRID: frozenset(),
        Role.MARKET: frozenset({Prices, Forecast}),
        Role.APPROVER: frozenset(),
        Role.HOUSEHOLD: frozenset({Forecast, Trip}),
    }
)
# The terms that a message of the household may bring: it answers trades, it does not open them.
_COUNTERS: Final = _TRADES


def forbidden(party: Party, message: Contract | Action) -> str | None:
    """What of this message its sender may not send; None where it may."""
    if type(message) not in MAY[party.role]:
        return what(message)
    if isinstance(message, WithTerms):
        allowed = _COUNTERS if party.role is Role.HOUSEHOLD else MAY[party.role]
        return None if type(message.terms) in allowed else what(message.terms)
    return None


def may_tell(party: Party, message: OutlookMessage) -> bool:
    """Whether its sender may say this of the hours to come."""
    return type(message) in MAY_TELL[party.role]


def what(message: Contract | Action) -> str:
    """Product or action, as it stands in its tag."""
    return product_of(message) if isinstance(message, Contract) else action_name(message)
