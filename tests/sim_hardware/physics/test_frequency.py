"""The swing equation against its closed forms and scipy's integrator."""

import math
from random import Random

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sim_hardware.physics.frequency import NOMINAL_HZ, Frequency, SwingParams
from sim_hardware.physics.grid import Wander

PARAMS = SwingParams(rating_va=100e3, inertia_s=3.0, droop_pu=0.04, damping_pu=1.5, primary_lag_s=0.4)


def _island(params: SwingParams = PARAMS, load_w: float = 10e3) -> Frequency:
    island = Frequency(params, islanded=True)
    island.load_w = load_w
    return island


def test_it_falls_at_first_as_the_textbook_says() -> None:
    island = _island()
    island.after(1e-4)
    assert (island.frequency_hz - 50.0) / 1e-4 == pytest.approx(-10e3 * 50.0 / (2 * 3.0 * 100e3), rel=1e-3)


def test_it_rests_where_droop_and_damping_meet_the_load() -> None:
    island = _island()
    for _ in range(600):
        island.after(0.1)
    deviation_pu = -0.1 / (1.0 / 0.04 + 1.5)
    assert island.frequency_hz == pytest.approx(50.0 * (1.0 + deviation_pu), abs=1e-9)
    assert PARAMS.rest_hz(10e3) == pytest.approx(island.frequency_hz, abs=1e-9)
    assert island.primary_w == pytest.approx(100e3 * -deviation_pu / 0.04)


@pytest.mark.parametrize("dt_s", [0.02, 0.5])
@pytest.mark.parametrize("lag_s", [0.4, 0.001])
def test_any_step_is_exact(dt_s: float, lag_s: float) -> None:
    """Swinging (a long lag) and creeping (a short one)."""
    p = SwingParams(rating_va=100e3, inertia_s=3.0, droop_pu=0.04, damping_pu=1.5, primary_lag_s=lag_s)

    def slope(_: float, x: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[float]:
        off, primary_w = x
        return [
            50.0 / (2 * 3.0 * 100e3) * (primary_w - 10e3 - 1.5 * 100e3 * off / 50.0),
            (-100e3 / 0.04 * off / 50.0 - primary_w) / lag_s,
        ]

    truth = solve_ivp(slope, (0.0, 2.0), [0.0, 0.0], method="Radau", rtol=1e-9, atol=1e-9, dense_output=True).sol
    island = _island(p)
    for step in range(1, round(2.0 / dt_s) + 1):
        island.after(dt_s)
        assert island.frequency_hz - 50.0 == pytest.approx(truth(step * dt_s)[0], abs=1e-6)


def test_a_spent_reserve_leaves_the_rest_to_damping() -> None:
    p = SwingParams(rating_va=100e3, reserve_w=4e3, damping_pu=2.0)
    island = _island(p)
    for _ in range(3000):
        island.after(0.05)
    assert island.primary_w == 4e3
    assert island.frequency_hz == pytest.approx(50.0 - 6e3 * 50.0 / (2.0 * 100e3), abs=1e-6)
    assert p.rest_hz(10e3) == pytest.approx(island.frequency_hz, abs=1e-6)
    island.load_w = 1e3  # and is taken back when the need is over
    for _ in range(3000):
        island.after(0.05)
    assert island.frequency_hz == pytest.approx(p.rest_hz(1e3), abs=1e-6)


def test_connected_it_is_the_grid_s_and_islanded_its_own() -> None:
    zone = Frequency(PARAMS, Wander(Random(1), 50.0, 0.02, 300.0))
    zone.load_w = 50e3
    for _ in range(100):
        zone.after(1.0)
    assert abs(zone.frequency_hz - 50.0) < 0.1
    zone.islanded = True
    before_hz = zone.frequency_hz
    zone.after(0.01)
    assert zone.frequency_hz < before_hz
    zone.dispatch_w = 50e3
    for _ in range(1000):
        zone.after(0.1)
    assert zone.frequency_hz == pytest.approx(NOMINAL_HZ, abs=1e-6)
    assert Frequency(PARAMS).frequency_hz == 50.0


def test_zones_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="swing: inertia_s is 0; it must be more than 0"):
        SwingParams(rating_va=1e3, inertia_s=0.0)
    with pytest.raises(ValueError, match="swing: reserve_w is nan"):
        SwingParams(rating_va=1e3, reserve_w=math.nan)
    island = _island(load_w=math.nan)
    with pytest.raises(ValueError, match="load_w is nan"):
        island.after(1.0)
