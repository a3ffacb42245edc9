"""What a world opens, in what order, and what it says of how it stands; the wires themselves are in tests/system."""

import pytest

from sim_hardware.faults import Faults
from sim_hardware.virtual_time import run_virtual
from sim_hardware.world.faces import Status
from sim_hardware.world.world import World
from tests.sim_hardware.world.networks import world_of


def test_status_says_time_voltages_power_and_faults() -> None:
    world = World(world_of({"kind": "street"}, [{"count": 2, "load": {"year_wh": 5e7}}], world={
        "name": "w", "start": "2026-01-02T03:04:05Z"
    }))  # fmt: skip
    world.after(60.0)

    async def faulty() -> Status:
        world.faults["home-2/grid"].begin("drop")
        return Status.of(world)

    status = run_virtual(faulty(), horizon_s=1.0)
    assert status.time == "2026-01-02T03:05:05Z"
    assert status.voltage_least_v == pytest.approx(world.meters.voltage_v.min(), abs=0.005)
    assert status.voltage_most_v == pytest.approx(world.meters.voltage_v.max(), abs=0.005)
    assert status.voltage_least_v < status.voltage_most_v
    assert status.frequency_hz == 50.0
    assert status.power_w == pytest.approx(world.meters.power[0, 0].sum() + 1350.0, rel=0.02)
    assert status.faults == ("home-2/grid",)
    assert isinstance(world.faults["home-2/grid"], Faults)
