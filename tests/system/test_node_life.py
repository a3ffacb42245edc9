"""How a node ends: killed, told to stop, or doubled; whoever is left lets the devices go and says so."""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import cast

import pytest

from drivers.links import open_bus
from drivers.modbus.bus import Bus
from protocols.ports import BitTable
from sim_hardware.serve_device import serve_device
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import NODE, Mosquitto
from tests.system.site import MODELS, Options, Setup, Site, is_guardian, section

pytestmark = pytest.mark.system

STATUS = f"busbar/1/{NODE}/status"
# The devices' own timers are ten minutes away: what lets them go within seconds is not them.
LONG = Setup(device={"lease_s": 600})


async def told(site: Site, listener: HeadEnd) -> None:
    """Put both devices under a setpoint."""
    await listener.readings(2, *MODELS)
    await site.send(site.signed(site.contract(3000.0, lasts_s=300.0)))
    await listener.event("observed")
    assert site.battery_w == pytest.approx(5000.0, abs=10.0)
    assert site.pv_limit_w == pytest.approx(3000.0, abs=400.0)


def is_free(site: Site) -> bool:
    """Whether no setpoint is in force in any device."""
    return site.battery_w is None and (site.pv_limit_w is None or site.pv_limit_w >= 5000.0)


async def retained_status(broker: Mosquitto) -> str:
    """The status as a third party finds it now."""
    async with broker.subscriber(STATUS) as late:
        await eventually("a retained status", lambda: late.heard)
        assert late.heard[0].retained
        state: str = late.heard[0].json()["state"]
        return state


async def test_a_killed_node_is_offline_and_its_devices_are_let_go(
    site: Site, broker: Mosquitto, listener: HeadEnd
) -> None:
    async with site.node(LONG) as node:
        await told(site, listener)
        guardian = await node.guarded()
        await node.kill()
        await eventually("both devices are free", lambda: is_free(site), within_s=30.0, seen=lambda: node.log)
        await eventually("the last will", lambda: listener.status[-1] == "offline")
        assert await retained_status(broker) == "offline"
        await eventually("the guardian's end", lambda: not is_guardian(guardian))
        assert "battery was let go: its daemon is gone" in node.log
        assert "pv was let go: its daemon is gone" in node.log


async def test_a_killed_node_leaves_its_relay_to_the_guardian(site: Site, listener: HeadEnd) -> None:
    """A board has no timer: without the guardian the boiler would stay on for ever."""
    async with serve_device("relay-board", "tcp://127.0.0.1:0") as board:
        bus = cast(Bus, open_bus(board, 1.0))

        async def is_on() -> bool:
            return (await bus.read_bits(1, BitTable.COILS, 0, 1))[0]

        keys: Options = {"name": "boiler", "url": board, "channel": 0, "power_w": 2000, "lease_s": 600, "change_s": 1}
        relay = section("[[relay]]", {**keys, "use": "always", "timeout_s": 0.5})
        try:
            async with site.node(Setup(text=relay)) as node:
                await eventually_async("the boiler is on", is_on, seen=lambda: node.log)
                await node.kill()

                async def is_open() -> bool:
                    return not await is_on()

                await eventually_async("the boiler is off", is_open, seen=lambda: node.log)
                assert "boiler was let go: its daemon is gone" in node.log
        finally:
            await bus.close()


async def eventually_async(what: str, is_so: Callable[[], Awaitable[bool]], seen: Callable[[], str]) -> None:
    """As `eventually`, for what has to be asked over a wire."""
    try:
        async with asyncio.timeout(30.0):
            while not await is_so():  # noqa: ASYNC110 - the wire tells nobody when it changes
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not within 30 s: {what}; {seen()}") from None


async def test_a_guardian_that_dies_is_followed_by_another(site: Site, listener: HeadEnd) -> None:
    async with site.node(LONG) as node:
        await told(site, listener)
        first = await node.guarded()
        os.kill(first, signal.SIGKILL)
        await eventually("another guardian", lambda: node.children() not in ([], [first]), seen=lambda: node.log)
        assert "the guardian ended with code -9" in node.log
        await node.kill()
        await eventually("both devices are free", lambda: is_free(site), within_s=30.0, seen=lambda: node.log)


async def test_a_node_started_again_takes_over(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    """At once, while the guardian of the killed one may still be at work; the contract goes on."""
    async with site.node(LONG) as first:
        await told(site, listener)
        seen = len(listener.contract_events)
        await first.kill()
        async with site.node(LONG) as second:
            await listener.readings(2, *MODELS)
            await eventually(
                "the contract is observed again",
                lambda: "observed" in [event.state for event in listener.contract_events[seen:]],
                seen=lambda: second.log,
            )
            assert site.battery_w == pytest.approx(5000.0, abs=10.0)
            assert await retained_status(broker) == "online"
            assert "Traceback" not in first.log + second.log


async def test_a_node_told_to_stop_lets_go_and_says_so(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    async with site.node(LONG) as node:
        await told(site, listener)
        guardian = await node.guarded()
        assert await node.terminate() == 0
        assert is_free(site), "the devices were not let go before the end"
        assert not is_guardian(guardian)
        assert await retained_status(broker) == "offline"
        assert listener.healths("node") == ["stopped"]
        assert "its daemon is gone" not in node.log
        assert re.search(r"WARNING|ERROR|Traceback", node.log) is None, node.log


async def test_a_second_node_on_the_same_state_says_so_and_ends(site: Site, listener: HeadEnd) -> None:
    async with site.node() as first:
        await listener.readings(1, "grid")
        async with site.node() as second:
            async with asyncio.timeout(60.0):
                assert await second.process.wait() == 1
            (line,) = second.log.splitlines()
            assert line.startswith("busbar: ")
            assert line.endswith("another node runs on this state_dir; each needs its own")
        assert first.is_alive
        ended = listener.telemetry[-1].measured_at
        (last, *_) = await listener.readings(1, "grid")
        assert datetime.fromisoformat(last.measured_at) >= datetime.fromisoformat(ended)
        assert set(listener.status) == {"online"}
