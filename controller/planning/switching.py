"""Devices that are on or off: whole steps, least times, and how a relaxed plan is made whole."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from controller.planning.problem import Index, Problem
from controller.planning.site import Appliance, Bools, Floats, Heater

# Less of a step than this is a rounding of clocks, not a step.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Dwell:
    """Least times in steps, and for how many steps the present state still holds."""

    is_on: bool
    on_steps: int
    off_steps: int
    held_on: int
    held_off: int

    @property
    def binds(self) -> bool:
        """Whether a least time is longer than a step."""
        return self.on_steps > 1 or self.off_steps > 1


# A device without least times.
IDLE = Dwell(is_on=False, on_steps=1, off_steps=1, held_on=0, held_off=0)


def dwell(device: Heater | Appliance, step_s: float) -> Dwell:
    """The least times of a device on a grid of steps; what has begun ends with a step."""

    def steps(time_s: float) -> int:
        return max(0, ceil(time_s / step_s - SLACK))

    on_left, off_left = steps(device.least_on_s - device.since_s), steps(device.least_off_s - device.since_s)
    return Dwell(
        device.is_on,
        max(1, steps(device.least_on_s)),
        max(1, steps(device.least_off_s)),
        on_left if device.is_on else 0,
        0 if device.is_on else off_left,
    )


def on_columns(problem: Problem, held: Dwell, first: int, count: int, most: int = 1 << 30) -> Index:
    """One column for each of `count` steps from `first` on: 1 where the device is on, with its least times.

    `most`: the device must be off from this step on, so it starts no later than its least time before.
    """
    lower, upper = np.zeros(count), np.ones(count)
    lower[: max(0, held.held_on - first)] = 1.0
    upper[: max(0, held.held_off - first)] = 0.0
    on = problem.columns(count, lower, upper, whole=True)
    if held.binds and count:
        _least_times(problem, held, on, first, most)
    return on


def _least_times(problem: Problem, held: Dwell, on: Index, first: int, most: int) -> None:
    """on[t] - on[t-1] = starts[t] - stops[t]; who started within the least time is on, who stopped is off."""
    count = on.size
    too_late = np.arange(first, first + count) > most - held.on_steps
    starts = problem.columns(count, 0.0, np.where(too_late, 0.0, 1.0))
    stops = problem.columns(count, 0.0, 1.0)
    was = np.zeros(count)
    was[0] = float(held.is_on)
    changes = problem.rows(count, was, was)
    problem.put(changes, on, 1.0)
    problem.put(changes[1:], on[:-1], -1.0)
    problem.put(changes, starts, -1.0)
    problem.put(changes, stops, 1.0)
    after_start, after_stop = problem.rows(count, 0.0, np.inf), problem.rows(count, -np.inf, 1.0)
    problem.put(after_start, on, 1.0)
    problem.put(after_stop, on, 1.0)
    for back in range(held.on_steps):
        problem.put(after_start[back:], starts[: count - back], -1.0)
    for back in range(held.off_steps):
        problem.put(after_stop[back:], stops[: count - back], 1.0)


def made_whole(shares: Floats, held: Dwell, first: int, may: Bools) -> Bools:
    """Steps on and off whose running sum follows that of the shares, with the least times kept."""
    result, is_on, since, owed = np.zeros(shares.size, np.bool_), held.is_on, 1 << 30, 0.0
    for step, share in enumerate(shares):
        owed += share
        bound = step + first < (held.held_on if is_on else held.held_off)
        bound = bound or since < (held.on_steps if is_on else held.off_steps)
        wants = is_on if bound else owed >= 0.5 and bool(may[step])
        since = since + 1 if wants == is_on else 1
        is_on = wants
        owed -= float(is_on)
        result[step] = is_on
    return result
