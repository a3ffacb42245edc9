"""What a line learns of its units: how long to wait for each, how much silence each needs, which one is dead.

The time-out follows Victron's dbus-modbus-client in idea: four times the filtered latency, within bounds. Here the
filter rises at once and falls slowly, and a miss doubles it. It shortens only what others on the line would lose: a
unit that has its line for itself, or is being written to, is waited for as long as configured. docs/decisions/0013.
"""

from dataclasses import dataclass, field
from typing import Final

from protocols.faults import NoReply
from protocols.modbus import Request
from protocols.priority import Priority, priority

# Below it the event loop's own lateness on a small machine (facts: p99 5 ms, with hogs 39 ms) would pass for a dead unit.
LEAST_S: Final = 0.15
FACTOR: Final = 4.0
_FORGETS: Final = 1 / 32  # how fast a high latency is forgotten, per answer
_LEARNT: Final = 8  # answers before the latency counts for anything
# Misses in a row, the retry among them, before a unit on a shared line is left alone.
_DEAD: Final = 2
# A dead unit rests so many times what asking it has cost: the others lose at most a tenth of the line to it.
REST: Final = 10.0
REST_MOST_S: Final = 30.0
# Misses after a short silence, each followed by an answer after a longer one and none after as short a one: it is the haste.
_HASTY: Final = 2
GAP_LEAST_S: Final = 0.016
GAP_MOST_S: Final = 0.4  # some inverters need over 0.3 s (solis_modbus#480)


class Resting(NoReply):
    """Nothing was asked: the unit is dead for now, and the line is for the others."""


@dataclass(slots=True)
class Manners:
    """One unit. `gap_s` is the silence it was found to need before a request, 0 where the line's own will do."""

    most_s: float
    latency_s: float = 0.0
    answers: int = 0
    misses: int = 0
    rests_until_s: float = float("-inf")
    gap_s: float = 0.0
    _missed_after_s: float | None = None  # the silence before the request missed last
    _hasty: int = 0

    @property
    def timeout_s(self) -> float:
        """How long to wait for an answer, at most the configured `most_s`."""
        if self.answers < _LEARNT:
            return self.most_s
        learnt_s = max(LEAST_S, FACTOR * self.latency_s)
        return float(min(learnt_s * 2.0 ** min(self.misses, 8), self.most_s))

    def answered(self, latency_s: float, silence_s: float) -> None:
        """It answered so long after the request, which came after so much silence."""
        self.answers += 1
        self.latency_s = max(latency_s, self.latency_s + (latency_s - self.latency_s) * _FORGETS)
        if self.misses or self._missed_after_s is not None or self._hasty:
            self.misses, self.rests_until_s = 0, float("-inf")
            self._learn_gap(silence_s)

    def missed(self, now_s: float, lost_s: float, silence_s: float) -> None:
        """It did not answer, which cost the line so long. Silence to a guest's question says nothing of the unit."""
        if priority() is Priority.GUEST:
            return
        self.misses += 1
        if self._missed_after_s is None or silence_s < self._missed_after_s:
            self._missed_after_s = silence_s
        if self.misses >= _DEAD:
            self.rests_until_s = now_s + min(REST * lost_s, REST_MOST_S)

    def _learn_gap(self, silence_s: float) -> None:
        hasty_s, self._missed_after_s = self._missed_after_s, None
        if silence_s <= max(2 * self.gap_s, GAP_LEAST_S):
            self._hasty = 0  # one as hasty was answered: it was not the haste
        elif hasty_s is not None and hasty_s < GAP_MOST_S:
            self._hasty += 1
        if self._hasty >= _HASTY:
            self._hasty = 0
            self.gap_s = min(max(4 * self.gap_s, GAP_LEAST_S), GAP_MOST_S)


@dataclass(slots=True)
class Units:
    """The units that were asked on one line; `timeout_s` is what the configuration allows each."""

    timeout_s: float
    _known: dict[int, Manners] = field(default_factory=dict)

    def of(self, unit: int) -> Manners:
        """What is known of this unit."""
        manners = self._known.get(unit)
        if manners is None:
            manners = self._known[unit] = Manners(self.timeout_s)
        return manners

    def patience_s(self, request: Request) -> float:
        """How long to wait for the reply to begin."""
        if len(self._known) < 2 or not request.reads:
            return self.timeout_s
        return self.of(request.unit).timeout_s

    def check(self, unit: int, now_s: float, how: Priority) -> Manners:
        """What is known of this unit; Resting where it is to be left alone for the others.

        One that has the line for itself never is, nor is control held back: who controls has a back-off of its own.
        """
        manners = self.of(unit)
        if now_s < manners.rests_until_s and len(self._known) > 1 and how is not Priority.CONTROL:
            rest_s = manners.rests_until_s - now_s
            raise Resting(f"not asked: silent {manners.misses} times in a row, asked again in {rest_s:.1f} s")
        return manners
