"""Carlo Gavazzi's meters, by images written from their communication protocols: physical addresses.

An address that is not in the tables is refused, as the protocol of the GNM3D says (2.5), and so are too many registers.
"""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, check, meter_type

# "GNM3D Series and GNM3T Series Communication Protocol, Version 1 Revision 1", table 2.4-1.
GNM3D = """
0x0000 0901 0000 voltage_l1_v 230.5  # V L1-N, Volt*10
0x0002 0908 0000 voltage_l2_v 231.2  # V L2-N, Volt*10
0x0004 08FA 0000 voltage_l3_v 229.8  # V L3-N, Volt*10
0x0006 0007 0000 - 0  # V L1-L2
0x0008 0007 0000 - 0  # V L2-L3
0x000A 0007 0000 - 0  # V L3-L1
0x000C FA24 FFFF current_l1_a -1.5  # A L1, Ampere*1000
0x000E F736 FFFF current_l2_a -2.25  # A L2, Ampere*1000
0x0010 F15A FFFF current_l3_a -3.75  # A L3, Ampere*1000
0x0012 F281 FFFF power_l1_w -345.5  # W L1, Watt*10
0x0014 E96A FFFF power_l2_w -578.2  # W L2, Watt*10
0x0016 E0A4 FFFF power_l3_w -802.8  # W L3, Watt*10
0x0018 0D89 0000 apparent_power_l1_va 346.5  # VA L1, VA*10
0x001A 16A0 0000 apparent_power_l2_va 579.2  # VA L2, VA*10
0x001C 1F66 0000 apparent_power_l3_va 803.8  # VA L3, VA*10
0x001E FF8D FFFF reactive_power_l1_var -11.5  # var L1, var*10
0x0020 FF86 FFFF reactive_power_l2_var -12.2  # var L2, var*10
0x0022 FF76 FFFF reactive_power_l3_var -13.8  # var L3, var*10
0x0024 0007 0000 - 0  # V L-N sys
0x0026 0007 0000 - 0  # V L-L sys
0x0028 BC8F FFFF power_w -1726.5  # W sys, Watt*10
0x002A 438F 0000 apparent_power_va 1729.5  # VA sys, VA*10
0x002C FE89 FFFF reactive_power_var -37.5  # var sys, var*10
0x002E 0007 - 0  # PF L1
0x002F 0007 - 0  # PF L2
0x0030 0007 - 0  # PF L3
0x0031 0007 - 0  # PF sys
0x0032 0007 - 0  # Phase sequence
0x0033 01F4 frequency_hz 50  # Hz*10
0x0034 3039 0000 energy_import_wh 1234500  # kWh (+) TOT, kWh*10
0x0036 0007 0000 - 0  # kvarh (+) TOT
0x004E 0271 0000 energy_export_wh 62500  # kWh (-) TOT, kWh*10
"""

# "EM24-DIN PFA, PFB & X models Communication Protocol", table 2.3-1; 0x005C from evcc#31736.
EM24 = """
0x0000 0901 0000 voltage_l1_v 230.5  # V L1-N, Volt*10
0x0002 0908 0000 voltage_l2_v 231.2  # V L2-N, Volt*10
0x0004 08FA 0000 voltage_l3_v 229.8  # V L3-N, Volt*10
0x0006 0007 0000 - 0  # V L1-L2
0x0008 0007 0000 - 0  # V L2-L3
0x000A 0007 0000 - 0  # V L3-L1
0x000C FA24 FFFF current_l1_a -1.5  # A L1, Ampere*1000
0x000E F736 FFFF current_l2_a -2.25  # A L2, Ampere*1000
0x0010 F15A FFFF current_l3_a -3.75  # A L3, Ampere*1000
0x0012 F281 FFFF power_l1_w -345.5  # W L1, Watt*10
0x0014 E96A FFFF power_l2_w -578.2  # W L2, Watt*10
0x0016 E0A4 FFFF power_l3_w -802.8  # W L3, Watt*10
0x0018 0D89 0000 apparent_power_l1_va 346.5  # VA L1, VA*10
0x001A 16A0 0000 apparent_power_l2_va 579.2  # VA L2, VA*10
0x001C 1F66 0000 apparent_power_l3_va 803.8  # VA L3, VA*10
0x001E FF8D FFFF reactive_power_l1_var -11.5  # var L1, var*10
0x0020 FF86 FFFF reactive_power_l2_var -12.2  # var L2, var*10
0x0022 FF76 FFFF reactive_power_l3_var -13.8  # var L3, var*10
0x0024 0007 0000 - 0  # V L-N sys
0x0026 0007 0000 - 0  # V L-L sys
0x0028 BC8F FFFF power_w -1726.5  # W sys, Watt*10
0x002A 438F 0000 apparent_power_va 1729.5  # VA sys, VA*10
0x002C FE89 FFFF reactive_power_var -37.5  # var sys, var*10
0x002E 0007 0000 - 0  # DMD W
0x0030 0007 0000 - 0  # DMD VA
0x0032 0007 - 0  # PF L1
0x0033 0007 - 0  # PF L2
0x0034 0007 - 0  # PF L3
0x0035 0007 - 0  # PF sys
0x0036 0007 - 0  # Phase sequence
0x0037 01F4 frequency_hz 50  # Hz*10
0x0038 0007 0000 - 0  # DMD W max
0x003A 0007 0000 - 0  # DMD VA max
0x003C 0007 0000 - 0  # DMD A max
0x003E 3039 0000 energy_import_wh 1234500  # kWh(+) TOT, kWh*10
0x0040 0007 0000 - 0  # kvarh(+) TOT
0x0042 0007 0000 - 0  # kWh(+) PAR
"""
EM24_EXPORT = """
0x005C 0271 0000 energy_export_wh 62500  # kWh(-) TOT, kWh*10
"""

