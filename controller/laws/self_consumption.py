"""Self-consumption: keep the connection point near 0 W, so that the site uses its own energy.

When blind (no fresh reading of the connection point): wishes nothing, so the devices go to their own fallback.
"""

from controller.wishes import Rank, Wish

SOURCE = "self_consumption"


def step(site_is_seen: bool, good_until_s: float) -> Wish | None:
    """The preference for 0 W; None when blind."""
    if not site_is_seen:
        return None
    return Wish(SOURCE, Rank.DEFAULT, good_until_s, "nothing else asked: use the site's own energy", want_w=0.0)
