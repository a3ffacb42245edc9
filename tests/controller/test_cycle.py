"""The decision as a film: inputs in, commands and reasons out; every blind stance is one row."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from controller.cycle import Decision, DeviceView, Inputs, Memory, Params, Role, decide
from controller.laws import connection, dispatch
from controller.wishes import Band, Rank, Wish
from protocols.contracts import Dispatch, FallbackName
from protocols.ports import Ratings

START = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
PARAMS = Params(connection.Params(9000.0, 6000.0), dispatch.Params(blind_s=5.0, hold_s=60.0))
BATTERY = DeviceView("battery", Role.FOLLOWER, Ratings(5000.0, 4000.0, 10_000.0, True), 0.0, 50.0)
PV = DeviceView("pv", Role.PRODUCER, Ratings(0.0, 5000.0, None, True), -3000.0)
INPUTS = Inputs(now_s=100.0, site_w=500.0, site_age_s=0.2, devices=(BATTERY, PV))
CONTRACT = Dispatch(
    id="c1",
    seq=1,
    iss="dso",
    aud="home-1",
    start=START,
    end=START + timedelta(minutes=15),
    power_w=-2000.0,
    fallback=FallbackName.IDLE,
)


def decided(inputs: Inputs, params: Params = PARAMS) -> Decision:
    return decide(params, Memory(), inputs)[1]


def test_without_a_contract_the_site_uses_its_own_energy() -> None:
    decision = decided(INPUTS)
    assert decision.commands == {"battery": -500.0, "pv": None}
    assert decision.verdict.set_by == "self_consumption"


def test_resting_idle_lets_everything_go() -> None:
    assert decided(INPUTS, replace(PARAMS, rest=FallbackName.IDLE)).commands == {"battery": None, "pv": None}


def test_a_contract_steers_the_connection_point() -> None:
    decision = decided(msgspec.structs.replace(INPUTS, contract=CONTRACT))
    assert decision.commands == {"battery": -2500.0, "pv": None}
    assert (decision.verdict.set_by, decision.clamp) == ("contract", ("", ""))


def test_zero_watts_is_a_contract_like_any_other() -> None:
    zero = msgspec.structs.replace(CONTRACT, power_w=0.0)
    decision = decided(msgspec.structs.replace(INPUTS, contract=zero), replace(PARAMS, rest=FallbackName.IDLE))
    assert (decision.verdict.value_w, decision.verdict.set_by) == (0.0, "contract")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"site_w": None}, "meter_stale"),
        ({"site_age_s": 5.1}, "meter_stale"),
        ({"link_lost_s": 60.1}, "link_lost"),
    ],
)
def test_a_blind_contract_law_goes_to_the_contracts_fallback(change: dict[str, float | None], reason: str) -> None:
    decision = decided(msgspec.structs.replace(INPUTS, contract=CONTRACT, **change))
    assert decision.law.reason == reason
    assert decision.commands == {"battery": None, "pv": None}


def test_the_contract_can_shorten_the_sites_patience_and_not_lengthen_it() -> None:
    short = msgspec.structs.replace(CONTRACT, hold_s=10.0)
    long = msgspec.structs.replace(CONTRACT, hold_s=600.0)
    assert decided(msgspec.structs.replace(INPUTS, contract=short, link_lost_s=11.0)).law.reason == "link_lost"
    assert decided(msgspec.structs.replace(INPUTS, contract=long, link_lost_s=59.0)).law.reason == ""
    assert decided(msgspec.structs.replace(INPUTS, contract=long, link_lost_s=61.0)).law.reason == "link_lost"


@pytest.mark.parametrize(("soc_percent", "want_w"), [(100.0, 0.0), (None, None)])
def test_a_full_battery_takes_nothing_and_an_unknown_one_no_part(
    soc_percent: float | None, want_w: float | None
) -> None:
    sunny = msgspec.structs.replace(
        INPUTS,
        site_w=-3000.0,
        devices=(msgspec.structs.replace(BATTERY, soc_percent=soc_percent), PV),
        contract=CONTRACT,
    )
    decision = decided(sunny)
    assert decision.commands["battery"] == want_w
    assert decision.commands["pv"] == pytest.approx(2000.0)  # 1000 W less than now


def test_an_empty_battery_gives_nothing_and_the_contract_is_clamped() -> None:
    empty = msgspec.structs.replace(BATTERY, soc_percent=5.0, soc_least_percent=5.0)
    decision = decided(msgspec.structs.replace(INPUTS, devices=(empty, PV), contract=CONTRACT))
    assert decision.commands["battery"] == 0.0
    assert decision.clamp == ("devices", "2500 W of production missing: battery is empty at 5 %, pv makes 3000 W")
    assert decision.short_w == pytest.approx(-2500.0)


def test_a_device_not_seen_is_let_go_and_the_rest_carries_on() -> None:
    dead = msgspec.structs.replace(BATTERY, power_w=None)
    decision = decided(msgspec.structs.replace(INPUTS, site_w=-4000.0, devices=(dead, PV), contract=CONTRACT))
    assert decision.commands == {"battery": None, "pv": pytest.approx(1000.0)}


def test_the_connections_limit_is_stronger_than_the_contract() -> None:
    tight = replace(PARAMS, connection=connection.Params(9000.0, 1500.0))
    decision = decided(msgspec.structs.replace(INPUTS, contract=CONTRACT), tight)
    assert decision.verdict.value_w == -1500.0
    assert decision.clamp[0] == "connection"


def limited(least_w: float, most_w: float) -> tuple[Wish, ...]:
    return (Wish("limit", Rank.GRID_LIMIT, 1e9, "the operator says so", within=Band(least_w, most_w)),)


def test_an_operators_limit_is_stronger_than_the_contract_and_weaker_than_the_connection() -> None:
    decision = decided(msgspec.structs.replace(INPUTS, contract=CONTRACT, limits=limited(-1000.0, 9000.0)))
    assert (decision.verdict.value_w, decision.clamp[0]) == (-1000.0, "limit")
    decision = decided(msgspec.structs.replace(INPUTS, contract=CONTRACT, limits=limited(-9000.0, -7000.0)))
    assert decision.verdict.value_w == -6000.0


def test_a_limit_binds_a_site_that_rests_idle() -> None:
    """500 W flow with the devices at rest; 200 W are allowed."""
    idle = replace(PARAMS, rest=FallbackName.IDLE)
    decision = decided(msgspec.structs.replace(INPUTS, limits=limited(-9000.0, 200.0)), idle)
    assert (decision.commands["battery"], decision.verdict.set_by) == (-300.0, "limit")
    kept = msgspec.structs.replace(BATTERY, power_w=-300.0)
    inputs = msgspec.structs.replace(INPUTS, site_w=200.0, devices=(kept, PV), limits=limited(-9000.0, 200.0))
    assert decided(inputs, idle).commands["battery"] == -300.0
    assert decided(msgspec.structs.replace(inputs, limits=()), idle).commands["battery"] is None


def test_a_ramp_starts_where_the_site_is() -> None:
    ramped = msgspec.structs.replace(CONTRACT, ramp_w_per_s=100.0)
    memory, targets = Memory(), []
    for second in range(4):
        inputs = msgspec.structs.replace(INPUTS, now_s=100.0 + second, contract=ramped)
        memory, decision = decide(PARAMS, memory, inputs)
        targets.append(decision.law.asked_w)
    assert targets == [500.0, 400.0, 300.0, 200.0]


def test_a_producer_with_a_fallback_is_kept_free_by_lease_and_falls_back_only_when_nobody_sees() -> None:
    """Let go, it would fall to its fallback limit in the middle of a sunny day."""
    devices = (BATTERY, msgspec.structs.replace(PV, falls_back=True))
    assert decided(msgspec.structs.replace(INPUTS, devices=devices)).commands["pv"] == 5000.0
    held = (BATTERY, msgspec.structs.replace(PV, falls_back=True, limited_to_w=5000.0))
    assert decided(msgspec.structs.replace(INPUTS, devices=held)).commands["pv"] == 5000.0
    assert decided(msgspec.structs.replace(INPUTS, devices=devices, site_w=None)).commands["pv"] is None


def test_commands_never_leave_the_ratings() -> None:
    hungry = msgspec.structs.replace(CONTRACT, power_w=9000.0)
    decision = decided(msgspec.structs.replace(INPUTS, contract=hungry))
    assert decision.commands["battery"] == 5000.0
    assert decision.commands["pv"] == 0.0
