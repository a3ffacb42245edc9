"""The home as a whole: balance at the connection point, energy that adds up, one seed one course."""

import asyncio
import struct
from contextlib import nullcontext

import pytest

from protocols.faults import LinkDown
from protocols.ports import Table
from sim_hardware.home import SimHome
from sim_hardware.household import Comfort
from sim_hardware.physics.ev import EvParams
from sim_hardware.serve import MEMORY_URLS, UNIT, memory_buses, ticking
from sim_hardware.serve_device import serve_device
from sim_hardware.virtual_time import VirtualLoop, run_virtual


def float_at(home: SimHome, device: str, address: int) -> float:
    words = home.images[device].read(Table.INPUT, address, 2)
    (value,) = struct.unpack(">f", struct.pack(">2H", *words))
    return float(value)


def everything(home: SimHome) -> list[list[int]]:
    return [
        home.images["grid"].read(Table.INPUT, 0, 80),
        home.images["load"].read(Table.INPUT, 0, 80),
        home.images["pv"].read(Table.HOLDING, 40_000, 125),
        home.images["battery"].read(Table.HOLDING, 40_000, 125),
    ]


def test_the_meter_shows_the_sum_of_the_parts() -> None:
    home = SimHome(11)
    home.store.request_w = -900.0
    home.load.hold_w = (700.0, 200.0, 0.0)
    home.sun.hold_w_m2 = 300.0
    home.after(60.0)
    assert float_at(home, "grid", 0x34) == pytest.approx(900.0 - 1500.0 - 900.0, abs=0.5)
    assert [float_at(home, "grid", address) for address in (0x0C, 0x0E, 0x10)] == pytest.approx(
        [-100.0, -600.0, -800.0], abs=0.5
    )
    assert float_at(home, "load", 0x34) == pytest.approx(900.0)


def test_energy_at_the_connection_point_is_that_of_the_parts() -> None:
    home = SimHome(12, step_s=1.0)
    home.store.request_w = 800.0
    home.after(7200.0)
    net = {name: sum(t.import_wh) - sum(t.export_wh) for name, t in home.terminals.items()}
    assert net["grid"] == pytest.approx(net["load"] + net["pv"] + net["battery"])
    assert net["battery"] == pytest.approx(1600.0, abs=1.0)
    assert net["pv"] < -1000.0
    for terminal in home.terminals.values():
        assert min(*terminal.import_wh, *terminal.export_wh) >= 0.0


def test_export_lifts_the_voltage_at_every_device() -> None:
    home = SimHome(13)
    home.load.hold_w = (0.0, 0.0, 0.0)
    home.sun.hold_w_m2 = 0.0
    home.after(60.0)
    dark = home.terminals["pv"].voltage_v
    home.sun.hold_w_m2 = 1000.0
    home.after(20.0)
    assert all(light > night + 1.0 for light, night in zip(home.terminals["pv"].voltage_v, dark, strict=True))
    assert len({terminal.voltage_v for terminal in home.terminals.values()}) == 1


def test_the_same_seed_takes_the_same_course_and_another_does_not() -> None:
    courses = []
    for seed in (5, 5, 6):
        home = SimHome(seed, step_s=1.0)
        home.after(3600.0)
        courses.append(everything(home))
    assert courses[0] == courses[1] != courses[2]


def test_no_time_is_no_step() -> None:
    home = SimHome(5)
    home.after(0.0)
    assert home.terminals["load"].import_wh == [0.0, 0.0, 0.0]


def test_a_long_step_is_cut() -> None:
    whole, cut = SimHome(5, step_s=0.2), SimHome(5, step_s=0.2)
    whole.after(30.0)
    for _ in range(150):
        cut.after(0.2)
    assert everything(whole) == everything(cut)


