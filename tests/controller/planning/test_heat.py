"""Heat in steps, against scipy's integrator, and a house at rest."""

import numpy as np
from scipy.integrate import solve_ivp

from controller.planning.heat import bounds_at_edges, of_house, of_tank
from tests.controller.planning.sites import full, horizon, house, tank


def test_a_house_goes_as_its_equations_say() -> None:
    one, outdoor_c, heat_kw = house(8), np.linspace(-5.0, 9.0, 8), np.array([0.0, 6.0, 6.0, 0.0, 3.0, 9.0, 0.0, 0.0])
    steps = of_house(one, horizon(8), outdoor_c)
    model, state_c = one.model, [one.air_c, one.mass_c]
    edges_c = [state_c]
    for out_c, kw in zip(outdoor_c, heat_kw, strict=True):

        def rates(_: float, now: np.ndarray, out_c: float = out_c, kw: float = kw) -> list[float]:
            gain_w = kw * 1000.0 + model.gain_w
            air = model.envelope_w_per_k * (out_c - now[0]) + model.coupling_w_per_k * (now[1] - now[0]) + gain_w
            return [air / model.air_j_per_k, model.coupling_w_per_k * (now[0] - now[1]) / model.mass_j_per_k]

        edges_c.append(solve_ivp(rates, (0.0, 3600.0), edges_c[-1], method="LSODA", rtol=1e-10, atol=1e-10).y[:, -1])
    np.testing.assert_allclose(steps.play(heat_kw), np.array(edges_c).T, atol=1e-6)


def test_a_tank_at_rest_loses_what_it_is_given() -> None:
    one = tank(4, full(4, 0.0))
    steps = of_tank(one, horizon(4))
    loses_kw = one.model.loss_w_per_k * (one.water_c - one.model.room_c) / 1000.0
    np.testing.assert_allclose(steps.play(full(4, loses_kw)), 55.0)


def test_a_bound_holds_when_its_step_begins() -> None:
    least_c, most_c = bounds_at_edges(np.array([18.0, 20.0, 18.0]), np.array([24.0, 24.0, 22.0]))
    np.testing.assert_array_equal(least_c, [20.0, 20.0, 18.0])
    np.testing.assert_array_equal(most_c, [24.0, 22.0, 22.0])


def test_bounds_that_exclude_each_other_at_an_edge_are_those_of_the_step_that_ends() -> None:
    least_c, most_c = bounds_at_edges(np.array([16.0, 20.0]), np.array([18.0, 24.0]))
    assert (least_c[0], most_c[0]) == (16.0, 18.0)
