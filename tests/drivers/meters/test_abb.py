"""ABB's EQ meters, by the bytes of the replies printed in "A43/A44 User Manual", 2CMC48001M0201 revision C, page 168 on."""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, check, meter_type

# Pages 168 to 170. The voltages L-N stand on a page that could not be read and are ours.
A43 = """
0x5000 0000 0000 000D 1290 energy_import_wh 8567200  # total active import energy, 8567.20 kWh
0x5004 0000 0000 0003 1209 energy_export_wh 2012250  # total active export energy, 2012.25 kWh
0x5008 0000 0000 000A 0086 - 0                       # total active net energy
0x5B00 0000 0901 voltage_l1_v 230.5                  # 0.1 V
0x5B02 0000 0908 voltage_l2_v 231.2
0x5B04 0000 08FA voltage_l3_v 229.8
0x5B06 0000 0FA0 - 0                                 # L1-L2
0x5B08 0000 0FCA - 0                                 # L3-L2 voltage
0x5B0A 0000 0FC0 - 0                                 # L1-L3 voltage
0x5B0C 0000 0065 current_l1_a 1.01                   # L1 current
0x5B0E 0000 00C9 current_l2_a 2.01
0x5B10 0000 012E current_l3_a 3.02
0x5B12 0000 0086 - 0                                 # neutral current
0x5B14 0001 E8E4 power_w 1251.56                     # active total power
0x5B16 0000 5AE2 power_l1_w 232.66
0x5B18 0000 B097 power_l2_w 452.07
0x5B1A 0000 DD6B power_l3_w 566.83
0x5B1C 0000 7541 reactive_power_var 300.17           # reactive total power
0x5B1E 0000 001C reactive_power_l1_var 0.28
0x5B20 FFFF D04A reactive_power_l2_var -122.14
0x5B22 0000 A4DB reactive_power_l3_var 422.03
0x5B24 0002 25C3 apparent_power_va 1407.39           # apparent total power
0x5B26 0000 5AE2 apparent_power_l1_va 232.66
0x5B28 0000 B6DF apparent_power_l2_va 468.15
0x5B2A 0001 1402 apparent_power_l3_va 706.58
0x5B2C 1383 frequency_hz 49.95
0x5B2D 0087 - 0                                      # total power phase angle
"""
# As nobrega8/mbmap-library has it of revision E of the B23/B24 manual: all ones, or the largest signed number.
STEEL = """
0x5000 0000 0000 000D 1290 energy_import_wh 8567200
0x5004 FFFF FFFF FFFF FFFF energy_export_wh None
0x5B00 0000 0901 voltage_l1_v 230.5
0x5B02 FFFF FFFF voltage_l2_v None
0x5B04 FFFF FFFF voltage_l3_v None
0x5B0C 0000 0065 current_l1_a 1.01
0x5B0E FFFF FFFF current_l2_a None
0x5B10 FFFF FFFF current_l3_a None
0x5B14 FFFF 16BE power_w -597.14
0x5B16 7FFF FFFF power_l1_w None
0x5B18 7FFF FFFF power_l2_w None
0x5B1A 7FFF FFFF power_l3_w None
0x5B1C 7FFF FFFF reactive_power_var None
0x5B1E 7FFF FFFF reactive_power_l1_var None
0x5B20 7FFF FFFF reactive_power_l2_var None
0x5B22 7FFF FFFF reactive_power_l3_var None
0x5B24 7FFF FFFF apparent_power_va None
0x5B26 7FFF FFFF apparent_power_l1_va None
0x5B28 7FFF FFFF apparent_power_l2_va None
0x5B2A 7FFF FFFF apparent_power_l3_va None
0x5B2C FFFF frequency_hz None
"""


@pytest.mark.parametrize("name", ["a43", "a44", "b23", "b24"])
async def test_the_replies_in_the_manual(name: str) -> None:
    await check(name, ListedMeter(A43, Table.HOLDING))


async def test_what_is_not_measured_is_absent_and_not_429_gigawatt_hours() -> None:
    meter = ListedMeter(STEEL, Table.HOLDING)
    meter.fill(0x5B06, [0xFFFF] * 6)
    meter.fill(0x5B12, [0xFFFF] * 2)
    await check("b23", meter)


async def test_exported_power_is_negative() -> None:
    meter = ListedMeter(A43, Table.HOLDING)
    meter.fill(0x5B14, [0xFFFF, 0xFF9C] * 8)  # -1.00 W and var: active and reactive power, total and phases
    values = await meter_type("b23").build(meter, 1).read()
    stems = ("power_{}w", "reactive_power_{}var")
    assert {values[stem.format(phase)] for stem in stems for phase in ("", "l1_", "l2_", "l3_")} == {-1.0}


async def test_the_serial_number_is_a_number() -> None:
    meter = ListedMeter(A43, Table.HOLDING)
    meter.fill(0x8900, [0x0001, 0xE240])
    assert (await meter_type("b23").build(meter, 1).probe()).serial == "123456"


def test_the_type_designation_tells_the_model() -> None:
    identity = meter_type("b23").identity
    assert identity is not None
    assert (identity.table, identity.address, identity.count) == (Table.HOLDING, 0x8960, 2)
    assert identity.fits([0x4232, 0x3320])  # "B23 "
    assert not identity.fits([0x4232, 0x3420])  # "B24 "
