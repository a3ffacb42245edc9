"""Our drivers on the simulated devices: two readings of the same documents, and physics that says who is right."""

import pytest

from drivers.meters.eastron_three_phase import SDM630
from drivers.sunspec.battery import SunSpecBattery
from drivers.sunspec.inverter import SunSpecInverter
from protocols.quantities import believable
from protocols.readings import Measurement
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.home import SimHome
from sim_hardware.physics.terminal import Terminal
from sim_hardware.virtual_time import run_virtual

ALL_MODELS, WITHOUT_704 = (1, 103, 120, 121, 123, 704), (1, 103, 120, 121, 123)


def sunny_home(models: tuple[int, ...] = ALL_MODELS) -> SimHome:
    """4,000 W of sun on 5,000 W of inverter, a load of 600 W on three phases."""
    home = SimHome(7, inverter_models=models)
    home.sun.hold_w_m2 = 800.0
    home.load.hold_w = (100.0, 200.0, 300.0)
    home.after(20.0)
    return home


def bus_to(home: SimHome, device: str) -> MemoryBus:
    return MemoryBus({1: home.images[device]})


def check_against_physics(values: Measurement, terminal: Terminal) -> None:
    assert values["power_w"] == pytest.approx(sum(terminal.power_w), abs=1.0)
    assert values["frequency_hz"] == pytest.approx(terminal.frequency_hz, abs=0.01)
    for phase in range(3):
        assert values[f"voltage_l{phase + 1}_v"] == pytest.approx(terminal.voltage_v[phase], abs=0.1)
    assert values["energy_export_wh"] == pytest.approx(sum(terminal.export_wh), abs=1.0, rel=1e-6)
    assert all(value is None or believable(name, value) for name, value in values.items())


def test_the_meter_shows_what_flows() -> None:
    async def main() -> None:
        home = sunny_home()
        meter = SDM630.build(bus_to(home, "grid"), 1)
        assert (await meter.probe()).serial == "21000070"
        values = await meter.read()
        check_against_physics(values, home.terminals["grid"])
        assert values["power_w"] is not None
        assert values["power_w"] < -3000.0  # the sun exceeds the load: exported, negative
        assert None not in values.values()

    run_virtual(main(), horizon_s=100)


def test_the_inverter_shows_what_it_produces() -> None:
    async def main() -> None:
        home = sunny_home()
        check_against_physics(await inverter(home).read(), home.terminals["pv"])

    run_virtual(main(), horizon_s=100)


def inverter(home: SimHome, fallback_w: float | None = None) -> SunSpecInverter:
    return SunSpecInverter(bus_to(home, "pv"), 1, fallback_produce_max_w=fallback_w)


@pytest.mark.parametrize("models", [ALL_MODELS, WITHOUT_704])
def test_a_limit_holds_while_renewed_and_falls_back_when_not(models: tuple[int, ...]) -> None:
    async def main() -> None:
        home = sunny_home(models)
        device = inverter(home, 500.0 if 704 in models else None)
        plate = await device.probe()
        assert plate.ratings is not None
        assert plate.ratings.produce_max_w == 5000.0
        assert plate.ratings.reverts_by_itself

        def produced() -> float:
            return -sum(home.terminals["pv"].power_w)

        for _ in range(5):
            await device.limit(1235.0, 10.0)
            home.after(8.0)
            assert 1235.0 < produced() < 1237.0  # from 4,000 W, with a lag of 1 s
        home.after(15.0)
        assert produced() == pytest.approx(500.0 if 704 in models else 4000.0, abs=1.0)
        await device.limit(0.0, 10.0)
        home.after(8.0)
        assert produced() == pytest.approx(0.0, abs=2.0)

    run_virtual(main(), horizon_s=100)


def test_a_lifted_limit_stays_lifted() -> None:
    async def main() -> None:
        home = sunny_home()
        device = inverter(home)
        await device.limit(1000.0, 10.0)
        await device.limit(None, 10.0)
        home.after(30.0)
        assert sum(home.terminals["pv"].power_w) == pytest.approx(-4000.0, abs=1.0)

    run_virtual(main(), horizon_s=100)


@pytest.mark.parametrize("power_w", [1500.0, -1500.0, 0.0])
def test_the_battery_follows_a_power_and_falls_back_to_idle(power_w: float) -> None:
    async def main() -> None:
        home = sunny_home()
        device = SunSpecBattery(bus_to(home, "battery"), 1, fallback_power_w=0.0)
        plate = await device.probe()
        assert plate.lacks == ()
        assert plate.ratings is not None
        assert plate.ratings.reverts_by_itself
        await device.follow(power_w, 10.0)
        home.after(8.0)
        terminal = home.terminals["battery"]
        assert sum(terminal.power_w) == pytest.approx(power_w, abs=10.0)
        values = await device.read()
        check_against_physics(values, terminal)
        assert values["energy_import_wh"] == pytest.approx(sum(terminal.import_wh), abs=1.0)
        assert values["soc_percent"] == pytest.approx(50.0, abs=1.0)
        home.after(20.0)
        assert sum(terminal.power_w) == pytest.approx(0.0, abs=10.0)

    run_virtual(main(), horizon_s=100)


def test_the_inverter_of_the_7xx_generation_is_read_and_limited() -> None:
    async def main() -> None:
        home = SimHome(7, inverter="7xx")
        home.sun.hold_w_m2, home.load.hold_w = 800.0, (100.0, 200.0, 300.0)
        home.after(20.0)
        device = inverter(home, 500.0)
        plate = await device.probe()
        assert plate.ratings is not None
        assert plate.ratings.produce_max_w == 5000.0
        assert plate.ratings.reverts_by_itself
        check_against_physics(await device.read(), home.terminals["pv"])
        for _ in range(4):
            await device.limit(1235.0, 10.0)
            home.after(8.0)
        assert -sum(home.terminals["pv"].power_w) == pytest.approx(1235.0, abs=2.6)  # in steps of 0.1 %
        home.after(20.0)
        assert -sum(home.terminals["pv"].power_w) == pytest.approx(500.0, abs=1.0)

    run_virtual(main(), horizon_s=100)
