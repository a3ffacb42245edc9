"""The SDM630: every register of the map, by an image written from the register list and not from the map."""

import struct

import pytest

from drivers.meters.eastron_sdm630 import MAP, build
from protocols.faults import DeviceRefused, Fault, LinkDown, NoReply
from protocols.ports import Table
from protocols.quantities import QUANTITIES
from protocols.registers import Block
from tests.drivers.memory_bus import MemoryBus

# Register number in Eastron's list, what it says, our name, what the meter shows, what we make of it.
LIST = (
    (30001, "Phase 1 line to neutral volts", "voltage_l1_v", 230.5, 230.5),
    (30003, "Phase 2 line to neutral volts", "voltage_l2_v", 231.5, 231.5),
    (30005, "Phase 3 line to neutral volts", "voltage_l3_v", 229.25, 229.25),
    (30007, "Phase 1 current", "current_l1_a", 1.5, 1.5),
    (30009, "Phase 2 current", "current_l2_a", 2.5, 2.5),
    (30011, "Phase 3 current", "current_l3_a", 3.5, 3.5),
    (30013, "Phase 1 power", "power_l1_w", 345.75, 345.75),
    (30015, "Phase 2 power", "power_l2_w", -578.75, -578.75),
    (30017, "Phase 3 power", "power_l3_w", 802.25, 802.25),
    (30019, "Phase 1 volt amps", "apparent_power_l1_va", 346.0, 346.0),
    (30021, "Phase 2 volt amps", "apparent_power_l2_va", 579.0, 579.0),
    (30023, "Phase 3 volt amps", "apparent_power_l3_va", 803.0, 803.0),
    (30025, "Phase 1 volt amps reactive", "reactive_power_l1_var", 11.0, 11.0),
    (30027, "Phase 2 volt amps reactive", "reactive_power_l2_var", -12.0, -12.0),
    (30029, "Phase 3 volt amps reactive", "reactive_power_l3_var", 13.0, 13.0),
    (30031, "Phase 1 power factor", "power_factor_l1_ratio", 0.5, 0.5),
    (30033, "Phase 2 power factor", "power_factor_l2_ratio", -0.75, -0.75),
    (30035, "Phase 3 power factor", "power_factor_l3_ratio", 0.875, 0.875),
    (30049, "Sum of line currents", "current_a", 7.5, 7.5),
    (30053, "Total system power", "power_w", 569.25, 569.25),
    (30057, "Total system volt amps", "apparent_power_va", 1728.0, 1728.0),
    (30061, "Total system VAr", "reactive_power_var", 12.0, 12.0),
    (30063, "Total system power factor", "power_factor_ratio", 0.25, 0.25),
    (30071, "Frequency of supply voltages", "frequency_hz", 50.03125, 50.03125),
    (30073, "Import Wh since last reset (kWh)", "energy_import_wh", 1234.5, 1_234_500.0),
    (30075, "Export Wh since last reset (kWh)", "energy_export_wh", 0.0, 0.0),
)


def meter_bus() -> MemoryBus:
    bus = MemoryBus()
    bus.fill(0, [0xFFFF] * 80, Table.INPUT)  # NaN wherever the list says nothing
    for number, _, _, shown, _ in LIST:
        bus.fill(number - 30001, struct.unpack(">HH", struct.pack(">f", shown)), Table.INPUT)
    bus.fill(0xFC00, [0x0001, 0xE240])
    return bus


async def test_every_register_of_the_list_is_the_quantity_it_says() -> None:
    assert await build(meter_bus(), 1).read() == {name: value for _, _, name, _, value in LIST}


def test_nothing_is_in_the_map_but_what_is_in_the_list() -> None:
    assert {field.quantity: field.address + 30001 for field in MAP.fields} == {row[2]: row[0] for row in LIST}
    assert all(QUANTITIES[row[2]] for row in LIST)


def test_no_request_is_longer_than_the_most_timid_firmware_allows() -> None:
    assert MAP.blocks == (Block(0x00, 36), Block(0x30, 28))


async def test_the_nameplate_has_the_serial_number() -> None:
    plate = await build(meter_bus(), 1).probe()
    assert (plate.maker, plate.model, plate.serial, plate.lacks) == ("Eastron", "SDM630", "123456", ())


class Moody(MemoryBus):
    """Fails on holding registers."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        if table is Table.HOLDING:
            raise self._fault
        return (0,) * count


@pytest.mark.parametrize("fault", [DeviceRefused("", 2), NoReply("")])
async def test_a_meter_that_keeps_its_serial_number_to_itself_is_a_meter_all_the_same(fault: Fault) -> None:
    plate = await build(Moody(fault), 1).probe()
    assert (plate.serial, plate.lacks) == ("", ("serial number",))


async def test_a_link_that_fails_while_probing_is_no_missing_serial_number() -> None:
    with pytest.raises(LinkDown):
        await build(Moody(LinkDown("")), 1).probe()


async def test_a_meter_that_does_not_answer_is_not_probed() -> None:
    with pytest.raises(DeviceRefused):
        await build(MemoryBus(), 1).probe()
