"""What the grid functions refuse, and their parts by hand."""

import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_hardware.physics.der.capability import limited, within_current
from sim_hardware.physics.der.inverter import DerFunctions
from sim_hardware.physics.der.reactive import Mode, mode_of
from sim_hardware.physics.der.service import Relay, State, Supply
from sim_hardware.physics.der.settings import (
    ConstantVar,
    Curve,
    Droop,
    EnterService,
    Limit,
    PowerFactor,
    Priority,
    Ratings,
    Settings,
    VoltVar,
    VoltWatt,
    WattVar,
)

GOOD = Supply(1.0, 1.0, 1.0, 50.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Curve(((1.0, 0.0),)), "two points"),
        (lambda: Curve(((1.0, 0.0), (0.9, 0.0))), "x never falling"),
        (lambda: Curve(((1.0, 0.0), (math.nan, 0.0))), "numbers"),
        (lambda: VoltVar(response_s=-1.0), r"response_s -1\.0: allowed is a time from 0 s"),
        (lambda: VoltVar(reference_pu=1.06), "0.95 to 1.05"),
        (lambda: VoltWatt(response_s=math.inf), "time from 0 s"),
        (lambda: Droop(slope_over=0.0), "slope_over"),
        (lambda: Droop(dead_under_hz=-0.1), "dead_under_hz"),
        (lambda: PowerFactor(factor=0.0), "factor"),
        (lambda: ConstantVar(reactive_pu=1.1), "reactive_pu"),
        (lambda: EnterService(low_pu=1.1), "low_pu"),
        (lambda: EnterService(low_hz=51.0), "low_hz"),
        (lambda: Limit(-0.1, 1.0), "at"),
        (lambda: Limit(0.5, -1.0), "hold_s"),
        (lambda: Ratings(power_w=6000.0), "up to apparent_va 5000"),
        (lambda: Ratings(absorb_var=0.0), "absorb_var"),
        (lambda: Ratings(category="C"), "A or B"),  # type: ignore[arg-type]
        (lambda: Settings(limit_pu=1.1), "limit_pu"),
        (lambda: Supply(1.0, 1.0, math.nan, 50.0), "numbers from 0"),
        (lambda: Supply(-1.0, 1.0, 1.0, 50.0), "numbers from 0"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, message: str) -> None:  # noqa: ANN401 - a lambda
    with pytest.raises(ValueError, match=message):
        make()


def test_a_curve_is_level_beyond_its_ends_and_straight_between() -> None:
    curve = Curve(((0.9, 0.25), (1.0, 0.0), (1.0, -0.1), (1.1, -0.25)))
    assert [curve.at(x) for x in (0.5, 0.9, 0.95, 1.0, 1.1, 2.0)] == pytest.approx(
        [0.25, 0.25, 0.125, -0.1, -0.25, -0.25]
    )


MODES = {
    Mode.VOLT_VAR: Settings(),
    Mode.CONSTANT: Settings(),
    Mode.POWER_FACTOR: Settings(),
    Mode.WATT_VAR: Settings(),
    Mode.NONE: Settings(),
}


@given(mode=st.sampled_from(list(MODES)), power=st.floats(0, 1), reactive=st.floats(-1, 1), voltage=st.floats(0.2, 1.2))
def test_nothing_exceeds_the_ratings(mode: Mode, power: float, reactive: float, voltage: float) -> None:
    settings = Settings()
    ratings = settings.ratings
    watts, var = within_current(ratings, limited(settings, mode, power, reactive), voltage)
    assert 0.0 <= watts <= power * ratings.power_w + 1e-6
    assert -ratings.absorb_var <= var <= ratings.inject_var
    if mode is not Mode.WATT_VAR:  # it may be off its curve here only because it is asked for what no curve says
        assert math.hypot(watts, var) <= ratings.apparent_va * (1 + 1e-9)
    assert math.hypot(watts, var) <= ratings.current_pu * voltage * ratings.apparent_va * (1 + 1e-9)


