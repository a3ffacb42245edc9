"""Cables that are swapped: a device with another serial number is a fault, and neither read nor told anything."""

import asyncio
from dataclasses import dataclass, field

import pytest

from drivers.identity import AGAIN_S, Known
from firmware_py.compose import build_device
from firmware_py.config import DeviceConfig
from firmware_py.home.poller import Listeners, Poller
from protocols.faults import BadReply, NoReply
from protocols.ports import Nameplate
from protocols.readings import Measurement, Reading
from sim_hardware.devices.image import RegisterImage
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.home import SimHome
from sim_hardware.virtual_time import VirtualClock, run_virtual


@dataclass
class Plugged:
    """Whatever device hangs on the cable just now."""

    serial: str = "1"
    fails: bool = False
    probes: int = 0
    told: list[float | None] = field(default_factory=list)

    async def probe(self) -> Nameplate:
        self.probes += 1
        return Nameplate("maker", "model", self.serial)

    async def read(self) -> Measurement:
        if self.fails:
            raise NoReply("unplugged")
        return {"power_w": float(self.serial or 0)}

    async def limit(self, value: float | None, valid_s: float) -> None:
        self.told.append(value)


def known(cable: Plugged) -> Known:
    return Known(cable, "1", name="tcp://h:502 unit 1")


def test_another_serial_number_is_a_fault_that_names_both() -> None:
    async def main() -> None:
        with pytest.raises(BadReply, match=r"tcp://h:502 unit 1: serial number '2' answers, configured is '1': was a"):
            await known(Plugged("2")).probe()
        with pytest.raises(BadReply, match="tells no serial number, configured is '1'"):
            await known(Plugged("")).read()
        assert (await known(Plugged("1 ")).probe()).serial == "1 "

    run_virtual(main(), horizon_s=10.0)


def test_after_any_fault_it_is_asked_who_it_is_before_it_is_believed() -> None:
    async def main() -> None:
        cable = Plugged()
        device = known(cable)
        await device.probe()
        assert await device.read() == {"power_w": 1.0}
        cable.fails = True
        with pytest.raises(NoReply):
            await device.read()
        cable.fails, cable.serial = False, "2"
        for _ in range(2):
            with pytest.raises(BadReply):
                await device.read()
        cable.serial = "1"
        assert await device.read() == {"power_w": 1.0}

    run_virtual(main(), horizon_s=10.0)


def test_a_swap_that_no_question_fell_into_is_found_within_minutes() -> None:
    async def main() -> None:
        cable = Plugged()
        device = known(cable)
        await device.probe()
        cable.serial = "2"
        await device.read()
        await asyncio.sleep(AGAIN_S)
        with pytest.raises(BadReply):
            await device.read()
        assert cable.probes == 2

    run_virtual(main(), horizon_s=2 * AGAIN_S)


def test_nothing_is_told_to_another_device() -> None:
    async def main() -> None:
        cable = Plugged("2")
        tell = known(cable).only(cable.limit)
        with pytest.raises(BadReply):
            await tell(1000.0, 10.0)
        assert cable.told == []
        cable.serial = "1"
        await tell(None, 10.0)
        assert cable.told == [None]

    run_virtual(main(), horizon_s=10.0)


def test_two_meters_that_change_places_are_both_reported_and_neither_is_booked() -> None:
    """The grid meter and the load's, two real maps on one line, exchanged while nobody can ask either."""
    home = SimHome(7)
    home.after(20.0)
    units: dict[int, RegisterImage] = {1: home.images["grid"], 2: home.images["load"]}
    serials = {1: "21000070", 2: "21000071"}
    readings: list[Reading] = []
    said: list[str] = []

    async def main() -> None:
        lines = [MemoryBus(units, timeout_s=0.2), MemoryBus({}, timeout_s=0.2), MemoryBus({1: units[2], 2: units[1]})]
        place = 0

        class Cable:
            """One line, then a loose one, then one with the two meters exchanged."""

            async def read(self, *asked: object) -> tuple[int, ...]:
                return await lines[place].read(*asked)  # type: ignore[arg-type]

            async def write(self, *asked: object) -> None:
                raise AssertionError("a meter is not written to")

            async def close(self) -> None:
                return None

        cable = Cable()
        listeners = Listeners(
            readings.append, lambda name, health: said.append(f"{name}: {health.why}"), lambda *_: None
        )
        tasks = []
        for unit, serial in serials.items():
            config = DeviceConfig(name=f"m{unit}", model="sdm630", url="tcp://h:502", unit=unit, serial=serial)
            device, _ = build_device(config, lambda url, timeout_s: cable)
            tasks.append(asyncio.create_task(Poller(f"m{unit}", device, VirtualClock(), 1.0, listeners).run()))
        await asyncio.sleep(5.5)
        place, before = 1, len(readings)
        await asyncio.sleep(1.0)
        place = 2
        await asyncio.sleep(60.0)
        assert before == len(readings) == 12
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(main(), horizon_s=1000.0)
    assert {reading.serial for reading in readings if reading.device == "m1"} == {"21000070"}
    assert any("m1: " in text and "'21000071' answers, configured is '21000070'" in text for text in said)
    assert any("m2: " in text and "'21000070' answers, configured is '21000071'" in text for text in said)
