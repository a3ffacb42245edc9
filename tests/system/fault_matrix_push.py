"""The scenes of fault_matrix.py for devices that talk by themselves: a P1 meter and an MQTT plug, on virtual time."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from sim_hardware.devices.p1 import P1, closed
from sim_hardware.devices.push_reading import PushMeter
from sim_hardware.devices.smart_plug import SmartPlug
from sim_hardware.faces.babbler import Babbler
from sim_hardware.faces.mqtt import MqttFace
from sim_hardware.faces.mqtt_links import MemoryLink
from sim_hardware.faces.push import PushStream
from sim_hardware.faults import Argument, Faults, Word
from sim_hardware.memory_broker import MemoryBroker, MemoryUplink
from sim_hardware.physics.terminal import Terminal
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.system.fault_matrix import HOUR_S, NOTHING, TRUTH

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
BEFORE_W, SINCE_W = 1000.0, 2000.0
SAYS = {BEFORE_W: "the state before the fault", SINCE_W: TRUTH, 1.5 * SINCE_W: "power 50 % too much"}
ZERO = "measured values and counters zero"


class Hour:
    """The loop's time, and an hour more once a drift has begun."""

    def __init__(self) -> None:
        self.hurried_s = 0.0
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> float:
        return self._loop.time() + self.hurried_s


def of_values(power_w: float, energy_kwh: float, hour: int) -> str:
    """What is told, by comparison with what is true."""
    if power_w == 0.0 and energy_kwh == 0.0:
        return ZERO
    return "clock 3600 s fast" if hour == 13 else SAYS.get(power_w, f"{power_w:g} W")


def joined(parts: Sequence[str]) -> str:
    """One after the other, repetitions left out."""
    return "; then ".join(part for at, part in enumerate(parts) if at == 0 or parts[at - 1] != part)


def lag(at_s: float, nominal_s: float) -> str:
    late_s = (at_s - nominal_s) % 1.0
    return f" after {late_s:.1f} s" if late_s > 0.05 else ""


def p1(word: Word, argument: Argument | None) -> tuple[str, list[str]]:
    """A P1 meter, one telegram a second."""

    async def film() -> tuple[str, list[str]]:
        heard: list[tuple[float, bytes]] = []
        loop, hour = asyncio.get_running_loop(), Hour()
        terminal, faults = Terminal(power_w=(BEFORE_W, 0.0, 0.0)), Faults(seed=4, now_s=hour)
        meter = PushMeter(terminal, P1(), VirtualClock(NOON).utc)
        meter.after(HOUR_S)
        stream = asyncio.create_task(PushStream(meter, faults, lambda t: heard.append((loop.time(), t)), 1.0).run())
        babbler = Babbler(lambda noise: heard.append((loop.time(), noise)), [faults])
        await asyncio.sleep(1.5)
        heard.clear()
        faults.begin(word, argument)
        hour.hurried_s = HOUR_S if word is Word.DRIFT else 0.0
        terminal.power_w = (SINCE_W, 0.0, 0.0)
        await asyncio.sleep(2.3)
        babbler.close()
        stream.cancel()
        return _of_telegrams(heard), [f"{at:.1f} s: {len(data)} bytes" for at, data in heard[:4]]

    return run_virtual(film(), horizon_s=100)


def _of_telegrams(heard: Sequence[tuple[float, bytes]]) -> str:
    if len(heard) > 10:
        return "noise without a pause"
    parts = [_of_telegram(data) + lag(at, 0.0) for at, data in heard]
    if not parts or (heard[0][0] >= 3.0 and "after" not in parts[0]):
        parts.insert(0, NOTHING)
    return joined(parts)


def _of_telegram(data: bytes) -> str:
    text, mark, _ = data.partition(b"!")
    if not text.isascii() or closed((text + mark).decode("ascii")) != data:
        return "check sum wrong"
    found = dict(re.findall(r"^\d-0:([\d.]+)\(([\d.]+)", text.decode("ascii"), re.MULTILINE))
    return of_values(1000.0 * float(found["1.7.0"]), float(found["1.8.2"]), int(found["1.0.0"][6:8]) - 2)


def mqtt(word: Word, argument: Argument | None) -> tuple[str, list[str]]:
    """A plug on a broker, telling once a second; the subscriber also sees its will."""

    async def film() -> tuple[str, list[str]]:
        heard: list[tuple[float, str, bytes]] = []
        loop, hour, broker = asyncio.get_running_loop(), Hour(), MemoryBroker()
        plug = SmartPlug("plug", VirtualClock(NOON).utc, load_w=BEFORE_W)
        plug.period_s, plug.energy_wh = 1, 1000.0
        faults = Faults(seed=4, now_s=hour)
        home = MemoryUplink(broker, "home", ["#"])

        async def listen() -> None:
            async for message in home.messages():
                heard.append((loop.time(), message.topic.split("/")[-1], message.payload))  # noqa: PERF401 - at its time

        face = MqttFace(plug, faults, MemoryLink(broker, plug))
        tasks = [asyncio.create_task(each) for each in (home.run(), listen(), face.run())]
        await asyncio.sleep(1.5)
        heard.clear()
        faults.begin(word, argument)
        plug.period_s = 1  # a reboot forgets it
        hour.hurried_s = HOUR_S if word is Word.DRIFT else 0.0
        plug.load_w = SINCE_W
        await asyncio.sleep(2.3)
        for task in tasks:
            task.cancel()
        return _of_messages(heard), [f"{at:.1f} s: {topic} {payload!r}" for at, topic, payload in heard[:4]]

    return run_virtual(film(), horizon_s=100)


def _of_messages(heard: Sequence[tuple[float, str, bytes]]) -> str:
    if len(heard) > 20:
        return "noise without a pause"
    return joined([_of_message(*each) for each in heard]) or NOTHING


def _of_message(at_s: float, topic: str, payload: bytes) -> str:
    if topic == "LWT":
        return payload.decode("ascii")
    try:
        told = json.loads(payload)
        energy = told["ENERGY"]
        return of_values(energy["Power"], energy["Total"], int(told["Time"][11:13])) + lag(at_s, 0.005)
    except (ValueError, KeyError):
        return "payload spoilt"