@pytest.mark.parametrize(("priority", "kept_pu"), [(Priority.REACTIVE, 0.60), (Priority.ACTIVE, 0.44)])
def test_priority_matters_where_more_than_the_required_var_can_be_had(priority: Priority, kept_pu: float) -> None:
    ratings = Ratings(inject_var=3000.0, absorb_var=3000.0)
    settings = Settings(ratings=ratings, volt_var=VoltVar(priority=priority))
    watts, var = limited(settings, Mode.VOLT_VAR, 1.0, 0.9)
    assert (watts, var) == pytest.approx((5000 * math.sqrt(1 - kept_pu**2), 5000 * kept_pu))


def test_of_several_functions_the_first_counts() -> None:
    """OpenDER q_funcs.py, eq. 3.8.1-15."""
    settings = Settings(constant_var=ConstantVar(True))
    found = [mode_of(Settings()), mode_of(settings)]
    for change in ({"watt_var": WattVar(True)}, {"volt_var": VoltVar(True)}, {"power_factor": PowerFactor(True)}):
        settings = replace(settings, **change)
        found.append(mode_of(settings))
    assert found == [Mode.NONE, Mode.CONSTANT, Mode.WATT_VAR, Mode.VOLT_VAR, Mode.POWER_FACTOR]


def test_a_power_factor_holds_where_more_apparent_than_active_power_is_rated() -> None:
    ratings = Ratings(power_w=4000.0)
    settings = Settings(ratings=ratings, power_factor=PowerFactor(True, 0.9))
    functions = DerFunctions(Random(1))
    assert functions.after(0.1, settings, 4000.0, GOOD) == pytest.approx((4000.0, 4000.0 * math.tan(math.acos(0.9))))


def test_a_change_of_function_is_a_ramp_from_what_flows() -> None:
    functions, first = DerFunctions(Random(1)), Settings(constant_var=ConstantVar(True, -0.3))
    second = Settings(power_factor=PowerFactor(True, 0.95, True), constant_var=ConstantVar(True, -0.3))
    for _ in range(300):
        functions.after(0.1, first, 3000.0, GOOD)
    seen = [functions.after(0.1, second, 3000.0, GOOD)[1] for _ in range(200)]
    assert functions.mode is Mode.POWER_FACTOR
    steps = [after - before for before, after in zip([-1500.0, *seen], seen, strict=False)]
    assert max(steps) == pytest.approx(5000 * 0.1 / 15)
    assert seen[-1] == pytest.approx(3000 * math.tan(math.acos(0.95)), abs=1)


def test_without_a_ramp_the_seed_draws_the_delay_and_the_ramp_makes_it_needless() -> None:
    def back_s(seed: int, ramp_s: float) -> float:
        functions = DerFunctions(Random(seed))
        settings = Settings(enter=EnterService(delay_s=1.0, random_s=20.0, ramp_s=ramp_s))
        functions.after(0.5, settings, 5000.0, Supply(1.0, 1.0, 1.0, 53.0))
        for count in range(100):
            if functions.after(0.5, settings, 5000.0, GOOD)[0] > 0.0:
                return count * 0.5
        raise AssertionError

    assert len({back_s(seed, 0.0) for seed in range(6)}) > 3
    assert back_s(3, 0.0) == back_s(3, 0.0)
    assert {back_s(seed, 100.0) for seed in range(6)} == {0.5}


def test_leaving_the_window_begins_the_wait_anew() -> None:
    functions = DerFunctions(Random(1))
    settings = Settings(enter=EnterService(delay_s=10.0, ramp_s=0.0))
    functions.after(1.0, settings, 5000.0, Supply(1.0, 1.0, 1.0, 53.0))
    for supply in (*[GOOD] * 9, Supply(1.0, 1.06, 1.02, 50.0), *[GOOD] * 9):
        functions.after(1.0, settings, 5000.0, supply)
        assert functions.state is State.TRIPPED
    assert functions.wait_s == pytest.approx(1.0)
    assert functions.after(1.0, settings, 5000.0, GOOD)[0] == 5000.0


def test_changed_limits_count_anew() -> None:
    relay = Relay()
    assert not any(relay.after(1.0, (Limit(0.9, 5.0),), lambda at: at > 0.8) for _ in range(4))
    assert not any(relay.after(1.0, (Limit(0.9, 3.0),), lambda at: at > 0.8) for _ in range(2))
    assert relay.after(1.0, (Limit(0.9, 3.0),), lambda at: at > 0.8)
