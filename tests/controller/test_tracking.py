"""Tracking: what several contracts ask together, and whose fault it is; against sums by hand, and a random walk."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.gauge import Sample
from controller.items import Item
from controller.tracking import Closed, Goal, Memory, shifted, step
from protocols.contracts import Outcome

GAP_S = 5.0
A = Item("a", 100.0, 1000.0, 300.0, 1200.0)  # 100 Wh in each of three intervals
B = Item("b", 100.0, 1000.0, 300.0, -600.0)  # 50 Wh the other way
CHANGE = Item("r", 100.0, 700.0, 300.0, -500.0, is_change=True)

Flow = Callable[[float], float]


class Site:
    """A connection point that is read each second, without counters unless asked; `goals` and `closed` are what is said."""

    def __init__(self, flow: Flow, *, counts: bool = False) -> None:
        self.flow, self.counts, self.memory = flow, counts, Memory()
        self.at_s, self.net_wh = 0.0, 0.0
        self.goals: list[Goal | None] = []
        self.closed: list[Closed] = []

    def until(self, end_s: float, *items: Item, sees: bool = True) -> "Site":
        while self.at_s < end_s:
            self.at_s += 1.0
            power_w = self.flow(self.at_s)
            self.net_wh += power_w / 3600.0
            counters = (max(self.net_wh, 0.0) + 1e5, max(-self.net_wh, 0.0) + 1e5) if self.counts else (None, None)
            sample = Sample(self.at_s, power_w, *counters) if sees else None
            begun = tuple(item for item in items if item.start_s <= self.at_s + 0.5)
            self.memory, goal, closed = step(self.memory, self.at_s + 0.5, begun, sample, GAP_S)
            self.goals.append(goal)
            self.closed += closed
        return self

    def outcomes(self, contract: str) -> list[Outcome]:
        return [each.outcome for each in self.closed if each.contract == contract]


def test_one_contract_delivered_interval_by_interval() -> None:
    site = Site(lambda _: 1200.0).until(1010.0, A)
    assert site.outcomes("a") == [Outcome.DELIVERED] * 3
    assert [(each.start_s, each.end_s) for each in site.closed] == [(100.0, 400.0), (400.0, 700.0), (700.0, 1000.0)]
    assert all(each.due_wh == pytest.approx(100.0) for each in site.closed)
    assert all(each.metered_wh == pytest.approx(100.0) for each in site.closed)
    tally = site.memory.tallies["a"]
    assert tally.outcome()[0] is Outcome.DELIVERED
    assert tally.due_wh == pytest.approx(300.0)


def test_energy_contracts_add_up_and_share_what_is_missed_by_their_size() -> None:
    """600 W are asked together, 312 W flow: 24 Wh are missed in 300 s, two thirds of it by the larger."""
    site = Site(lambda _: 312.0).until(450.0, A, B)
    goal = site.goals[200]
    assert goal is not None
    assert (goal.contracts, goal.start_s, goal.end_s) == (("a", "b"), 100.0, 400.0)
    assert goal.energy_wh == pytest.approx(50.0)
    by = {each.contract: each for each in site.closed}
    assert by["a"].deviation_wh == pytest.approx(-16.0)
    assert by["b"].deviation_wh == pytest.approx(-8.0)
    assert by["a"].target_wh == pytest.approx(50.0)
    # 100 W of tolerance are 8.3 Wh in 300 s.
    assert (by["a"].outcome, by["b"].outcome) == (Outcome.VIOLATED, Outcome.DELIVERED)


def test_a_change_is_counted_from_the_mean_of_the_interval_before_its_start() -> None:
    r = msgspec.structs.replace(CHANGE, start_s=400.0, end_s=1000.0)
    site = Site(lambda t: 800.0 if t <= 250.0 else 1600.0 if t <= 400.0 else 700.0).until(1010.0, r)
    goal = site.goals[500]
    assert goal is not None
    assert goal.energy_wh == pytest.approx((1200.0 - 500.0) * 300.0 / 3600.0, rel=0.01)
    assert site.outcomes("r") == [Outcome.DELIVERED] * 2
    assert goal.note.startswith(("baseline 1199 W", "baseline 1200 W"))


def test_a_change_that_follows_upon_another_keeps_its_baseline() -> None:
    first = msgspec.structs.replace(CHANGE, start_s=400.0, end_s=700.0)
    second = msgspec.structs.replace(CHANGE, id="r2", start_s=700.0, end_s=1000.0)
    site = Site(lambda t: 1000.0 if t <= 400.0 else 500.0).until(1010.0, first, second)
    assert [each.target_wh for each in site.closed] == pytest.approx([500.0 / 12.0] * 2, rel=0.01)


def test_a_nomination_is_the_baseline_of_its_interval() -> None:
    r = msgspec.structs.replace(CHANGE, nominated_w=(1000.0, 2000.0))
    site = Site(lambda _: 0.0).until(710.0, r)
    assert [each.target_wh for each in site.closed] == pytest.approx([500.0 / 12.0, 1500.0 / 12.0])


def test_a_change_beside_energy_contracts_changes_what_they_ask() -> None:
    site = Site(lambda _: 700.0).until(410.0, A, CHANGE)
    assert [each.outcome for each in site.closed] == [Outcome.DELIVERED] * 2
    assert site.closed[0].target_wh == pytest.approx(700.0 / 12.0)


def test_a_baseline_nobody_measured_proves_nothing() -> None:
    site = Site(lambda _: 0.0).until(99.0, sees=False).until(410.0, CHANGE)
    assert site.outcomes("r") == [Outcome.UNPROVEN]


def test_what_was_missed_is_carried_on_within_an_interval_and_not_into_the_next() -> None:
    """B starts in the middle of A's interval: a new segment, and A's lack so far is still owed."""
    late = msgspec.structs.replace(B, start_s=250.0, end_s=1150.0)
    site = Site(lambda _: 0.0).until(300.0, A, late)
    goal = site.goals[-1]
    assert goal is not None
    assert goal.end_s == 400.0
    assert goal.energy_wh == pytest.approx(600.0 * 150.0 / 3600.0 + 1200.0 * 150.0 / 3600.0)
    plain = Site(lambda _: 0.0).until(500.0, A).goals[-1]
    assert plain is not None
    assert plain.energy_wh == pytest.approx(100.0)


def test_a_contract_that_comes_late_owes_its_part_and_proves_nothing_for_that_interval() -> None:
    site = Site(lambda _: 1200.0).until(250.0).until(710.0, A)
    goal = site.goals[260]
    assert goal is not None
    assert goal.energy_wh == pytest.approx(50.0, abs=0.5)
    assert site.outcomes("a") == [Outcome.UNPROVEN, Outcome.DELIVERED]


def test_a_contract_cut_off_bears_what_is_missed_and_the_others_are_steered_on() -> None:
    off = msgspec.structs.replace(B, cut_off="no link")
    site = Site(lambda _: 1200.0).until(410.0, A, off)
    goal = site.goals[200]
    assert goal is not None
    assert goal.contracts == ("a",)
    assert goal.energy_wh == pytest.approx(100.0)
    assert (site.outcomes("a"), site.outcomes("b")) == ([Outcome.DELIVERED], [Outcome.VIOLATED])
    assert Site(lambda _: 0.0).until(200.0, off).goals[-1] is None


def test_a_contract_that_is_cut_short_owes_so_much_less() -> None:
    short = msgspec.structs.replace(A, end_s=250.0)
    site = Site(lambda _: 1200.0).until(200.0, A).until(260.0, short)
    assert [each.end_s for each in site.closed] == [250.0]
    assert site.closed[0].due_wh == pytest.approx(50.0)


@pytest.mark.parametrize(("counts", "outcome"), [(True, Outcome.DELIVERED), (False, Outcome.UNPROVEN)])
def test_counters_bridge_a_gap_and_without_them_nothing_is_claimed(counts: bool, outcome: Outcome) -> None:
    site = Site(lambda _: 1200.0, counts=counts).until(200.0, A).until(260.0, A, sees=False).until(410.0, A)
    assert site.outcomes("a") == [outcome]


def test_counters_do_not_tell_on_which_side_of_an_edge_it_flowed() -> None:
    site = Site(lambda _: 1200.0, counts=True).until(360.0, A).until(500.0, A, sees=False).until(710.0, A)
    assert site.outcomes("a") == [Outcome.UNPROVEN] * 2


@pytest.mark.parametrize(("counts", "outcome"), [(True, Outcome.DELIVERED), (False, Outcome.UNPROVEN)])
def test_a_restart_goes_on_from_the_register_that_was_kept(counts: bool, outcome: Outcome) -> None:
    """60 s without a node; its new life begins at another second of another clock."""
    site = Site(lambda _: 1200.0, counts=counts).until(200.0, A)
    kept = msgspec.json.decode(msgspec.json.encode(site.memory), type=Memory)
    site.until(260.0, A, sees=False)
    site.memory = shifted(shifted(kept, 1e6), -1e6 + 0.0004)
    site.until(1010.0, A)
    assert site.outcomes("a") == [outcome, Outcome.DELIVERED, Outcome.DELIVERED]
    assert site.closed[0].metered_wh == pytest.approx(100.0, rel=0.01)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5), st.integers(-30, 30)), min_size=1, max_size=4),
    st.lists(st.integers(-5000, 5000), min_size=12, max_size=12),
)
@settings(max_examples=20)
def test_shares_of_what_was_missed_add_up_to_what_was_missed(
    windows: list[tuple[int, int, int]], powers: list[int]
) -> None:
    """Whatever overlaps: together the contracts have been delivered what flowed while any of them was open."""
    items = [
        Item(f"c{index}", 60.0 + 60.0 * start, 60.0 + 60.0 * start + 120.0 * count, 120.0, 100.0 * power)
        for index, (start, count, power) in enumerate(windows)
    ]
    site = Site(lambda t: float(powers[int(t // 120) % 12]))
    site.until(1400.0, *items)
    flowed_wh = sum(
        (site.flow(t) + site.flow(t + 1.0)) / 2.0 / 3600.0
        for t in map(float, range(1400))
        if any(item.start_s <= t < item.end_s for item in items)
    )
    delivered_wh = sum(each.due_wh + each.deviation_wh for each in site.closed)
    assert delivered_wh == pytest.approx(flowed_wh, abs=1e-3)
    assert len(site.closed) == sum(count for _, count, _ in windows)
