"""The masses' temperature, which no sensor shows, against the simulated house that knows it."""

import numpy as np
import pytest

from controller.thermal.models import HouseModel
from controller.thermal.state import MassObserver
from sim_hardware.physics.thermal.house import TERRACE, House

MODEL = HouseModel(160.0, 3e6, 30e6, 1_500.0, gain_w=300.0)


def _run(
    hours: float, dt_s: float = 60.0, *, dies_h: float = 1e9, model: HouseModel = MODEL
) -> tuple[MassObserver, House]:
    rng, house = np.random.default_rng(3), House(TERRACE, air_c=21.0, mass_c=18.5)
    seen = MassObserver.begin(model, 21.0)
    for k in range(round(hours * 3600 / dt_s)):
        heat_w = 4_000.0 if k * dt_s % 7_200 < 3_000 else 0.0
        house.outdoor_c, house.air_gain_w = 2.0, heat_w + 300.0
        house.after(dt_s)
        room_c = round(house.air_c + float(rng.normal(0.0, 0.05)), 1) if k * dt_s < dies_h * 3600 else None
        seen = seen.after(dt_s, 2.0, heat_w, room_c)
    return seen, house


def test_masses_are_found_from_the_air() -> None:
    seen, house = _run(6.0)
    assert seen.mass_c == pytest.approx(house.mass_c, abs=0.2)
    assert seen.air_c == pytest.approx(house.air_c, abs=0.1)
    assert abs(seen.mass_c - house.mass_c) < 2.5 * seen.mass_error_k < 0.6


def test_they_are_not_known_at_first_and_better_by_the_hour() -> None:
    errors = [MassObserver.begin(MODEL, 21.0).mass_error_k, *(_run(hours)[0].mass_error_k for hours in (0.1, 1.0, 4.0))]
    assert errors[0] == 2.0
    assert errors == sorted(errors, reverse=True)


def test_a_dead_sensor_leaves_the_model_running_and_less_sure() -> None:
    blind, house = _run(12.0, dies_h=6.0)
    seen, _ = _run(12.0)
    assert blind.air_c == pytest.approx(house.air_c, abs=0.4)
    assert blind.mass_error_k > 1.2 * seen.mass_error_k


def test_a_model_that_is_wrong_is_pulled_to_the_sensor() -> None:
    wrong = HouseModel(200.0, 4e6, 25e6, 1_200.0, gain_w=100.0)
    seen, house = _run(24.0, model=wrong)
    assert seen.air_c == pytest.approx(house.air_c, abs=0.2)


def test_any_step_gives_the_same_estimate_without_readings() -> None:
    a = b = MassObserver.begin(MODEL, 20.0)
    for _ in range(15):
        a = a.after(60.0, 5.0, 1_000.0, None)
    b = b.after(900.0, 5.0, 1_000.0, None)
    assert (a.air_c, a.mass_c) == pytest.approx((b.air_c, b.mass_c))


def test_left_alone_it_comes_to_rest_where_gain_and_heat_hold_it() -> None:
    seen = MassObserver.begin(MODEL, 20.0)
    for _ in range(100):
        seen = seen.after(86_400.0, 5.0, 1_300.0, None)
    assert seen.air_c == pytest.approx(5.0 + (1_300.0 + 300.0) / 160.0)
