"""A film: one profile of voltage, frequency and sun, played to our inverter functions and to EPRI's OpenDER side by side.

OpenDER hard-codes 60 Hz: it is shown the frequency 10 Hz higher, and droop slopes times 50/60, so that a deviation of so
many hertz asks for the same power. Its fields (NP_*, QV_*, …) are those of its common_file_format.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import pairwise
from random import Random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim_hardware.physics.der.inverter import DerFunctions
from sim_hardware.physics.der.service import Supply
from sim_hardware.physics.der.settings import Ratings, Settings

RATED: Final = 100_000.0  # W and VA: what OpenDER's parameter files say
RATINGS: Final = Ratings(RATED, RATED, 0.44 * RATED, 0.44 * RATED)
STEP_S: Final = 1 / 32  # a power of two: times add up exactly, on both sides
TO_60_HZ: Final = 10.0

Array = NDArray[np.floating[Any]]
Profile = Callable[[float], tuple[float, float, float]]  # time -> voltage per unit, hertz, sun per unit


@dataclass(frozen=True)
class Film:
    """What came of it, per unit of the rating, injection positive: ours and OpenDER's, row by row."""

    time_s: Array
    ours: Array
    theirs: Array

    @property
    def deviation_p(self) -> float:
        """Largest difference of active power."""
        return float(np.max(np.abs(self.ours[:, 0] - self.theirs[:, 0])))

    @property
    def deviation_q(self) -> float:
        """Largest difference of reactive power."""
        return float(np.max(np.abs(self.ours[:, 1] - self.theirs[:, 1])))

    def at(self, time_s: float) -> tuple[float, float]:
        """Ours at this time."""
        power, reactive = self.ours[int(np.searchsorted(self.time_s, time_s - 1e-9))]
        return float(power), float(reactive)


@dataclass(frozen=True)
class Later:
    """Other settings from a time on."""

    at_s: float
    settings: Settings
    fields: Mapping[str, object]


def oracle(fields: Mapping[str, object], step_s: float) -> Any:  # noqa: ANN401 - it has no types
    """An OpenDER PV inverter, 100 kW, category B and III, with these fields."""
    opender = import_module("opender")
    opender.DER.t_s = step_s
    inverter = opender.DER_PV()
    configure(inverter, fields)
    return inverter


def configure(inverter: Any, fields: Mapping[str, object]) -> None:  # noqa: ANN401 - it has no types
    """Set fields that exist."""
    for name, value in fields.items():
        assert hasattr(inverter.der_file, name), name
        setattr(inverter.der_file, name, value)


def play(
    profile: Profile,
    duration_s: float,
    settings: Settings,
    fields: Mapping[str, object],
    *,
    step_s: float = STEP_S,
    seed: int = 1,
    later: Later | None = None,
) -> Film:
    """Both through the profile; `later` changes the settings on the way."""
    settings = replace(settings, ratings=RATINGS)
    ours, theirs = DerFunctions(Random(seed)), oracle(fields, step_s)
    count = round(duration_s / step_s)
    times, rows = np.arange(1, count + 1) * step_s, np.zeros((count, 2, 2))
    for index in range(count):
        if later is not None and index == round(later.at_s / step_s):
            settings = replace(later.settings, ratings=RATINGS)
            configure(theirs, later.fields)
        voltage_pu, frequency_hz, sun_pu = profile(index * step_s)
        supply = Supply(voltage_pu, voltage_pu, voltage_pu, frequency_hz)
        rows[index, 0] = ours.after(step_s, settings, sun_pu * RATED, supply)
        theirs.update_der_input(v_pu=voltage_pu, f=frequency_hz + TO_60_HZ, p_dc_pu=sun_pu)
        rows[index, 1] = theirs.run()
    return Film(times, rows[:, 0] / RATED, rows[:, 1] / RATED)


def line(*points: tuple[float, float]) -> Callable[[float], float]:
    """Straight lines between points of (time, value); two points at one time are a step, the latter counts."""

    def at(time_s: float) -> float:
        value = points[0][1]
        for (t1, y1), (t2, y2) in pairwise(points):
            if time_s >= t2:
                value = y2
            elif time_s >= t1:
                return y1 + (time_s - t1) / (t2 - t1) * (y2 - y1)
        return value

    return at


def steps(*values: tuple[float, float]) -> Callable[[float], float]:
    """From each time on this value."""

    def at(time_s: float) -> float:
        return next(value for start_s, value in reversed(values) if time_s >= start_s)

    return at


GOOD_PU, GOOD_HZ = steps((0.0, 1.0)), steps((0.0, 50.0))


def profile(
    voltage_pu: Callable[[float], float] = GOOD_PU,
    frequency_hz: Callable[[float], float] = GOOD_HZ,
    sun_pu: Callable[[float], float] = GOOD_PU,
) -> Profile:
    """The three together."""
    return lambda time_s: (voltage_pu(time_s), frequency_hz(time_s), sun_pu(time_s))
