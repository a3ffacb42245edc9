"""The transitions of EEBUS LPC, each by the requirement that asks for it, and what must hold whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.limits.guarded import (
    TRANSITIONS,
    Event,
    Failsafe,
    Memory,
    Refusal,
    State,
    Write,
    due,
    ends_s,
    heard,
    limit_w,
    passed,
    restarted,
    written,
)

FAILSAFE = Failsafe(4200.0, 7200.0)
RELEASE = Write(None)


class Site:
    """The limited side on a clock that the test turns."""

    def __init__(self) -> None:
        self.now_s, self.memory = 0.0, restarted(0.0)

    def at(self, now_s: float) -> "Site":
        self.now_s, self.memory = now_s, passed(FAILSAFE, self.memory, now_s)
        return self

    def beat(self) -> "Site":
        self.memory = heard(self.memory, self.now_s)
        return self

    def told(self, write: Write) -> Refusal | None:
        self.memory, refusal = written(self.memory, write, self.now_s)
        return refusal

    def taken(self, write: Write) -> "Site":
        assert self.told(write) is None
        return self

    def is_(self, state: State, limit: float | None) -> None:
        assert (self.memory.state, limit_w(FAILSAFE, self.memory)) == (state, limit)


def begun(write: Write) -> Site:
    """A heartbeat at 10 s and what follows it at 11 s."""
    return Site().at(10.0).beat().at(11.0).taken(write)


def in_failsafe() -> Site:
    """Limited to 3 kW, then silence: failsafe since 130 s."""
    return begun(Write(3000.0)).at(200.0)


def test_901_a_restart_is_limited_by_the_failsafe_value() -> None:
    Site().is_(State.INIT, 4200.0)


def test_902_905_a_deactivated_limit_ends_the_wait() -> None:
    begun(RELEASE).is_(State.UNLIMITED_CONTROLLED, None)


def test_904_an_active_limit_ends_the_wait() -> None:
    begun(Write(3000.0)).is_(State.LIMITED, 3000.0)


def test_906_nothing_for_120_s_after_a_restart_is_autonomous() -> None:
    Site().at(119.9).is_(State.INIT, 4200.0)
    Site().at(120.0).is_(State.UNLIMITED_AUTONOMOUS, None)


def test_908_the_limit_ends_with_its_duration() -> None:
    site = begun(Write(3000.0, 900.0))
    for minute in range(1, 16):
        site.at(60.0 * minute).is_(State.LIMITED, 3000.0)
        site.beat()
    site.at(910.9).is_(State.LIMITED, 3000.0)
    site.at(911.0).is_(State.UNLIMITED_CONTROLLED, None)


def test_a_limit_says_when_it_is_over_by_itself() -> None:
    """By its duration, [LPC-906] after a restart, [LPC-921] or [LPC-922] in failsafe; without a duration nobody knows."""

    def of(site: Site) -> float | None:
        return ends_s(FAILSAFE, site.memory)

    assert of(begun(Write(3000.0, 900.0))) == 911.0
    assert of(begun(Write(3000.0))) is None
    assert of(begun(RELEASE)) is None
    assert of(Site()) == 120.0
    assert of(in_failsafe()) == 130.0 + 7200.0
    assert of(in_failsafe().beat()) == 200.0 + 120.0


def test_909_910_the_guard_releases_and_limits_again() -> None:
    site = begun(Write(3000.0)).at(40.0).beat().taken(RELEASE)
    site.is_(State.UNLIMITED_CONTROLLED, None)
    site.taken(Write(2000.0)).is_(State.LIMITED, 2000.0)


@pytest.mark.parametrize("write", [RELEASE, Write(3000.0), Write(9000.0, 7200.0)])
def test_911_912_silence_is_failsafe_counted_from_the_last_heartbeat(write: Write) -> None:
    before = begun(write)
    held = limit_w(FAILSAFE, before.memory)
    before.at(129.9)
    assert limit_w(FAILSAFE, before.memory) == held
    before.at(130.0).is_(State.FAILSAFE, 4200.0)


def test_a_heartbeat_alone_does_not_end_the_failsafe() -> None:
    """evcc#32492: left on a bare heartbeat, the house was unlimited until the limit came."""
    in_failsafe().at(400.0).beat().is_(State.FAILSAFE, 4200.0)


def test_919_920_failsafe_and_autonomous_end_with_a_heartbeat_and_a_limit() -> None:
    in_failsafe().at(400.0).beat().at(401.0).taken(Write(2500.0)).is_(State.LIMITED, 2500.0)
    in_failsafe().at(400.0).beat().at(401.0).taken(RELEASE).is_(State.UNLIMITED_CONTROLLED, None)
    Site().at(500.0).beat().at(501.0).taken(Write(1000.0)).is_(State.LIMITED, 1000.0)


def test_921_a_guard_that_only_beats_has_120_s() -> None:
    site = in_failsafe().at(400.0).beat().at(460.0).beat()
    site.at(519.9).is_(State.FAILSAFE, 4200.0)
    site.at(520.0).is_(State.UNLIMITED_AUTONOMOUS, None)


def test_922_the_failsafe_ends_after_its_duration_whoever_is_away() -> None:
    """evcc#25545: it never ended. Entered at 130 s, it lasts two hours."""
    site = in_failsafe()
    site.at(7329.9).is_(State.FAILSAFE, 4200.0)
    site.at(7330.0).is_(State.UNLIMITED_AUTONOMOUS, None)