def test_time_passes_on_virtual_time_and_is_seen_through_the_buses() -> None:
    async def main() -> tuple[float, float]:
        home = SimHome(3, step_s=1.0)
        home.load.hold_w = (1200.0, 0.0, 0.0)
        async with ticking(home, 1.0):
            bus = memory_buses(home)[MEMORY_URLS["load"]]
            await asyncio.sleep(3600.5)
            words = await bus.read(UNIT, Table.INPUT, 0x48, 2)
        (energy_kwh,) = struct.unpack(">f", struct.pack(">2H", *words))
        return energy_kwh, asyncio.get_running_loop().time()

    energy_kwh, _ = run_virtual(main(), horizon_s=4000)
    assert energy_kwh == pytest.approx(1.2, rel=1e-6)


def test_a_stalled_loop_catches_up() -> None:
    async def main() -> float:
        home = SimHome(3, step_s=1.0)
        home.load.hold_w = (3600.0, 0.0, 0.0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        async with ticking(home, 0.3):
            await asyncio.sleep(100.0)
            loop.stall(100.0)
            await asyncio.sleep(100.0)
        return sum(home.terminals["load"].import_wh)

    assert run_virtual(main(), horizon_s=400) == pytest.approx(300.0, abs=0.31)


def test_every_device_has_a_bus_and_its_faults_act_there() -> None:
    home = SimHome(1, car=EvParams(), comfort=Comfort())
    assert set(home.faults) == set(MEMORY_URLS) == set(home.images)

    async def main() -> None:
        buses = memory_buses(home)
        assert set(buses) == set(MEMORY_URLS.values())
        home.faults["pv"].begin("off")
        for name, url in MEMORY_URLS.items():
            table = Table.HOLDING if name in ("pv", "battery", "relays", "thermometers") else Table.INPUT
            address = {"pv": 40_000, "battery": 40_000, "charger": 108}.get(name, 0)
            with pytest.raises(LinkDown) if name == "pv" else nullcontext():
                await buses[url].read(UNIT, table, address, 2)

    run_virtual(main(), horizon_s=10)


def test_the_car_and_what_the_relays_switch_stand_at_the_connection_point() -> None:
    home = SimHome(1, car=EvParams(most_a=10.0), relays=True, step_s=1.0)
    home.load.hold_w = (0.0, 0.0, 0.0)
    home.sun.hold_w_m2 = 0.0
    assert home.board is not None
    home.board.relays[0] = home.board.relays[2] = True  # the boiler; encouraged
    home.after(120.0)
    # 2000 W of boiler, 2500 W of pump, and a car of 10 A at what is left of 232 V.
    car_w = sum(volts * 10.0 for volts in home.terminals["charger"].voltage_v)
    assert home.terminals["grid"].total_w == pytest.approx(4500.0 + car_w, rel=0.02)


def test_reactive_power_of_the_load_stands_at_the_meter() -> None:
    home = SimHome(1)
    home.load.hold_w = (1000.0, 400.0, 0.0)
    home.after(1.0)
    assert float_at(home, "grid", 0x3C) == float_at(home, "load", 0x3C) == pytest.approx(350.0)


def test_a_netting_meter_counts_the_balance_of_its_phases() -> None:
    home = SimHome(1, netting=True, step_s=1.0)
    home.sun.hold_w_m2 = 0.0
    home.store.request_w = -3000.0
    home.load.hold_w = (3000.0, 0.0, 0.0)
    home.after(60.0)
    start_kwh = float_at(home, "grid", 0x4A)
    home.load.hold_w = (2000.0, 0.0, 0.0)
    home.after(360.0)
    assert float_at(home, "grid", 0x4A) - start_kwh == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize(
    ("model", "listen", "message"),
    [
        ("toaster", "pty", "toaster.*sdm630, sunspec-inverter, sunspec-battery"),
        ("sdm630", "udp://127.0.0.1:1", "tcp://HOST:PORT nor pty"),
        ("sdm630", "tcp://127.0.0.1", "tcp://HOST:PORT nor pty"),
        ("sdm630", "tcp://127.0.0.1:99999", "tcp://HOST:PORT nor pty"),
    ],
)
def test_what_cannot_be_served_is_said(model: str, listen: str, message: str) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match=message):
            async with serve_device(model, listen):
                pass

    run_virtual(main(), horizon_s=1)
