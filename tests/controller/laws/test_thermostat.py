"""The thermostat: bounds before the plan, hysteresis, heating and cooling apart, and what happens when the sensor dies."""

from math import inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.asks import Ask
from controller.laws.thermostat import Memory, Params, Why, step
from controller.thermal.stores import Store
from controller.wishes import Rank
from sim_hardware.physics.thermal.house import TERRACE, House

ROOM = Store("room", 20.0, least_c=19.0, most_c=24.0, floor_c=7.0, heaters=("pump",), coolers=("ac",), liked_c=21.0)
TANK = Store("tank", 50.0, least_c=45.0, most_c=60.0, floor_c=-inf, heaters=("element",), band_k=5.0)
PARAMS = Params(guard_k=0.1)


class Film:
    """A store from second to second."""

    def __init__(self, store: Store, params: Params = PARAMS) -> None:
        self.store, self.params = store, params
        self.memory, self.now_s = Memory(), 1000.0
        self.why = Why("", "")

    def at(
        self,
        temperature_c: float | None,
        want_w: dict[str, float] | None = None,
        seconds: float = 1.0,
        most_w: dict[str, float] | None = None,
    ) -> dict[str, Ask]:
        self.now_s += seconds
        store = msgspec.structs.replace(self.store, temperature_c=temperature_c)
        self.memory, asks, self.why = step(self.params, self.memory, self.now_s, store, want_w, most_w)
        return asks

    def want(self, name: str, temperature_c: float | None, want_w: dict[str, float] | None = None) -> float | None:
        ask = self.at(temperature_c, want_w).get(name)
        return None if ask is None else ask.want_w

    def on_for_s(self, name: str, seconds: int, each_s: int = 10) -> int:
        """How long the load is on while nobody knows the temperature."""
        on_s = 0
        for _ in range(seconds // each_s):
            ask = self.at(None, {"pump": 2000.0}, each_s).get(name)
            on_s += each_s if ask is None or ask.want_w > 0.0 else 0
        return on_s


def test_between_the_bounds_the_plan_decides() -> None:
    asks = Film(ROOM).at(21.5, {"pump": 1200.0, "ac": 0.0})
    assert (asks["pump"].want_w, asks["pump"].rank) == (1200.0, Rank.OPTIMISER)
    assert (asks["ac"].want_w, asks["ac"].rank) == (0.0, Rank.OPTIMISER)


def test_below_the_least_heat_is_a_bound_until_the_dead_band_is_met() -> None:
    film = Film(ROOM)
    off = {"pump": 0.0, "ac": 0.0}
    assert film.want("pump", 19.2, off) == 0.0
    # A tenth of a kelvin before the bound.
    asks = film.at(19.05, off)
    assert (asks["pump"].want_w, asks["pump"].rank, film.why.reason) == (inf, Rank.COMFORT_BOUND, "least")
    assert asks["ac"].want_w == 0.0
    assert film.want("pump", 20.0, off) == inf
    assert film.want("pump", 20.11, off) == 0.0
    assert film.want("pump", 19.2, off) == 0.0


def test_above_the_most_heating_is_off_and_cooling_on_whatever_the_plan_says() -> None:
    film = Film(ROOM)
    asks = film.at(23.95, {"pump": 2000.0, "ac": 0.0})
    assert (asks["pump"].want_w, asks["pump"].rank) == (0.0, Rank.COMFORT_BOUND)
    assert (asks["ac"].want_w, asks["ac"].rank, film.why.reason) == (inf, Rank.COMFORT_BOUND, "most")
    assert film.want("ac", 23.0, {"ac": 0.0}) == inf
    assert film.want("ac", 22.8, {"ac": 0.0}) == 0.0


def test_frost_is_met_although_the_owner_asks_for_less() -> None:
    away = msgspec.structs.replace(ROOM, least_c=5.0, liked_c=None)
    film = Film(away)
    assert film.want("pump", 7.2) == inf
    assert (film.want("pump", 6.9), film.why.reason) == (inf, "floor")
    assert (film.want("pump", 7.9), film.why.reason) == (inf, "floor")
    film.at(8.1)
    assert film.why.reason == "band"


def test_without_a_plan_a_dead_band_about_what_is_liked() -> None:
    film = Film(ROOM)
    assert film.want("pump", 20.6) == 0.0
    asks = film.at(20.4)
    assert (asks["pump"].want_w, asks["pump"].rank) == (inf, Rank.COMFORT)
    assert film.want("pump", 21.4) == inf
    assert film.want("pump", 21.6) == 0.0
    assert film.want("pump", 20.6) == 0.0


def test_cooling_begins_a_band_above_heating() -> None:
    film = Film(ROOM)
    assert film.want("ac", 22.4) == 0.0
    assert film.want("ac", 22.6) == inf
    assert film.want("ac", 21.6) == inf
    assert film.want("ac", 21.4) == 0.0


def test_where_nothing_is_liked_what_lies_between_is_free_for_a_surplus() -> None:
    film = Film(TANK)
    assert (film.at(55.0), film.why.reason) == ({}, "free")
    # Heat near the least, and none above the most.
    assert film.want("element", 49.0) == inf
    assert film.want("element", 59.95) == 0.0


def test_a_plan_that_does_not_name_a_load_leaves_it_to_the_dead_band() -> None:
    assert Film(ROOM).at(20.4, {"other": 1.0})["pump"].rank is Rank.COMFORT


@pytest.mark.parametrize("wanted_w", [nan, -500.0])
def test_a_plan_of_nonsense_is_nothing(wanted_w: float) -> None:
    assert Film(ROOM).want("pump", 21.0, {"pump": wanted_w}) == 0.0


def test_what_may_be_drawn_for_now_binds_the_plan_but_not_the_bound() -> None:
    film = Film(ROOM)
    assert film.at(20.4, {"pump": 900.0}, most_w={"pump": 400.0})["pump"].want_w == 400.0
    assert film.at(20.4, None, most_w={"pump": 400.0})["pump"] == Ask(
        400.0, Rank.OPTIMISER, "room heats within its dead band, but no more than 400 W for now, after an event"
    )
    assert film.at(20.4, {"pump": 900.0}, most_w={"pump": inf})["pump"].want_w == 900.0
    assert film.at(19.0, {"pump": 900.0}, most_w={"pump": 0.0})["pump"].want_w == inf
    assert Film(TANK).at(55.0, None, most_w={"element": 0.0})["element"].want_w == 0.0


def test_legionella_are_met_until_the_caller_says_enough() -> None:
    film = Film(msgspec.structs.replace(TANK, reach_c=60.0))
    asks = film.at(50.0, {"element": 0.0})
    assert (asks["element"].want_w, asks["element"].rank, film.why.reason) == (inf, Rank.COMFORT_BOUND, "reach")
    # Heated beyond the owner's 60, so that 60 is kept.
    assert film.want("element", 61.9, {"element": 0.0}) == inf
    assert film.want("element", 62.1, {"element": 2000.0}) == 0.0
    assert film.want("element", 60.05, {"element": 0.0}) == inf
    film.store = TANK
    assert film.want("element", 60.05, {"element": 2000.0}) == 0.0


def test_heating_and_cooling_keep_their_distance() -> None:
    film = Film(ROOM)
    assert film.want("ac", 23.95) == inf
    heats_s = film.now_s
    asks = film.at(19.0)
    assert (asks["pump"].want_w, asks["ac"].want_w, film.why.reason) == (0.0, 0.0, "turning")
    while film.want("pump", 19.0) == 0.0:
        assert film.now_s < heats_s + 1000.0
    assert film.now_s - heats_s == PARAMS.turn_s


def test_a_plan_that_heats_and_cools_at_once_gets_one_of_both() -> None:
    asks = Film(ROOM).at(20.0, {"pump": 1000.0, "ac": 1000.0})
    assert (asks["pump"].want_w, asks["ac"].want_w) == (1000.0, 0.0)
    asks = Film(ROOM).at(23.0, {"pump": 1000.0, "ac": 1000.0})
    assert (asks["pump"].want_w, asks["ac"].want_w) == (0.0, 1000.0)


temperatures = st.one_of(st.none(), st.floats(allow_nan=True), st.floats(0.0, 40.0))


@given(
    least_c=st.floats(-10.0, 40.0),
    most_c=st.floats(-10.0, 40.0),
    floor_c=st.floats(-10.0, 40.0),
    liked_c=st.none() | st.floats(-10.0, 40.0),
    film=st.lists(st.tuples(temperatures, st.floats(0.5, 2000.0), st.booleans()), max_size=30),
)
def test_never_both_and_never_one_right_after_the_other(
    least_c: float,
    most_c: float,
    floor_c: float,
    liked_c: float | None,
    film: list[tuple[float | None, float, bool]],
) -> None:
    """Whatever the owner set and the sensor shows, contradictory bounds included."""
    play = Film(msgspec.structs.replace(ROOM, least_c=least_c, most_c=most_c, floor_c=floor_c, liked_c=liked_c))
    last_s = {"pump": -inf, "ac": -inf}
    for temperature_c, seconds, planned in film:
        asks = play.at(temperature_c, {"pump": 800.0, "ac": 800.0} if planned else None, seconds)
        assert asks.keys() == last_s.keys()
        on = [name for name, ask in asks.items() if ask.want_w > 0.0]
        assert len(on) <= 1
        for name in on:
            other = "ac" if name == "pump" else "pump"
            assert play.now_s - last_s[other] >= PARAMS.turn_s
            last_s[name] = play.now_s


@given(temperature_c=st.floats(-30.0, 60.0) | st.floats(20.5, 22.5))
def test_reversed_bounds_are_safe(temperature_c: float) -> None:
    """Least above most: heated below both, cooled above both, the dead band of what is liked left out."""
    film = Film(msgspec.structs.replace(ROOM, least_c=24.0, most_c=19.0, liked_c=None))
    asks = film.at(temperature_c)
    if temperature_c < 19.0:
        assert (asks["pump"].want_w, asks["ac"].want_w) == (inf, 0.0)
    if 20.5 < temperature_c < 22.5:
        assert film.why.reason == "band"
    if temperature_c > 24.0:
        assert (asks["pump"].want_w, asks["ac"].want_w) == (0.0, inf)


def test_narrow_bounds_end_a_burn_between_them() -> None:
    """A kelvin between the bounds: a tenth inside each, so 0.4 K of dead band is left for either side."""
    film = Film(msgspec.structs.replace(ROOM, least_c=20.0, most_c=21.0, liked_c=None))
    off = {"pump": 0.0, "ac": 0.0}
    assert film.want("pump", 20.0, off) == inf
    assert film.want("pump", 20.45, off) == inf
    assert film.want("pump", 20.55, off) == 0.0
    assert film.why.reason == "plan"


def test_where_nothing_is_liked_the_dead_band_lies_above_the_least() -> None:
    """On below 20.1, off at 21.1: a band above where the bound itself would end."""
    film = Film(msgspec.structs.replace(ROOM, liked_c=None))
    assert film.at(20.0)["pump"] == Ask(inf, Rank.COMFORT, "room heats within its dead band")
    assert film.want("pump", 21.05) == inf
    assert film.want("pump", 21.15) == 0.0
    film.now_s += PARAMS.turn_s
    assert film.at(23.0)["ac"] == Ask(inf, Rank.COMFORT, "room cools within its dead band")
    assert film.want("ac", 21.95) == inf
    assert film.want("ac", 21.85) == 0.0


def test_a_liking_outside_the_bounds_does_not_leave_them() -> None:
    film = Film(msgspec.structs.replace(ROOM, liked_c=15.0))
    assert film.want("pump", 19.05) == inf
    assert film.at(20.5)["pump"].want_w == 0.0


def test_a_burn_of_before_a_gap_tells_no_speed() -> None:
    """Half a kelvin an hour ago is not the speed of now: the burn that goes on is as long as it may be."""
    film = Film(ROOM)
    film.at(20.0)
    film.at(20.5, seconds=3600.0)
    assert film.memory.burn_s == film.now_s


def test_heated_against_legionella_a_tank_is_not_too_hot() -> None:
    film = Film(msgspec.structs.replace(TANK, reach_c=60.0, most_c=55.0))
    assert film.want("element", 59.0, {"element": 0.0}) == inf
    film.at(62.1, {"element": 2000.0})
    assert film.why.reason == "most"
    assert film.want("element", 60.05, {"element": 0.0}) == inf
    assert film.why.reason == "reach"


def test_a_burn_with_a_dead_sensor_ends_when_it_would_have() -> None:
    film = Film(ROOM)
    for second in range(600):  # 1 K in 1000 s, from 20.4 to 21.0; 21.5 ends it
        film.at(20.4 + second / 1000.0)
    assert film.want("pump", None, {"pump": 0.0}) == inf
    on_s = film.on_for_s("pump", 1800)
    assert 480 <= on_s <= 520


def test_a_burn_that_brings_nothing_ends_all_the_same() -> None:
    film = Film(ROOM)
    for _ in range(60):
        film.at(20.0)
    assert PARAMS.blind_burn_s - 10 <= film.on_for_s("pump", 3600) <= PARAMS.blind_burn_s + 10


@pytest.mark.parametrize("broken_c", [None, nan, inf, -inf, 850.0, -242.0])
def test_what_no_living_sensor_shows_is_no_temperature(broken_c: float | None) -> None:
    film = Film(ROOM)
    film.at(broken_c)
    assert film.why.reason == "blind"


def test_a_heater_with_a_thermostat_of_its_own_is_let_go() -> None:
    film = Film(msgspec.structs.replace(ROOM, by_itself=("pump",)))
    for _ in range(60):
        film.at(20.0)
    assert film.want("pump", None) == inf
    asks = film.at(None, {"pump": 2000.0}, seconds=PARAMS.blind_burn_s)
    assert "pump" not in asks
    assert asks["ac"].want_w == 0.0


def lived(film: Film, share: float, hours: int = 12) -> Film:
    """The heater has been on for this share of each hour, as the bound asked."""
    for minute in range(hours * 60):
        film.at(18.0 if minute % 60 < share * 60 else 22.0, {"pump": 0.0, "ac": 0.0}, 60.0)
    return film


@pytest.mark.parametrize(("share", "expected"), [(0.3, 0.375), (0.0, 0.1), (0.98, 0.75)])
def test_when_blind_a_room_takes_a_quarter_more_than_it_took(share: float, expected: float) -> None:
    film = lived(Film(ROOM), share)
    film.at(None, None, 7200.0)
    assert film.on_for_s("pump", 10 * 3600) == pytest.approx(expected * 10 * 3600, rel=0.03)


def test_a_tank_that_was_never_seen_is_not_heated_and_a_room_is_kept_from_frost() -> None:
    assert Film(TANK).on_for_s("element", 36_000) == 0
    assert Film(ROOM).on_for_s("pump", 36_000) == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    ("outdoor_c", "died_c"), [(-12.0, -12.0), (10.0, 10.0), (-12.0, 5.0), (-12.0, 10.0), (10.0, -12.0)]
)
def test_a_house_with_a_dead_sensor_neither_freezes_nor_roasts(outdoor_c: float, died_c: float) -> None:
    """A house with 6 kW of heat for 36 K; the weather turns when the sensor dies. The law is blind for four days.

    What it was in warm days is too little for a frost of weeks: then pipes are in danger, but not within these days.
    """
    house, film = House(TERRACE, air_c=20.5), Film(msgspec.structs.replace(ROOM, coolers=()))
    house.outdoor_c = died_c
    for minute in range(6 * 1440):
        blind = minute >= 2 * 1440
        if blind:
            house.outdoor_c = outdoor_c
        ask = film.at(None if blind else house.air_c, None, 60.0)["pump"]
        house.air_gain_w = 6000.0 if ask.want_w > 0.0 else 0.0
        house.after(60.0)
        assert (7.0 if died_c < 10.0 else 3.0) < house.air_c < 40.0


def test_sight_comes_back() -> None:
    film = lived(Film(ROOM), 0.3)
    film.at(None, None, 7200.0)
    assert film.want("pump", 21.0, {"pump": 700.0}) == 700.0
    assert film.why.reason == "plan"


@pytest.mark.parametrize(
    "wrong", [{"band_k": 0.0}, {"guard_k": nan}, {"blind_duty": 0.9}, {"blind_duty_most": 1.0}, {"turn_s": -1.0}]
)
def test_wrong_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)) + " "):
        Params(**wrong)
