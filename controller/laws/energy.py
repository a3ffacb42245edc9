"""Interval energy: so many watt-hours through the connection point in an interval, whatever the forecast said.

Only the energy at the interval's end is owed, so the power may wander inside a funnel round what is still needed: a
tenth of the rating wide at the start, closing with the time that is left. Inside the funnel the law asks for what flows
anyway and nothing is written; outside, and once at the start, it asks for exactly what is needed. What it needs it reckons from the meter alone,
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
# What is off is spread over this time at least: a meter's last digit must not become kilowatts in the last second.
SPREAD_S: Final = 20.0
# How long a device is given to get where it was told before it is told something else: so many writes at most.
DWELL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Params:
    """The power (W) that the funnel is measured by, such as that of the devices, and how old a reading may be."""

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
    (Wh), the powers that the site can reach there with what it has, and whether the devices may stay as they are.
    """

    interval: Interval
    site_w: float | None
    site_age_s: float
    metered_wh: float | None
    reach: Band
    may_hold: bool = True


class Memory(msgspec.Struct, frozen=True):
    """When the devices were last told something, and the interval (by its end) that they were told it for."""

    told_s: float = -inf
    end_s: float = -inf


class Why(msgspec.Struct, frozen=True):
    """Why the interval is not steered (`reason` a stable word, empty when it is), what is asked for now, whether that is
    what flows anyway, and whether it lies in the funnel.
    """

    reason: str = ""
    text: str = ""
    asked_w: float | None = None
    holds: bool = False
    on_course: bool = False


def step(params: Params, memory: Memory, now_s: float, inputs: Inputs) -> tuple[Memory, Wish | None, Why]:
    """The interval's wish for this cycle."""
    blind = _blind(params, inputs)
    if blind is not None or inputs.site_w is None or inputs.metered_wh is None:
        return Memory(), None, blind or Why()
    interval = inputs.interval
    left_s = max(interval.end_s - now_s, 0.0)
    owed_wh = interval.energy_wh - inputs.metered_wh
    off_w = (inputs.site_w * left_s - owed_wh * 3600.0) / max(left_s, SPREAD_S)
    needed_w = inputs.site_w - off_w
    outside = _outside(params, interval, off_w, left_s)
    begins = memory.end_s != interval.end_s and abs(off_w) > NARROW_W
    steers = not inputs.may_hold or begins or (now_s - memory.told_s >= DWELL_S and outside)
    asked_w = inputs.reach.nearest(needed_w) if steers else inputs.site_w
    text = f"{inputs.metered_wh:.0f} of {interval.energy_wh:.0f} Wh of {interval.contract}, {left_s:.0f} s left"
    within = Band(asked_w, asked_w)
    wish = Wish(SOURCE, Rank.CONTRACT, now_s + params.blind_s, text, within=within, want_w=asked_w)
    told = Memory(now_s if steers else memory.told_s, interval.end_s)
    return told, wish, Why("", text, asked_w, holds=not steers, on_course=not outside)


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
