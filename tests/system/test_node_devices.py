"""Devices that fail on real wires: the node goes on with the rest, says which one, and takes it back."""

from functools import partial
from urllib.parse import urlsplit

import pytest

from drivers.modbus.tcp import TcpBus
from protocols.faults import LinkDown
from protocols.ports import Table
from sim_hardware.faults import Faults, Word
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.proxy import Manner, wire
from tests.system.site import Setup, Site

pytestmark = pytest.mark.system

OTHERS = ("pv", "battery", "load")
SPOILT = (Manner.HALF_OPEN, Manner.CUT_SHORT)


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def has_struck(faults: Faults, times: int) -> bool:
    return faults.seen[Word.SINGLE_CONNECTION] >= times


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


async def test_a_meter_with_one_connection_only_that_another_client_wants(site: Site, listener: HeadEnd) -> None:
    """ha-alphaess-modbus#16: the second client is turned away, and the node that came first goes on."""
    async with site.node() as node:
        await listener.readings(2, "grid", *OTHERS)
        site.rig.faults["grid"].begin("single_connection", "refuse")
        intruder = TcpBus("127.0.0.1", port_of(site.rig.urls["grid"]), timeout_s=1.0)
        for _ in range(5):
            with pytest.raises(LinkDown):
                await intruder.read(1, Table.INPUT, 0, 2)
        await listener.readings(4, "grid", *OTHERS)
        assert listener.healths("grid") == ["online"]
        assert node.is_alive


async def test_a_meter_that_throws_out_whoever_came_first(site: Site, listener: HeadEnd) -> None:
    """Each takes the connection from the other; the node comes back at once, and never holds two."""
    async with site.node() as node:
        await listener.readings(2, "grid", *OTHERS)
        faults = site.rig.faults["grid"]
        faults.begin("single_connection", "kick")
        intruder = TcpBus("127.0.0.1", port_of(site.rig.urls["grid"]), timeout_s=1.0)
        for _ in range(5):
            wanted = faults.seen[Word.SINGLE_CONNECTION] + 2
            await intruder.read(1, Table.INPUT, 0, 2)
            took_back = partial(has_struck, faults, wanted)
            await eventually("the node takes the connection back", took_back)
        await intruder.close()
        assert {reading.quality for reading in await listener.readings(4, "grid", *OTHERS)} == {"good"}
        assert "offline" not in listener.healths("grid")
        assert node.is_alive
        assert "Traceback" not in node.log
