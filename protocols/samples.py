"""Sampled voltages and currents: the channels of a meter in their order, and where samples come from.

Sign:   a positive current flows into the site, so that power is positive when consumed. The fourth current, where there
        is one, is the neutral's, counted the same way: without a leak all four add up to 0.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

VOLTAGES: Final = ("u1", "u2", "u3")
CURRENTS: Final = ("i1", "i2", "i3", "in")
CHANNELS: Final = VOLTAGES + CURRENTS

# Rows u1 u2 u3 in V, i1 i2 i3 and perhaps in in A; one column a sample.
Samples = NDArray[np.float64]


def unit_of(channel: str) -> str:
    """The unit of a channel by its name."""
    return "V" if channel in VOLTAGES else "A"


class SampleSource(Protocol):
    """What measures on and on; each sample is handed over once."""

    @property
    def fs_hz(self) -> float:
        """Samples a second of each channel, as the source's own clock counts them."""
        ...

    @property
    def currents(self) -> int:
        """How many currents there are: 3, or 4 with the neutral."""
        ...

    async def read(self) -> Samples:
        """The next samples in their order, at least one; a Fault where some were lost, and then whatever comes next."""
        ...

    async def close(self) -> None:
        """Let go of the hardware."""
        ...
