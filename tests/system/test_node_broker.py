"""The node and its broker: killed in the middle, saying no, wanting another password, speaking an older MQTT."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware_py.mqtt import Announcement, Broker, MqttUplink
from firmware_py.supervise import ended
from protocols.faults import Refused
from protocols.messages import Interval
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd, head_end
from tests.system.mosquitto import NODE, NODE_MAY, PASSWORDS, Mosquitto, mosquitto
from tests.system.site import MODELS, Setup, Site, house

pytestmark = pytest.mark.system

CONFIRMED = f"'busbar/1/{NODE}/interval'"
NO_TELEMETRY = (f"topic deny busbar/1/{NODE}/telemetry/#", *NODE_MAY)


def of_device(intervals: list[Interval], device: str) -> list[Interval]:
    return [interval for interval in intervals if interval.device == device]


def tile(intervals: list[Interval]) -> None:
    """Each interval begins where the one before it ended, in every energy register."""
    for before, after in itertools.pairwise(intervals):
        assert before.end <= after.start
        ends = {counter.register: counter.end_wh for counter in before.counters}
        starts = {counter.register: counter.start_wh for counter in after.counters}
        assert starts == ends


async def test_a_broker_killed_in_the_middle_loses_nothing(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    async with site.node() as node:
        await eventually("intervals before", lambda: listener.whole("interval") >= 6, seen=lambda: node.log)
        before = site.recorded("interval")
        await broker.kill()
        await eventually("intervals in the dark", lambda: site.recorded("interval") >= before + 18)
        assert listener.whole("interval") < before + 18
        assert node.is_alive
        await broker.start()
        in_the_dark = site.recorded("interval")
        (fresh, *_) = await listener.readings(2, *MODELS)
        # A record that the broker took while nobody listened comes again after the resend time of a minute.
        await eventually(
            "every interval reading",
            lambda: listener.whole("interval") > in_the_dark,
            within_s=120.0,
            seen=lambda: node.log,
        )
        assert fresh.seq > 1
        for name in MODELS:
            intervals = of_device(listener.intervals, name)
            assert len(intervals) > 5
            tile(intervals)
        await eventually("the head-end's word came in", lambda: site.pending("interval") < in_the_dark)
        assert "Traceback" not in node.log


async def test_what_a_broker_took_is_not_delivered(site: Site, broker: Mosquitto) -> None:
    """It confirmed every record while no head-end listened, and was killed: the head-end that comes later gets them all."""
    async with site.node() as node:
        await eventually("confirmed records", lambda: broker.log.count(CONFIRMED) >= 6, seen=lambda: node.log)
        before = site.recorded("interval")
        await broker.kill()
        await eventually("intervals in the dark", lambda: site.recorded("interval") >= before + 18)
        recorded = site.recorded("interval")
        assert site.pending("interval") >= recorded
        await broker.start()
        async with head_end(broker) as listener:
            await eventually("every interval reading", lambda: listener.whole("interval") > before + 18, within_s=120.0)


async def test_a_refused_publish_is_no_success(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, node_may=NO_TELEMETRY) as broker, uplink(broker) as link:
        await link.publish(f"busbar/1/{NODE}/event", b"{}")
        with pytest.raises(Refused, match="Not authorized") as refused:
            await link.publish(f"busbar/1/{NODE}/telemetry/grid", b"{}")
        assert "0x87" in str(refused.value)
        assert link.is_up


async def test_a_socket_closed_while_a_publish_waits_is_left_alone(broker: Mosquitto) -> None:
    """What aiomqtt 2.5.1 does not: it then watches a number that is nobody's, or the next socket's."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))

    async def close(link: MqttUplink) -> None:
        assert link._client is not None
        link._client._client._sock_close()

    async with uplink(broker) as link:
        publishing = asyncio.create_task(link.publish(f"busbar/1/{NODE}/event", b"{}"))
        await asyncio.create_task(close(link))
        for _ in range(3):
            await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
    assert not faults


@asynccontextmanager
async def uplink(broker: Mosquitto, version: str = "5") -> AsyncIterator[MqttUplink]:
    """The node's own uplink, alone."""
    login = Broker("127.0.0.1", broker.port, "alone", username="node", password=PASSWORDS["node"], version=version)
    status = f"busbar/1/{NODE}/status"
    link = MqttUplink(login, (), Announcement(status, b"online"), Announcement(status, b"offline"))
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(30.0):
            await link.wait_up()
        yield link
    finally:
        await ended(running)


async def test_a_node_whose_telemetry_is_refused_says_so_and_goes_on(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path / "broker", node_may=NO_TELEMETRY) as broker,
        house() as rig,
        head_end(broker) as listener,
    ):
        site = Site(tmp_path, broker, rig)
        async with site.node() as node:
            await eventually("intervals all the same", lambda: listener.whole("interval") >= 8, seen=lambda: node.log)
            assert f"broker refused busbar/1/{NODE}/telemetry/" in node.log
            assert "Not authorized (0x87)" in node.log
            assert listener.telemetry == []
            assert node.log.count("Not authorized") <= len(MODELS), "one line for a state, not for each message"


async def test_a_wrong_password_is_said_and_control_goes_on(site: Site, broker: Mosquitto) -> None:
    wrong = broker.folder / "wrong.password"
    wrong.write_text("guess\n")
    async with site.node(Setup(mqtt={"password_file": str(wrong)})) as node:
        await eventually(
            "three tries", lambda: broker.log.count("disconnected, not authorised") >= 3, seen=lambda: node.log
        )
        # Without a broker the site rests in self-consumption: what the roof makes too much goes into the battery.
        await eventually("the battery takes 3 kW", lambda: abs((site.battery_w or 0.0) - 3000.0) < 200.0)
        (line,) = [line for line in node.log.splitlines() if "busbar.mqtt" in line]
        assert f"broker 127.0.0.1:{broker.port}" in line
        assert "Not authorized" in line
        assert node.is_alive
        await eventually("interval readings are kept", lambda: site.recorded("interval") >= 8)
        assert await node.terminate() == 0
    assert site.battery_w is None


async def test_an_older_mqtt_will_do(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    async with site.node(Setup(mqtt={"version": "3.1.1"})) as node:
        await listener.readings(2, *MODELS)
        assert "as busbar-home-1 (p2," in broker.log
        await site.send(site.signed(site.contract(3000.0)))
        await listener.event("observed")
        assert await node.terminate() == 0
    await eventually("offline", lambda: listener.status[-1] == "offline")
