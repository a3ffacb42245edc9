"""The disconnect control against the table of DLMS class 70 written out by hand, and the load limit as a film."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.disconnect import MODES, Control, Limit, Trigger, Watch, after, supervised

DISCONNECTED, CONNECTED, READY = Control.DISCONNECTED, Control.CONNECTED, Control.READY

# What may be done in each mode, in words: (remote reconnect connects at once, hand disconnects, meter reconnects by itself).
WORDS = {
    1: (False, True, False),
    2: (True, True, False),
    3: (False, False, False),
    4: (True, False, False),
    5: (False, True, True),
    6: (False, False, True),
}


def expected(control: Control, trigger: Trigger, mode: int) -> Control | None:
    at_once, by_hand, by_itself = WORDS[mode]
    match control, trigger:
        case (Control.CONNECTED | Control.READY, Trigger.REMOTE_DISCONNECT):
            return DISCONNECTED
        case (Control.DISCONNECTED, Trigger.REMOTE_RECONNECT):
            return CONNECTED if at_once else READY
        case (Control.READY, Trigger.MANUAL_RECONNECT):
            return CONNECTED
        case (Control.CONNECTED, Trigger.MANUAL_DISCONNECT):
            return READY if by_hand else None
        case (Control.CONNECTED, Trigger.LOCAL_DISCONNECT):
            return READY
        case (Control.READY, Trigger.LOCAL_RECONNECT):
            return CONNECTED if by_itself else None
        case _:
            return None


@pytest.mark.parametrize("mode", WORDS)
def test_every_pair_of_state_and_trigger(mode: int) -> None:
    for control, trigger in itertools.product(Control, Trigger):
        assert after(control, trigger, mode) is expected(control, trigger, mode), (control, trigger)


def test_mode_0_is_always_connected() -> None:
    assert all(after(CONNECTED, trigger, 0) is None for trigger in Trigger)


@given(st.lists(st.sampled_from(Trigger)), st.sampled_from(sorted(MODES)))
def test_who_was_cut_off_from_afar_is_never_connected_by_hand_alone(triggers: list[Trigger], mode: int) -> None:
    control = DISCONNECTED
    for trigger in triggers:
        if trigger is Trigger.REMOTE_RECONNECT:
            break
        control = after(control, trigger, mode) or control
        assert control is DISCONNECTED


LIMIT = Limit(import_max_w=4000.0, over_s=30.0, reconnect_after_s=60.0, attempts=2)

Row = tuple[float, float | None, Control, Trigger | None]


def played(rows: list[Row], limit: Limit = LIMIT, watch: Watch | None = None) -> Watch:
    """Rows of time, imported power, state, and what the limit does then."""
    memory = watch or Watch()
    for now_s, import_w, control, trigger in rows:
        memory, found = supervised(limit, memory, now_s, import_w, control)
        assert found is trigger, now_s
    return memory


def over(start_s: int, end_s: int, import_w: float | None = 5000.0) -> list[Row]:
    return [(float(second), import_w, CONNECTED, None) for second in range(start_s, end_s)]


def test_who_imports_too_much_for_too_long_is_cut_off() -> None:
    played([*over(0, 30), (30.0, 5000.0, CONNECTED, Trigger.LOCAL_DISCONNECT)])


@pytest.mark.parametrize("import_w", [4000.0, 0.0, -9000.0])
def test_a_moment_within_the_limit_begins_the_count_anew(import_w: float) -> None:
    rows: list[Row] = [*over(0, 29), (29.0, import_w, CONNECTED, None), *over(30, 60)]
    played([*rows, (60.0, 5000.0, CONNECTED, Trigger.LOCAL_DISCONNECT)])


def test_blind_nobody_is_cut_off() -> None:
    played([*over(0, 29), *over(29, 200, None), *over(200, 229), (229.5, 5000.0, CONNECTED, None)])
    played([*over(0, 29), (300.0, 5000.0, CONNECTED, None)])


def test_it_connects_again_by_itself_so_many_times() -> None:
    watch = played([*over(0, 30), (30.0, 5000.0, CONNECTED, Trigger.LOCAL_DISCONNECT), (89.9, 0.0, READY, None)])
    watch = played([(90.0, 0.0, READY, Trigger.LOCAL_RECONNECT)], watch=watch)
    watch = played([*over(90, 120), (120.0, 5000.0, CONNECTED, Trigger.LOCAL_DISCONNECT)], watch=watch)
    watch = played([(180.0, 0.0, READY, Trigger.LOCAL_RECONNECT)], watch=watch)
    watch = played([*over(180, 210), (210.0, 5000.0, CONNECTED, Trigger.LOCAL_DISCONNECT)], watch=watch)
    played([(270.0, 0.0, READY, None), (9999.0, 0.0, READY, None)], watch=watch)


def test_a_state_that_the_limit_did_not_make_is_left_alone() -> None:
    played([(0.0, 0.0, READY, None), (999.0, 0.0, READY, None), (1000.0, 5000.0, DISCONNECTED, None)])
