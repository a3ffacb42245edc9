"""Operating envelopes: what holds when, against the plain word of the schedule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.limits.allowed import FREE, Allowed, Caps, Known, allowed, in_words, wish
from controller.limits.envelope import (
    LAG_S,
    LEAD_S,
    Default,
    Envelope,
    Turn,
    View,
    default_of,
    envelope_of,
    holds,
    newer,
    ruling,
    said_at,
)
from controller.wishes import Band, Rank
from protocols.contracts import Limit, Step

NOON = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


CONTRACT = Limit(
    id="doe-1",
    seq=9,  # above those of later starts: the number decides only between equal starts
    iss="dso",
    aud="home-1",
    start=NOON,
    end=minutes(60),
    schedule=(Step(minutes(0), 5000.0, 5000.0), Step(minutes(15), 3000.0, 0.0), Step(minutes(30), None, 8000.0)),
    default_import_w=4200.0,
    default_export_w=1500.0,
    hold_s=600.0,
)
ENVELOPE = envelope_of(CONTRACT, 1000.0, 4600.0)
DEFAULT = default_of(CONTRACT)


def at(now_s: float, link_lost_s: float | None = None, *others: Envelope) -> Allowed:
    return holds(View((ENVELOPE, *others), DEFAULT, link_lost_s), "dso", now_s)


@pytest.mark.parametrize(
    ("now_s", "caps", "state"),
    [
        (1500.0, Caps(5000.0, 5000.0), "scheduled"),
        (1900.0 - LEAD_S - 0.1, Caps(5000.0, 5000.0), "scheduled"),
        (1900.0 - LEAD_S, Caps(3000.0, 0.0), "scheduled"),  # stricter: early
        (2799.9, Caps(3000.0, 0.0), "scheduled"),
        (2800.0, Caps(3000.0, 0.0), "scheduled"),  # looser: not before the lag is over
        (2800.0 + LAG_S, Caps(None, 8000.0), "scheduled"),
        (4600.0 - LEAD_S, Caps(4200.0, 1500.0), "scheduled"),
        (4600.0, Caps(4200.0, 1500.0), "default"),
        (9e9, Caps(4200.0, 1500.0), "default"),
    ],
)
def test_the_schedule_and_then_the_default(now_s: float, caps: Caps, state: str) -> None:
    told = at(now_s)
    assert (told.caps, told.state, told.known) == (caps, state, Known.LIMITED)


def test_the_schedule_goes_on_through_a_lost_link_and_the_default_comes_after_its_hold() -> None:
    assert at(1500.0, 600.0).caps == Caps(5000.0, 5000.0)
    assert at(1500.0, 600.1).caps == Caps(4200.0, 1500.0)
    for_ever = msgspec_replaced(ENVELOPE, hold_s=None)
    assert holds(View((for_ever,), DEFAULT, 1e6), "dso", 1500.0).caps == Caps(5000.0, 5000.0)


def msgspec_replaced(envelope: Envelope, **changes: object) -> Envelope:
    return Envelope(**{**{name: getattr(envelope, name) for name in envelope.__struct_fields__}, **changes})


def test_never_heard_is_unknown_and_freed_is_unlimited() -> None:
    """Three states: nobody has said, somebody has said that there is none, and 0 W, which is a limit."""
    never = holds(View((), None), "dso", 0.0)
    assert (never.known, never.caps) == (Known.UNKNOWN, FREE)
    freed = holds(View((), Default("doe-1", NOON, 1, FREE)), "dso", 0.0)
    assert (freed.known, freed.caps) == (Known.UNLIMITED, FREE)
    shut = holds(View((), Default("doe-1", NOON, 1, Caps(0.0, None))), "dso", 0.0)
    assert (shut.known, shut.caps) == (Known.LIMITED, Caps(0.0, None))


def test_of_two_that_overlap_the_later_start_wins_then_the_higher_number() -> None:
    """As electrification-bus/doe says; not the stricter of the two, and not the one that came last."""
    later = Envelope("doe-2", "dso", 2, 1200.0, 1700.0, (Turn(1200.0, Caps(9000.0, 9000.0)),), FREE)
    same = Envelope("doe-3", "dso", 3, 1200.0, 1700.0, (Turn(1200.0, Caps(8000.0, 8000.0)),), FREE)
    assert at(1500.0, None, later).caps == Caps(9000.0, 9000.0)
    assert at(1500.0, None, later, same).caps == at(1500.0, None, same, later).caps == Caps(8000.0, 8000.0)
    assert at(1800.0, None, later).caps == Caps(5000.0, 5000.0)  # when it is over the older one is there again


def test_the_default_is_the_newest_envelopes() -> None:
    older, again = Default("a", NOON, 7, FREE), Default("b", NOON, 8, Caps(1.0, 1.0))
    assert newer(None, older) is older
    assert newer(older, again) is newer(again, older) is again
    assert newer(Default("c", minutes(1), 1, FREE), again).envelope == "c"


def test_a_limit_in_words_and_as_a_wish() -> None:
    told = allowed("dso", Caps(0.0, None), "limited", "the DSO says so")
    made = wish(told, 9.0)
    assert made is not None
    assert (made.source, made.rank, made.within) == ("dso", Rank.GRID_LIMIT, Band(float("-inf"), 0.0))
    assert made.why == "the DSO says so: at most 0 W import"
    assert wish(allowed("dso", FREE, "", ""), 9.0) is None
    assert in_words(Caps(1.0, 2.0)) == "at most 1 W import and 2 W export"


WATTS = st.none() | st.sampled_from([0.0, 1000.0, 2000.0, 5000.0])
CAPS = st.builds(Caps, WATTS, WATTS)
TURNS = st.lists(st.builds(Turn, st.integers(0, 40).map(float), CAPS), max_size=4)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    start_s = float(draw(st.integers(0, 30)))
    turns = tuple(sorted(draw(TURNS), key=lambda turn: turn.at_s))
    end_s = start_s + draw(st.integers(1, 20))
    return Envelope(f"e{draw(st.integers(0, 9))}", "dso", draw(st.integers(1, 9)), start_s, end_s, turns, draw(CAPS))


def is_stricter_or_alike(one: Caps, other: Caps) -> bool:
    return one.stricter(other) == one


@given(st.lists(envelopes(), max_size=3), CAPS, st.integers(-5, 60).map(float))
def test_looser_never_comes_early_and_stricter_not_too_early(several: list[Envelope], rest: Caps, now_s: float) -> None:
    """What holds is never looser than the plain word of this moment, and is said somewhere in the window round it."""
    view = View(tuple(several), Default("d", NOON, 1, rest))
    told = holds(view, "dso", now_s)
    assert is_stricter_or_alike(told.caps, said_at(view, now_s))
    fine = [now_s - LAG_S + step / 8 for step in range(1, int(8 * (LAG_S + LEAD_S)) + 1)]
    strictest = said_at(view, now_s - LAG_S)
    for moment in fine:
        strictest = strictest.stricter(said_at(view, moment))
    assert told.caps == strictest


@given(st.lists(envelopes(), max_size=4), st.integers(0, 60).map(float))
def test_the_order_of_arrival_does_not_matter(several: list[Envelope], now_s: float) -> None:
    unlike = {(each.start_s, each.seq): each for each in several}
    one, other = ruling(unlike.values(), now_s), ruling(reversed(list(unlike.values())), now_s)
    assert one == other


@given(CAPS, CAPS, CAPS)
def test_several_sources_intersect(one: Caps, two: Caps, three: Caps) -> None:
    assert one.stricter(two) == two.stricter(one)
    assert one.stricter(two).stricter(three) == one.stricter(two.stricter(three))
    assert one.stricter(FREE) == one
