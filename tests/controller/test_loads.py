"""Loads in steps: what fits, what dwells, and that only the strongest bands break a dwell."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.loads import Held, Load, Memory, Room, Terms, Use, allot
from controller.split import Follower
from controller.wishes import Band

# 6 to 16 A on three phases at 230 V.
CAR = Terms(least_w=4140.0, most_w=11_040.0, step_w=690.0)
FAST = Terms(least_w=4140.0, most_w=11_040.0, step_w=690.0, use=Use.ALWAYS)
BOILER = Terms(least_w=2000.0, most_w=2000.0, step_w=0.0, merit=1, least_on_s=60.0, least_off_s=60.0)
PUMP = Terms(least_w=2500.0, most_w=2500.0, step_w=0.0, rests=True, least_on_s=600.0, least_off_s=600.0)


class Play:
    """Loads from second to second: each follows what it was told at once, and the room is for all of them."""

    def __init__(self, followers: tuple[Follower, ...] = (), **terms: Terms) -> None:
        self.terms, self.followers = terms, followers
        self.told: dict[str, float | None] = {}
        self.memory: Memory = {}
        self.now_s = 1000.0

    def second(
        self, target_w: float, band_w: float = inf, hard_w: float = inf, **drawn_w: float
    ) -> dict[str, float | None]:
        loads = [Load(name, drawn_w.get(name, self.told.get(name) or 0.0), terms) for name, terms in self.terms.items()]
        room = Room(min(target_w, band_w, hard_w), min(band_w, hard_w), hard_w)
        self.memory, allotted = allot(loads, self.followers, self.memory, self.now_s, room)
        self.told = allotted.told_w
        self.now_s += 1.0
        return self.told

    def seconds(
        self, count: int, target_w: float, band_w: float = inf, hard_w: float = inf, **drawn_w: float
    ) -> list[float | None]:
        """What the first load is told in each."""
        name = next(iter(self.terms))
        return [self.second(target_w, band_w, hard_w, **drawn_w)[name] for _ in range(count)]


@pytest.mark.parametrize(
    ("room_w", "told_w"),
    [
        (4139.0, 0.0),
        (4140.0, 4140.0),
        (4829.0, 4140.0),
        (4830.0, 4830.0),
        (11_039.0, 10_350.0),
        (inf, 11_040.0),
        (-inf, 0.0),
    ],
)
def test_the_highest_whole_step_that_fits(room_w: float, told_w: float) -> None:
    """4140 W are 6 A on three phases of 230 V, 690 W an ampere more on each."""
    assert CAR.fit(room_w) == told_w


def test_a_car_is_on_once_the_surplus_has_lasted() -> None:
    told = Play(car=CAR).seconds(12, 5000.0)
    assert told == [0.0] * 10 + [4830.0] * 2


def test_a_cloud_of_seconds_begins_the_wait_anew() -> None:
    play = Play(car=CAR)
    assert play.seconds(8, 5000.0) + play.seconds(1, 0.0) + play.seconds(9, 5000.0) == [0.0] * 18
    assert play.seconds(2, 5000.0) == [0.0, 4830.0]


def test_a_car_that_charges_falls_to_the_least_and_goes_off_only_after_its_time() -> None:
    play = Play(car=CAR)
    assert play.seconds(11, 12_000.0)[-1] == 11_040.0
    told = play.seconds(320, 1000.0)
    assert told[:9] == [11_040.0] * 9, "a fall waits ten seconds from the last change"
    assert set(told[9:299]) == {4140.0}
    assert set(told[300:]) == {0.0}


def test_off_lasts_its_time_too() -> None:
    play = Play(car=CAR)
    play.seconds(11, 12_000.0)
    assert play.seconds(301, 0.0)[-1] == 0.0
    told = play.seconds(310, 12_000.0)
    assert set(told[:298]) == {0.0}
    assert told[298] == 11_040.0


def test_a_fuse_knows_no_dwell() -> None:
    play = Play(car=FAST)
    assert play.seconds(11, 0.0, 11_500.0)[-1] == 11_040.0
    assert play.seconds(1, 0.0, 20_000.0, hard_w=5000.0) == [4830.0]
    assert play.seconds(1, 0.0, 20_000.0, hard_w=4000.0) == [0.0]


def test_a_contract_waits_for_the_least_time_where_the_fuse_need_not() -> None:
    play = Play(car=FAST)
    play.seconds(12, 0.0, 11_500.0)
    assert play.seconds(12, -2000.0, band_w=-2000.0)[-1] == 4140.0


def test_always_takes_what_the_band_lets_it_and_surplus_what_is_over() -> None:
    play = Play(car=FAST, boiler=BOILER)
    play.seconds(12, -500.0, 12_000.0)
    assert play.told == {"car": 11_040.0, "boiler": 0.0}


def test_the_battery_gives_before_a_car_that_always_charges_is_reduced() -> None:
    battery = Follower("battery", 0.0, Band(-5000.0, 5000.0), "")
    play = Play((battery,), car=FAST)
    assert play.seconds(12, 0.0, 6040.0)[-1] == 11_040.0


def test_merit_is_who_goes_first_among_loads_and_followers() -> None:
    battery = Follower("battery", 0.0, Band(-5000.0, 5000.0), "")
    play = Play((battery,), car=CAR, boiler=BOILER)
    play.seconds(12, 8000.0)
    assert play.told == {"car": 7590.0, "boiler": 0.0}, "the car before the battery (merit 0), the boiler behind"
    play = Play((battery,), boiler=BOILER)
    assert play.seconds(12, 6999.0)[-1] == 0.0
    assert play.seconds(12, 7000.0)[-1] == 2000.0


def test_a_car_that_does_not_draw_is_not_flexible_and_is_offered_the_least() -> None:
    play = Play(car=CAR, boiler=BOILER)
    play.seconds(12, 7000.0)
    assert play.seconds(20, 7000.0, car=0.0)[-1] == 6900.0
    play.seconds(60, 7000.0, car=0.0)
    assert play.told == {"car": 4140.0, "boiler": 2000.0}
    assert play.seconds(12, 7000.0, car=4140.0)[-1] == 6900.0, "it draws again, and goes before the boiler"


def test_without_a_car_there_is_nothing_to_tell() -> None:
    load = Load("car", 0.0, CAR, is_ready=False)
    _, allotted = allot([load], (), {"car": Held(0.0, fits_since_s=0.0)}, 100.0, Room(9000.0, 9000.0, 9000.0))
    assert (allotted.told_w, allotted.drawn_w) == ({"car": 0.0}, {"car": 0.0})


def test_a_load_found_running_after_a_restart_is_on() -> None:
    """Its least time counts from now: nobody knows when it was switched."""
    _, allotted = allot([Load("car", 6880.0, CAR)], (), {}, 100.0, Room(0.0, 9000.0, 9000.0))
    assert allotted.told_w == {"car": 6900.0}
    _, allotted = allot([Load("car", 4100.0, CAR)], (), {}, 100.0, Room(0.0, 9000.0, 9000.0))
    assert allotted.told_w == {"car": 4140.0}


def test_what_a_contract_demands_need_not_wait_but_is_given_every_ten_seconds_only() -> None:
    def told(target_w: float) -> float | None:
        room = Room(target_w, target_w, 20_000.0, must_w=target_w)
        play.memory, allotted = allot([Load("car", 0.0, CAR)], (), play.memory, play.now_s, room)
        play.now_s += 1.0
        return allotted.told_w["car"]

    play = Play(car=CAR)
    assert told(5000.0) == 4830.0
    assert [told(8000.0) for _ in range(10)] == [4830.0] * 9 + [7590.0]


def test_a_voltage_that_wanders_changes_nothing_that_was_told_in_amperes() -> None:
    """Ten amperes stay ten amperes, and no dwell begins anew."""
    held: Memory = {"car": Held(6900.0, 0.0, 0.0, None, 690.0)}
    for second in range(300):
        each_w = 3 * (230.0 + second % 7)
        terms = Terms(6 * each_w, 16 * each_w, each_w, unit_w=each_w)
        room = Room(10.4 * each_w, 20_000.0, 20_000.0)
        held, allotted = allot([Load("car", 10 * each_w, terms)], (), held, 100.0 + second, room)
        assert allotted.told_w["car"] == pytest.approx(10 * each_w)
        assert held["car"].changed_s == 0.0


def test_a_full_car_is_left_at_the_least_while_the_voltage_wanders() -> None:
    held: Memory = {"car": Held(4140.0, 0.0, 0.0, None, 690.0)}
    for second in range(300):
        each_w = 3 * (230.0 + second % 7)
        terms = Terms(6 * each_w, 16 * each_w, each_w, unit_w=each_w)
        held, _ = allot([Load("car", 0.0, terms)], (), held, 100.0 + second, Room(9000.0, 9000.0, 9000.0))
        assert held["car"].changed_s == 0.0


def test_a_car_found_to_use_one_phase_keeps_its_amperes_and_not_its_watts() -> None:
    """6 A on three phases are 4140 W; on the one that it uses they are 1380 W, and not 16 A."""
    held: Memory = {"car": Held(4140.0, 0.0, 0.0, None, 690.0)}
    one = Terms(1380.0, 3680.0, 230.0, unit_w=230.0)
    _, allotted = allot([Load("car", 1380.0, one)], (), held, 5.0, Room(1500.0, 9000.0, 9000.0))
    assert allotted.told_w == {"car": pytest.approx(1380.0)}


def test_a_pump_is_raised_by_surplus_blocked_by_a_band_and_else_left_alone() -> None:
    play = Play(pump=PUMP)
    assert set(play.seconds(601, 2600.0, 5000.0, pump=1500.0)[:-1]) == {None}, "nobody knows when it changed last"
    assert play.told["pump"] == 2500.0
    told = play.seconds(601, 0.0, 5000.0, pump=2500.0)
    assert set(told[:599]) == {2500.0}
    assert told[599] is None
    assert play.seconds(1, 0.0, 1000.0, hard_w=1000.0, pump=1500.0) == [0.0]
    assert set(play.seconds(599, 0.0, 5000.0, pump=0.0)) == {0.0}
    assert play.seconds(2, 0.0, 5000.0, pump=0.0)[-1] is None


def test_a_pump_that_must_not_be_blocked_is_not() -> None:
    play = Play(pump=Terms(2500.0, 2500.0, 0.0, rests=True, may_block=False))
    assert set(play.seconds(20, 0.0, 100.0, hard_w=100.0, pump=1500.0)) == {None}


@given(st.lists(st.tuples(st.floats(-20_000, 20_000), st.floats(0, 20_000)), min_size=1, max_size=60))
def test_what_is_told_always_fits_the_strongest_band_and_switches_stay_apart(rooms: list[tuple[float, float]]) -> None:
    """Whatever comes: at most one switch upwards in its least times, and never more than the fuse."""
    play, switched = Play(car=CAR, boiler=BOILER), -inf
    was_w: float | None = 0.0
    for target_w, hard_w in rooms:
        for _ in range(7):
            told = play.second(target_w, hard_w, hard_w)
            total_w = sum(value or 0.0 for value in told.values())
            assert total_w <= hard_w + 10.0
            if was_w == 0.0 and told["car"] != 0.0:
                assert play.now_s - switched >= CAR.least_off_s
            if (was_w == 0.0) is not (told["car"] == 0.0):
                switched = play.now_s
            was_w = told["car"]
