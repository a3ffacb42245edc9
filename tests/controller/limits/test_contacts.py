"""Contacts: bouncing, contradictory, unreadable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.limits.allowed import FREE, Caps, Known
from controller.limits.contacts import UNREADABLE_S, Memory, Params, holds, read, strictest, unread

DIMMED = Params("14a", (Caps(4200.0, None),), Caps(4200.0, None))
STEPS = (Caps(None, 6000.0), Caps(None, 3000.0), Caps(None, 0.0))
RIPPLE = Params("ripple", STEPS, strictest(STEPS))


def after(params: Params, *seen: tuple[float, tuple[bool, ...] | None]) -> Memory:
    memory = Memory()
    for now_s, closed in seen:
        memory = unread(memory, now_s) if closed is None else read(params, memory, closed, now_s)
    return memory


def test_before_the_first_reading_the_failsafe_holds() -> None:
    told = holds(DIMMED, Memory(), 0.0)
    assert (told.caps, told.known, told.state) == (Caps(4200.0, None), Known.UNKNOWN, "failsafe")


def test_the_first_reading_counts_at_once() -> None:
    assert holds(DIMMED, after(DIMMED, (0.0, (False,))), 0.0).known is Known.UNLIMITED
    assert holds(DIMMED, after(DIMMED, (0.0, (True,))), 0.0).caps == Caps(4200.0, None)


def test_a_contact_that_bounces_counts_when_it_has_settled() -> None:
    memory = after(DIMMED, (0.0, (False,)), (1.0, (True,)), (1.2, (False,)), (1.4, (True,)), (1.8, (True,)))
    assert holds(DIMMED, memory, 1.8).caps == FREE
    assert holds(DIMMED, read(DIMMED, memory, (True,), 1.9), 1.9).caps == Caps(4200.0, None)


@pytest.mark.parametrize(
    ("closed", "export_w", "state"),
    [
        ((False, False, False), None, "open"),
        ((True, False, False), 6000.0, "closed"),
        ((False, True, False), 3000.0, "closed"),
        ((False, False, True), 0.0, "closed"),
        ((True, True, False), 3000.0, "closed"),  # contradictory: the stricter
        ((True, True, True), 0.0, "closed"),
    ],
)
def test_ripple_control_in_four_steps(closed: tuple[bool, ...], export_w: float | None, state: str) -> None:
    told = holds(RIPPLE, after(RIPPLE, (0.0, closed)), 0.0)
    assert (told.caps, told.state) == (Caps(None, export_w), state)


def test_none_closed_is_a_broken_wire_where_one_must_be() -> None:
    always = Params("ripple", (FREE, *STEPS), strictest(STEPS), one_is_closed=True)
    assert holds(always, after(always, (0.0, (False,) * 4)), 0.0).caps == Caps(None, 0.0)
    free = holds(always, after(always, (0.0, (True, False, False, False))), 0.0)
    assert (free.known, free.caps) == (Known.UNLIMITED, FREE)


def test_unreadable_contacts_are_failsafe_after_a_while_and_not_at_the_first_lost_request() -> None:
    memory = after(DIMMED, (0.0, (False,)), (10.0, None), (12.0, None))
    assert holds(DIMMED, memory, 10.0 + UNREADABLE_S - 0.1).caps == FREE
    told = holds(DIMMED, memory, 10.0 + UNREADABLE_S)
    assert (told.caps, told.state) == (Caps(4200.0, None), "failsafe")
    assert holds(DIMMED, read(DIMMED, memory, (False,), 20.0), 20.0).caps == FREE


def test_another_number_of_contacts_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 contacts were read, 1 are configured"):
        read(DIMMED, Memory(), (True, False), 0.0)


@given(st.lists(st.tuples(st.floats(0.01, 2.0), st.booleans()), max_size=20))
def test_what_counts_was_seen_for_the_settling_time(seen: list[tuple[float, bool]]) -> None:
    memory, now_s, history = read(DIMMED, Memory(), (False,), 0.0), 0.0, [(0.0, False)]
    for wait_s, closed in seen:
        now_s += wait_s
        before = memory.counts
        memory = read(DIMMED, memory, (closed,), now_s)
        history.append((now_s, closed))
        if memory.counts != before:
            since = next((at for at, was in reversed(history) if was is not closed), -1.0)
            assert now_s - min(at for at, _ in history if at > since) >= DIMMED.settle_s
