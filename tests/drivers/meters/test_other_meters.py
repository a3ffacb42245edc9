"""The other makers' meters, by images written from their register lists: addresses in the base of each list."""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, check, meter_type

# "Janitza UMG604" and "Janitza UMG104" on aggsoft.com.
JANITZA = """
19000 4366 8000 voltage_l1_v 230.5  # Voltage L1-N, V
19002 4367 4000 voltage_l2_v 231.25  # Voltage L2-N, V
19004 4365 C000 voltage_l3_v 229.75  # Voltage L3-N, V
19006 40E8 0000 - 0  # Voltage L1-L2
19008 40E8 0000 - 0  # Voltage L2-L3
19010 40E8 0000 - 0  # Voltage L3-L1
19012 3FC0 0000 current_l1_a 1.5  # Apparent current L1, A
19014 4010 0000 current_l2_a 2.25  # Apparent current L2, A
19016 4070 0000 current_l3_a 3.75  # Apparent current L3, A
19018 40E8 0000 - 0  # Vector sum
19020 C3AC C000 power_l1_w -345.5  # Real power L1, W
19022 C410 9000 power_l2_w -578.25  # Real power L2, W
19024 C448 B000 power_l3_w -802.75  # Real power L3, W
19026 C4D7 D000 power_w -1726.5  # Sum; Psum3=P1+P2+P3, W
19028 43AD 4000 apparent_power_l1_va 346.5  # Apparent power L1, VA
19030 4410 D000 apparent_power_l2_va 579.25  # Apparent power L2, VA
19032 4448 F000 apparent_power_l3_va 803.75  # Apparent power L3, VA
19034 44D8 3000 apparent_power_va 1729.5  # Sum; Ssum3, VA
19036 C138 0000 reactive_power_l1_var -11.5  # Reactive power L1, var
19038 C144 0000 reactive_power_l2_var -12.25  # Reactive power L2, var
19040 C15C 0000 reactive_power_l3_var -13.75  # Reactive power L3, var
19042 C216 0000 reactive_power_var -37.5  # Sum; Qsum3, var
19044 40E8 0000 - 0  # CosPhi L1
19046 40E8 0000 - 0  # CosPhi L2
19048 40E8 0000 - 0  # CosPhi L3
19050 4248 2000 frequency_hz 50.03125  # Measured frequency, Hz
19052 40E8 0000 - 0  # Rotation field
19054 40E8 0000 - 0  # Real energy L1
19056 40E8 0000 - 0  # Real energy L2
19058 40E8 0000 - 0  # Real energy L3
19060 40E8 0000 - 0  # Real energy L1..L3
19062 40E8 0000 - 0  # Real energy L1, consumed
19064 40E8 0000 - 0  # Real energy L2, consumed
19066 40E8 0000 - 0  # Real energy L3, consumed
19068 4996 B220 energy_import_wh 1234500  # Real energy L1..L3, consumed, Wh
19070 40E8 0000 - 0  # Real energy L1, delivered
19072 40E8 0000 - 0  # Real energy L2, delivered
19074 40E8 0000 - 0  # Real energy L3, delivered
19076 4774 2400 energy_export_wh 62500  # Real energy L1..L3, delivered, Wh
"""

