"""The life of a contract, as data: which state follows which, and what stage of a trade each published state is.

proposed -> agreed -> checked by the zone -> scheduled -> active -> delivered -> settled. A contract of an issuer with standing
consent, that no zone has to approve, is scheduled at once. docs/contracts.md shows this table as a drawing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocols.contracts import State

_LEAVES: Final = frozenset({State.EXPIRED, State.CANCELLED, State.DEFAULTED})
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.RECEIVED: frozenset({State.PROPOSED, State.AGREED, State.ACCEPTED, State.REFUSED}),
        State.PROPOSED: frozenset({State.AGREED, State.ACCEPTED, State.REFUSED, State.CANCELLED, State.EXPIRED}),
        State.AGREED: frozenset({State.ACCEPTED, State.REFUSED, State.CANCELLED, State.EXPIRED}),
        State.ACCEPTED: _LEAVES | {State.WRITTEN, State.REVERTED},
        State.WRITTEN: _LEAVES | {State.OBSERVED, State.REVERTED, State.ACCEPTED},
        State.OBSERVED: _LEAVES | {State.REVERTED, State.ACCEPTED},
        State.REVERTED: _LEAVES | {State.WRITTEN, State.ACCEPTED},
        State.EXPIRED: frozenset({State.SETTLED, State.DEFAULTED}),
        State.REFUSED: frozenset(),
        State.CANCELLED: frozenset(),
        State.DEFAULTED: frozenset(),
        State.SETTLED: frozenset(),
    }
)
# Said beside the states, whenever there is something to say; they change nothing in the table.
REPORTS: Final = frozenset(set(State) - TRANSITIONS.keys())
BINDING: Final = frozenset({State.ACCEPTED, State.WRITTEN, State.OBSERVED, State.REVERTED})
STAGES: Final[Mapping[str, tuple[State, ...]]] = MappingProxyType(
    {
        "proposed": (State.RECEIVED, State.PROPOSED),
        "agreed": (State.AGREED,),
        "scheduled": (State.ACCEPTED,),
        "active": (State.WRITTEN, State.OBSERVED, State.REVERTED),
        "delivered": (State.EXPIRED,),
        "ended": (State.SETTLED, State.REFUSED, State.CANCELLED, State.DEFAULTED),
    }
)


def stage_of(state: State) -> str:
    """The stage of a trade that a published state is; ValueError for a report."""
    for stage, states in STAGES.items():
        if state in states:
            return stage
    raise ValueError(f"{state} is no state but a report")


def insist(contract: str, before: State, after: State) -> None:
    """ValueError where the table does not allow this step."""
    if after not in TRANSITIONS[before]:
        raise ValueError(f"contract {contract}: {before} to {after} is not in the table of transitions")