# evcc's cg-emt1xx.yaml and mbmap-library's em111.
EM112 = """
0x0000 0901 0000 voltage_l1_v 230.5  # Voltage, 0.1 V
0x0002 FA24 FFFF current_l1_a -1.5  # Current, 0.001 A
0x0004 BC8F FFFF power_w -1726.5  # W
0x0010 3039 0000 energy_import_wh 1234500  # kWh (+) TOT, 0.1 kWh
0x0020 0271 0000 energy_export_wh 62500  # kWh (-) TOT, 0.1 kWh
"""

# Codes and letters: the protocol of the GNM3D, 2.6 and 2.7.9; "BN0123456789X".
SERIAL = (0x424E, 0x3031, 0x3233, 0x3435, 0x3637, 0x3839, 0x5800)


@pytest.mark.parametrize("name", ["em330", "em340", "et340", "em530", "em540", "em24-e1"])
async def test_the_map_of_the_em340(name: str) -> None:
    await check(name, ListedMeter(GNM3D, Table.INPUT, count_max=50))


async def test_the_gnm3d_gives_twenty_registers_at_once() -> None:
    await check("gnm3d", ListedMeter(GNM3D, Table.INPUT, count_max=20))


async def test_em24_with_an_export_counter() -> None:
    await check("em24", ListedMeter(EM24 + EM24_EXPORT, Table.INPUT, count_max=11))


async def test_em24_without_an_export_counter_evcc_31143() -> None:
    meter = ListedMeter(EM24, Table.INPUT, count_max=11)
    await check("em24", meter)
    plate = await meter_type("em24").build(meter, 1).probe()
    assert plate.lacks == ("serial number", "energy_export_wh")


@pytest.mark.parametrize("name", ["em111", "em112", "et112"])
async def test_one_phase(name: str) -> None:
    await check(name, ListedMeter(EM112, Table.INPUT, count_max=50))


@pytest.mark.parametrize(("name", "listing"), [("em340", GNM3D), ("em24-e1", GNM3D), ("em24", EM24), ("em112", EM112)])
async def test_overflow_is_absent(name: str, listing: str) -> None:
    """EEE on the display is FFFFh 7FFFh, low word first (2.3)."""
    meter = ListedMeter(listing, Table.INPUT)
    meter.fill(0, [0xFFFF, 0x7FFF], Table.INPUT)
    values = await meter_type(name).build(meter, 1).read()
    assert values["voltage_l1_v"] is None
    assert values["power_w"] is not None


@pytest.mark.parametrize(
    ("name", "address"), [("gnm3d", 0x5000), ("em340", 0x5000), ("em24-e1", 0x5000), ("em24", 0x1300)]
)
async def test_the_serial_number_is_spelt(name: str, address: int) -> None:
    meter = ListedMeter(EM24 + EM24_EXPORT if name == "em24" else GNM3D, Table.INPUT)
    meter.fill(address, SERIAL, Table.INPUT)
    plate = await meter_type(name).build(meter, 1).probe()
    assert (plate.serial, plate.lacks) == ("BN0123456789X", ())


@pytest.mark.parametrize(
    ("name", "code", "other"),
    [("gnm3d", 341, 340), ("em340", 346, 1648), ("em24-e1", 1653, 346), ("em24-e1", 1648, 57)],
)
def test_the_identification_code_tells_the_model(name: str, code: int, other: int) -> None:
    identity = meter_type(name).identity
    assert identity is not None
    assert (identity.address, identity.count) == (0x000B, 1)
    assert identity.fits([code])
    assert not identity.fits([other])
