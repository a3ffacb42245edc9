"""What every declared meter does when its device is moody."""

import pytest

from drivers.evidence import Evidence
from drivers.register_meter import Identity, MeterType, RegisterMeter, SerialNumber
from protocols.faults import DeviceRefused, Fault, LinkDown, NoReply
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape
from tests.drivers.memory_bus import MemoryBus

SERIAL, EXTRA = 0xFC00, 0x20
TYPE = MeterType(
    name="m3",
    maker="Meridian",
    product="M3",
    registers=RegisterMap(Field("power_w", 0, Shape.S16), table=Table.INPUT),
    extras=RegisterMap(Field("energy_export_wh", EXTRA, Shape.U16), table=Table.INPUT),
    serial=SerialNumber(Table.HOLDING, SERIAL, 2),
    verified=Evidence.UNVERIFIED,
)


class Moody(MemoryBus):
    """Fails at one address as long as it is in a mood."""

    def __init__(self, address: int, fault: Fault | None) -> None:
        super().__init__()
        self._address = address
        self.mood = fault
        self.fill(0, [0xFFFE], Table.INPUT)
        self.fill(EXTRA, [7], Table.INPUT)
        self.fill(SERIAL, [0x0001, 0xE240])

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        if address == self._address and self.mood is not None:
            raise self.mood
        return await super().read(unit, table, address, count)


async def test_probed_and_read() -> None:
    meter = TYPE.build(Moody(0, None), 1)
    plate = await meter.probe()
    assert (plate.maker, plate.model, plate.serial, plate.lacks) == ("Meridian", "M3", "123456", ())
    assert await meter.read() == {"power_w": -2.0, "energy_export_wh": 7.0}


@pytest.mark.parametrize("fault", [DeviceRefused("", 2), NoReply("")])
async def test_a_meter_that_keeps_its_serial_number_to_itself_is_a_meter_all_the_same(fault: Fault) -> None:
    plate = await TYPE.build(Moody(SERIAL, fault), 1).probe()
    assert (plate.serial, plate.lacks) == ("", ("serial number",))


@pytest.mark.parametrize("address", [0, SERIAL, EXTRA])
async def test_a_link_that_fails_while_probing_is_nothing_that_the_device_lacks(address: int) -> None:
    with pytest.raises(LinkDown):
        await TYPE.build(Moody(address, LinkDown("")), 1).probe()


async def test_a_meter_that_does_not_answer_is_not_probed() -> None:
    with pytest.raises(NoReply):
        await TYPE.build(Moody(0, NoReply("")), 1).probe()


async def test_what_the_firmware_lacks_is_named_and_not_asked_for_again() -> None:
    bus = Moody(EXTRA, DeviceRefused("", 2))
    meter = TYPE.build(bus, 1)
    assert (await meter.probe()).lacks == ("energy_export_wh",)
    bus.reads.clear()
    assert await meter.read() == {"power_w": -2.0}
    assert bus.reads == [(Table.INPUT, 0, 1)]


async def test_what_was_lacking_is_looked_for_at_the_next_probe() -> None:
    """Another firmware, or another meter, after a reconnection."""
    bus = Moody(EXTRA, DeviceRefused("", 2))
    meter = TYPE.build(bus, 1)
    await meter.probe()
    bus.mood = None
    assert (await meter.probe()).lacks == ()
    assert await meter.read() == {"power_w": -2.0, "energy_export_wh": 7.0}
    await meter.probe()
    assert await meter.read() == {"power_w": -2.0, "energy_export_wh": 7.0}


async def test_a_busy_meter_lacks_nothing() -> None:
    with pytest.raises(DeviceRefused):
        await TYPE.build(Moody(EXTRA, DeviceRefused("", 6)), 1).probe()


def test_a_meter_is_told_by_a_number_of_any_width_or_by_how_a_text_begins() -> None:
    by_code = Identity(Table.HOLDING, 0, 2, frozenset({0x0001_E240}))
    assert by_code.fits([0x0001, 0xE240])
    assert not by_code.fits([0xE240, 0x0001])
    by_text = Identity(Table.HOLDING, 0, 2, frozenset({"M3"}))
    assert by_text.fits([0x4D33, 0x2D45])  # "M3-E"
    assert not by_text.fits([0x4D34, 0x0000])  # "M4"


def test_the_sheet_counts_extras_too() -> None:
    assert TYPE.sheet.quantities == ("power_w", "energy_export_wh")
    assert isinstance(TYPE.build(Moody(0, None), 1), RegisterMeter)
