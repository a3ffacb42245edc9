"""Grid limits over a real broker: a guard's command line, and how long its word takes to the inverter's register."""

import asyncio
import json
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest

from protocols.limits import Heartbeat, Told, Use, Write
from protocols.signing import LIMIT, sign
from tests.system.busbar import busbar
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import NODE, PASSWORDS, Mosquitto
from tests.system.site import ISSUER, MODELS, Setup, Site

pytestmark = pytest.mark.system

GUARDED = Setup(
    text=f"""
[[grid_limit]]
kind = "guard"
name = "lpc"
issuer = "{ISSUER}"
use = "consumption"
failsafe_w = 17000

[[grid_limit]]
kind = "guard"
name = "lpp"
issuer = "{ISSUER}"
use = "production"
failsafe_w = 10000
"""
)
ROUNDS = 20


def told(site: Site, kind: type[Told], **said: Any) -> bytes:
    named: dict[str, Any] = {"iss": ISSUER, "aud": NODE, "seq": time.time_ns() // 1000, "at": datetime.now(UTC), **said}
    return sign(msgspec.json.encode(kind(**named)), site.key, LIMIT)


async def test_a_guard_by_command_line(site: Site, broker: Mosquitto, listener: HeadEnd, tmp_path: Path) -> None:
    """4 kW of sun, 1 of load: the battery takes 3, so 0 W of production limit nothing; 0 W of feed-in after it is full."""
    key = tmp_path / "guard.key"
    key.write_text(site.key)
    site.rig.home.store.stored_wh = site.rig.home.store.capacity_wh
    login = ("--username", "issuer", "--password-file", str(broker.password_file("issuer")))
    to = ("--issuer", ISSUER, "--node", NODE, "--key", str(key), "--broker", broker.url, *login)
    async with site.node(GUARDED):
        await listener.readings(2, *MODELS)
        sent = await busbar("limit", "send", *to, "--use", "production", "--limit-w", "0")
        assert sent.good.startswith("lpp limited since"), sent
        await eventually("nothing leaves the site", lambda: abs(site.rig.home.terminals["grid"].total_w) < 150.0)
        assert site.pv_limit_w == pytest.approx(1000.0, abs=150.0)
        live = await busbar("why", "--broker", broker.url, "--node", NODE, *login, "--json")
        (limit,) = [each for each in json.loads(live.good)["limits"] if each["source"] == "lpp"]
        assert (limit["state"], limit["export_limit_w"]) == ("limited", 0.0)
        recorded = await busbar("why", "--state", str(site.folder / "state"))
        assert "lpp limited: at most 0 W export" in recorded.good
        refused = await busbar("limit", "send", *to, "--use", "production", "--limit-w", "-1")
        assert refused.code == 2, refused
        beaten = await busbar("limit", "heartbeat", *to, "--every", "0.2s", "--for", "1s")
        assert beaten.good.count("heartbeat") >= 2


async def test_how_long_a_limit_takes_to_the_register(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    """Publish to the battery's register; printed with -s. A cycle of 0.25 s is not waited for."""
    host, port = broker.url.removeprefix("mqtt://").split(":")
    took_s = []
    async with (
        site.node(GUARDED),
        aiomqtt.Client(host, int(port), username="issuer", password=PASSWORDS["issuer"]) as guard,
    ):
        await listener.readings(2, *MODELS)
        topic = f"busbar/1/{NODE}/limit/in"
        await guard.publish(topic, told(site, Heartbeat), qos=1)
        await guard.publish(topic, told(site, Write, use=Use.CONSUMPTION), qos=1)
        await site.send(site.signed(site.contract(4000.0, lasts_s=600.0)))
        await eventually("the battery takes what it can", lambda: (site.battery_w or 0.0) > 4900.0)
        for number in range(ROUNDS):
            limit_w = (500.0, 1500.0)[number % 2]
            before_w, began_s = site.battery_w, time.perf_counter()
            await guard.publish(topic, told(site, Write, use=Use.CONSUMPTION, limit_w=limit_w), qos=1)
            while site.battery_w == before_w or abs((site.battery_w or 0.0) - (before_w or 0.0)) < 300.0:
                await asyncio.sleep(0.002)
                assert time.perf_counter() - began_s < 10.0, f"{site.battery_w} W"
            took_s.append(time.perf_counter() - began_s)
            await eventually("no more moves", partial(_is_near, site, limit_w + 3000.0))
    took_s.sort()
    print(f"message to register: p50 {took_s[ROUNDS // 2] * 1e3:.0f} ms, worst {took_s[-1] * 1e3:.0f} ms")
    assert took_s[ROUNDS // 2] < 1.0


def _is_near(site: Site, battery_w: float) -> bool:
    return site.battery_w is not None and abs(site.battery_w - battery_w) < 60.0
