"""Every register of the battery maps, by images written from the lists that each driver's file names.

The words are as they stand on the wire, the value is what the list says they mean, with our sign.
"""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, built, shows_what_is_listed

LUNA = """
37760 027A soc_percent 63.4  # SOC, gain 10
37762 0002 - 0  # running status
37765 FFFF F6D7 power_w -2345  # charge/discharge power, W: discharging
37780 0000 B26E energy_import_wh 456780  # total charge, kWh, gain 100
37782 0000 A8CA energy_export_wh 432100  # total discharge
"""

SH_BATTERY = """
5214 1171 0001 power_w -70001  # battery power, W: discharging
13023 01FB soc_percent 50.7  # battery level, 0.1 %
13024 03E3 soh_percent 99.5  # state of health
13025 FFEB temperature_c -2.1  # battery temperature, 0.1 C
13027 11EB 0001 energy_export_wh 7012300  # total discharge, 0.1 kWh
13041 26A8 0001 energy_import_wh 7543200  # total charge
"""

GOODWE_BATTERY = """
35182 0000 09C5 power_w -2501  # pbattery1, W: discharging
35206 0001 3435 energy_import_wh 7890100  # e_bat_charge_total, 0.1 kWh
35209 0001 1642 energy_export_wh 7123400  # e_bat_discharge_total
37003 00FD temperature_c 25.3  # battery temperature, 0.1 C
37007 0044 soc_percent 68  # state of charge, %
37008 0063 soh_percent 99  # state of health
"""

PLENTICORE_BATTERY = """
214 0000 41BC temperature_c 23.5  # battery temperature
514 0047 soc_percent 71  # battery actual SOC, %
582 F8AD power_w 1875  # charge (-) / discharge (+) power, W: charging
1046 B438 4996 energy_import_wh 1234567  # DC charge energy, Wh
1048 00F0 4989 energy_export_wh 1122334  # DC discharge energy
"""

STOREDGE = """
0xE16C 0000 41DA temperature_c 27.25  # average temperature
0xE174 A800 C548 power_w -3210.5  # instantaneous power, W: discharging
0xE176 BC07 18CF 0001 0000 energy_export_wh 4711234567  # lifetime export energy, Wh
0xE17A 2107 369D 0001 0000 energy_import_wh 5211234567  # lifetime import energy
0xE17E 9000 4617 - 0  # maximum energy
0xE180 2400 45CB available_energy_wh 6500.5  # available energy, Wh
0xE182 0000 42C5 soh_percent 98.5  # SOH, %
0xE184 8000 4286 soc_percent 67.25  # SOE, %
"""

STOREDGE_ABSENT = """
0xE16C FFFF FF7F temperature_c None  # 0xFF7FFFFF
0xE174 FFFF FF7F power_w None  # 0xFF7FFFFF
0xE176 FFFF FFFF FFFF FFFF energy_export_wh None  # all ones
0xE17A FFFF FFFF FFFF FFFF energy_import_wh None  # all ones
0xE180 FFFF FF7F available_energy_wh None  # 0xFF7FFFFF
0xE182 FFFF FF7F soh_percent None  # 0xFF7FFFFF
0xE184 0000 7FC0 soc_percent None  # NaN
"""

ISLAND = """
30775 FFFF F8DA power_w 1830  # GridMs.TotW, S32 FIX0, W: charging
30783 0000 5A04 voltage_l1_v 230.44  # GridMs.PhV.phsA, U32 FIX2
30803 0000 1389 frequency_hz 50.01  # GridMs.Hz, U32 FIX2
30845 0000 0039 soc_percent 57  # Bat.ChaStt, U32 FIX0, %
30847 0000 0064 - 0  # Bat.Diag.ActlCapacNom
30849 0000 00DA temperature_c 21.8  # Bat.TmpVal, S32 TEMP
30977 FFFF E0FB current_l1_a -7.941  # GridMs.A.phsA, S32 FIX3
31397 0000 0001 06EE 1907 energy_import_wh 4411234567  # BatChrg.BatChrg, U64, Wh
31401 0000 0000 EF16 9507 energy_export_wh 4011234567  # BatDsch.BatDsch
"""

VEBUS = """
3 0900 voltage_l1_v 230.4  # /Ac/ActiveIn/L1/V, scale 10
6 FFCC current_l1_a -5.2  # /Ac/ActiveIn/L1/I, scale 10
9 1384 frequency_hz 49.96  # /Ac/ActiveIn/L1/F, scale 100
12 FF89 power_w -1190  # /Ac/ActiveIn/L1/P, scale 0.1, W: fed back
30 034D soc_percent 84.5  # /Soc, scale 10
"""

GX = """
842 FA50 power_w -1456  # /Dc/Battery/Power, W: discharging
843 0054 soc_percent 84  # /Dc/Battery/Soc, %
"""


# Name, list, table, and what the list counts its addresses from.
LISTS = [
    ("huawei-luna", LUNA, Table.HOLDING, 0),
    ("sungrow-sh-battery", SH_BATTERY, Table.INPUT, 1),
    ("goodwe-et-battery", GOODWE_BATTERY, Table.HOLDING, 0),
    ("kostal-plenticore-battery", PLENTICORE_BATTERY, Table.HOLDING, 0),
    ("solaredge-battery", STOREDGE, Table.HOLDING, 0),
    ("solaredge-battery", STOREDGE_ABSENT, Table.HOLDING, 0),
    ("sma-sunny-island", ISLAND, Table.HOLDING, 0),
    ("victron-vebus", VEBUS, Table.HOLDING, 0),
    ("victron-gx-battery", GX, Table.HOLDING, 0),
]


@pytest.mark.parametrize(("name", "listing", "table", "base"), LISTS, ids=lambda it: it if isinstance(it, str) else "")
async def test_every_value_is_what_the_list_says(name: str, listing: str, table: Table, base: int) -> None:
    await shows_what_is_listed(name, ListedMeter(listing, table, base=base, filler=0))


async def test_a_sungrow_of_older_firmware_lacks_the_power() -> None:
    image = ListedMeter(SH_BATTERY.split("\n", 2)[2], Table.INPUT, base=1, filler=0)
    meter = built("sungrow-sh-battery", image)
    assert "power_w" in (await meter.probe()).lacks
    assert "power_w" not in await meter.read()