# "PAC3200 Manual A5E01168664B-04", table 3-6, and "PAC4200 Manual A5E02316180B-01", table A-9; the PAC2200 lacks 43 to 61.
PAC3200 = """
1 4366 8000 voltage_l1_v 230.5  # Voltage L1-N, V
3 4367 4000 voltage_l2_v 231.25  # Voltage L2-N, V
5 4365 C000 voltage_l3_v 229.75  # Voltage L3-N, V
7 40E8 0000 - 0  # Voltage L1-L2
9 40E8 0000 - 0  # Voltage L2-L3
11 40E8 0000 - 0  # Voltage L3-L1
13 3FC0 0000 current_l1_a 1.5  # Current L1, A
15 4010 0000 current_l2_a 2.25  # Current L2, A
17 4070 0000 current_l3_a 3.75  # Current L3, A
19 43AD 4000 apparent_power_l1_va 346.5  # Apparent power L1, VA
21 4410 D000 apparent_power_l2_va 579.25  # Apparent power L2, VA
23 4448 F000 apparent_power_l3_va 803.75  # Apparent power L3, VA
25 C3AC C000 power_l1_w -345.5  # Active power L1, W
27 C410 9000 power_l2_w -578.25  # Active power L2, W
29 C448 B000 power_l3_w -802.75  # Active power L3, W
31 40E8 0000 - 0  # Reactive power L1
33 40E8 0000 - 0  # Reactive power L2
35 40E8 0000 - 0  # Reactive power L3
37 40E8 0000 - 0  # Power factor L1
39 40E8 0000 - 0  # Power factor L2
41 40E8 0000 - 0  # Power factor L3
55 4248 2000 frequency_hz 50.03125  # Line frequency, Hz
57 40E8 0000 - 0  # Average voltage ph-n
59 40E8 0000 - 0  # Average voltage ph-ph
61 40E8 0000 - 0  # Average current
63 44D8 3000 apparent_power_va 1729.5  # Total apparent power, VA
65 C4D7 D000 power_w -1726.5  # Total active power, W
67 C216 0000 reactive_power_var -37.5  # Total reactive power, var
69 40E8 0000 - 0  # Total power factor
801 4132 D644 0000 0000 energy_import_wh 1234500  # Active energy import tariff 1, Wh
805 401D 0000 0000 0000 - 0  # Active energy import tariff 2
809 40EE 8480 0000 0000 energy_export_wh 62500  # Active energy export tariff 1, Wh
813 401D 0000 0000 0000 - 0  # Active energy export tariff 2
"""
PAC2200 = """
1 4366 8000 voltage_l1_v 230.5  # Voltage L1-N, V
3 4367 4000 voltage_l2_v 231.25  # Voltage L2-N, V
5 4365 C000 voltage_l3_v 229.75  # Voltage L3-N, V
7 40E8 0000 - 0  # Voltage L1-L2
9 40E8 0000 - 0  # Voltage L2-L3
11 40E8 0000 - 0  # Voltage L3-L1
13 3FC0 0000 current_l1_a 1.5  # Current L1, A
15 4010 0000 current_l2_a 2.25  # Current L2, A
17 4070 0000 current_l3_a 3.75  # Current L3, A
19 43AD 4000 apparent_power_l1_va 346.5  # Apparent power L1, VA
21 4410 D000 apparent_power_l2_va 579.25  # Apparent power L2, VA
23 4448 F000 apparent_power_l3_va 803.75  # Apparent power L3, VA
25 C3AC C000 power_l1_w -345.5  # Active power L1, W
27 C410 9000 power_l2_w -578.25  # Active power L2, W
29 C448 B000 power_l3_w -802.75  # Active power L3, W
31 40E8 0000 - 0  # Reactive power L1
33 40E8 0000 - 0  # Reactive power L2
35 40E8 0000 - 0  # Reactive power L3
37 40E8 0000 - 0  # Power factor L1
39 40E8 0000 - 0  # Power factor L2
41 40E8 0000 - 0  # Power factor L3
63 44D8 3000 apparent_power_va 1729.5  # Total apparent power, VA
65 C4D7 D000 power_w -1726.5  # Total active power, W
67 C216 0000 reactive_power_var -37.5  # Total reactive power, var
69 40E8 0000 - 0  # Total power factor
801 4132 D644 0000 0000 energy_import_wh 1234500  # Active energy import tariff 1, Wh
805 401D 0000 0000 0000 - 0  # Active energy import tariff 2
809 40EE 8480 0000 0000 energy_export_wh 62500  # Active energy export tariff 1, Wh
813 401D 0000 0000 0000 - 0  # Active energy export tariff 2
"""

