"""Eastron's meters, by images written from Eastron's register lists: register numbers, which begin with 30001.

A request that cuts a value is refused, as the list of the SDM120M (2.1) says, and so are more registers than the list, or
the most timid firmware (openWB/core#2890), allows. Between the values stands what is no number.
"""

import pytest

from protocols.ports import Table
from tests.drivers.meters.listed import ListedMeter, check, meter_type

NO_NUMBER = 0xFFFF

# SDM630 "Smart Meter Modbus Protocol Implementation V1.8", 1.2.1.
THREE_PHASES = """
30001 4366 8000 voltage_l1_v 230.5  # Phase 1 line to neutral volts
30003 4367 4000 voltage_l2_v 231.25  # Phase 2 line to neutral volts
30005 4365 C000 voltage_l3_v 229.75  # Phase 3 line to neutral volts
30007 3FC0 0000 current_l1_a 1.5  # Phase 1 current, A
30009 4010 0000 current_l2_a 2.25  # Phase 2 current, A
30011 4070 0000 current_l3_a 3.75  # Phase 3 current, A
30013 C3AC C000 power_l1_w -345.5  # Phase 1 power, W
30015 C410 9000 power_l2_w -578.25  # Phase 2 power, W
30017 C448 B000 power_l3_w -802.75  # Phase 3 power, W
30019 43AD 4000 apparent_power_l1_va 346.5  # Phase 1 volt amps
30021 4410 D000 apparent_power_l2_va 579.25  # Phase 2 volt amps
30023 4448 F000 apparent_power_l3_va 803.75  # Phase 3 volt amps
30025 C138 0000 reactive_power_l1_var -11.5  # Phase 1 reactive power, VAr
30027 C144 0000 reactive_power_l2_var -12.25  # Phase 2 reactive power, VAr
30029 C15C 0000 reactive_power_l3_var -13.75  # Phase 3 reactive power, VAr
30031 3F00 0000 power_factor_l1_ratio 0.5  # Phase 1 power factor
30033 BF40 0000 power_factor_l2_ratio -0.75  # Phase 2 power factor
30035 3F60 0000 power_factor_l3_ratio 0.875  # Phase 3 power factor
30047 40E8 0000 - 0  # Average line current
30049 40F0 0000 current_a 7.5  # Sum of line currents
30053 C4D7 D000 power_w -1726.5  # Total system power
30057 44D8 3000 apparent_power_va 1729.5  # Total system volt amps
30061 C216 0000 reactive_power_var -37.5  # Total system VAr
30063 3E80 0000 power_factor_ratio 0.25  # Total system power factor
30067 40E8 0000 - 0  # Total system phase angle
30071 4248 2000 frequency_hz 50.03125  # Frequency of supply voltages, Hz
30073 449A 5000 energy_import_wh 1234500  # Total Import kWh
30075 427A 0000 energy_export_wh 62500  # Total Export kWh
30077 40E8 0000 - 0  # Total Import kVArh
"""

# "SDM120M Smart Meter Modbus Protocol Implementation V2.5", page 5.
ONE_PHASE = """
30001 4366 8000 voltage_l1_v 230.5  # Voltage, Volts
30007 3FC0 0000 current_l1_a 1.5  # Current, Amps
30013 C4D7 D000 power_w -1726.5  # Active power, Watts
30019 44D8 3000 apparent_power_va 1729.5  # Apparent power, VA
30025 C216 0000 reactive_power_var -37.5  # Reactive power, VAr
30031 3E80 0000 power_factor_ratio 0.25  # Power factor
30071 4248 2000 frequency_hz 50.03125  # Frequency, Hz
30073 449A 5000 energy_import_wh 1234500  # Import active energy, kWh
30075 427A 0000 energy_export_wh 62500  # Export active energy, kWh
30077 40E8 0000 - 0  # Import reactive energy, kvarh
"""

# "SDM72D-M User Manual V1.5", page 14.
SDM72D_M = """
30053 C4D7 D000 power_w -1726.5  # Total system power, W
30073 449A 5000 energy_import_wh 1234500  # Total Import kWh
30075 427A 0000 energy_export_wh 62500  # Total Export kWh
30343 40E8 0000 - 0  # Total kWh
"""


@pytest.mark.parametrize("name", ["sdm630", "sdm72d-m-v2", "sdm54", "smart-x96-1a"])
async def test_three_phases(name: str) -> None:
    await check(name, ListedMeter(THREE_PHASES, Table.INPUT, base=30001, count_max=50, filler=NO_NUMBER))


@pytest.mark.parametrize("name", ["sdm120", "sdm220", "sdm230"])
async def test_one_phase(name: str) -> None:
    await check(name, ListedMeter(ONE_PHASE, Table.INPUT, base=30001, count_max=50, filler=NO_NUMBER))


async def test_power_and_energy_only() -> None:
    await check("sdm72d-m", ListedMeter(SDM72D_M, Table.INPUT, base=30001, count_max=60))


async def test_the_nameplate_has_the_serial_number() -> None:
    meter = ListedMeter(THREE_PHASES, Table.INPUT, base=30001, filler=NO_NUMBER)
    meter.fill(0xFC00, [0x0001, 0xE240])  # 464513, unsigned int32
    plate = await meter_type("sdm630").build(meter, 1).probe()
    assert (plate.maker, plate.model, plate.serial, plate.lacks) == ("Eastron", "SDM630", "123456", ())


@pytest.mark.parametrize(("name", "code"), [("sdm120", 0x0020), ("sdm72d-m-v2", 0x0089)])
def test_the_meter_code_tells_the_model(name: str, code: int) -> None:
    identity = meter_type(name).identity
    assert identity is not None
    assert (identity.table, identity.address, identity.count) == (Table.HOLDING, 464515 - 400001, 1)
    assert identity.fits([code])
    assert not identity.fits([code + 1])
