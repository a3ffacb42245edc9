"""Leases: renewed before half time, written on a change worth it, released once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.lease import Lease, LeasePolicy, due

POLICY = LeasePolicy(valid_s=30.0, deadband_w=20.0)
HELD = Lease(value_w=1000.0, written_s=100.0, valid_until_s=130.0)


@pytest.mark.parametrize(
    ("want_w", "now_s", "expected", "why"),
    [
        (1000.0, 101.0, False, "nothing new"),
        (1020.0, 101.0, False, "inside the dead band"),
        (1020.1, 101.0, True, "beyond the dead band"),
        (1000.0, 113.4, False, "before its renewal"),
        (1000.0, 113.5, True, "renewal, before half time"),
        (1000.0, 131.0, True, "lapsed"),
        (0.0, 101.0, True, "zero is an order"),
        (None, 101.0, True, "to be let go"),
    ],
)
def test_when_a_write_is_due(want_w: float | None, now_s: float, expected: bool, why: str) -> None:
    assert due(POLICY, HELD, want_w, now_s) is expected, why


def test_nothing_held_and_nothing_wanted_is_silence() -> None:
    assert due(POLICY, None, None, 0.0) is False


def test_the_first_order_is_written_whatever_it_is() -> None:
    assert due(POLICY, None, 0.0, 0.0) is True


@given(st.floats(0.1, 10.0), st.floats(0.0, 10.0))
def test_a_cycle_every_second_never_lets_a_lease_lapse(period_s: float, phase_s: float) -> None:
    """Renewals in a plain simulation: at no cycle is the device past its lease, for cycles up to half of it."""
    held, now_s = Lease(500.0, 0.0, POLICY.valid_s), phase_s
    for _ in range(100):
        assert not held.lapsed(now_s)
        if due(POLICY, held, 500.0, now_s):
            held = Lease(500.0, now_s, now_s + POLICY.valid_s)
        now_s += period_s


@pytest.mark.parametrize(("valid_s", "deadband_w"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
def test_a_policy_that_makes_no_sense_is_an_error(valid_s: float, deadband_w: float) -> None:
    with pytest.raises(ValueError, match="must be above 0 s"):
        LeasePolicy(valid_s, deadband_w)
