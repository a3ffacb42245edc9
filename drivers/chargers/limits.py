"""What every charging point's limit has in common."""

import math
from typing import Final

from protocols.ports import Ratings

LEAST_A: Final = 6.0  # IEC 61851-1: less can no car be told
NOMINAL_V: Final = 230.0


def rated(most_a: float, *, reverts: bool) -> Ratings:
    """What a charging point of so many amperes on three phases takes at most."""
    return Ratings(3 * NOMINAL_V * most_a, 0.0, reverts_by_itself=reverts)


def check_current(current_a: float, most_a: float) -> None:
    """ValueError on a current that no car can be told, or that the device does not take."""
    if not (math.isfinite(current_a) and (current_a == 0 or LEAST_A <= current_a <= most_a)):
        raise ValueError(f"a charging current of {current_a} A: allowed is 0 or {LEAST_A:g} to {most_a:g}")
