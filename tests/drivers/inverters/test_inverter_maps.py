"""Every register of the inverter maps, by images written from the lists that each driver's file names.

The words are as they stand on the wire, the value is what the list says they mean, with our sign.
"""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, built, shows_what_is_listed

STP = """
30513 0000 0001 18CF BC07 energy_export_wh 4711234567  # Metering.TotWhOut, U64 FIX0, Wh
30529 0000 3039 - 0  # Metering.TotWhOut, U32
30775 0000 1CFD power_w -7421  # GridMs.TotW, S32 FIX0, W: production
30777 0000 09A6 power_l1_w -2470  # GridMs.W.phsA
30779 0000 09AB power_l2_w -2475  # GridMs.W.phsB
30781 0000 09AC power_l3_w -2476  # GridMs.W.phsC
30783 0000 59E3 voltage_l1_v 230.11  # GridMs.PhV.phsA, U32 FIX2, V
30785 0000 59CB voltage_l2_v 229.87  # GridMs.PhV.phsB
30787 0000 5A3E voltage_l3_v 231.02  # GridMs.PhV.phsC
30803 0000 1386 frequency_hz 49.98  # GridMs.Hz, U32 FIX2, Hz
30813 0000 1D1A apparent_power_va 7450  # GridMs.TotVA, S32 FIX0, VA
30949 0000 03E4 - 0  # GridMs.TotPFPrc
30953 0000 019C temperature_c 41.2  # Coolsys.Cab.TmpVal, S32 TEMP, one decimal place
30977 0000 29EE current_l1_a 10.734  # GridMs.A.phsA, S32 FIX3, A
30979 0000 2A0F current_l2_a 10.767  # GridMs.A.phsB
30981 0000 29DD current_l3_a 10.717  # GridMs.A.phsC
"""

STP_AT_NIGHT = """
30513 0000 0001 18CF BC07 energy_export_wh 4711234567  # still there
30775 8000 0000 power_w None  # S32: 0x8000 0000
30777 8000 0000 power_l1_w None  # S32
30779 8000 0000 power_l2_w None  # S32
30781 8000 0000 power_l3_w None  # S32
30783 FFFF FFFF voltage_l1_v None  # U32: 0xFFFF FFFF
30785 FFFF FFFF voltage_l2_v None  # U32
30787 FFFF FFFF voltage_l3_v None  # U32
30803 FFFF FFFF frequency_hz None  # U32
30813 8000 0000 apparent_power_va None  # S32
30953 8000 0000 temperature_c None  # S32
30977 8000 0000 current_l1_a None  # S32
30979 8000 0000 current_l2_a None  # S32
30981 8000 0000 current_l3_a None  # S32
"""

SUN2000 = """
32069 08FD voltage_l1_v 230.1  # phase A voltage, gain 10
32070 090B voltage_l2_v 231.5  # phase B
32071 08FA voltage_l3_v 229.8  # phase C
32072 0000 1FBB current_l1_a 8.123  # phase A current, gain 1000
32074 0000 2013 current_l2_a 8.211  # phase B
32076 0000 1FA3 current_l3_a 8.099  # phase C
32078 0000 270F - 0  # peak of the day
32080 0000 15EE power_w -5614  # active power, W: production
32082 0000 0078 - 0  # reactive power
32084 03E6 - 0  # power factor
32085 138A frequency_hz 50.02  # grid frequency, gain 100
32087 FFCB temperature_c -5.3  # internal temperature, gain 10
32089 0200 - 0  # device status
32106 0012 D687 energy_export_wh 12345670  # accumulated yield, kWh, gain 100
"""

SG = """
5001 0064 - 0  # nominal power, 0.1 kW
5004 11EB 0001 energy_export_wh 70123000  # total power yields, kWh
5008 01E7 temperature_c 48.7  # internal temperature, 0.1 C
5009 1FBB 0000 apparent_power_va 8123  # total apparent power
5019 08FF voltage_l1_v 230.3  # phase A voltage, 0.1 V
5020 0907 voltage_l2_v 231.1  # phase B
5021 08F6 voltage_l3_v 229.4  # phase C
5022 0075 current_l1_a 11.7  # phase A current, 0.1 A
5023 0076 current_l2_a 11.8  # phase B
5024 0074 current_l3_a 11.6  # phase C
5031 11D4 0001 power_w -70100  # total active power, W: production
5033 FFEC FFFF - 0  # total reactive power
5036 01F4 frequency_hz 50.0  # grid frequency, 0.1 Hz
"""

