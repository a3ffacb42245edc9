"""go-e's charger, by an image written from modbus-en.md: each register with its words and what the table says of it."""

import pytest

from drivers.chargers.go_e import GoE
from protocols.faults import BadReply, DeviceRefused, NotApplied
from protocols.ports import Plug, Table
from tests.drivers.meters.listed import ListedMeter

INPUTS = """
100 0002 - 2  # CAR_STATE: car is charging
108 0000 00E7 voltage_l1_v 231  # VOLT_L1, V
110 0000 00E8 voltage_l2_v 232  # VOLT_L2, V
112 0000 00E6 voltage_l3_v 230  # VOLT_L3, V
114 0000 007B current_l1_a 12.3  # AMP_L1, 0.1 A: "123 equals 12,3 A"
116 0000 007A current_l2_a 12.2  # AMP_L2, 0.1 A
118 0000 007C current_l3_a 12.4  # AMP_L3, 0.1 A
120 0000 0168 power_w 3600  # POWER_TOTAL, 0.01 kW: "360 corresponds to 3.6 kW"
128 0001 86A0 energy_import_wh 10000000  # ENERGY_TOTAL, 0.1 kWh
146 0000 0024 power_l1_w 3600  # POWER_L1, 0.1 kW: "36 corresponds to 3.6 kW"
148 0000 0023 power_l2_w 3500  # POWER_L2, 0.1 kW
150 0000 0025 power_l3_w 3700  # POWER_L3, 0.1 kW
304 3031 3233 3435 3637 3839 4142 - 0  # SNR, 12 characters
"""
AMPERE_MAX, VOLATILE, EEPROM, FORCE = 211, 299, 300, 337


@pytest.fixture
def bus() -> ListedMeter:
    """At 16 A, most 16 A, neutral."""
    bus = ListedMeter(INPUTS, Table.INPUT)
    for address, word in ((AMPERE_MAX, 16), (VOLATILE, 16), (EEPROM, 16), (FORCE, 0)):
        bus.fill(address, [word])
    return bus


async def test_every_register_is_read_as_the_table_says(bus: ListedMeter) -> None:
    charger = GoE(bus, 1)
    plate = await charger.probe()
    assert (plate.maker, plate.serial) == ("go-e", "0123456789AB")
    assert await charger.read() == bus.shows


@pytest.mark.parametrize(("state", "plug"), [(0, "E"), (1, "A"), (2, "C"), (3, "B"), (4, "B")])
async def test_what_is_plugged_in(bus: ListedMeter, state: int, plug: str) -> None:
    bus.fill(100, [state], Table.INPUT)
    assert await GoE(bus, 1).plug() is Plug(plug)


async def test_a_state_without_a_name_is_no_state(bus: ListedMeter) -> None:
    bus.fill(100, [5], Table.INPUT)
    with pytest.raises(BadReply, match="car state 5; allowed is 0 to 4"):
        await GoE(bus, 1).plug()


async def test_a_limit_is_rounded_down_and_written_only_on_change(bus: ListedMeter) -> None:
    charger = GoE(bus, 1)
    for _ in range(3):
        await charger.allow(10.9, 60.0)
    assert bus.writes == [(VOLATILE, (10,))]


async def test_a_pause_forces_off_and_the_next_limit_is_there_before_it_ends(bus: ListedMeter) -> None:
    charger = GoE(bus, 1)
    await charger.allow(0.0, 60.0)
    await charger.allow(6.0, 60.0)
    assert bus.writes == [(FORCE, (1,)), (VOLATILE, (6,)), (FORCE, (0,))]


async def test_lifting_lets_it_take_the_most(bus: ListedMeter) -> None:
    charger = GoE(bus, 1)
    await charger.allow(6.0, 60.0)
    await charger.allow(None, 60.0)
    assert bus.writes == [(VOLATILE, (6,)), (VOLATILE, (16,))]


async def test_the_eeprom_is_never_written(bus: ListedMeter) -> None:
    charger = GoE(bus, 1)
    for current_a in (6.0, 0.0, 16.0, None):
        await charger.allow(current_a, 60.0)
    assert EEPROM not in {address for address, _ in bus.writes}


@pytest.mark.parametrize("current_a", [5.9, 0.1, -6.0, 17.0, float("nan"), float("inf")])
async def test_a_current_no_car_can_be_told_is_refused(bus: ListedMeter, current_a: float) -> None:
    with pytest.raises(ValueError, match="allowed is 0 or 6 to 16"):
        await GoE(bus, 1).allow(current_a, 60.0)
    assert bus.writes == []


async def test_accepted_but_not_applied_go_e_charger_249(bus: ListedMeter) -> None:
    bus.on_write = lambda address, words: {address: 16}
    with pytest.raises(NotApplied, match="wrote 8 to 299, reads 16"):
        await GoE(bus, 1).allow(8.0, 60.0)


async def test_a_firmware_without_force_state_refuses(bus: ListedMeter) -> None:
    del bus.tables[Table.HOLDING][FORCE]
    with pytest.raises(DeviceRefused):
        await GoE(bus, 1).allow(0.0, 60.0)


async def test_a_lease_has_a_length(bus: ListedMeter) -> None:
    with pytest.raises(ValueError, match=r"a lease of 0.0 s; allowed is more than 0"):
        await GoE(bus, 1).allow(8.0, 0.0)
