"""Proof: what the meter says of a contract, integrated between its readings, never what was written."""

from dataclasses import dataclass
from typing import Final

from protocols.contracts import Outcome

# Nine tenths of the window must be covered by readings before anything is claimed in either direction.
COVERAGE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Tally:
    """Energy asked and metered (Wh) over the covered seconds, and the last reading (time, W) to go on from."""

    asked_wh: float = 0.0
    metered_wh: float = 0.0
    covered_s: float = 0.0
    last: tuple[float, float] | None = None


def measure(
    tally: Tally, measured_s: float, site_w: float, asked_w: float, window_s: tuple[float, float], gap_s: float
) -> Tally:
    """Add a reading of the connection point, counting only time inside the window and gaps of at most `gap_s`.

    Trapezoid between consecutive readings; a reading that is not newer than the last one adds nothing.
    """
    if tally.last is None or measured_s - tally.last[0] > gap_s:
        return Tally(tally.asked_wh, tally.metered_wh, tally.covered_s, (measured_s, site_w))
    last_s, last_w = tally.last
    if measured_s <= last_s:
        return tally
    from_s, to_s = max(last_s, window_s[0]), min(measured_s, window_s[1])
    span_s = max(to_s - from_s, 0.0)
    middle_w = _at((from_s + to_s) / 2, last_s, last_w, measured_s, site_w)
    return Tally(
        tally.asked_wh + asked_w * span_s / 3600,
        tally.metered_wh + middle_w * span_s / 3600,
        tally.covered_s + span_s,
        (measured_s, site_w),
    )


def _at(when_s: float, last_s: float, last_w: float, measured_s: float, site_w: float) -> float:
    return last_w + (site_w - last_w) * (when_s - last_s) / (measured_s - last_s)


def outcome(tally: Tally, window_s: float, tolerance_w: float) -> tuple[Outcome, str]:
    """Delivered, violated or unproven, with the figures: mean power over the window against the tolerance."""
    if window_s <= 0 or tally.covered_s < COVERAGE * window_s:
        seen = f"{tally.covered_s:.1f} of {max(window_s, 0.0):.1f} s"
        return Outcome.UNPROVEN, f"readings cover {seen}, at least {COVERAGE:.0%} are needed"
    off_w = (tally.metered_wh - tally.asked_wh) * 3600 / tally.covered_s
    text = f"mean deviation {off_w:+.1f} W, at most {tolerance_w:g} W"
    return (Outcome.DELIVERED if abs(off_w) <= tolerance_w else Outcome.VIOLATED), text
