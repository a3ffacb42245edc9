"""Finding models: at every base, to the end of the chain, and in nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sunspec.discovery import BASES, MODELS_MOST, Device, Place, discover
from drivers.sunspec.models import DER_CAPACITY, NAMEPLATE, SETTINGS
from protocols.faults import BadReply, NoReply, Unsupported
from protocols.ports import Table
from tests.drivers.memory_bus import MemoryBus
from tests.drivers.sunspec_image import Image


@pytest.mark.parametrize("base", BASES)
async def test_the_chain_is_found_at_every_base(base: int) -> None:
    chain = await discover(Image({1: {}, 103: {}, 121: {}}, base).bus, 1)
    assert chain.base == base
    assert chain.places == {
        1: Place(base + 2, 68),
        103: Place(base + 70, 52),
        121: Place(base + 122, 32),
    }
    assert chain.broken == ""


async def test_no_marker_no_device() -> None:
    bus = MemoryBus()
    bus.fill(0, (0x5375, 0x6E54))
    with pytest.raises(Unsupported, match="'SunS' stands at none of 40000, 0, 50000"):
        await discover(bus, 1)


async def test_a_dead_device_is_not_asked_at_three_places() -> None:
    class Dead(MemoryBus):
        async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
            self.reads.append((table, address, count))
            raise NoReply("no reply")

    bus = Dead()
    with pytest.raises(NoReply):
        await discover(bus, 1)
    assert len(bus.reads) == 1


async def test_of_a_model_that_comes_twice_the_first_counts() -> None:
    image = Image({1: {}, 121: {}})
    image.bus.fill(image.end, (121, 30, *[0] * 30, 0xFFFF, 0))
    assert (await discover(image.bus, 1)).places[121] == Place(image.places[121], 32)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ((0, 0), "model chain broken at 40102: model 0, length 0"),
        ((103, 0), "model chain broken at 40102: model 103, length 0"),
        ((103, 60000), "model chain broken at 40102: model 103, length 60000"),
        ((103, 50), "model chain broken at 40154: the device refuses to be read there"),
    ],
)
async def test_a_chain_that_turns_to_nonsense_keeps_what_came_before(header: tuple[int, int], says: str) -> None:
    image = Image({1: {}, 121: {}})
    image.bus.tables[Table.HOLDING].pop(image.end)
    image.bus.fill(image.end, header)
    chain = await discover(image.bus, 1)
    assert {1, 121} <= set(chain.places)
    assert chain.broken == says


async def test_an_endless_chain_ends() -> None:
    bus = MemoryBus()
    bus.fill(0, [7] * 0x10000)
    bus.fill(40000, (0x5375, 0x6E53, *(7, 1, 0) * 5000))
    chain = await discover(bus, 1)
    assert chain.broken == f"model chain broken: more than {MODELS_MOST} models"
    assert len(bus.reads) == MODELS_MOST + 1


@given(st.lists(st.integers(0, 65535), min_size=2, max_size=300))
async def test_no_nonsense_leads_out_of_the_registers(content: list[int]) -> None:
    bus = MemoryBus()
    bus.fill(50000, (0x5375, 0x6E53, *content))
    for place in (await discover(bus, 1)).places.values():
        assert 50002 <= place.address < place.address + place.count <= 0xFFFF


async def test_a_snapshot_is_one_transaction_with_its_scale_factors() -> None:
    image = Image({1: {}, 121: {"WMax": 1000, "WMax_SF": 1}})
    device = Device(image.bus, 1, await discover(image.bus, 1))
    image.bus.reads.clear()
    assert (await device.snapshot(SETTINGS, ("WMax",))).value("WMax") == 10000.0
    assert image.bus.reads == [(Table.HOLDING, image.places[121] + 2, 21)]


async def test_points_behind_the_end_of_a_short_model_are_absent() -> None:
    bus = MemoryBus()
    bus.fill(40000, (0x5375, 0x6E53, 702, 10, *[500] * 10, 0xFFFF, 0))
    device = Device(bus, 1, await discover(bus, 1))
    rated = await device.snapshot(DER_CAPACITY, ("WMaxRtg", "WMax"))
    assert (rated.raw("WMaxRtg"), rated.value("WMaxRtg"), rated.raw("WMax")) == (500, None, None)
    behind = await device.snapshot(DER_CAPACITY, ("WMax",))
    assert behind.raw("WMax") is None
    with pytest.raises(Unsupported, match="model 702 has 12 registers, 26 is behind"):
        await device.write(DER_CAPACITY, 26, (1,))
    with pytest.raises(Unsupported, match="lacks SunSpec model 120"):
        await device.snapshot(NAMEPLATE, ("WRtg",))


@pytest.mark.parametrize(
    ("raw", "factor", "value"),
    [(2301, -1, 230.1), (5, 3, 5000.0), (0, 0, 0.0), (7, -10, 7e-10), (0xFFFF, 0, None), (7, -32768, None)],
)
async def test_scale_factors(raw: int, factor: int, value: float | None) -> None:
    image = Image({1: {}, 121: {"WMax": raw, "WMax_SF": factor}})
    device = Device(image.bus, 1, await discover(image.bus, 1))
    assert (await device.snapshot(SETTINGS, ("WMax",))).value("WMax") == value


@pytest.mark.parametrize("factor", [-11, 11, 32767])
async def test_an_impossible_scale_factor_is_refused(factor: int) -> None:
    image = Image({1: {}, 121: {"WMax": 7, "WMax_SF": factor}})
    device = Device(image.bus, 1, await discover(image.bus, 1))
    snapshot = await device.snapshot(SETTINGS, ("WMax",))
    with pytest.raises(BadReply, match=f"model 121: WMax_SF is {factor}; allowed is -10 to 10"):
        snapshot.value("WMax")
