"""A Lambda heat pump, by an image written from the two lists that its file names."""

from drivers.heat_pumps.lambda_eu import TYPE
from protocols.ports import Table
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
