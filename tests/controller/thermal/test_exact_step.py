"""Steps of a house and a tank against scipy's exponential and integrator, and what they cannot be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from controller.thermal.exact_step import of_house, of_tank
from controller.thermal.models import HouseModel, TankModel


@settings(max_examples=30)
@given(
    ua=st.floats(10.0, 3_000.0), hm=st.floats(20.0, 50_000.0), ca=st.floats(1e5, 1e8), cm=st.floats(1e6, 2e9),
    dt_s=st.floats(1.0, 86_400.0),
)  # fmt: skip
def test_a_step_of_a_house_is_scipy_s_exponential(ua: float, hm: float, ca: float, cm: float, dt_s: float) -> None:
    step = of_house(HouseModel(ua, ca, cm, hm), dt_s)
    # Inputs as states that stand still, and the integral of the states beside them.
    a = np.zeros((6, 6))
    a[0, :4] = [-(ua + hm) / ca, hm / ca, ua / ca, 1.0 / ca]
    a[1, :2] = [hm / cm, -hm / cm]
    a[4:, :2] = np.eye(2)
    truth = expm(a * dt_s)
    assert step.keep == pytest.approx(truth[:2, :2], rel=1e-6, abs=1e-9)
    assert step.by == pytest.approx(truth[:2, 2:4], rel=1e-6, abs=1e-9)
    assert step.mean_keep == pytest.approx(truth[4:, :2] / dt_s, rel=1e-5, abs=1e-8)
    assert step.mean_by == pytest.approx(truth[4:, 2:4] / dt_s, rel=1e-5, abs=1e-8)


def test_a_tank_cools_and_warms_as_the_integrator_says() -> None:
    model, dt_s = TankModel(835e3, 1.7, room_c=15.0), 5_400.0
    truth = solve_ivp(
        lambda _, x: [(1.7 * (15.0 - x[0]) + 900.0) / 835e3, x[0]], (0.0, dt_s), [48.0, 0.0], rtol=1e-10, atol=1e-9
    ).y[:, -1]
    step = of_tank(model, dt_s)
    assert step.keep @ [48.0] + step.by @ [15.0, 900.0] == pytest.approx(truth[:1])
    assert step.mean_keep @ [48.0] + step.mean_by @ [15.0, 900.0] == pytest.approx(truth[1:] / dt_s)


def test_two_short_steps_are_a_long_one() -> None:
    model = HouseModel(160.0, 3e6, 30e6, 1_500.0)
    half, whole = of_house(model, 450.0), of_house(model, 900.0)
    assert half.keep @ half.keep == pytest.approx(whole.keep)
    assert half.keep @ half.by + half.by == pytest.approx(whole.by)


def test_without_a_loss_heat_only_adds_up() -> None:
    step = of_tank(TankModel(4e5, 0.0), 900.0)
    assert (step.keep[0, 0], step.by[0, 0], step.by[0, 1]) == pytest.approx((1.0, 0.0, 900.0 / 4e5))
    assert (step.mean_keep[0, 0], step.mean_by[0, 1]) == pytest.approx((1.0, 450.0 / 4e5))
    closed = of_house(HouseModel(0.0, 3e6, 30e6, 1_500.0), 900.0)
    assert 3e6 * closed.by[0, 1] + 30e6 * closed.by[1, 1] == pytest.approx(900.0)


def test_what_is_no_house_and_no_step() -> None:
    with pytest.raises(ValueError, match="thermal model: air_j_per_k is 0; it must be more than 0"):
        of_house(HouseModel(160.0, 0.0, 30e6, 1_500.0), 900.0)
    with pytest.raises(ValueError, match="thermal model: envelope_w_per_k is nan"):
        of_house(HouseModel(float("nan"), 3e6, 30e6, 1_500.0), 900.0)
    with pytest.raises(ValueError, match="thermal model: loss_w_per_k is -1"):
        of_tank(TankModel(8e5, -1.0), 900.0)
    with pytest.raises(ValueError, match="thermal model: dt_s is 0"):
        of_tank(TankModel(8e5, 1.0), 0.0)
