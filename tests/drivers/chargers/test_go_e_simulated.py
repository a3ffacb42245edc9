"""Our driver against the simulated go-e: what is told, the car does; what a reboot forgets, shows."""

import pytest

from drivers.chargers.go_e import GoE
from protocols.ports import Plug
from sim_hardware.devices.go_e import GoECharger
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.physics.ev import Ev, EvParams, Trip
from sim_hardware.physics.terminal import Terminal


@pytest.fixture
def image() -> GoECharger[Ev]:
    """A car that is at home all day, with a third of its charge."""
    return GoECharger(Terminal(), Ev(lambda: Trip(86_400.0, 86_400.0, 0.0), EvParams(), soc=0.3))


def passes(image: GoECharger[Ev], seconds: int) -> None:
    for _ in range(seconds):
        image.after(1.0)
        image.terminal.after(1.0)


async def test_the_car_takes_what_it_is_told_after_a_while(image: GoECharger[Ev]) -> None:
    driver = GoE(MemoryBus({1: image}, latency_s=0.0), 1)
    plate = await driver.probe()
    assert plate.ratings is not None
    assert plate.ratings.consume_max_w == 3 * 230 * 16
    await driver.allow(10.0, 30.0)
    passes(image, 10)
    values = await driver.read()
    assert values["power_w"] == pytest.approx(3 * 10 * image.terminal.voltage_v[0], abs=10.0)
    assert values["current_l3_a"] == pytest.approx(10.0, abs=0.1)
    assert await driver.plug() is Plug.CHARGING
    await driver.allow(0.0, 30.0)
    passes(image, 10)
    assert (await driver.read())["power_w"] == 0.0
    assert await driver.plug() is Plug.CONNECTED


async def test_a_reboot_puts_back_what_the_eeprom_says(image: GoECharger[Ev]) -> None:
    driver = GoE(MemoryBus({1: image}, latency_s=0.0), 1)
    await driver.allow(6.0, 30.0)
    image.restart()
    passes(image, 10)
    assert (await driver.read())["power_w"] == pytest.approx(3 * 16 * image.terminal.voltage_v[0], abs=10.0)


async def test_a_full_car_stays_plugged_in_and_draws_nothing(image: GoECharger[Ev]) -> None:
    image.car.stored_wh = image.car.params.capacity_wh
    passes(image, 10)
    driver = GoE(MemoryBus({1: image}, latency_s=0.0), 1)
    assert await driver.plug() is Plug.CONNECTED
    assert (await driver.read())["power_w"] == 0.0
