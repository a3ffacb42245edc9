"""The switchgear drivers and a charger against our simulated devices on a foreign server's wire, TCP and pty."""

from typing import cast

import pytest

from drivers.chargers.go_e import GoE
from drivers.links import open_bus
from drivers.modbus.bus import Bus
from drivers.switchgear.capacitor_bank import GenericCapacitorBank
from drivers.switchgear.relays import BoardInputs, CoilRelay
from drivers.switchgear.sg_ready import SgReadyPump
from drivers.switchgear.tap_changer import GenericTapChanger
from protocols.faults import DeviceRefused
from protocols.ports import BitTable, Plug, SgMode
from sim_hardware.serve_device import serve_device

pytestmark = pytest.mark.system
WIRES = ["tcp://127.0.0.1:0", "pty"]


@pytest.mark.parametrize("listen", WIRES)
async def test_a_relay_board(listen: str) -> None:
    async with serve_device("relay-board", listen) as url:
        bus = cast(Bus, open_bus(url, 1.0))
        try:
            pump = SgReadyPump(CoilRelay(bus, 1, 0), CoilRelay(bus, 1, 1))
            for mode in SgMode:
                await pump.ask(mode, 60.0)
                assert await pump.asked() is mode
            assert await bus.read_bits(1, BitTable.COILS, 0, 8) == (True, True, *[False] * 6)
            assert await BoardInputs(bus, 1).closed() == (False,) * 8
            with pytest.raises(DeviceRefused, match="coils at 8"):
                await CoilRelay(bus, 1, 8, channels=9).switch(True, 60.0)
        finally:
            await bus.close()


@pytest.mark.parametrize("listen", WIRES)
async def test_a_charger(listen: str) -> None:
    async with serve_device("go-e", listen) as url:
        bus = open_bus(url, 1.0)
        try:
            charger = GoE(bus, 1)
            assert (await charger.probe()).maker == "go-e"
            await charger.allow(0.0, 30.0)
            await charger.allow(8.0, 30.0)
            assert await charger.plug() in (Plug.CONNECTED, Plug.CHARGING)
            assert (await charger.read())["voltage_l1_v"] == pytest.approx(230.0, abs=15.0)
        finally:
            await bus.close()


@pytest.mark.parametrize("listen", WIRES)
async def test_a_tap_changer(listen: str) -> None:
    async with serve_device("tap-changer", listen) as url:
        bus = open_bus(url, 1.0)
        try:
            changer = GenericTapChanger(bus, 1)
            await changer.go_to(-2)
            assert (await changer.state()).lowest == -8
            assert await changer.position() == 0, "a step takes five seconds"
        finally:
            await bus.close()


@pytest.mark.parametrize("listen", WIRES)
async def test_a_capacitor_bank(listen: str) -> None:
    async with serve_device("capacitor-bank", listen) as url:
        bus = open_bus(url, 1.0)
        try:
            bank = GenericCapacitorBank(bus, 1)
            await bank.order(2)
            assert await bank.steps() == (6, 2)
            await bank.order(0)
            assert await bank.steps_in() == 0
        finally:
            await bus.close()
