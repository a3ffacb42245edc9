"""What every kind of feeder is made into before homes are hung on it."""

from dataclasses import dataclass, field

import numpy as np

from sim_hardware.physics.feeder import Feeder
from sim_hardware.physics.network import Floats


@dataclass(frozen=True, slots=True)
class Place:
    """A bus for a home, and the phase of one that has only one (0 to 2; None: all three)."""

    bus: str
    phase: int | None = None


def _none() -> Floats:
    return np.zeros((0, 3))


@dataclass(frozen=True, slots=True)
class FeederBase:
    """A feeder whose sites are the loads it states (sites x 3, positive when drawn), and where homes go by themselves."""

    feeder: Feeder
    places: tuple[Place, ...]
    stated_w: Floats = field(default_factory=_none)
    stated_var: Floats = field(default_factory=_none)
