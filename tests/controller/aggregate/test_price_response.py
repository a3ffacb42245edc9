"""Coming back after an event: each home by itself, a thousand together without a new peak."""

from dataclasses import replace
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest

from bench import rebound_law
from controller.aggregate.price_response import HEATED, Machine, Memory, Params, Phase, Seen, step

# No rise, so that sums can be told by hand.
FLAT = replace(HEATED, share=1.0, extra=0.0, more_per_h=0.0)
ELEMENT = Machine(2000.0, 2000.0, 0.5)
PUMP = Machine(600.0, 2000.0, 0.5)


class Home:
    """A machine that draws what it may, minute by minute, and whose thermostat wants ever more after an event."""

    def __init__(self, params: Params, machine: Machine, usual_w: float) -> None:
        self.params, self.machine = params, machine
        self.memory, self.now_s, self.most_w = Memory(), 0.0, inf
        self.power_w: float | None = None
        for _ in range(240):
            self.minute(usual_w, in_event=False, wants=True)

    def minute(self, power_w: float | None, *, in_event: bool = False, wants: bool = True) -> float:
        self.now_s += 60.0
        seen = Seen(in_event, power_w, wants)
        self.memory, self.most_w = step(self.params, self.memory, self.now_s, self.machine, seen)
        return self.most_w

    def hour_of_event(self) -> None:
        assert {self.minute(0.0, in_event=True) for _ in range(60)} == {0.0}

    def returning(self, minutes: int) -> list[float]:
        """What it may draw in each minute, and draws."""
        return [self.minute(min(self.most_w, self.machine.most_w)) for _ in range(minutes)]


def test_nothing_holds_a_home_that_had_no_event() -> None:
    assert Home(FLAT, PUMP, 800.0).most_w == inf


def test_a_pump_that_can_go_so_low_comes_back_with_its_usual_power() -> None:
    home = Home(FLAT, PUMP, 800.0)
    home.hour_of_event()
    assert home.returning(600) == pytest.approx([800.0] * 600)


def test_it_begins_below_and_rises() -> None:
    """0.8 of 1000 W, 0.1 more an hour up to 1.02, and 0.01 more each hour all the while."""
    home = Home(HEATED, PUMP, 1000.0)
    home.hour_of_event()
    powers_w = home.returning(601)
    assert [powers_w[minute] for minute in (0, 60, 120, 600)] == pytest.approx([800.0, 910.0, 1020.0, 1120.0])


def test_what_cannot_go_so_low_burns_in_turns_with_the_same_mean() -> None:
    home = Home(FLAT, ELEMENT, 500.0)
    home.hour_of_event()
    powers_w = np.array(home.returning(6000))
    assert set(powers_w) == {0.0, 2000.0}
    assert powers_w.mean() == pytest.approx(500.0, rel=0.02)
    turns = np.flatnonzero(np.diff(powers_w)) + 1
    burns = [int(end - begin) for begin, end in pairwise(turns) if powers_w[begin] > 0.0]
    # As long as the budget says, and a minute or two of rounding.
    assert min(burns) >= 15
    assert max(burns) <= 17


def test_a_pump_that_burns_in_turns_runs_at_its_least() -> None:
    home = Home(FLAT, PUMP, 300.0)
    home.hour_of_event()
    assert set(home.returning(600)) == {0.0, 600.0}


def test_the_usual_power_forgets() -> None:
    """A mean over an hour, after a day at 800 W: two hours at 100 W leave exp(-2) of the difference."""
    home = Home(replace(FLAT, usual_s=3600.0), PUMP, 800.0)
    for _ in range(120):
        home.minute(100.0)
    assert home.memory.usual_w == pytest.approx(100.0 + 700.0 * np.exp(-2.0), rel=0.02)


def test_many_homes_burn_in_all_stages_at_once() -> None:
    """A quarter of the rating each: a quarter of the homes burn in any minute, from the first one on."""
    count, on = 400, np.zeros(180)
    for home in range(count):
        machine = Machine(2000.0, 2000.0, (home + 0.5) / count)
        memory = Memory(Phase.EVENT, at_s=0.0, usual_w=500.0, learnt_s=7200.0)
        most_w = 0.0
        for minute in range(len(on)):
            memory, most_w = step(FLAT, memory, 60.0 * (minute + 1), machine, Seen(False, most_w, True))
            on[minute] += most_w > 0.0
    assert on / count == pytest.approx(np.full(len(on), 0.25), abs=0.04)


