"""Orders: what the plan says of the present step, in the words of the 1 s loop. They die of age like every wish."""

from collections.abc import Mapping
from math import inf

import msgspec

from controller.wishes import Band


class Orders(msgspec.Struct, frozen=True):
    """What holds now, until a monotonic time.

    `bands`: of each battery, the powers among which it follows the connection point (0 W there): [-inf, inf] uses the
    site's own energy, [0, inf] keeps what is stored and takes what is over, [b, b] is told b. `wants_w`: what each load is
    to draw (0: nothing). `least_site_w`: no less may flow in (0: nothing may be fed in, for that costs money). `is_dear`: import
    costs so much more now than in the day to come that many homes will wait, and must not all come back at once.
    """

    good_until_s: float
    why: str
    bands: Mapping[str, Band] = {}
    wants_w: Mapping[str, float] = {}
    least_site_w: float = -inf
    is_dear: bool = False


NOTHING = Orders(-inf, "no plan")
