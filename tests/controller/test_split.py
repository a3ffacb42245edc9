"""Split: power is conserved, nobody is asked for more than it can do, and sun is wasted last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.split import NOISE_W, Follower, Producer, split
from controller.wishes import Band

W = st.floats(min_value=-20_000, max_value=20_000)
RATED_W = st.floats(min_value=0, max_value=10_000)


def battery(power_w: float = 0.0, discharge_w: float = 5000.0, charge_w: float = 5000.0, name: str = "bat") -> Follower:
    return Follower(name, power_w, Band(-discharge_w, charge_w), "is at its end")


def pv(power_w: float, limited_to_w: float | None = None, name: str = "pv") -> Producer:
    return Producer(name, power_w, 5000.0, limited_to_w)


def test_the_battery_takes_the_whole_change() -> None:
    shared = split(site_w=300.0, target_w=-2000.0, followers=[battery(1000.0)], producers=[pv(-3000.0)])
    assert shared.follow_w == {"bat": pytest.approx(1000.0 - 2300.0)}
    assert (shared.limit_w, shared.short_w) == ({"pv": None}, 0.0)


def test_sun_is_limited_by_exactly_what_the_battery_cannot_take() -> None:
    # Site exports 4000 W with the battery idle; wanted is 2500 W import: 6500 W more, of which the battery takes 5000.
    shared = split(site_w=-4000.0, target_w=2500.0, followers=[battery()], producers=[pv(-4500.0)])
    assert shared.follow_w == {"bat": 5000.0}
    assert shared.limit_w == {"pv": pytest.approx(4500.0 - 1500.0)}
    assert shared.short_w == 0.0


def test_a_limit_is_lifted_as_soon_as_the_battery_has_room() -> None:
    shared = split(site_w=0.0, target_w=0.0, followers=[battery(1000.0)], producers=[pv(-2000.0, limited_to_w=2000.0)])
    assert shared.limit_w == {"pv": None}  # 2000 W now and 4000 W of room are more than its rating


def test_a_limit_rises_by_the_room_there_is() -> None:
    shared = split(site_w=0.0, target_w=0.0, followers=[battery(4500.0)], producers=[pv(-2000.0, limited_to_w=2000.0)])
    assert shared.limit_w == {"pv": pytest.approx(2500.0)}


def test_what_nobody_can_take_is_said_with_the_reason() -> None:
    shared = split(site_w=500.0, target_w=-9000.0, followers=[battery(0.0)], producers=[pv(-1000.0)])
    assert shared.follow_w == {"bat": -5000.0}
    assert shared.short_w == pytest.approx(-4500.0)
    assert shared.short_why == "4500 W of production missing: bat is at its end, pv makes 1000 W"


def test_without_devices_everything_is_missing() -> None:
    shared = split(site_w=100.0, target_w=0.0, followers=[], producers=[])
    assert not shared.follow_w
    assert shared.short_w == pytest.approx(-100.0)
    assert "no device can move" in shared.short_why


def test_of_two_roofs_the_dark_one_rises_first() -> None:
    """Limited to 0 W it makes nothing, and in proportion to what it makes it would stay there for ever."""
    dark, bright = pv(0.0, limited_to_w=0.0, name="dark"), pv(-4000.0, limited_to_w=4000.0, name="bright")
    shared = split(site_w=0.0, target_w=0.0, followers=[battery(4400.0)], producers=[dark, bright])
    assert shared.limit_w == {"dark": pytest.approx(500.0), "bright": pytest.approx(4100.0)}


def test_merit_order_goes_first() -> None:
    cheap, dear = battery(name="z-cheap"), Follower("a-dear", 0.0, Band(-5000, 5000), "", merit=1)
    shared = split(site_w=0.0, target_w=6000.0, followers=[dear, cheap], producers=[])
    assert shared.follow_w == {"z-cheap": 5000.0, "a-dear": 1000.0}


@given(W, W, W, RATED_W, RATED_W, st.floats(min_value=-5000, max_value=0))
def test_power_is_conserved(
    site_w: float, target_w: float, battery_w: float, discharge_w: float, charge_w: float, sun_w: float
) -> None:
    """What the site will do with the new setpoints is the target, but for what is said to be short."""
    follower = battery(battery_w, discharge_w, charge_w)
    shared = split(site_w, target_w, [follower], [pv(sun_w)])
    limit_w = shared.limit_w["pv"]
    new_sun_w = sun_w if limit_w is None else max(sun_w, -limit_w)
    reached_w = site_w + (shared.follow_w["bat"] - battery_w) + (new_sun_w - sun_w)
    assert reached_w + shared.short_w == pytest.approx(target_w, abs=NOISE_W + 1e-6)


@given(W, W, st.lists(st.tuples(W, RATED_W, RATED_W), max_size=4))
def test_nobody_is_asked_for_more_than_it_can(
    site_w: float, target_w: float, batteries: list[tuple[float, float, float]]
) -> None:
    followers = [battery(*numbers, name=f"b{index}") for index, numbers in enumerate(batteries)]
    shared = split(site_w, target_w, followers, [])
    for follower in followers:
        assert follower.band.least_w <= shared.follow_w[follower.name] <= follower.band.most_w
