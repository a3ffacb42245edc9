"""A plug on the memory broker: what it says and obeys, and each fault word as a subscriber sees it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from protocols.ports import Message
from sim_hardware.devices.smart_plug import SmartPlug
from sim_hardware.faces.mqtt import MqttFace
from sim_hardware.faces.mqtt_links import MemoryLink
from sim_hardware.faults import Faults
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.virtual_time import VirtualClock, run_virtual

SENSOR, RESULT, LWT = "tele/plug/SENSOR", "stat/plug/RESULT", "tele/plug/LWT"


class Bench:
    """The plug, telling every 10 s, and somebody who hears everything."""

    def __init__(self) -> None:
        self.broker, self.faults = MemoryBroker(), Faults(seed=9)
        self.plug = SmartPlug("plug", VirtualClock(datetime(2026, 6, 21, 12, tzinfo=UTC)).utc, load_w=460.0)
        self.plug.period_s = 10
        self.home = MemoryUplink(self.broker, "home", ["#"])
        self.face = MqttFace(self.plug, self.faults, MemoryLink(self.broker, self.plug))
        self.heard: list[tuple[float, str, bytes]] = []
        self.loop = asyncio.get_running_loop()

    async def listen(self) -> None:
        async for message in self.home.messages():
            if not message.topic.startswith("cmnd/"):
                self.heard.append((round(self.loop.time(), 1), message.topic, message.payload))

    async def order(self, name: str, payload: bytes) -> bytes | None:
        """The answer to a command."""
        before = len(self.heard)
        await self.home.publish(f"cmnd/plug/{name}", payload)
        await asyncio.sleep(0.5)
        answers = [each for _, topic, each in self.heard[before:] if topic == RESULT]
        return answers[-1] if answers else None

    async def new(self, seconds: float) -> list[tuple[float, str, bytes]]:
        self.heard.clear()
        await asyncio.sleep(seconds)
        return list(self.heard)

    async def energy(self, seconds: float = 10.0) -> dict[str, Any]:
        """The last telemetry of so many seconds."""
        sensors = [payload for _, topic, payload in await self.new(seconds) if topic == SENSOR]
        content: dict[str, Any] = json.loads(sensors[-1])
        return content


def on_bench(film: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        bench = Bench()
        tasks = [asyncio.create_task(each) for each in (bench.home.run(), bench.listen())]
        await asyncio.sleep(0.5)
        tasks.append(asyncio.create_task(bench.face.run()))
        await asyncio.sleep(0.5)
        await film(bench)
        for task in tasks:
            task.cancel()

    run_virtual(main(), horizon_s=100_000)


def test_it_announces_itself_and_tells() -> None:
    async def film(bench: Bench) -> None:
        assert bench.broker.retained[LWT] == b"Online"
        bench.plug.after(3600.0)
        assert await bench.energy() == {
            "Time": "2026-06-21T12:00:10",
            "ENERGY": {"Total": 0.46, "Power": 460, "Voltage": 230, "Current": 2.0},
        }

    on_bench(film)


@pytest.mark.parametrize(
    ("name", "payload", "answer", "power_w"),
    [
        ("Power", b"OFF", b'{"POWER":"OFF"}', 0.0),
        ("POWER", b"toggle", b'{"POWER":"OFF"}', 0.0),
        ("power", b"", b'{"POWER":"ON"}', 460.0),
        ("Dimmer", b"50", b'{"POWER":"ON","Dimmer":50}', 230.0),
        ("Dimmer", b"0", b'{"POWER":"ON","Dimmer":0}', 0.0),
        ("Dimmer", b"101", b'{"POWER":"ON","Dimmer":100}', 460.0),
        ("Dimmer", b"\xff\xfe", b'{"POWER":"ON","Dimmer":100}', 460.0),
        ("Dimmer", "٥".encode(), b'{"POWER":"ON","Dimmer":100}', 460.0),
        ("TelePeriod", b"9", b'{"TelePeriod":10}', 460.0),
        ("TelePeriod", b"60", b'{"TelePeriod":60}', 460.0),
        ("Explode", b"1", b'{"Command":"Unknown"}', 460.0),
    ],
)
def test_it_obeys_and_answers(name: str, payload: bytes, answer: bytes, power_w: float) -> None:
    async def film(bench: Bench) -> None:
        assert await bench.order(name, payload) == answer
        assert bench.plug.power_w == power_w

    on_bench(film)


@pytest.mark.parametrize("word", ["drop", "half_open"])
def test_a_dead_plug_stays_connected_and_obeys_nobody(word: str) -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin(word)
        assert await bench.order("Dimmer", b"50") is None
        assert await bench.new(30.0) == []
        assert bench.plug.dimmer_percent == 100
        assert bench.broker.retained[LWT] == b"Online", "nobody is told"

    on_bench(film)


def test_off_is_a_last_will_and_a_return() -> None:
    async def film(bench: Bench) -> None:
        bench.heard.clear()
        bench.faults.begin("off")
        assert await bench.new(30.0) == [(1.0, LWT, b"Offline")]
        assert await bench.order("Power", b"") is None
        bench.faults.end("off")
        assert (await bench.new(3.0))[0][1:] == (LWT, b"Online")
        assert await bench.order("Power", b"") == b'{"POWER":"ON"}'

    on_bench(film)


def test_a_reboot_is_a_will_a_blank_reading_and_a_lost_setpoint() -> None:
    async def film(bench: Bench) -> None:
        bench.plug.after(3600.0)
        await bench.order("Dimmer", b"50")
        await bench.order("Power", b"off")
        bench.faults.begin("reboot", 20.0)
        assert bench.plug.period_s == 300
        bench.plug.period_s = 10
        assert bench.plug.dimmer_percent == 100
        assert not bench.plug.is_on, "that was saved"
        await asyncio.sleep(15.0)
        assert bench.broker.retained[LWT] == b"Offline"
        await asyncio.sleep(7.0)
        assert bench.broker.retained[LWT] == b"Online"
        assert (await bench.energy())["ENERGY"] == {"Total": 0.0, "Power": 0, "Voltage": 0, "Current": 0.0}
        await asyncio.sleep(40.0)
        assert (await bench.energy())["ENERGY"]["Total"] == 0.46

    on_bench(film)


@pytest.mark.parametrize(("word", "later_s"), [("delay", 3.0), ("late", 3.0)])
def test_messages_come_later(word: str, later_s: float) -> None:
    async def film(bench: Bench) -> None:
        times = [at for at, topic, _ in await bench.new(20.0) if topic == SENSOR]
        bench.faults.begin(word, later_s)
        later = [at for at, topic, _ in await bench.new(20.0) if topic == SENSOR]
        assert {round(at % 10.0, 1) for at in later} == {round((at + later_s) % 10.0, 1) for at in times}

    on_bench(film)


def test_frozen_values_come_under_a_fresh_time() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("freeze")
        bench.plug.load_w = 1000.0
        bench.plug.after(3600.0)
        first, second = await bench.energy(), await bench.energy()
        assert first["ENERGY"] == second["ENERGY"]
        assert first["ENERGY"]["Power"] == 460
        assert first["Time"] != second["Time"]
        bench.faults.end("freeze")
        assert (await bench.energy())["ENERGY"]["Power"] == 1000

    on_bench(film)


def test_drift_and_clock_jump_show_in_the_values() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("drift", 0.5)
        bench.faults.begin("clock_jump", -7200.0)
        await asyncio.sleep(3590.0)
        told = await bench.energy()
        assert told["ENERGY"]["Power"] == pytest.approx(690, abs=1)
        assert told["ENERGY"]["Voltage"] == 230
        assert told["Time"].startswith("2026-06-21T11:0")

    on_bench(film)


def test_garble_flips_one_bit_of_each_payload() -> None:
    async def film(bench: Bench) -> None:
        good = bench.plug.command(Message("cmnd/plug/Dimmer", b"")).payload
        bench.faults.begin("garble")
        answers = {await bench.order("Dimmer", b"") for _ in range(20)}
        assert len(answers) > 5
        for answer in answers:
            assert answer is not None
            assert (int.from_bytes(answer, "big") ^ int.from_bytes(good, "big")).bit_count() == 1

    on_bench(film)


def test_babble_floods_the_broker_and_stops() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("babble")
        noise = [payload for _, topic, payload in await bench.new(10.0) if topic == RESULT]
        assert 300 < len(noise) < 600
        assert len(set(noise)) == len(noise)
        bench.faults.end("babble")
        await asyncio.sleep(0.1)
        assert [topic for _, topic, _ in await bench.new(20.0)] == [SENSOR, SENSOR]

    on_bench(film)


@pytest.mark.parametrize("topic", ["", "a/b", "a+", "#"])
def test_a_wrong_topic_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="plug topic"):
        SmartPlug(topic, lambda: datetime(2026, 1, 1, tzinfo=UTC))
