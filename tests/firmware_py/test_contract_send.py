"""How `busbar contract send` ends: 0 is good news of what was sent, with --follow only a contract that was delivered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firmware_py.cli.contract import goal_of
from protocols.actions import Approve, Cancel
from protocols.contracts import Dispatch, Outcome, State
from protocols.messages import ContractEvent

START = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
WHO: dict[str, Any] = {"seq": 1, "iss": "dso", "aud": "home-1"}
TERMS = Dispatch(**WHO, id="c1", start=START, end=START + timedelta(minutes=15), power_w=1.0)
CANCEL = Cancel(**WHO, contract="c1")
REFUSAL = Approve(**WHO, contract="c1", sha256="0" * 64, verdict="refused")


def event(state: State, outcome: Outcome | None = None, answered: str = "") -> ContractEvent:
    return ContractEvent("c1", state, "", "synchronised", outcome=outcome, answered=answered)


@pytest.mark.parametrize(
    ("sent", "follows", "said", "code"),
    [
        (TERMS, False, event(State.RECEIVED), None),
        (TERMS, False, event(State.ACCEPTED), 0),
        (TERMS, False, event(State.AGREED), 0),
        (TERMS, False, event(State.REFUSED), 1),
        (TERMS, False, event(State.REFUSED, answered="accepted"), 0),
        (TERMS, False, event(State.REFUSED, answered="refused"), 1),
        (TERMS, True, event(State.ACCEPTED), None),
        (TERMS, True, event(State.OBSERVED), None),
        (TERMS, True, event(State.EXPIRED, Outcome.DELIVERED), 0),
        (TERMS, True, event(State.EXPIRED, Outcome.VIOLATED), 1),
        (TERMS, True, event(State.EXPIRED, Outcome.UNPROVEN), 1),
        (TERMS, True, event(State.CANCELLED), 1),
        (TERMS, True, event(State.DEFAULTED), 1),
        (CANCEL, True, event(State.CANCELLED), 0),
        (CANCEL, False, event(State.REFUSED), 1),
        (REFUSAL, False, event(State.REFUSED), 0),
    ],
)
def test_the_exit_code(sent: Dispatch | Cancel | Approve, follows: bool, said: ContractEvent, code: int | None) -> None:
    assert goal_of(sent, follows=follows).code(said) == code