# Two transcriptions of the register tables in Shelly's API documentation, EM and EMData.
SHELLY = """
31007 0000 40E8 - 0  # Neutral current, A
31011 0000 40F0 current_a 7.5  # Total current, A
31013 D000 C4D7 power_w -1726.5  # Total active power, W
31015 3000 44D8 apparent_power_va 1729.5  # Total apparent power, VA
31020 8000 4366 voltage_l1_v 230.5  # Phase A voltage, V
31022 0000 3FC0 current_l1_a 1.5  # Phase A current, A
31024 C000 C3AC power_l1_w -345.5  # Phase A active power, W
31026 4000 43AD apparent_power_l1_va 346.5  # Phase A apparent power, VA
31028 0000 40E8 - 0  # Phase A power factor
31040 4000 4367 voltage_l2_v 231.25  # Phase B voltage, V
31042 0000 4010 current_l2_a 2.25  # Phase B current, A
31044 9000 C410 power_l2_w -578.25  # Phase B active power, W
31046 D000 4410 apparent_power_l2_va 579.25  # Phase B apparent power, VA
31048 0000 40E8 - 0  # Phase B power factor
31060 C000 4365 voltage_l3_v 229.75  # Phase C voltage, V
31062 0000 4070 current_l3_a 3.75  # Phase C current, A
31064 B000 C448 power_l3_w -802.75  # Phase C active power, W
31066 F000 4448 apparent_power_l3_va 803.75  # Phase C apparent power, VA
31068 0000 40E8 - 0  # Phase C power factor
31162 B220 4996 energy_import_wh 1234500  # Total active energy, all phases, perpetual count, Wh
31164 2400 4774 energy_export_wh 62500  # Total active returned energy, all phases, perpetual count, Wh
"""

# mbmd's dtsu666.go; the addresses on aggsoft.com and star.ke.st too.
DTSU666 = """
0x2000 40E8 0000 - 0  # Line voltage Uab
0x2002 40E8 0000 - 0  # Line voltage Ubc
0x2004 40E8 0000 - 0  # Line voltage Uca
0x2006 4510 1000 voltage_l1_v 230.5  # Phase voltage 1, 0.1 V
0x2008 4510 8800 voltage_l2_v 231.25  # Phase voltage 2, 0.1 V
0x200A 450F 9800 voltage_l3_v 229.75  # Phase voltage 3, 0.1 V
0x200C 44BB 8000 current_l1_a 1.5  # Current 1, 0.001 A
0x200E 450C A000 current_l2_a 2.25  # Current 2, 0.001 A
0x2010 456A 6000 current_l3_a 3.75  # Current 3, 0.001 A
0x2012 C686 E200 power_w -1726.5  # Conjunction active power Pt, 0.1 W
0x2014 C557 F000 power_l1_w -345.5  # Active power 1, 0.1 W
0x2016 C5B4 B400 power_l2_w -578.25  # Active power 2, 0.1 W
0x2018 C5FA DC00 power_l3_w -802.75  # Active power 3, 0.1 W
0x201A C3BB 8000 reactive_power_var -37.5  # Conjunction reactive power Qt, 0.1 var
0x201C C2E6 0000 reactive_power_l1_var -11.5  # Reactive power 1, 0.1 var
0x201E C2F5 0000 reactive_power_l2_var -12.25  # Reactive power 2, 0.1 var
0x2020 C309 8000 reactive_power_l3_var -13.75  # Reactive power 3, 0.1 var
0x202A 40E8 0000 - 0  # PFt
0x2044 459C 5900 frequency_hz 50.03125  # Frequency, 0.01 Hz
"""

# mbmd's inepro.go and wago87930.go, EVerest's Klefr_693x-694x.yaml.
PRO380 = """
0x5000 40E8 0000 - 0  # Voltage
0x5002 4366 8000 voltage_l1_v 230.5  # L1 voltage, V
0x5004 4367 4000 voltage_l2_v 231.25  # L2 voltage, V
0x5006 4365 C000 voltage_l3_v 229.75  # L3 voltage, V
0x5008 4248 2000 frequency_hz 50.03125  # Grid frequency, Hz
0x500A 40E8 0000 - 0  # Current
0x500C 3FC0 0000 current_l1_a 1.5  # L1 current, A
0x500E 4010 0000 current_l2_a 2.25  # L2 current, A
0x5010 4070 0000 current_l3_a 3.75  # L3 current, A
0x5012 BFDC FDF4 power_w -1726.500034  # Total active power, kW
0x5014 BEB0 E560 power_l1_w -345.4999924  # L1 active power, kW
0x5016 BF14 0831 power_l2_w -578.2499909  # L2 active power, kW
0x5018 BF4D 8106 power_l3_w -802.7499914  # L3 active power, kW
0x501A BD19 999A reactive_power_var -37.50000149  # Total reactive power, kvar
0x501C BC3C 6A7F reactive_power_l1_var -11.50000002  # L1 reactive power, kvar
0x501E BC48 B439 reactive_power_l2_var -12.24999968  # L2 reactive power, kvar
0x5020 BC61 47AE reactive_power_l3_var -13.74999993  # L3 reactive power, kvar
0x5022 3FDD 6042 apparent_power_va 1729.500055  # Total apparent power, kVA
0x5024 3EB1 6873 apparent_power_l1_va 346.5000093  # L1 apparent power, kVA
0x5026 3F14 49BA apparent_power_l2_va 579.2499781  # L2 apparent power, kVA
0x5028 3F4D C28F apparent_power_l3_va 803.7499785  # L3 apparent power, kVA
0x502A 40E8 0000 - 0  # Power factor
0x600C 449A 5000 energy_import_wh 1234500  # Forward active energy, kWh
0x6018 427A 0000 energy_export_wh 62500  # Reverse active energy, kWh
"""

