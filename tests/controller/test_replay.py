"""The window of used numbers against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from controller.replay import REACH, Answer, Window


def used(*numbers: int) -> Window:
    window = Window()
    for number in numbers:
        window = window.with_used(number, Answer(f"{number}", "accepted"))
    return window


@given(st.lists(st.integers(1, 400), max_size=400))
def test_no_number_counts_twice_and_none_near_the_highest_is_lost(numbers: list[int]) -> None:
    window, taken = Window(), set[int]()
    for number in numbers:
        is_fresh = window.is_fresh(number)
        assert not (is_fresh and number in taken)
        overtaken_by = sum(each > number for each in taken)
        assert is_fresh or number in taken or overtaken_by >= REACH
        if is_fresh:
            window = window.with_used(number, Answer("", ""))
            taken.add(number)
    assert window.highest == max(taken, default=0)
    assert len(window.used) <= REACH


def test_numbers_by_the_clock_may_overtake_each_other() -> None:
    window = used(1_700_000_000_000, 1_700_000_900_000)
    assert window.is_fresh(1_700_000_300_000)
    assert not window.is_fresh(1_700_000_000_000)


def test_what_fell_out_of_the_window_is_used() -> None:
    window = used(*range(10, 10 + REACH + 1))
    assert window.floor == 10
    assert not window.is_fresh(9)
    assert not window.is_fresh(10)
    assert window.is_fresh(10 + REACH + 1)


def test_only_the_very_same_message_is_answered_as_before() -> None:
    window = used(5)
    assert window.answered(5, "5") == Answer("5", "accepted")
    assert window.answered(5, "other") is None
    assert window.answered(6, "5") is None
