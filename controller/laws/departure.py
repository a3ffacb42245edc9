"""Departure: a car that would not be ready in time any more is charged with all there is.

When blind (nobody knows what it needs, when it leaves, or it is not plugged in): asks nothing.
"""

import msgspec


class CarView(msgspec.Struct, frozen=True):
    """A car on the charging point `load`: the energy still to be charged as the charger counts it (Wh), the monotonic time
    at which it leaves (None: nobody knows), and what it takes at most and at least (W).
    """

    load: str
    needs_wh: float | None
    departs_s: float | None
    charge_max_w: float
    charge_least_w: float = 0.0