# "TAC4300CT series Modbus Protocol v1.0", pages 1 and 2.
TAC4300 = """
0x0000 4366 8000 voltage_l1_v 230.5  # Phase 1 line to neutral volts
0x0002 4367 4000 voltage_l2_v 231.25  # Phase 2 line to neutral volts
0x0004 4365 C000 voltage_l3_v 229.75  # Phase 3 line to neutral volts
0x0006 3FC0 0000 current_l1_a 1.5  # Phase 1 current, A
0x0008 4010 0000 current_l2_a 2.25  # Phase 2 current, A
0x000A 4070 0000 current_l3_a 3.75  # Phase 3 current, A
0x000C C3AC C000 power_l1_w -345.5  # Phase 1 active power, W
0x000E C410 9000 power_l2_w -578.25  # Phase 2 active power, W
0x0010 C448 B000 power_l3_w -802.75  # Phase 3 active power, W
0x0012 C138 0000 reactive_power_l1_var -11.5  # Phase 1 reactive power, var
0x0014 C144 0000 reactive_power_l2_var -12.25  # Phase 2 reactive power, var
0x0016 C15C 0000 reactive_power_l3_var -13.75  # Phase 3 reactive power, var
0x0018 43AD 4000 apparent_power_l1_va 346.5  # Phase 1 apparent power, VA
0x001A 4410 D000 apparent_power_l2_va 579.25  # Phase 2 apparent power, VA
0x001C 4448 F000 apparent_power_l3_va 803.75  # Phase 3 apparent power, VA
0x001E 3F00 0000 power_factor_l1_ratio 0.5  # Phase 1 power factor
0x0020 BF40 0000 power_factor_l2_ratio -0.75  # Phase 2 power factor
0x0022 3F60 0000 power_factor_l3_ratio 0.875  # Phase 3 power factor
0x0024 40E8 0000 - 0  # Phase 1 phase angle
0x0026 40E8 0000 - 0  # Phase 2 phase angle
0x0028 40E8 0000 - 0  # Phase 3 phase angle
0x002A 40E8 0000 - 0  # Line 1 to Line 2 volts
0x002C 40E8 0000 - 0  # Line 2 to Line 3 volts
0x002E 40E8 0000 - 0  # Line 3 to Line 1 volts
0x0030 4248 2000 frequency_hz 50.03125  # Frequency of supply voltages, Hz
0x0032 C4D7 D000 power_w -1726.5  # Total system active power, W
0x0034 C216 0000 reactive_power_var -37.5  # Total system reactive power, var
0x0036 44D8 3000 apparent_power_va 1729.5  # Total system apparent power, VA
0x0038 3E80 0000 power_factor_ratio 0.25  # Total system power factor
0x003A 40E8 0000 - 0  # Total system phase angle
0x003C 40F0 0000 current_a 7.5  # Sum of line currents, A
0x003E 40E8 0000 - 0  # Average line to neutral volts
0x0500 449A 5000 energy_import_wh 1234500  # Total import active energy, kWh
0x0502 427A 0000 energy_export_wh 62500  # Total export active energy, kWh
0x0504 40E8 0000 - 0  # Total active energy
"""