def test_a_content_thermostat_ends_it() -> None:
    home = Home(FLAT, PUMP, 800.0)
    home.hour_of_event()
    home.returning(10)
    assert home.minute(800.0, wants=False) == inf
    assert home.minute(2000.0, wants=True) == inf


def test_who_wants_nothing_after_the_event_was_never_held() -> None:
    home = Home(FLAT, PUMP, 800.0)
    home.hour_of_event()
    assert home.minute(0.0, wants=False) == inf


def test_what_comfort_took_is_paid_afterwards() -> None:
    home, other = Home(FLAT, ELEMENT, 500.0), Home(FLAT, ELEMENT, 500.0)
    for each in (home, other):
        each.hour_of_event()
        each.returning(1)
    for _ in range(20):
        home.minute(2000.0)  # a bound of comfort burns, whatever is allowed
        other.minute(0.0)
    assert home.returning(60).count(2000.0) < other.returning(60).count(2000.0)


def test_nothing_is_learnt_from_events_and_returns() -> None:
    home = Home(FLAT, PUMP, 800.0)
    home.hour_of_event()
    home.returning(60)
    assert home.memory.usual_w == pytest.approx(800.0)
    home.hour_of_event()
    assert home.minute(0.0) == pytest.approx(800.0)


@pytest.mark.parametrize("unmeasured", [None, nan])
def test_an_unmeasured_power_teaches_nothing(unmeasured: float | None) -> None:
    home = Home(FLAT, PUMP, 800.0)
    home.minute(unmeasured)
    assert home.memory.usual_w == pytest.approx(800.0)


@pytest.mark.parametrize("unmeasured", [None, nan])
def test_an_unmeasured_machine_is_taken_to_draw_what_it_may(unmeasured: float | None) -> None:
    home = Home(FLAT, ELEMENT, 500.0)
    home.hour_of_event()
    powers_w = np.array([home.minute(unmeasured) for _ in range(6000)])
    assert powers_w.mean() == pytest.approx(500.0, rel=0.02)


def test_an_unknown_usual_power_is_a_share_of_the_most() -> None:
    memory = Memory(Phase.EVENT, at_s=0.0)
    _, most_w = step(FLAT, memory, 60.0, Machine(100.0, 2000.0, 0.5), Seen(False, 0.0, True))
    assert most_w == 0.2 * 2000.0


@pytest.mark.parametrize("drawn", [0.0, 1.0 - 1e-16, 1.0])
@pytest.mark.parametrize("usual_w", [0.0, 2000.0, 5000.0])
def test_the_ends_of_what_can_be_drawn(drawn: float, usual_w: float) -> None:
    memory = Memory(Phase.EVENT, at_s=0.0, usual_w=usual_w, learnt_s=7200.0)
    memory, most_w = step(FLAT, memory, 60.0, Machine(2000.0, 2000.0, drawn), Seen(False, 0.0, True))
    assert 0.0 <= most_w <= 5000.0


@pytest.mark.parametrize("wrong", [{"usual_s": 0.0}, {"share": nan}, {"extra": 1.5}, {"more_per_h": -0.1}])
def test_wrong_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Params(**wrong)


def test_a_hundred_heat_pumps_make_no_new_peak() -> None:
    found = rebound_law.measured("heat pumps, winter, 1 h", 120, seed=1, hours=3.0)
    assert found.naive > 0.1
    assert found.ours <= 0.05
    assert found.saved > 0.5
    assert found.outside_kh == 0.0


@pytest.mark.torture
@pytest.mark.parametrize("kind", rebound_law.KINDS)
def test_a_thousand_loads_make_no_new_peak(kind: str) -> None:
    found = rebound_law.measured(kind, 1_000, seed=1)
    assert found.naive > 0.1
    assert found.ours <= 0.05
    assert found.outside_kh == 0.0
