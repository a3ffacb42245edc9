"""The cut of the input does not show: the same bits come out."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.metrology.results import Config, Results
from tests.firmware_py.metrology.signals import RATE_HZ, played, three_phases

CONFIG = Config(sample_rate_hz=RATE_HZ, epoch_s=598.0)
SECONDS = 6


def signal() -> tuple[np.ndarray, np.ndarray]:
    """Off-nominal, with harmonics, noise, a dip, a hole of missing samples, and the end of ten minutes."""
    voltage, current = three_phases(50.03, SECONDS, lag=0.7, harmonics={3: 0.1, 49: 0.01})
    voltage = voltage + np.random.default_rng(1).normal(size=voltage.shape)
    voltage[:, 21_234:23_456] *= 0.6
    voltage[1, 40_001:40_050] = np.nan
    return voltage, current


def bits(value: object) -> Iterator[bytes]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from bits(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from bits(each)
    else:
        yield value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def flat(results: Results) -> list[bytes]:
    halves = [
        np.concatenate([getattr(x, name) for x in results.half_cycles], axis=-1) for name in ("end_s", "voltage_v")
    ]
    return list(bits(dataclasses.replace(results, half_cycles=()))) + [each.tobytes() for each in halves]


WHOLE = flat(played(CONFIG, *signal()))


def test_the_reference_holds_something_of_everything() -> None:
    results = played(CONFIG, *signal())
    assert results.windows
    assert results.half_cycles
    assert results.events
    assert results.flicker
    assert results.aggregates


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(0, SECONDS * RATE_HZ), max_size=40))
def test_any_cut_gives_the_same_bits(cuts: list[int]) -> None:
    assert flat(played(CONFIG, *signal(), cuts)) == WHOLE


@pytest.mark.slow
def test_single_samples_give_the_same_bits() -> None:
    assert flat(played(CONFIG, *signal(), list(range(1, SECONDS * RATE_HZ)))) == WHOLE


def test_the_arguments_may_be_overwritten_afterwards() -> None:
    voltage, current = signal()
    results = played(CONFIG, voltage, current)
    before = flat(results)
    voltage[:], current[:] = 0.0, 0.0
    assert flat(results) == before
