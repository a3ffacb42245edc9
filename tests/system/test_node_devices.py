"""Devices that fail on real wires: the node goes on with the rest, says which one, and takes it back."""

import pytest

from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.proxy import Manner, wire
from tests.system.site import Setup, Site

pytestmark = pytest.mark.system

OTHERS = ("pv", "battery", "load")
SPOILT = (Manner.HALF_OPEN, Manner.CUT_SHORT)


@pytest.mark.parametrize("manner", SPOILT, ids=lambda manner: manner.name.lower())
async def test_a_meter_that_fails_while_the_node_runs(site: Site, listener: HeadEnd, manner: Manner) -> None:
    """The meter of the connection point: blind, the node must not go on steering; with it back, it must."""
    async with wire(site.rig.urls["grid"]) as line, site.node(Setup(urls={"grid": line.url})) as node:
        await listener.readings(2, "grid", *OTHERS)
        line.manner = manner
        await eventually("offline is said", lambda: "offline" in listener.healths("grid"), seen=lambda: node.log)
        assert line.struck >= 3
        seq = max(item.seq for item in listener.telemetry if item.device == "grid")
        others = await listener.readings(4, *OTHERS)
        assert not [item for item in others if item.device == "grid"], "a dead meter's value was said again"
        assert {item.quality for item in others} == {"good"}
        assert node.is_alive
        assert listener.status == ["online"]
        line.manner = Manner.HONEST
        (first, *_) = [item for item in await listener.readings(2, "grid") if item.device == "grid"]
        assert first.seq == seq + 1
        assert listener.healths("grid") == ["online", "suspect", "offline", "online"]
        assert [listener.healths(name) for name in OTHERS] == [["online"]] * 3
        assert "Traceback" not in node.log


async def test_a_meter_that_is_dead_from_the_start(site: Site, listener: HeadEnd) -> None:
    """And its neighbours do not wait for it: the others' readings come as often as ever."""
    async with wire(site.rig.urls["pv"]) as line:
        line.manner = Manner.HALF_OPEN
        async with site.node(Setup(urls={"pv": line.url})) as node:
            rest = ("grid", "battery", "load")
            await listener.readings(8, *rest)
            assert not [item for item in listener.telemetry if item.device == "pv"]
            assert "offline" in node.log
            await eventually("the battery follows", lambda: abs((site.battery_w or 0.0) - 3000.0) < 200.0)
            line.manner = Manner.HONEST
            await listener.readings(2, "pv")
            assert listener.healths("pv")[-1] == "online"


async def test_a_device_that_is_switched_off_and_on(site: Site, listener: HeadEnd) -> None:
    """The port is closed, the connection reset; then it listens again."""
    async with site.node() as node:
        await listener.readings(2, "grid", *OTHERS)
        site.rig.faults["battery"].begin("off")
        await eventually("offline is said", lambda: "offline" in listener.healths("battery"), seen=lambda: node.log)
        await listener.readings(2, "grid", "pv", "load")
        site.rig.faults["battery"].end()
        await listener.readings(2, "battery")
        await eventually("the battery follows", lambda: abs((site.battery_w or 0.0) - 3000.0) < 200.0)
        assert node.is_alive
