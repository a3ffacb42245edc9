"""The baseline of a change of power nobody nominated one for: the mean of the interval before its start, by the meter.

A change that follows upon another within an interval keeps the other's baseline: what the first one made of the site
would be a baseline that the second one pays for.
"""

from itertools import pairwise
from typing import Final

import msgspec

from controller.gauge import Mark, between
from controller.proof import COVERAGE

# A mark a minute over the longest interval (an hour) and what it takes to have one before it.
_EACH_S: Final = 60.0
_KEPT: Final = 62

History = tuple[Mark, ...]


class Base(msgspec.Struct, frozen=True):
    """A power (W), until when it served, and whether readings cover the interval it was measured in."""

    power_w: float
    used_s: float
    is_sure: bool
    note: str


def remembered(history: History, mark: Mark) -> History:
    """The history with this mark, if a minute has passed."""
    if history and mark.at_s - history[-1].at_s < _EACH_S:
        return history
    return (*history[-_KEPT + 1 :], mark)


def based(before: Base | None, history: History, here: Mark, start_s: float, interval_s: float) -> Base:
    """The baseline of a change that starts at `start_s`; `here` is the newest mark, at or behind it."""
    if before is not None and start_s - before.used_s <= interval_s:
        return before
    marks = (*history, here)
    first, last = _at(marks, start_s - interval_s), _at(marks, start_s)
    span_s = last.at_s - first.at_s
    if span_s <= 0.0:
        return Base(0.0, start_s, is_sure=False, note="baseline 0 W: nobody measured before the start")
    power_w = (last.energy_wh - first.energy_wh) * 3600.0 / span_s
    covered_s = span_s - (last.guessed_s - first.guessed_s)
    note = f"baseline {power_w:.0f} W: mean of {covered_s:.0f} of the {interval_s:.0f} s before the start"
    return Base(power_w, start_s, covered_s >= COVERAGE * interval_s, note)


def _at(marks: History, at_s: float) -> Mark:
    """The mark of a moment; the first or the last one where it lies outside."""
    if at_s <= marks[0].at_s:
        return marks[0]
    for before, after in pairwise(marks):
        if at_s <= after.at_s:
            return between(before, after, at_s)
    return marks[-1]
