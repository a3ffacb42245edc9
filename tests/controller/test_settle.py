"""Settle against a plain model: walk the ranks one by one, keep an interval, let the weakest speak last."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.settle import settle
from controller.wishes import Band, Rank, Wish

POWERS = st.floats(min_value=-50_000, max_value=50_000)
NOW_S = 100.0


def wish(source: str, rank: Rank, within: tuple[float, float] | None = None, want_w: float | None = None) -> Wish:
    band = Band(*within) if within is not None else None
    return Wish(source, rank, NOW_S + 1, f"why of {source}", band, want_w)


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    made = []
    for number in range(draw(st.integers(0, 6))):
        ends = sorted((draw(POWERS), draw(POWERS)))
        within = (ends[0], ends[1]) if draw(st.booleans()) else None
        want_w = draw(st.none() | POWERS)
        made.append(wish(f"s{number}", draw(st.sampled_from(Rank)), within, want_w))
    return made


def model(made: list[Wish]) -> float | None:
    """The same rule, said another way: pinch an interval from outside in, then place the weakest preference."""
    low, high, spoken = -math.inf, math.inf, None
    for each in sorted(made, key=lambda w: (int(w.rank), w.source)):
        if each.within is not None:
            low, high = sorted((low, high, each.within.least_w))[1], sorted((low, high, each.within.most_w))[1]
        if each.want_w is not None:
            spoken = each.want_w
    return None if spoken is None else sorted((low, spoken, high))[1]


@given(wishes())
def test_agrees_with_the_plain_model(made: list[Wish]) -> None:
    assert settle(made, NOW_S).value_w == model(made)


@given(wishes(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(made: list[Wish], random: Random) -> None:
    shuffled = list(made)
    random.shuffle(shuffled)
    assert settle(shuffled, NOW_S) == settle(made, NOW_S)


@given(wishes())
def test_no_weaker_wish_breaks_the_strongest_band(made: list[Wish]) -> None:
    verdict = settle([*made, wish("fuse", Rank.SAFETY, (-100.0, 200.0))], NOW_S)
    safety = [w.within for w in made if w.rank is Rank.SAFETY and w.within is not None]
    if verdict.value_w is not None and not safety:
        assert -100.0 <= verdict.value_w <= 200.0


@given(wishes())
def test_every_loser_is_named_and_only_losers_are(made: list[Wish]) -> None:
    verdict = settle(made, NOW_S)
    named = {entry.source for entry in verdict.overruled}
    value_w = verdict.value_w
    for each in made:
        if value_w is None or (each.within is None and each.want_w is None):
            assert each.source not in named
        elif each.within is not None:
            inside = each.within.least_w <= value_w <= each.within.most_w
            assert (each.source in named) == (not inside)
        else:
            assert (each.source in named) == (each.want_w != value_w)


def test_a_contract_beats_the_default_and_says_so() -> None:
    verdict = settle(
        [wish("contract", Rank.CONTRACT, (-2000.0, -2000.0), -2000.0), wish("rest", Rank.DEFAULT, want_w=0.0)], NOW_S
    )
    assert (verdict.value_w, verdict.set_by, verdict.why) == (-2000.0, "contract", "why of contract")
    assert [(o.source, o.asked_w, o.got_w, o.by) for o in verdict.overruled] == [("rest", 0.0, -2000.0, "contract")]


def test_a_contract_beyond_the_fuse_is_clamped_by_the_fuse() -> None:
    verdict = settle(
        [
            wish("connection", Rank.SAFETY, (-4000.0, 9000.0)),
            wish("contract", Rank.CONTRACT, (-6000.0, -6000.0), -6000.0),
            wish("rest", Rank.DEFAULT, want_w=0.0),
        ],
        NOW_S,
    )
    clamp = verdict.clamp_of("contract")
    assert verdict.value_w == -4000.0
    assert clamp is not None
    assert (clamp.asked_w, clamp.got_w, clamp.by) == (-6000.0, -4000.0, "connection")


def test_zero_is_an_order() -> None:
    verdict = settle([wish("contract", Rank.CONTRACT, (0.0, 0.0), 0.0), wish("x", Rank.OPTIMISER, want_w=500.0)], NOW_S)
    assert (verdict.value_w, verdict.set_by) == (0.0, "contract")


def test_a_wish_dies_of_age() -> None:
    old = Wish("old", Rank.SAFETY, NOW_S, "too old", Band(0, 0), 0.0)
    verdict = settle([old, wish("rest", Rank.DEFAULT, want_w=7.0)], NOW_S)
    assert (verdict.value_w, verdict.overruled) == (7.0, ())


def test_nobody_wanting_anything_is_no_value() -> None:
    verdict = settle([wish("connection", Rank.SAFETY, (-1.0, 1.0))], NOW_S)
    assert (verdict.value_w, verdict.set_by) == (None, "nothing")


@pytest.mark.parametrize(("least", "most"), [(1.0, 0.0), (math.nan, 0.0), (0.0, math.nan)])
def test_a_band_that_is_none_is_an_error(least: float, most: float) -> None:
    with pytest.raises(ValueError, match="must not exceed"):
        Band(least, most)