SH = """
5008 FFF4 temperature_c -1.2  # inside temperature, 0.1 C
5019 08FF voltage_l1_v 230.3  # phase A voltage, 0.1 V
5020 0907 voltage_l2_v 231.1  # phase B
5021 08F6 voltage_l3_v 229.4  # phase C
5242 1385 frequency_hz 49.97  # grid frequency, 0.01 Hz
13031 0058 current_l1_a 8.8  # phase A current, 0.1 A
13032 FFFD current_l2_a -0.3  # phase B
13033 005B current_l3_a 9.1  # phase C
13034 EDC8 FFFE power_w 70200  # total active power, W: here the battery charges from the grid
"""

GOODWE = """
35121 08FD voltage_l1_v 230.1  # vgrid, 0.1 V
35122 0048 current_l1_a 7.2  # igrid, 0.1 A
35123 1387 frequency_hz 49.99  # fgrid, 0.01 Hz
35125 0672 power_l1_w -1650  # pgrid, W
35126 0901 voltage_l2_v 230.5  # vgrid2
35127 0049 current_l2_a 7.3  # igrid2
35128 1387 - 0  # fgrid2
35130 067C power_l2_w -1660  # pgrid2
35131 08FB voltage_l3_v 229.9  # vgrid3
35132 0047 current_l3_a 7.1  # igrid3
35133 1387 - 0  # fgrid3
35135 FFF1 power_l3_w 15  # pgrid3
35137 0000 0CDF power_w -3295  # total inverter power, W: production
35191 0005 464E energy_export_wh 34567800  # e_total, 0.1 kWh
"""

PLENTICORE = """
152 1000 4248 frequency_hz 50.015625  # grid frequency, Hz
154 0000 40B0 current_l1_a 5.5  # current phase 1, A
156 3000 449E power_l1_w -1265.5  # active power phase 1, W
158 4000 4366 voltage_l1_v 230.25  # voltage phase 1, V
160 0000 40B8 current_l2_a 5.75  # current phase 2
162 4800 44A5 power_l2_w -1322.25  # active power phase 2
164 8000 4365 voltage_l2_v 229.5  # voltage phase 2
166 0000 40A8 current_l3_a 5.25  # current phase 3
168 E400 4496 power_l3_w -1207.125  # active power phase 3
170 2000 4367 voltage_l3_v 231.125  # voltage phase 3
172 2E00 456D power_w -3794.875  # total AC active power, W: production
174 0000 C148 - 0  # total AC reactive power
178 8800 456D apparent_power_va 3800.5  # total AC apparent power, VA
320 B43F 4B16 energy_export_wh 9876543  # total yield, Wh
"""


# Name, list, table, and what the list counts its addresses from.
LISTS = [
    ("sma-stp", STP, Table.HOLDING, 0),
    ("sma-stp", STP_AT_NIGHT, Table.HOLDING, 0),
    ("huawei-sun2000", SUN2000, Table.HOLDING, 0),
    ("sungrow-sg", SG, Table.INPUT, 1),
    ("sungrow-sh", SH, Table.INPUT, 1),
    ("goodwe-et", GOODWE, Table.HOLDING, 0),
    ("kostal-plenticore", PLENTICORE, Table.HOLDING, 0),
]


@pytest.mark.parametrize(("name", "listing", "table", "base"), LISTS, ids=lambda it: it if isinstance(it, str) else "")
async def test_every_value_is_what_the_list_says(name: str, listing: str, table: Table, base: int) -> None:
    await shows_what_is_listed(name, ListedMeter(listing, table, base=base, filler=0))


async def test_a_hybrid_of_older_firmware_lacks_the_frequency() -> None:
    listing = "\n".join(line for line in SH.splitlines() if "frequency_hz" not in line)
    image = ListedMeter(listing, Table.INPUT, base=1)
    image.fill(5007, [0] * 11, Table.INPUT)
    image.fill(5007, [0xFFF4], Table.INPUT)
    meter = built("sungrow-sh", image)
    assert "frequency_hz" in (await meter.probe()).lacks
    assert await meter.read() == image.shows


@pytest.mark.parametrize(("words", "value"), [([0x7FFF, 0xFFFF], None), ([0xFFFF, 0xFFFF], 1.0), ([0, 0], 0.0)])
async def test_huawei_power_not_available_is_absent_and_zero_is_an_answer(
    words: list[int], value: float | None
) -> None:
    image = ListedMeter(SUN2000, Table.HOLDING, filler=0)
    image.fill(32080, words)
    assert (await built("huawei-sun2000", image).read())["power_w"] == value
