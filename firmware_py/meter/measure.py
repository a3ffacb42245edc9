"""What the meter needs of whatever turns samples into quantities: windows that tile, and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from protocols.samples import Samples

# By quantity name, unit at its end (`voltage_l1_v`); `None` where there is none.
Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Window:
    """One 10/12-cycle window: where it lies in the stream, in samples (fractions count), and what was measured in it."""

    begin: float
    end: float
    values: Values


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a place in the stream (samples): `kind` is a stable word, `values` say how much."""

    kind: str
    begin: float
    values: Mapping[str, float | str | None]


class Measuring(Protocol):
    """One stream of samples, measured."""

    def feed(self, block: Samples) -> list[Window | Event]:
        """What can be told after these samples, in its order; blocks of any length give the same."""
        ...