@pytest.mark.parametrize("begin", [Site, in_failsafe, lambda: Site().at(130.0)])
def test_a_limit_without_a_heartbeat_in_the_minute_before_is_refused(begin: type[Site]) -> None:
    """Implementation guide 2.14: a guard that lost its own link must not lift what it cannot justify."""
    site = begin()
    site.at(site.now_s + 10.0)
    before = site.memory
    for write in (RELEASE, Write(1000.0)):
        refusal = site.told(write)
        assert refusal is not None
        assert refusal.reason == "no_heartbeat"
    assert site.memory == before
    site.beat().at(site.now_s + 60.0).taken(Write(1000.0)).is_(State.LIMITED, 1000.0)


def test_a_limit_61_s_after_the_heartbeat_is_too_late() -> None:
    site = in_failsafe().at(300.0).beat().at(361.0)
    refusal = site.told(RELEASE)
    assert refusal is not None
    assert refusal.why == "last heartbeat: 61.0 s ago; in failsafe a limit must follow one within 60 s"


@pytest.mark.parametrize("watts", [-1.0, -4200.0, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(watts: float) -> None:
    """evcc#25545: negative limits were taken."""
    refusal = Site().at(10.0).beat().told(Write(watts))
    assert refusal is not None
    assert refusal.reason == "negative"


def test_zero_is_a_limit() -> None:
    begun(Write(0.0)).is_(State.LIMITED, 0.0)


def test_a_limit_without_a_duration_does_not_expire() -> None:
    """evcc#32492: it was released ten seconds later."""
    site = begun(Write(3000.0))
    for minute in range(1, 1000):
        site.at(60.0 * minute).beat()
    site.is_(State.LIMITED, 3000.0)


def test_a_limit_for_no_time_is_a_release() -> None:
    begun(Write(3000.0)).at(20.0).taken(Write(1000.0, 0.0)).is_(State.UNLIMITED_CONTROLLED, None)


def test_a_new_limit_replaces_the_old_one_and_its_end() -> None:
    site = begun(Write(3000.0, 60.0)).at(50.0).taken(Write(2000.0)).at(100.0)
    site.is_(State.LIMITED, 2000.0)


@pytest.mark.parametrize(
    ("limit", "duration_s", "said"),
    [(-1.0, 7200.0, "-1 W"), (float("nan"), 7200.0, "nan"), (4200.0, 3600.0, "3600 s"), (4200.0, 90_000.0, "90000 s")],
)
def test_failsafe_values_out_of_range(limit: float, duration_s: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Failsafe(limit, duration_s)


def test_the_table_has_a_row_for_each_state_and_leads_nowhere_else() -> None:
    assert set(TRANSITIONS) == set(State)
    reached = {to for row in TRANSITIONS.values() for to in row.values()}
    assert reached == set(State) - {State.INIT}, "only a restart leads to init"
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


PAUSES = st.one_of(st.floats(0.0, 200.0), st.floats(0.0, 10_000.0))
WRITES = st.builds(Write, st.none() | st.floats(0.0, 20_000.0), st.none() | st.floats(0.0, 3600.0))
STEPS = st.lists(st.tuples(PAUSES, st.none() | st.just("beat") | WRITES), max_size=30)


@given(STEPS)
def test_whatever_comes_nobody_goes_free_by_silence_alone(steps: list[tuple[float, str | Write | None]]) -> None:
    """Out of a limit into none: only by the guard's word, the limit's own end, or after failsafe has done its time."""
    site = Site()
    for pause_s, what in steps:
        before, from_s = site.memory, site.now_s
        site.at(site.now_s + pause_s)
        if before.state in (State.LIMITED, State.UNLIMITED_CONTROLLED) and pause_s < 7200.0:
            ended = before.until_s is not None and before.until_s <= site.now_s
            assert site.memory.state is not State.UNLIMITED_AUTONOMOUS
            assert limit_w(FAILSAFE, site.memory) is not None or ended or before.state is State.UNLIMITED_CONTROLLED
        if what == "beat":
            site.beat()
            assert limit_w(FAILSAFE, site.memory) == limit_w(FAILSAFE, passed(FAILSAFE, before, from_s + pause_s))
        elif isinstance(what, Write):
            site.told(what)
        held = limit_w(FAILSAFE, site.memory)
        assert held is None or 0.0 <= held < float("inf")


@given(STEPS, st.floats(0.0, 20_000.0), st.floats(0.0, 1.0))
def test_looking_in_between_changes_nothing(
    steps: list[tuple[float, str | Write | None]], later_s: float, share: float
) -> None:
    site = Site()
    for pause_s, what in steps:
        site.at(site.now_s + pause_s)
        if what == "beat":
            site.beat()
        elif isinstance(what, Write):
            site.told(what)
    end_s = site.now_s + later_s
    between = passed(FAILSAFE, site.memory, site.now_s + share * later_s)
    assert passed(FAILSAFE, between, end_s) == passed(FAILSAFE, site.memory, end_s)


@given(STEPS)
def test_what_is_due_lies_ahead_and_brings_a_change(steps: list[tuple[float, str | Write | None]]) -> None:
    site = Site()
    for pause_s, what in steps:
        site.at(site.now_s + pause_s)
        if what == "beat":
            site.beat()
        next_ = due(FAILSAFE, site.memory)
        if next_ is not None:
            assert next_[0] > site.now_s
            changed: Memory = passed(FAILSAFE, site.memory, next_[0])
            assert changed.state is not site.memory.state
