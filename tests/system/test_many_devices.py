"""Many simulated devices in one process: each on its own wire answers for itself, to our own drivers."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from drivers.catalogue import MODELS, BatteryModel, ChargerModel, InverterModel, MeterModel
from drivers.modbus.tcp import TcpBus
from drivers.telegrams.models import TelegramModel
from protocols.faults import Fault, NoReply
from protocols.ports import Meter
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.faces.tcp import TcpFace
from sim_hardware.home import SimHome
from tests.scenarios.stage import MODELS as MODEL_OF

pytestmark = pytest.mark.system

HOMES = 50
FEW_UNITS = 40
PATIENCE_S = 30.0  # a busy machine is slow, a wrong answer is wrong at once

Wire = tuple[int, int]  # port, unit


def device_at(bus: TcpBus, unit: int, name: str) -> Meter:
    """The driver of a home's part at that unit."""
    match MODELS[MODEL_OF[name]]:
        case MeterModel(build):
            return build(bus, unit)
        case InverterModel(build_limited) | BatteryModel(build_limited) | ChargerModel(build_limited):
            return build_limited(bus, unit, None)
        case TelegramModel():
            raise AssertionError(f"{name}: telegrams have no unit")


def homes() -> list[SimHome]:
    """Homes of which no two alike parts have the same serial number or power."""
    made = [SimHome(seed) for seed in range(HOMES)]
    for number, home in enumerate(made):
        home.load.hold_w = (100.0 + number, 0.0, 0.0)
        home.sun.hold_w_m2 = 100.0 + 10.0 * number
        home.store.request_w = -500.0 - 20.0 * number
        home.after(60.0)
    return made


def true_serial(home: SimHome, seed: int, name: str) -> str:
    image = home.images[name]
    if isinstance(image, Sdm630):
        return str(image.serial)
    return f"{'PV' if name == 'pv' else 'BAT'}-{seed:04d}"


async def serve_all(stack: AsyncExitStack, street: list[SimHome], units: int) -> dict[Wire, tuple[int, str]]:
    """Every device behind its wire: so many unit ids behind each port."""
    devices = [(seed, name) for seed, home in enumerate(street) for name in home.images]
    found: dict[Wire, tuple[int, str]] = {}
    for first in range(0, len(devices), units):
        line = dict(enumerate(devices[first : first + units], 1))
        images = {unit: street[seed].images[name] for unit, (seed, name) in line.items()}
        faults = {unit: street[seed].faults[name] for unit, (seed, name) in line.items()}
        face = await stack.enter_async_context(TcpFace(images, faults))
        found |= {(face.port, unit): device for unit, device in line.items()}
    return found


@pytest.mark.parametrize("units", [1, FEW_UNITS])
async def test_two_hundred_devices_each_answer_for_themselves(units: int) -> None:
    street = homes()
    async with AsyncExitStack() as stack:
        found = await serve_all(stack, street, units)
        assert len(found) == 4 * HOMES
        buses = {port: TcpBus("127.0.0.1", port, timeout_s=PATIENCE_S) for port, _ in found}
        for bus in buses.values():
            stack.push_async_callback(bus.close)

        async def ask(wire: Wire, seed: int, name: str) -> None:
            port, unit = wire
            device, home = device_at(buses[port], unit, name), street[seed]
            nameplate, values = await device.probe(), await device.read()
            assert nameplate.serial == true_serial(home, seed, name)
            assert values["power_w"] == pytest.approx(home.terminals[name].total_w, abs=0.51), f"{name} of home {seed}"

        async with asyncio.TaskGroup() as group:
            for wire, (seed, name) in found.items():
                group.create_task(ask(wire, seed, name))


async def test_a_fault_of_one_among_many_strikes_no_other() -> None:
    street = homes()
    struck = (7, "pv")
    async with AsyncExitStack() as stack:
        found = await serve_all(stack, street, FEW_UNITS)
        buses = {port: TcpBus("127.0.0.1", port, timeout_s=0.5, retries=0) for port, _ in found}
        for bus in buses.values():
            stack.push_async_callback(bus.close)
        street[7].faults["pv"].begin("drop")
        silent = []
        for (port, unit), (seed, name) in found.items():
            device = device_at(buses[port], unit, name)
            try:
                assert (await device.probe()).serial == true_serial(street[seed], seed, name)
            except NoReply:
                silent.append((seed, name))
            except Fault as fault:
                pytest.fail(f"{name} of home {seed}: {fault}")
        assert silent == [struck]
