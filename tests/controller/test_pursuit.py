"""Shortfalls said once, the way back to rest, and what devices can reach; each by hand."""

import msgspec
import pytest

from controller.cycle import Memory, decide
from controller.gauge import Sample
from controller.items import Item
from controller.laws import release, shortfall
from controller.laws.shortfall import Short
from controller.reach import Part, Reach
from controller.wishes import Band, Rank, Wish
from protocols.contracts import FallbackName
from tests.controller.test_cycle import CONTRACT, INPUTS, PARAMS, decided, limited

BATTERY = Part("battery", 0.0, Band(-5000.0, 5000.0), 500.0, 1000.0, "takes 5000 W and gives 5000 W at most")
TRADE = Item("e1", 90.0, 990.0, 900.0, -1000.0)


def said(*expected: tuple[float, float, str]) -> list[tuple[float, str]]:
    """What is said of (when, short Wh, reason), in an interval to 1000 s with 25 Wh of tolerance."""
    memory, found = shortfall.Memory(), []
    for now_s, short_wh, reason in expected:
        memory, is_new = shortfall.step(memory, now_s, 1000.0, 25.0, Short(short_wh, reason, ""))
        if is_new:
            found.append((now_s, memory.said))
    return found


def test_a_shortfall_is_said_once_it_lasts_and_taken_back_once() -> None:
    lasting = [(float(at_s), 60.0, "devices") for at_s in range(100, 140)]
    gone = [(float(at_s), 5.0, "devices") for at_s in range(140, 180)]
    assert said(*lasting, *gone) == [(120.0, "devices"), (160.0, "")]


def test_a_kettle_is_no_shortfall_and_neither_is_what_is_tolerated() -> None:
    kettle = [(float(at_s), 60.0 if at_s < 115 else 0.0, "devices") for at_s in range(100, 200)]
    assert said(*kettle) == []
    assert said(*[(float(at_s), 24.0, "devices") for at_s in range(100, 200)]) == []


def test_on_the_edge_it_is_said_once_and_a_new_reason_anew() -> None:
    edge = [(float(at_s), 26.0 if at_s % 2 else 14.0, "devices") for at_s in range(200, 300)]
    assert said(*[(float(at_s), 60.0, "devices") for at_s in range(100, 200)], *edge) == [(120.0, "devices")]
    limit = [(float(at_s), 60.0, "limit") for at_s in range(200, 300)]
    assert said(*[(float(at_s), 60.0, "devices") for at_s in range(100, 200)], *limit)[-1] == (220.0, "limit")


def test_at_the_very_end_it_is_said_at_once() -> None:
    assert said((999.9, 60.0, "devices"), (1000.0, 60.0, "devices")) == [(1000.0, "devices")]


def test_a_battery_reaches_what_it_holds_and_no_more() -> None:
    """1000 W of load: 500 Wh last 360 s at 5 kW; in half an hour the house alone takes 500 Wh."""
    reach = Reach(1000.0, (BATTERY,), held_back_w=2000.0, let_go_w=300.0)
    assert reach.power() == Band(1000.0 - 300.0 - 5000.0, 1000.0 + 2000.0 + 5000.0)
    assert reach.energy(360.0).least_w == pytest.approx(700.0 / 10 - 500.0)
    assert reach.energy(1800.0).least_w == pytest.approx(700.0 / 2 - 500.0)
    assert reach.energy(1800.0).most_w == pytest.approx(3000.0 / 2 + 1000.0)
    assert reach.why(1800.0, importing=False) == "battery is empty in 360 s"
    assert reach.why(1800.0, importing=True) == "battery is full in 720 s"
    assert reach.why(100.0, importing=True) == "battery takes 5000 W and gives 5000 W at most"


def way_back(memory: release.Memory, goal_w: float | None) -> list[float | None]:
    wants: list[float | None] = []
    for second in range(0, 31, 5):
        memory, wish = release.step(memory, 100.0 + second, goal_w, 50.0, 1e9)
        wants.append(None if wish is None else wish.want_w)
    return wants


