"""Which sequence numbers of an issuer are used up: each counts once, in any order, as far back as the window reaches.

What IPsec does with a highest number and a bitmap (RFC 4303, 3.4.3), for numbers with gaps: issuers number by the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# A message may be overtaken by so many of the same issuer.
REACH: Final = 128


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a message: its SHA-256, the state said and the reason."""

    sha256: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The newest numbers that are used, each with its answer. Numbers up to `floor` are too old to tell, hence used."""

    floor: int = 0
    used: Mapping[int, Answer] = field(default_factory=dict)

    @property
    def highest(self) -> int:
        """The highest number that came; 0 before any."""
        return max(self.used, default=self.floor)

    def is_fresh(self, seq: int) -> bool:
        """Whether this number may still be used."""
        return seq > self.floor and seq not in self.used

    def answered(self, seq: int, sha256: str) -> Answer | None:
        """What was answered to this very message; None where another one used the number, or nobody remembers."""
        answer = self.used.get(seq)
        return answer if answer is not None and answer.sha256 == sha256 else None

    def with_used(self, seq: int, answer: Answer) -> "Window":
        """The window with a number used up; of too many the lowest is forgotten, and with it everything below."""
        used = {**self.used, seq: answer}
        if len(used) <= REACH:
            return Window(self.floor, used)
        lowest = min(used)
        del used[lowest]
        return Window(lowest, used)
