"""Plan: what the optimiser wants of the connection point, by the bands it gave to the batteries.

The plan orders no power there: inside its band each battery keeps the connection point at 0 W, so an error of forecast costs
as little as it can. Contracts, limits and fuses are stronger, and for them a battery leaves its band.
When blind (no fresh reading of the connection point, or no fresh plan): wishes nothing, and the site is at rest.
"""

from collections.abc import Mapping, Sequence
from math import inf

from controller.planning.orders import Orders
from controller.split import Follower, followed
from controller.wishes import Band, Rank, Wish

SOURCE = "plan"


def is_fresh(orders: Orders, now_s: float) -> bool:
    """Whether the orders still hold."""
    return orders.good_until_s > now_s


def is_late(orders: Orders, now_s: float) -> bool:
    """Whether there were orders that hold no more."""
    return -inf < orders.good_until_s <= now_s


def follower(orders: Orders, each: Follower) -> Follower:
    """The follower with its orders; one that is not named follows freely."""
    ordered = orders.bands.get(each.name)
    if ordered is None:
        return each
    return Follower(each.name, each.power_w, each.band, each.bound_why, each.merit, ordered)


def wants(orders: Orders, now_s: float) -> Mapping[str, float] | None:
    """What each load is to draw; None without a fresh plan."""
    return orders.wants_w if is_fresh(orders, now_s) else None


def want_w(rest_w: float, followers: Sequence[Follower]) -> float:
    """The power at the connection point with each battery as ordered; `rest_w`: what all else draws."""
    return rest_w + sum(followed(rest_w, followers).values())


def step(orders: Orders, now_s: float, power_w: float | None, good_until_s: float) -> Wish | None:
    """The plan's wish for this cycle; `power_w`: what it wants now (None: blind)."""
    if power_w is None or not is_fresh(orders, now_s):
        return None
    within = Band(least_w=orders.least_site_w) if orders.least_site_w > -inf else None
    return Wish(SOURCE, Rank.OPTIMISER, min(orders.good_until_s, good_until_s), orders.why, within, power_w)
