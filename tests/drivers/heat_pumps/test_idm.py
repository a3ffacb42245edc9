"""An iDM heat pump, by an image written from the lists that its file names; floats by `struct`, the low word first."""

import struct

import pytest

from drivers.catalogue import PUMPS
from drivers.heat_pumps.idm import TYPE
from protocols.faults import NotApplied
from protocols.ports import SgMode, Table
from tests.drivers.meters.listed import ListedMeter

PUMP = """
1000 0000 40A0 - 0  # outdoor temperature, 5.0 degC
1050 0000 420E temperature_c 35.5  # flow of the heat pump
1052 0000 41F8 - 0  # return
4122 0000 3FF8 power_w 1937.5  # electrical power, 1.9375 kW
4126 0000 40E0 - 0  # heat, 7 kW
"""


def low_first(number: float) -> tuple[int, int]:
    high, low = struct.unpack(">2H", struct.pack(">f", number))
    return low, high


@pytest.fixture
def pump() -> ListedMeter:
    """What is written as holding registers shows among the input registers."""
    bus = ListedMeter(PUMP, Table.INPUT)
    bus.fill(74, [0, 0])
    bus.fill(74, [0, 0], Table.INPUT)

    def shows(address: int, words: tuple[int, ...]) -> dict[int, int]:
        bus.fill(address, words, Table.INPUT)
        return {}

    bus.on_write = shows
    return bus


async def test_every_value_is_what_the_lists_say(pump: ListedMeter) -> None:
    driver = TYPE.build(pump, 1)
    assert (await driver.probe()).maker == "iDM"
    assert await driver.read() == pump.shows
    assert set(pump.shows) == set(TYPE.sheet.quantities)
    assert pump.writes == []


async def test_encouraged_it_is_told_a_surplus_in_kilowatts(pump: ListedMeter) -> None:
    driver = PUMPS["idm-heat-pump"].build(pump, 1, 2500.0)
    await driver.ask(SgMode.ENCOURAGED, 30.0)
    assert await driver.asked() is SgMode.ENCOURAGED
    await driver.ask(SgMode.NORMAL, 30.0)
    assert await driver.asked() is SgMode.NORMAL
    assert pump.writes == [(74, low_first(2.5)), (74, low_first(0.0))]


async def test_another_surplus_kept_is_not_applied(pump: ListedMeter) -> None:
    pump.on_write = None
    with pytest.raises(NotApplied, match=r"wrote 2\.5 to 74, reads 0"):
        await PUMPS["idm-heat-pump"].build(pump, 1, 2500.0).ask(SgMode.ENCOURAGED, 30.0)
