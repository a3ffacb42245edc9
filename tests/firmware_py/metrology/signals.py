"""Test signals in closed form: every expectation is a formula of the arguments, none comes from the code under test."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from firmware_py.metrology.analyser import Analyser
from firmware_py.metrology.results import Array, Config, Results

RATE_HZ = 10_000
PHASES = np.array([[0.0], [-2 * np.pi / 3], [2 * np.pi / 3]])


def three_phases(
    frequency_hz: float,
    seconds: float,
    *,
    volts: float = 230.0,
    amperes: float = 5.0,
    lag: float = 0.0,
    harmonics: Mapping[int, float] | None = None,
    start: float = 0.3,
    rate_hz: float = RATE_HZ,
) -> tuple[Array, Array]:
    """Sines of these RMS values; harmonics are ratios of the fundamental, in voltage and current alike and in phase."""
    turn = 2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz + start + PHASES
    voltage, current = np.cos(turn), np.cos(turn - lag)
    for order, ratio in (harmonics or {}).items():
        voltage, current = voltage + ratio * np.cos(order * turn), current + ratio * np.cos(order * turn)
    return np.sqrt(2) * volts * voltage, np.sqrt(2) * amperes * current


def played(config: Config, voltage: Array, current: Array, cuts: list[int] | None = None) -> Results:
    """Everything the analyser says of samples cut at these places."""
    analyser = Analyser(config)
    places = [0, *sorted(cuts or []), voltage.shape[1]]
    return joined(analyser.feed(voltage[:, a:b], current[:, a:b]) for a, b in pairwise(places))


def joined(parts: Iterator[Results]) -> Results:
    """Results of blocks in a row as those of one."""
    every = list(parts)
    sensations = [each.instant_flicker for each in every if each.instant_flicker is not None]
    return Results(
        windows=[x for each in every for x in each.windows],
        half_cycles=[x for each in every for x in each.half_cycles],
        events=[x for each in every for x in each.events],
        flicker=[x for each in every for x in each.flicker],
        aggregates=[x for each in every for x in each.aggregates],
        frequencies=[x for each in every for x in each.frequencies],
        instant_flicker=np.concatenate(sensations, axis=1) if sensations else None,
    )
