"""The SG-Ready terminals of a heat pump: two contacts, four states.

Source: the four states with their contacts as the Bundesverband Waermepumpe defines them for the label ("Klemmenloesung" 1:0,
        0:0, 0:1, 1:1; at most two hours of hard blocking), quoted in public from its rules, section 2.1; at least 60 s between
        two switches from facts/grid-functions.md: unverified, makers ask for up to ten minutes.
Choice: a state that comes too early is taken once the time is up, if it still stands; a block longer than two hours ends in
        normal operation until the contacts say something else. Some sources count the two hours per day. The label leaves
        to the maker what the last two states do; ours raise the setpoint by RAISED_K.
"""

from enum import Enum
from typing import Final

HOLD_S: Final = 60.0
BLOCK_MOST_S: Final = 7200.0


class SgState(Enum):
    """What the contacts (first, second) ask for."""

    BLOCKED = (True, False)
    NORMAL = (False, False)
    ENCOURAGED = (False, True)
    ORDERED = (True, True)


RAISED_K: Final = {SgState.BLOCKED: 0.0, SgState.NORMAL: 0.0, SgState.ENCOURAGED: 1.5, SgState.ORDERED: 3.0}


class SgReady:
    """Reads two contacts; `state` is what the heat pump follows, `early` counts changes that came too soon."""

    def __init__(self, *, hold_s: float = HOLD_S, block_most_s: float = BLOCK_MOST_S) -> None:
        if not (hold_s >= 0.0 and block_most_s > 0.0):
            raise ValueError(f"SG-Ready: hold {hold_s:g} s, block {block_most_s:g} s; from 0 and above 0 are allowed")
        self.state = SgState.NORMAL
        self.early = 0
        self._hold_s, self._block_most_s = hold_s, block_most_s
        self._stood_s = hold_s  # a heat pump that has just started takes the first state at once
        self._seen = SgState.NORMAL
        self._is_spent = False  # the block has lasted its longest

    def after(self, dt_s: float, first: bool, second: bool) -> None:
        """Time passed with the contacts as they are now."""
        self._stood_s += dt_s
        asked = SgState((first, second))
        if asked is not self._seen:
            self._seen, self._is_spent = asked, False
            self.early += self._stood_s < self._hold_s
        if self.state is SgState.BLOCKED and asked is SgState.BLOCKED and self._stood_s >= self._block_most_s:
            self._is_spent = True
        wanted = SgState.NORMAL if self._is_spent else asked
        if wanted is not self.state and self._stood_s >= self._hold_s:
            self.state, self._stood_s = wanted, 0.0
