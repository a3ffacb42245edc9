"""Known networks: CIGRE as pandapower solves it, the IEEE European LV feeder as OpenDSS does.

pandapower takes seconds to import, so these are no part of `make check`.
"""

import warnings
from typing import Any, TypeAlias

import pytest

from sim_hardware.physics.network import Floats, PowerFlow
from sim_hardware.physics.pandapower_feeder import Net, from_pandapower
from tests.sim_hardware.physics.feeders import opendss

pytestmark = pytest.mark.oracle
Module: TypeAlias = Any


@pytest.fixture(scope="module")
def networks() -> Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pandas and pandapower deprecate is not ours
        import pandapower.networks

        return pandapower.networks


def _balanced(net: Net) -> dict[str, float]:
    import pandapower

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pandapower.runpp(net, numba=False, tolerance_mva=1e-10)
    return dict(zip(net.bus["name"], net.res_bus["vm_pu"], strict=True))


def _per_unit(power: PowerFlow, volts: Floats) -> dict[str, Floats]:
    return {bus.name: volts[row] * 3**0.5 / bus.voltage_v for row, bus in enumerate(power.feeder.buses)}


@pytest.mark.parametrize(("name", "within"), [("lv", 2e-8), ("mv", 5e-7)])
def test_cigre_is_as_pandapower_has_it(networks: Module, name: str, within: float) -> None:
    net = getattr(networks, f"create_cigre_network_{name}")()
    truth = _balanced(net)
    given = from_pandapower(net)
    power = PowerFlow(given.feeder)
    flow = power.solve(given.power_w, given.reactive_var)
    ours = _per_unit(power, flow.voltage_v)
    assert max(abs(ours[bus] - truth[bus]).max() for bus in ours) < within
    if name == "lv":
        assert flow.source_w.sum() == pytest.approx(net.res_ext_grid.p_mw[0] * 1e6, rel=1e-7)
        assert 100.0 * flow.line_loading == pytest.approx(net.res_line.loading_percent.to_numpy(), abs=1e-5)
        # Theirs is by current at rated voltage, ours by power: 1 % apart at these voltages.
        assert 100.0 * flow.transformer_loading == pytest.approx(net.res_trafo.loading_percent.to_numpy(), rel=0.01)


def test_the_grid_s_short_circuit_power_is_what_converters_stumble_on(networks: Module) -> None:
    net = networks.create_cigre_network_lv()
    truth = _balanced(net)
    given = from_pandapower(net, stiff=False)
    power = PowerFlow(given.feeder)
    ours = _per_unit(power, power.solve(given.power_w, given.reactive_var).voltage_v)
    assert max(abs(ours[bus] - truth[bus]).max() for bus in ours) == pytest.approx(0.008, abs=0.0005)


def test_the_ieee_european_lv_feeder_is_as_opendss_has_it(networks: Module) -> None:
    """Lines, transformer and the on-peak powers from pandapower's copy; the solution from the OpenDSS engine."""
    given = from_pandapower(networks.ieee_european_lv_asymmetric())
    assert (len(given.feeder.buses), len(given.feeder.sites)) == (907, 55)
    flow = PowerFlow(given.feeder).solve(given.power_w, given.reactive_var)
    volts, amperes = opendss(given.feeder, given.power_w, given.reactive_var)
    assert abs(flow.voltage_v - volts)[1:].max() < 1e-4
    assert abs(flow.line_a - amperes).max() < 1e-3
    assert flow.voltage_v[1:].max() > 1.05 * 240.0  # where OpenDSS would leave constant power by default


def test_what_is_not_read_is_refused(networks: Module) -> None:
    import pandapower

    net = networks.create_cigre_network_lv()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pandapower.create_shunt(net, 5, q_mvar=0.01)
    with pytest.raises(ValueError, match="shunt is in service"):
        from_pandapower(net)
