"""A Lambda heat pump, by an image written from the two lists that its file names."""

import pytest

from drivers.catalogue import PUMPS
from drivers.heat_pumps.lambda_eu import TYPE
from drivers.heat_pumps.surplus import SurplusPump
from protocols.faults import NotApplied, Unsupported
from protocols.ports import SgMode, Table
from tests.drivers.meters.listed import ListedMeter

PUMP = """
1000 0000 - 0  # error state
1001 0000 - 0  # error number
1002 0003 - 0  # state
1003 0001 - 0  # operating state: heating
1004 0DBA temperature_c 35.14  # flow line, 0.01 degC
1005 0BD6 - 0  # return line
1006 0A8C - 0  # volume flow
1007 FF9C - 0  # source inlet, -1.00 degC
1008 FE3E - 0  # source outlet
1009 0000 - 0
1010 1388 - 0  # compressor, 50 %
1011 004B - 0  # 7.5 kW of heat
1012 0749 power_w 1865  # inverter, W
1013 0192 - 0  # COP 4.02
1014 0000 - 0
1015 0000 - 0
1016 0000 - 0
1017 0000 - 0
1018 0000 - 0
1019 0000 - 0
1020 0012 D687 energy_import_wh 1234567  # compressor, Wh
"""


async def test_every_value_is_what_the_lists_say() -> None:
    pump = ListedMeter(PUMP, Table.HOLDING)
    driver = TYPE.build(pump, 1)
    assert (await driver.probe()).maker == "Lambda"
    assert await driver.read() == pump.shows
    assert set(pump.shows) == set(TYPE.sheet.quantities)
    assert pump.writes == []


def told_pump(bus: ListedMeter, power_w: float) -> SurplusPump:
    return PUMPS["lambda-heat-pump"].build(bus, 1, power_w)


@pytest.fixture
def pump() -> ListedMeter:
    bus = ListedMeter(PUMP, Table.HOLDING)
    bus.fill(102, [0])
    return bus


async def test_encouraged_it_is_told_a_surplus_and_normal_is_none(pump: ListedMeter) -> None:
    driver = told_pump(pump, 2500.0)
    await driver.ask(SgMode.ENCOURAGED, 30.0)
    assert await driver.asked() is SgMode.ENCOURAGED
    await driver.ask(SgMode.NORMAL, 30.0)
    assert await driver.asked() is SgMode.NORMAL
    assert pump.writes == [(102, (2500,)), (102, (0,))]


@pytest.mark.parametrize("mode", [SgMode.BLOCKED, SgMode.ORDERED])
async def test_it_can_not_be_blocked_or_ordered(pump: ListedMeter, mode: SgMode) -> None:
    with pytest.raises(Unsupported, match="takes a surplus only"):
        await told_pump(pump, 2500.0).ask(mode, 30.0)
    assert pump.writes == []


async def test_another_surplus_kept_is_not_applied(pump: ListedMeter) -> None:
    pump.on_write = lambda address, words: {102: 0}
    with pytest.raises(NotApplied, match="wrote 2500 to 102, reads 0"):
        await told_pump(pump, 2500.0).ask(SgMode.ENCOURAGED, 30.0)


async def test_a_surplus_of_the_other_sign_is_none(pump: ListedMeter) -> None:
    pump.fill(102, [0xFFFF])
    assert await told_pump(pump, 2500.0).asked() is SgMode.NORMAL


@pytest.mark.parametrize("power_w", [0.0, -1.0, 40_000.0])
def test_a_surplus_that_does_not_fit_is_refused(pump: ListedMeter, power_w: float) -> None:
    with pytest.raises(ValueError, match=r"allowed is more than 0|40000 is no S16"):
        told_pump(pump, power_w)
