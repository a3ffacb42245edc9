"""ABB's Terra AC, by an image written from the list that its file names."""

from drivers.chargers.abb_terra_ac import TYPE
from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter

TERRA = """
0x400C 0000 0004 - 0  # charging state C2
0x400E 0000 3E80 - 0  # limit, 16 A
0x4010 0000 3E08 current_l1_a 15.88  # mA
0x4012 0000 3DF4 current_l2_a 15.86
0x4014 0001 11D0 current_l3_a 70.096  # beyond 16 bits
0x4016 0000 0903 voltage_l1_v 230.7  # 0.1 V
0x4018 0000 08FC voltage_l2_v 230.0
0x401A 0000 0907 voltage_l3_v 231.1
0x401C 0000 2AF8 power_w 11000  # W
0x401E 0000 04D2 - 0  # Wh of this session
"""


async def test_every_value_is_what_the_list_says() -> None:
    wallbox = ListedMeter(TERRA, Table.INPUT)
    driver = TYPE.build(wallbox, 1)
    assert (await driver.probe()).model == "Terra AC"
    assert await driver.read() == wallbox.shows
    assert set(wallbox.shows) == set(TYPE.sheet.quantities)
    assert wallbox.writes == []