# mbmd's ds100.go and evcc's bgetech-ds100.yaml.
DS100 = """
0x010E 0001 E23A energy_import_wh 1234500  # total forward active energy, 0.01 kWh
0x0118 0000 186A energy_export_wh 62500  # active energy (feed-in), 0.01 kWh
0x0400 0003 8464 voltage_l1_v 230.5  # voltage of phase 1, mV
0x0402 0003 8752 voltage_l2_v 231.25  # voltage of phase 2, mV
0x0404 0003 8176 voltage_l3_v 229.75  # voltage of phase 3, mV
0x0410 FFFF FA24 current_l1_a -1.5  # current of phase 1, mA
0x0412 FFFF F736 current_l2_a -2.25  # current of phase 2, mA
0x0414 FFFF F15A current_l3_a -3.75  # current of phase 3, mA
0x041A FFFF FEA6 power_l1_w -346  # active power of phase 1, W
0x041C FFFF FDBE power_l2_w -578  # active power of phase 2, W
0x041E FFFF FCDD power_l3_w -803  # active power of phase 3, W
0x0420 FFFF F942 power_w -1726  # total active power, W
0x0422 0000 015A apparent_power_l1_va 346  # apparent power of phase 1, VA
0x0424 0000 0243 apparent_power_l2_va 579  # apparent power of phase 2, VA
0x0426 0000 0324 apparent_power_l3_va 804  # apparent power of phase 3, VA
0x0428 0000 06C2 apparent_power_va 1730  # total apparent power, VA
0x042A FFFF FFF4 reactive_power_l1_var -12  # reactive power of phase 1, var
0x042C FFFF FFF4 reactive_power_l2_var -12  # reactive power of phase 2, var
0x042E FFFF FFF2 reactive_power_l3_var -14  # reactive power of phase 3, var
0x0430 FFFF FFDA reactive_power_var -38  # total reactive power, var
0x0435 01F4 frequency_hz 50  # frequency, 0.1 Hz
0x0436 0007 - 0  # power factor
"""


@pytest.mark.parametrize("name", ["umg604", "umg104", "umg96rm"])
async def test_janitza(name: str) -> None:
    await check(name, ListedMeter(JANITZA, Table.HOLDING))


@pytest.mark.parametrize(("name", "listing"), [("pac2200", PAC2200), ("pac3200", PAC3200), ("pac4200", PAC3200)])
async def test_siemens(name: str, listing: str) -> None:
    await check(name, ListedMeter(listing, Table.HOLDING))


async def test_shelly_pro_3em() -> None:
    await check("shelly-pro-3em", ListedMeter(SHELLY, Table.INPUT, base=30000))


async def test_shelly_is_known_by_its_address_and_model() -> None:
    meter = ListedMeter(SHELLY, Table.INPUT, base=30000)
    meter.fill(0, [0x3038, 0x3342, 0x3939, 0x4546, 0x3031, 0x3233], Table.INPUT)  # 30000: MAC, 12 characters
    assert (await meter_type("shelly-pro-3em").build(meter, 1).probe()).serial == "083B99EF0123"
    identity = meter_type("shelly-pro-3em").identity
    assert identity is not None
    assert (identity.table, identity.address, identity.count) == (Table.INPUT, 6, 10)
    assert identity.fits([0x5350, 0x454D, 0x2D30, 0x3033, 0x4345, 0x4245, 0x5534, 0x3030, 0, 0])  # SPEM-003CEBEU400
    assert not identity.fits([0x5350, 0x454D, 0x2D30, 0x3032, 0x4345, 0x4245, 0x5535, 0x3000, 0, 0])  # SPEM-002CEBEU50


async def test_chint_dtsu666() -> None:
    await check("dtsu666", ListedMeter(DTSU666, Table.HOLDING))


@pytest.mark.parametrize("name", ["pro380", "wago-879-30xx", "klefr-693x"])
async def test_inepro_and_its_siblings(name: str) -> None:
    await check(name, ListedMeter(PRO380, Table.HOLDING))


async def test_taiye_tac4300() -> None:
    meter = ListedMeter(TAC4300, Table.INPUT, count_max=50)
    meter.fill(0x5602, [0x0001, 0xE240])
    await check("tac4300", meter)
    assert (await meter_type("tac4300").build(meter, 1).probe()).serial == "123456"


async def test_bgetech_ds100() -> None:
    await check("ds100", ListedMeter(DS100, Table.HOLDING))
