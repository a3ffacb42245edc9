"""Interval energy: so many watt-hours through the connection point in an interval, whatever the forecast said.

Only the energy at the interval's end is owed, so the power may wander inside a funnel round what is still needed: a
tenth of the rating wide at the start, closing with the time that is left. Inside the funnel the law asks for what flows
anyway and nothing is written; outside, it asks for exactly what is needed. What it needs it reckons from the meter alone,
so neither an error of forecast nor a lag of devices adds up.

When blind (no fresh reading of the connection point): wishes nothing, and says why.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

import msgspec

from controller.wishes import Band, Rank, Wish

SOURCE = "contract"
# Half the funnel's width at the start, as a share of the rating; it closes in proportion to the time that is left.
WIDE: Final = 0.1
# The funnel never gets narrower than what meters and registers resolve.
NARROW_W: Final = 20.0
# What is owed is spread over this time at least: a meter's last digit must not become kilowatts in the last second.
SPREAD_S: Final = 20.0
# How long a device is given to get where it was told before it is told something else: so many writes at most.
DWELL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Params:
    """The rating of the connection (W) that the funnel is measured by, and how old its reading may be."""

    rating_w: float
    blind_s: float


class Interval(msgspec.Struct, frozen=True):
    """What is owed: an energy (Wh, import positive) between two monotonic moments."""

    contract: str
    start_s: float
    end_s: float
    energy_wh: float


class Inputs(msgspec.Struct, frozen=True):
    """The interval that is open, the connection point's power and its age, what it has metered since the interval began
    (Wh), and the powers that the site can reach there with what it has.
    """

    interval: Interval
    site_w: float | None
    site_age_s: float
    metered_wh: float | None
    reach: Band


class Memory(msgspec.Struct, frozen=True):
    """When the devices were last told something."""

    told_s: float = -inf


class Why(msgspec.Struct, frozen=True):
    """Why the interval is not steered (`reason` a stable word, empty when it is), what is asked for now, whether that is
    what flows anyway, and the energy (Wh, signed) that will be missing at the end with everything the site has.
    """

    reason: str = ""
    text: str = ""
    asked_w: float | None = None
    short_wh: float = 0.0
    holds: bool = False


def step(params: Params, memory: Memory, now_s: float, inputs: Inputs) -> tuple[Memory, Wish | None, Why]:
    """The interval's wish for this cycle."""
    blind = _blind(params, inputs)
    if blind is not None or inputs.site_w is None or inputs.metered_wh is None:
        return Memory(), None, blind or Why()
    interval = inputs.interval
    left_s = max(interval.end_s - now_s, 0.0)
    owed_wh = interval.energy_wh - inputs.metered_wh
    needed_w = owed_wh * 3600.0 / max(left_s, SPREAD_S)
    steers = now_s - memory.told_s >= DWELL_S and _outside(params, interval, inputs.site_w - needed_w, left_s)
    asked_w = inputs.reach.nearest(needed_w) if steers else inputs.site_w
    short_wh = _short_wh(owed_wh, left_s, inputs.reach)
    text = f"{inputs.metered_wh:.0f} of {interval.energy_wh:.0f} Wh of {interval.contract}, {left_s:.0f} s left"
    within = Band(asked_w, asked_w)
    wish = Wish(SOURCE, Rank.CONTRACT, now_s + params.blind_s, text, within=within, want_w=asked_w)
    told = Memory(now_s) if steers else memory
    return told, wish, Why("", _short_text(short_wh, inputs.reach), asked_w, short_wh, holds=not steers)


def _blind(params: Params, inputs: Inputs) -> Why | None:
    if inputs.site_w is None or inputs.site_age_s > params.blind_s:
        age = f"{inputs.site_age_s:.1f} s old, at most {params.blind_s:g} s"
        return Why("meter_stale", f"reading of the connection point is {age}")
    if inputs.metered_wh is None:
        return Why("no_energy", "nobody knows what has flowed since the interval began")
    return None


def _outside(params: Params, interval: Interval, off_w: float, left_s: float) -> bool:
    """Whether the power is out of the funnel."""
    left = left_s / (interval.end_s - interval.start_s)
    return abs(off_w) > max(WIDE * params.rating_w * left, NARROW_W)


def _short_wh(owed_wh: float, left_s: float, reach: Band) -> float:
    """What cannot be made up for any more: positive where too little will have been imported."""
    most_wh, least_wh = reach.most_w * left_s / 3600.0, reach.least_w * left_s / 3600.0
    return max(owed_wh - most_wh, 0.0) + min(owed_wh - least_wh, 0.0)


def _short_text(short_wh: float, reach: Band) -> str:
    if short_wh == 0.0:
        return ""
    return f"{short_wh:+.0f} Wh will be missing: the site reaches {reach.least_w:.0f} to {reach.most_w:.0f} W only"
