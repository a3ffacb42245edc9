"""Schneider's meters, by images written from register lists: register numbers, one more than the address on the wire."""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, check, meter_type

# "Farnell iEM3100-iEM3200" on aggsoft.com, mbmd's iem3000.go.
IEM3155 = """
3000 3FC0 0000 current_l1_a 1.5  # I1: phase 1 current, A
3002 4010 0000 current_l2_a 2.25  # I2: phase 2 current, A
3004 4070 0000 current_l3_a 3.75  # I3: phase 3 current, A
3010 40E8 0000 - 0  # Current Avg
3020 40E8 0000 - 0  # Voltage L1-L2
3028 4366 8000 voltage_l1_v 230.5  # Voltage L1-N, V
3030 4367 4000 voltage_l2_v 231.25  # Voltage L2-N, V
3032 4365 C000 voltage_l3_v 229.75  # Voltage L3-N, V
3054 BEB0 E560 power_l1_w -345.4999924  # Active Power Phase 1, kW
3056 BF14 0831 power_l2_w -578.2499909  # Active Power Phase 2, kW
3058 BF4D 8106 power_l3_w -802.7499914  # Active Power Phase 3, kW
3060 BFDC FDF4 power_w -1726.500034  # Total Active Power, kW
3068 BD19 999A reactive_power_var -37.50000149  # Total Reactive Power, kVAR
3076 3FDD 6042 apparent_power_va 1729.500055  # Total Apparent Power, kVA
3084 40E8 0000 - 0  # Total Power Factor
3110 4248 2000 frequency_hz 50.03125  # Frequency, Hz
3204 0000 0000 0012 D644 energy_import_wh 1234500  # Total Active Energy Import, Wh
3208 0000 0000 0000 F424 energy_export_wh 62500  # Total Active Energy Export, Wh
"""
IEM3150 = """
3000 3FC0 0000 current_l1_a 1.5  # I1: phase 1 current, A
3002 4010 0000 current_l2_a 2.25  # I2: phase 2 current, A
3004 4070 0000 current_l3_a 3.75  # I3: phase 3 current, A
3010 40E8 0000 - 0  # Current Avg
3020 40E8 0000 - 0  # Voltage L1-L2
3028 4366 8000 voltage_l1_v 230.5  # Voltage L1-N, V
3030 4367 4000 voltage_l2_v 231.25  # Voltage L2-N, V
3032 4365 C000 voltage_l3_v 229.75  # Voltage L3-N, V
3054 BEB0 E560 power_l1_w -345.4999924  # Active Power Phase 1, kW
3056 BF14 0831 power_l2_w -578.2499909  # Active Power Phase 2, kW
3058 BF4D 8106 power_l3_w -802.7499914  # Active Power Phase 3, kW
3060 BFDC FDF4 power_w -1726.500034  # Total Active Power, kW
3076 3FDD 6042 apparent_power_va 1729.500055  # Total Apparent Power, kVA
3084 40E8 0000 - 0  # Total Power Factor
3110 4248 2000 frequency_hz 50.03125  # Frequency, Hz
3204 0000 0000 0012 D644 energy_import_wh 1234500  # Total Active Energy Import, Wh
"""

# The list for Home Assistant that cites DOCA0006EN.
PM3255 = """
3000 3FC0 0000 current_l1_a 1.5  # I1: phase 1 current, A
3002 4010 0000 current_l2_a 2.25  # I2: phase 2 current, A
3004 4070 0000 current_l3_a 3.75  # I3: phase 3 current, A
3010 40E8 0000 - 0  # Current Avg
3020 40E8 0000 - 0  # Voltage L1-L2
3028 4366 8000 voltage_l1_v 230.5  # Voltage L1-N, V
3030 4367 4000 voltage_l2_v 231.25  # Voltage L2-N, V
3032 4365 C000 voltage_l3_v 229.75  # Voltage L3-N, V
3054 BEB0 E560 power_l1_w -345.4999924  # Active Power Phase 1, kW
3056 BF14 0831 power_l2_w -578.2499909  # Active Power Phase 2, kW
3058 BF4D 8106 power_l3_w -802.7499914  # Active Power Phase 3, kW
3060 BFDC FDF4 power_w -1726.500034  # Total Active Power, kW
3062 BC3C 6A7F reactive_power_l1_var -11.50000002  # Reactive power L1, kvar
3064 BC48 B439 reactive_power_l2_var -12.24999968  # Reactive power L2, kvar
3066 BC61 47AE reactive_power_l3_var -13.74999993  # Reactive power L3, kvar
3068 BD19 999A reactive_power_var -37.50000149  # Total Reactive Power, kVAR
3070 3EB1 6873 apparent_power_l1_va 346.5000093  # Apparent power L1, kVA
3072 3F14 49BA apparent_power_l2_va 579.2499781  # Apparent power L2, kVA
3074 3F4D C28F apparent_power_l3_va 803.7499785  # Apparent power L3, kVA
3076 3FDD 6042 apparent_power_va 1729.500055  # Total Apparent Power, kVA
3084 40E8 0000 - 0  # Total Power Factor
3110 4248 2000 frequency_hz 50.03125  # Frequency, Hz
3204 0000 0000 0012 D644 energy_import_wh 1234500  # Total Active Energy Import, Wh
3208 0000 0000 0000 F424 energy_export_wh 62500  # Active energy export, Wh
"""


@pytest.mark.parametrize("name", ["iem3155", "iem3255", "iem3355"])
async def test_iem3000(name: str) -> None:
    await check(name, ListedMeter(IEM3155, Table.HOLDING, base=1))


async def test_iem3150_counts_no_export() -> None:
    await check("iem3150", ListedMeter(IEM3150, Table.HOLDING, base=1))


async def test_what_an_iem3155_refuses_is_missed_by_name() -> None:
    meter = ListedMeter(IEM3150, Table.HOLDING, base=1)
    await check("iem3155", meter)
    plate = await meter_type("iem3155").build(meter, 1).probe()
    assert plate.lacks == ("serial number", "reactive_power_var", "energy_export_wh")


@pytest.mark.parametrize("name", ["pm3250", "pm3255"])
async def test_pm3200(name: str) -> None:
    await check(name, ListedMeter(PM3255, Table.HOLDING, base=1))


@pytest.mark.parametrize("name", ["iem3155", "pm3255"])
async def test_the_serial_number_is_register_130(name: str) -> None:
    meter = ListedMeter(PM3255, Table.HOLDING, base=1)
    meter.fill(129, [0x0001, 0xE240])
    assert (await meter_type(name).build(meter, 1).probe()).serial == "123456"


def test_the_model_is_spelt_in_register_50() -> None:
    identity = meter_type("pm3255").identity
    assert identity is not None
    assert (identity.address, identity.count) == (49, 20)
    assert identity.fits([0x504D, 0x3332, 0x3535, *[0] * 17])  # "PM3255"
    assert not identity.fits([0x504D, 0x3332, 0x3530, *[0] * 17])  # "PM3250"
