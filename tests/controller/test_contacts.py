"""A contact of the grid operator: active it limits, blind it limits too, at the operator's rank."""

from math import inf

import pytest

from controller.laws.contacts import Limit, step
from controller.wishes import Band, Rank


def test_an_open_contact_says_nothing() -> None:
    assert list(step([Limit("dimmer", False, 4200.0)], 10.0)) == []


@pytest.mark.parametrize(("is_active", "says"), [(True, "is active"), (None, "cannot be read")])
def test_an_active_or_blind_one_limits(is_active: bool | None, says: str) -> None:
    (wish,) = step([Limit("dimmer", is_active, 4200.0)], 10.0)
    assert (wish.source, wish.rank, wish.within) == ("contact dimmer", Rank.GRID_LIMIT, Band(-inf, 4200.0))
    assert (wish.good_until_s, wish.want_w) == (10.0, None)
    assert wish.why == f"contact dimmer {says}: 4200 W import at most"


def test_both_ways_and_several_at_once() -> None:
    first, second = step([Limit("a", True, 4200.0, 0.0), Limit("b", True, None, 3000.0)], 10.0)
    assert (first.within, second.within) == (Band(0.0, 4200.0), Band(-3000.0, inf))
    assert first.why.endswith("4200 W import at most and 0 W export at most")
