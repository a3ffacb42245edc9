"""One home node on real wires: Modbus TCP, a serial line, a real broker with passwords; third parties watch."""

import asyncio
from pathlib import Path

import pytest

from tests.system.busbar import busbar
from tests.system.eventually import eventually
from tests.system.head_end import HeadEnd
from tests.system.mosquitto import NODE, Heard, Mosquitto
from tests.system.site import ISSUER, LOAD_W, MODELS, Site

pytestmark = pytest.mark.system


async def test_a_third_party_sees_every_device(site: Site, broker: Mosquitto) -> None:
    """Voltage, frequency, power and energy of four devices, one of them on a serial line."""
    assert site.rig.urls["load"].startswith("serial:///dev/pts/")
    async with broker.subscriber("busbar/1/#") as subscriber, site.node() as node:

        def newest() -> dict[str, Heard]:
            found = {name: subscriber.of(f"busbar/1/{NODE}/telemetry/{name}") for name in MODELS}
            return {name: heard[-1] for name, heard in found.items() if len(heard) >= 3}

        await eventually("three readings of each device", lambda: len(newest()) == len(MODELS), seen=lambda: node.log)
        for name, heard in newest().items():
            message, terminal = heard.json(), site.rig.home.terminals[name]
            values = message["values"]
            assert values["voltage_l1_v"] == pytest.approx(terminal.voltage_v[0], abs=1.0)
            assert values["frequency_hz"] == pytest.approx(terminal.frequency_hz, abs=0.1)
            assert isinstance(values["power_w"], float)
            assert values["energy_export_wh"] >= 0.0
            assert name == "pv" or values["energy_import_wh"] >= 0.0  # model 103 counts what is made, and no more
            assert message["quality"] == "good"
            assert message["measured_at"] <= message["received_at"]
            numbers = [item.json()["seq"] for item in subscriber.of(heard.topic)]
            assert numbers == list(range(numbers[0], message["seq"] + 1))
        assert newest()["load"].json()["values"]["power_w"] == pytest.approx(LOAD_W, abs=1.0)
        assert newest()["pv"].json()["values"]["power_w"] == pytest.approx(-4000.0, abs=5.0)
    async with broker.subscriber(f"busbar/1/{NODE}/#") as late:
        await eventually("what was retained", lambda: late.of(f"busbar/1/{NODE}/status"))
        assert not [heard.topic for heard in late.heard if not heard.retained]


async def test_the_retained_status_says_online(site: Site, broker: Mosquitto, listener: HeadEnd) -> None:
    async with site.node():
        await listener.readings(1, "grid")
        async with broker.subscriber(f"busbar/1/{NODE}/status") as late:
            await eventually("the retained status", lambda: late.heard)
            assert late.heard == [Heard(f"busbar/1/{NODE}/status", True, '{"node":"home-1","state":"online"}')]


def shows_a_contract_of_3_kw(site: Site) -> None:
    """4 kW of sun, 1 kW of load: the battery takes its 5 kW, and the roof may make only 3."""
    assert site.battery_w == pytest.approx(5000.0, abs=10.0)
    assert site.pv_limit_w == pytest.approx(3000.0, abs=400.0)
    assert site.rig.home.terminals["grid"].total_w == pytest.approx(3000.0, abs=400.0)


async def test_a_contract_by_command_line(site: Site, broker: Mosquitto, listener: HeadEnd, tmp_path: Path) -> None:
    """keys new, contract new, sign, send --follow; more is asked than the battery alone can take."""
    made = await busbar("keys", "new", "dso", "--dir", str(tmp_path))
    assert made.code == 0, made
    (tmp_path / "issuer.pub").write_bytes((tmp_path / "dso.pub").read_bytes())
    async with site.node():
        await listener.readings(2, *MODELS)
        who = ("--issuer", ISSUER, "--node", NODE)
        # Three processes start before the node has heard of it: a busy machine needs the time to settle.
        terms = ("--power-w", "3000", "--duration", "17s", "--settle", "13s", "--tolerance-w", "150")
        new = (await busbar("contract", "new", *who, *terms)).good
        signed = await busbar("contract", "sign", "-", "--key", str(tmp_path / "dso.key"), stdin=new)
        login = ("--username", "issuer", "--password-file", str(broker.password_file("issuer")))
        to = ("--node", NODE, "--broker", broker.url)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(busbar("contract", "send", "-", *to, *login, "--follow", stdin=signed.good))
            await listener.event("observed")
            shows_a_contract_of_3_kw(site)
        states = [line.split()[1] for line in sending.result().good.splitlines()]
        assert [state for state in states if state != "clamped"] == [
            "received",
            "accepted",
            "written",
            "observed",
            "expired",
        ]
        last = listener.contract_events[-1]
        assert (last.state, last.outcome) == ("expired", "delivered"), last
        await eventually("self-consumption again", lambda: abs(site.rig.home.terminals["grid"].total_w) < 150.0)


async def test_following_a_contract_that_cannot_be_kept_ends_with_1(
    site: Site, broker: Mosquitto, listener: HeadEnd, tmp_path: Path
) -> None:
    """4 kW of sun and 5 of the battery less 1 of load are not 10."""
    signed = site.signed(site.contract(-10_000.0, start_s=6.0, lasts_s=12.0, tolerance_w=100.0, settle_s=1.0))
    login = ("--username", "issuer", "--password-file", str(broker.password_file("issuer")))
    async with site.node():
        await listener.readings(2, *MODELS)
        to = ("--node", NODE, "--broker", broker.url)
        ended = await busbar("contract", "send", "-", *to, *login, "--follow", stdin=signed.decode())
    assert (ended.code, ended.out.split()[-3:]) == (1, ["100", "W", "violated"])
