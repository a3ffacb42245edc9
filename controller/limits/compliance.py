"""Whether a limit was kept, by the meter: what stood above it while it held. Pure; no statistics, no baseline.

Sign: powers of the connection point in W, import positive; what is above a limit is a magnitude.
"""

from enum import StrEnum
from typing import Final

import msgspec

from controller.limits.allowed import Caps

# From a stricter limit to its effect: devices lag 1 to 10 s, and so do meters.
GRACE_S: Final = 10.0
# A meter's last digit and a register's step are no breach.
TOLERANCE_W: Final = 50.0
# Less of the time in readings proves nothing, as with contracts.
ENOUGH: Final = 0.9
# A regulator overshoots for a moment; what lasts is a breach.
BREACH_SHARE: Final = 0.01


class Kept(StrEnum):
    """What the meter says of a limit."""

    KEPT = "kept"
    BROKEN = "broken"
    UNPROVEN = "unproven"  # readings cover too little of it


class Tally(msgspec.Struct, frozen=True):
    """What was metered since a limit began to hold: time covered and time above (s), the worst (W), energy above (Wh)."""

    since_s: float
    counts_from_s: float
    at_s: float | None = None
    covered_s: float = 0.0
    above_s: float = 0.0
    worst_w: float = 0.0
    above_wh: float = 0.0


def begun(now_s: float, *, is_stricter: bool) -> Tally:
    """A limit begins to hold; one that is not stricter than what held before must be kept at once."""
    return Tally(now_s, now_s + GRACE_S if is_stricter else now_s)


def measured(tally: Tally, caps: Caps, at_s: float, site_w: float, gap_s: float) -> Tally:
    """A reading counts for the time since the one before, at most `gap_s`; one that is not newer counts nothing."""
    if tally.at_s is not None and at_s <= tally.at_s:
        return tally
    before_s = at_s - gap_s if tally.at_s is None else max(tally.at_s, at_s - gap_s)
    span_s = max(at_s - max(before_s, tally.counts_from_s), 0.0)
    over_w = above_w(caps, site_w)
    over_s = span_s if over_w > TOLERANCE_W else 0.0
    return msgspec.structs.replace(
        tally,
        at_s=at_s,
        covered_s=tally.covered_s + span_s,
        above_s=tally.above_s + over_s,
        worst_w=max(tally.worst_w, over_w) if span_s > 0.0 else tally.worst_w,
        above_wh=tally.above_wh + over_w * span_s / 3600.0,
    )


def above_w(caps: Caps, site_w: float) -> float:
    """By how much a power is above the limits; 0 where it is not."""
    over_w = 0.0 if caps.import_w is None else site_w - caps.import_w
    out_w = 0.0 if caps.export_w is None else -caps.export_w - site_w
    return max(over_w, out_w, 0.0)


def verdict(tally: Tally, now_s: float) -> Kept:
    """Kept, broken, or too little seen to say."""
    due_s = now_s - tally.counts_from_s
    if due_s <= 0.0 or tally.covered_s < ENOUGH * due_s:
        return Kept.UNPROVEN
    return Kept.BROKEN if tally.above_s > BREACH_SHARE * tally.covered_s else Kept.KEPT
