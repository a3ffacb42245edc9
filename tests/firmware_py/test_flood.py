"""What is held back of a flood, and what is told of it."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_py.home.flood import Flood


def test_a_burst_passes_then_one_each_period_and_the_rest_is_told() -> None:
    flood = Flood(3, 10.0)
    assert [flood.passes(100.0) for _ in range(5)] == [0, 0, 0, None, None]
    assert flood.passes(109.9) is None
    assert flood.passes(110.1) == 3
    assert flood.passes(110.2) is None
    assert [flood.passes(1000.0) for _ in range(4)] == [1, 0, 0, None]


@given(st.lists(st.floats(0.0, 30.0), max_size=200))
def test_nothing_is_lost_and_no_more_passes_than_is_allowed(pauses_s: list[float]) -> None:
    flood, now_s, passed, told = Flood(5, 10.0), 0.0, 0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        held = flood.passes(now_s)
        passed += held is not None
        told += held or 0
    assert passed <= 5 + now_s / 10.0 + 1e-6
    last = flood.passes(now_s + 1000.0)
    assert last is not None
    assert passed + told + last == len(pauses_s)
