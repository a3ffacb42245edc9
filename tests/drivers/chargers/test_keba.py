"""KEBA's P30, by an image written from pages 10 to 13 of its guide; the figures are those of the guide's own examples."""

from drivers.chargers.keba import TYPE
from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter

P30 = """
1008 0000 0285 current_l1_a 0.645  # 645: 0.645 A
1010 0000 03F3 current_l2_a 1.011  # 1011: 1.011 A
1012 0000 0285 current_l3_a 0.645  # 645: 0.645 A
1014 0119 04D6 - 0  # serial number 18416854
1016 0004 A3EF - 0  # product 304111
1018 030A 0D00 - 0  # firmware 50990336, 3.10.14
1020 0001 8165 power_w 98.661  # 98661 mW
1036 0000 94D5 energy_import_wh 38101  # 38101 Wh
1040 0000 00E6 voltage_l1_v 230  # 230 V
1042 0000 00E7 voltage_l2_v 231
1044 0000 00E5 voltage_l3_v 229
"""


async def test_every_value_is_what_the_guide_says_one_at_a_time() -> None:
    station = ListedMeter(P30, Table.HOLDING, count_max=2)
    driver = TYPE.build(station, 1)
    assert (await driver.probe()).serial == "18416854"
    assert await driver.read() == station.shows
    assert set(station.shows) == set(TYPE.sheet.quantities)
    assert {count for _, _, count in station.reads} == {2}


async def test_nothing_is_ever_written() -> None:
    station = ListedMeter(P30, Table.HOLDING, count_max=2)
    driver = TYPE.build(station, 1)
    await driver.probe()
    await driver.read()
    assert station.writes == []