def wish(power_w: float) -> Wish:
    return Wish("contract", Rank.CONTRACT, 1e9, "", want_w=power_w)


def test_the_way_back_is_a_stair_of_the_gradient_and_ends_at_rest() -> None:
    after_energy = release.followed(release.Memory(), wish(-1000.0), -1000.0, None)
    assert way_back(after_energy, 0.0) == [-1000.0, -750.0, -500.0, -250.0, None, None, None]
    ramped = msgspec.structs.replace(CONTRACT, ramp_w_per_s=100.0)
    assert way_back(release.followed(release.Memory(), wish(1000.0), 1000.0, ramped), 0.0)[:3] == [1000.0, 500.0, None]
    assert way_back(release.followed(release.Memory(), wish(1000.0), 1000.0, CONTRACT), 0.0) == [None] * 7
    assert way_back(after_energy, None) == [None] * 7


def test_energy_of_zero_is_an_order_also_for_a_site_that_rests_idle() -> None:
    """evcc circuits: 0 must not mean "no limit"."""
    zero = msgspec.structs.replace(TRADE, power_w=0.0)
    inputs = msgspec.structs.replace(INPUTS, items=(zero,), sample=Sample(99.8, 500.0))
    memory, _ = decide(PARAMS, Memory(), inputs)
    decision = decide(PARAMS, memory, inputs)[1]
    assert decision.verdict.set_by == "contract"
    assert decided(inputs).commands["battery"] == pytest.approx(-500.0, abs=10.0)


def test_a_dispatch_goes_before_energy_and_a_limit_before_both() -> None:
    both = msgspec.structs.replace(INPUTS, items=(TRADE,), sample=Sample(99.8, 500.0), contract=CONTRACT)
    assert decided(both).verdict.value_w == -2000.0
    assert decided(msgspec.structs.replace(both, limits=limited(-300.0, 9000.0))).verdict.value_w == -300.0
    energy = msgspec.structs.replace(both, contract=None)
    assert decided(energy).verdict.value_w == pytest.approx(-1000.0, abs=10.0)
    assert decided(msgspec.structs.replace(energy, limits=limited(-300.0, 9000.0))).verdict.value_w == -300.0


@pytest.mark.parametrize(
    ("change", "reason"), [({"site_w": None, "sample": None}, "meter_stale"), ({"link_lost_s": 61.0}, "link_lost")]
)
def test_energy_that_cannot_be_followed_falls_into_its_fallback(change: dict[str, float | None], reason: str) -> None:
    cut = msgspec.structs.replace(TRADE, fallback=FallbackName.IDLE, cut_off="cut off" if reason == "link_lost" else "")
    inputs = msgspec.structs.replace(INPUTS, items=(cut,), sample=Sample(99.8, 500.0))
    decision = decided(msgspec.structs.replace(inputs, **change))
    assert decision.law.reason == reason
    assert decision.commands == {"battery": None, "pv": None}


def test_a_device_that_may_not_go_on_is_told_anew_also_inside_the_funnel() -> None:
    """The battery was told to give 1500 W and is empty now: what it was told is no reason to hold."""
    battery, pv = INPUTS.devices
    on = msgspec.structs.replace(battery, told_w=-1500.0, power_w=-1500.0, soc_least_percent=5.0)
    inputs = msgspec.structs.replace(
        INPUTS, site_w=-1000.0, items=(TRADE,), sample=Sample(99.8, -1000.0), devices=(on, pv)
    )
    memory, first = decide(PARAMS, Memory(), inputs)
    assert first.commands["battery"] == -1500.0
    empty = msgspec.structs.replace(inputs, devices=(msgspec.structs.replace(on, soc_percent=5.0), pv))
    assert decide(PARAMS, memory, empty)[1].commands["battery"] == 0.0
