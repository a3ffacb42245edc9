"""A poller: a fault is a miss, doubt takes a value out, and a meter that stands still is dated when it stopped."""

import asyncio
from collections.abc import Callable

import pytest

from firmware_py.home.poller import Listeners, Poller, judged
from protocols.faults import NoReply
from protocols.ports import Nameplate
from protocols.priority import Priority, priority
from protocols.quantities import QUANTITIES
from protocols.readings import Aged, Measurement, Quality, Reading
from sim_hardware.virtual_time import VirtualClock, run_virtual


class Meter:
    """Answers with what a function of the time says; raises what it raises."""

    def __init__(self, values: Callable[[float], Measurement]) -> None:
        self._values = values

    async def probe(self) -> Nameplate:
        return Nameplate("maker", "model", "4711")

    async def read(self) -> Measurement:
        return self._values(asyncio.get_running_loop().time())


def polled(
    values: Callable[[float], Measurement], seconds: float, frozen_after_s: float | None
) -> tuple[list[Reading], list[str]]:
    readings: list[Reading] = []
    states: list[str] = []

    async def main() -> None:
        listeners = Listeners(readings.append, lambda _, health: states.append(health.state), lambda *_: None)
        poller = Poller("grid", Meter(values), VirtualClock(), 1.0, listeners, frozen_after_s)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main(), horizon_s=1000.0)
    return readings, states


def test_a_meter_that_stands_still_is_as_old_as_its_values() -> None:
    """EVerest#2673: a dead meter's last value, said again with a fresh stamp."""
    readings, _ = polled(lambda at_s: {"power_w": min(at_s, 5.0), "voltage_l1_v": 230.0}, 40.5, frozen_after_s=20.0)
    by_second = {round(reading.received_s): reading for reading in readings}
    assert (by_second[25].quality, by_second[25].measured_s) == (Quality.GOOD, 25.0)
    assert (by_second[26].quality, by_second[26].measured_s) == (Quality.STALE, 5.0)
    assert by_second[40].age_s(40.0) == 35.0


def test_what_a_meter_said_by_itself_is_dated_when_it_said_it() -> None:
    readings, _ = polled(lambda at_s: Aged({"power_w": at_s}, 0.75), 3.5, frozen_after_s=None)
    assert [(reading.measured_s, reading.received_s) for reading in readings] == [(n - 0.75, n) for n in range(4)]
    assert readings[0].values == {"power_w": 0.0}


def test_it_is_young_again_with_the_first_digit_that_moves() -> None:
    readings, _ = polled(lambda at_s: {"power_w": 0.0 if at_s < 30 else at_s}, 32.5, frozen_after_s=20.0)
    assert [reading.quality for reading in readings[28:]] == ["stale", "stale", "good", "good", "good"]


def test_a_nameplate_is_slow_data_and_a_reading_telemetry() -> None:
    asked: list[Priority] = []

    class Asked(Meter):
        async def probe(self) -> Nameplate:
            asked.append(priority())
            return await super().probe()

    def values(_: float) -> Measurement:
        asked.append(priority())
        return {"power_w": 0.0}

    async def main() -> None:
        listeners = Listeners(lambda _: None, lambda *_: None, lambda *_: None)
        task = asyncio.create_task(Poller("grid", Asked(values), VirtualClock(), 1.0, listeners).run())
        await asyncio.sleep(1.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main(), horizon_s=10.0)
    assert asked == [Priority.SLOW, Priority.TELEMETRY, Priority.TELEMETRY]


def test_a_device_that_may_stand_still_is_never_stale() -> None:
    readings, _ = polled(lambda _: {"power_w": 0.0}, 100.5, frozen_after_s=None)
    assert {reading.quality for reading in readings} == {Quality.GOOD}


def test_a_fault_is_a_miss_and_the_serial_travels() -> None:
    def values(at_s: float) -> Measurement:
        if 2.5 < at_s < 3.5:
            raise NoReply("no reply within 1 s")
        return {"power_w": at_s}

    readings, states = polled(values, 5.5, frozen_after_s=None)
    assert [reading.received_s for reading in readings] == [0.0, 1.0, 2.0, 4.0, 5.0]
    assert [reading.seq for reading in readings] == [1, 2, 3, 4, 5]
    assert states == ["online", "suspect", "online"]
    assert readings[0].serial == "4711"


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_is_beyond_belief_is_taken_out(name: str) -> None:
    most = QUANTITIES[name].most
    assert judged("d", 1, (0.0, 0.0), {name: most}).values == {name: most}
    reading = judged("d", 1, (0.0, 0.0), {"temperature_c": 20.0, name: most * 1.01 + 1})
    assert reading.quality is Quality.SUSPECT
    assert reading.values == {"temperature_c": 20.0, name: None}


def shown(values: Measurement, *, sleeps: bool = False) -> tuple[Quality, Measurement]:
    reading = judged("grid", 1, (0.0, 0.1), values, sleeps=sleeps)
    return reading.quality, reading.values


def test_a_meter_that_sees_no_voltage_has_not_measured() -> None:
    """SolarEdge gave zeros for 40 s after it came up (home-assistant-solaredge-modbus#127); a meter would order full power."""
    zeros: Measurement = {"voltage_l1_v": 0.0, "voltage_l2_v": None, "power_w": 0.0, "energy_import_wh": 0.0}
    assert shown(zeros) == (Quality.SUSPECT, dict.fromkeys(zeros))
    assert shown(zeros, sleeps=True) == (Quality.GOOD, zeros)


def test_a_phase_that_fails_is_no_meter_that_has_not_measured() -> None:
    values: Measurement = {"voltage_l1_v": 0.0, "voltage_l2_v": 231.0, "power_w": 0.0, "energy_import_wh": 5.0}
    assert shown(values) == (Quality.GOOD, values)
    assert shown({"power_w": 0.0}) == (Quality.GOOD, {"power_w": 0.0})


def test_swapped_words_are_found_out_by_the_company_they_keep() -> None:
    """1500.0 is 44BB 8000; 8000 44BB is -2.5e-41. What looks right beside such numbers is right by chance."""
    swapped: Measurement = {"power_w": -2.5e-41, "voltage_l1_v": 3e20, "current_a": 3.2, "energy_import_wh": 0.0}
    assert shown(swapped) == (Quality.SUSPECT, dict.fromkeys(swapped))
    one: Measurement = {"power_w": 1500.0, "voltage_l1_v": 3e20, "current_a": 3.2, "energy_import_wh": 0.0}
    assert shown(one) == (Quality.SUSPECT, {**one, "voltage_l1_v": None})
