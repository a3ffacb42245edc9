"""What the meter needs of whatever turns samples into quantities: windows that tile, events, and summaries of longer times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from protocols.samples import Samples

# By quantity name, unit at its end (`voltage_l1_v`); None where there is none.
Values = Mapping[str, float | None]
# What an event, a summary or a line of output may say besides.
Said = float | str | None | Sequence[str] | Sequence[float | None] | Sequence[Mapping[str, float | str]]


@dataclass(frozen=True, slots=True)
class InputFault:
    """Something wrong with a channel (empty: with all) in a window, and how much of it."""

    kind: str
    channel: str
    amount: float

    def __str__(self) -> str:
        return f"{self.kind} {self.channel or 'all'} ({self.amount:g})"


@dataclass(frozen=True, slots=True)
class Window:
    """One 10/12-cycle window: where it lies in the stream (samples, fractions count), and what was measured in it.

    `active_j` and `reactive_vars` are what flowed in it, all phases together; None where that is not known.
    """

    begin: float
    end: float
    values: Values
    active_j: float | None
    reactive_vars: float | None
    faults: Sequence[InputFault] = ()
    spectrum: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rest:
    """What flowed outside of windows, between these places in the stream; None as in a window."""

    begin: float
    end: float
    active_j: float | None
    reactive_vars: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a place in the stream (samples): `kind` is a stable word, `values` say how much."""

    kind: str
    begin: float
    phases: Sequence[str]
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What was found over a longer time: `kind` says which (`aggregate_10min`, `flicker`, `frequency_10s`)."""

    kind: str
    begin: float
    end: float
    values: Values


Found = Window | Event | Summary


class Measuring(Protocol):
    """One stream of samples, measured."""

    def feed(self, block: Samples) -> list[Found]:
        """What can be told after these samples, in its order; blocks of any length give the same."""
        ...

    def before(self) -> Rest | None:
        """What flowed before the first window; None where there was none yet, or nothing before it."""
        ...

    def after(self) -> Rest | None:
        """What flowed since the newest window; None where that is nothing, or not known."""
        ...
