"""Power flow against two foreign programs, pandapower and OpenDSS, and against Kirchhoff."""

import sys

import numpy as np
import pytest

from sim_hardware.physics.feeder import SequenceCable, WireCable
from sim_hardware.physics.network import NoSolution, PowerFlow
from tests.sim_hardware.physics.feeders import NAYY, OVERHEAD, UNEVEN_VAR, UNEVEN_W, opendss, street

NOTHING = np.zeros((3, 3))


@pytest.mark.parametrize("cable", [NAYY, OVERHEAD], ids=["sequence", "four wires"])
def test_an_uneven_street_is_as_opendss_has_it(cable: SequenceCable | WireCable) -> None:
    feeder = street(cable, voltage_pu=1.02, short_circuit_va=50e6, r_to_x=0.3)
    flow = PowerFlow(feeder).solve(UNEVEN_W, UNEVEN_VAR)
    volts, amperes = opendss(feeder, UNEVEN_W, UNEVEN_VAR)
    assert flow.voltage_v == pytest.approx(volts, rel=1e-6)
    assert flow.line_a == pytest.approx(amperes, rel=1e-5, abs=1e-5)
    assert flow.line_loading == pytest.approx(amperes.max(axis=1) / 200.0, rel=1e-5)
    assert np.ptp(flow.voltage_v[4]) > 5.0  # the case is uneven indeed


def test_a_street_without_load_stands_at_its_ratio_and_draws_nothing() -> None:
    flow = PowerFlow(street()).solve(NOTHING, NOTHING)
    assert flow.voltage_v[1:] == pytest.approx(400.0 / 3**0.5)
    assert flow.source_w == pytest.approx([0.0, 0.0, 0.0], abs=0.01)
    assert (flow.transformer_loading < 1e-6).all()


def test_import_is_positive_and_losses_are_in_it() -> None:
    flow = PowerFlow(street()).solve(UNEVEN_W, NOTHING)
    assert UNEVEN_W.sum() < flow.source_w.sum() < UNEVEN_W.sum() * 1.05
    assert PowerFlow(street()).solve(-UNEVEN_W, NOTHING).source_w.sum() < 0.0


def test_many_at_once_are_each_as_one_by_one() -> None:
    power = PowerFlow(street())
    scale = np.linspace(-1.0, 1.0, 7)[:, None, None]
    many = power.solve_many(scale * UNEVEN_W, scale * UNEVEN_VAR)
    for row, factor in enumerate(scale):
        one = power.solve(factor * UNEVEN_W, factor * UNEVEN_VAR)
        assert many.voltage_v[row] == pytest.approx(one.voltage_v, rel=1e-9)
        assert many.line_a[row] == pytest.approx(one.line_a, rel=1e-6, abs=1e-6)
        assert many.source_w[row] == pytest.approx(one.source_w, rel=1e-6, abs=1e-2)


def test_a_tap_above_zero_lowers_the_voltage_by_its_steps() -> None:
    power = PowerFlow(street())
    for tap in (-2, 0, 1, 2):
        power.set_tap("t", tap)
        volts = power.solve(NOTHING, NOTHING).voltage_v[1]
        assert volts == pytest.approx(400.0 / 3**0.5 / (1.0 + 0.025 * tap), rel=1e-6)


def test_the_grid_above_can_change_and_sites_are_found() -> None:
    power = PowerFlow(street())
    power.set_source(1.04)
    flow = power.solve(NOTHING, NOTHING)
    assert flow.voltage_v[1] == pytest.approx(1.04 * 400.0 / 3**0.5, rel=1e-6)
    loaded = power.solve(UNEVEN_W, NOTHING)
    assert power.at_sites(loaded.voltage_v).tolist() == loaded.voltage_v[[4, 5, 3]].tolist()


def test_too_much_power_and_power_that_is_no_number_are_clear_errors() -> None:
    power = PowerFlow(street())
    with pytest.raises(NoSolution, match="cannot carry"):
        power.solve(UNEVEN_W * 1000.0, NOTHING)
    bad = UNEVEN_W.copy()
    bad[1, 2] = np.nan
    with pytest.raises(ValueError, match="power_w of site home d on phase 3 is nan; it must be finite"):
        power.solve(bad, NOTHING)
    with pytest.raises(ValueError, match=r"reactive_var is \(3, 2\); it must be \(3, 3\)"):
        power.solve(UNEVEN_W, NOTHING[:, :2])
    with pytest.raises(ValueError, match="transformer t: tap is 3; it must be -2 to 2"):
        power.set_tap("t", 3)
    with pytest.raises(ValueError, match="'x' is not there; known are t"):
        power.set_tap("x", 0)
    with pytest.raises(ValueError, match="voltage_pu is 2; it must be"):
        power.set_source(2.0)


def test_without_the_solver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "power_grid_model", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --editable '\.\[sim\]'"):
        PowerFlow(street())
