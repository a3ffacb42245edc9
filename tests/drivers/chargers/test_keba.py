"""KEBA's P30, by an image written from pages 10 to 13 of its guide; the figures are those of the guide's own examples.

What is written: page 16, and the lists that the driver names.
"""

import pytest

from drivers.chargers.keba import TYPE, Keba
from protocols.faults import NotApplied
from protocols.ports import Plug, Table
from tests.drivers.meters.listed import ListedMeter

P30 = """
1008 0000 0285 current_l1_a 0.645  # 645: 0.645 A
1010 0000 03F3 current_l2_a 1.011  # 1011: 1.011 A
1012 0000 0285 current_l3_a 0.645  # 645: 0.645 A
1014 0119 04D6 - 0  # serial number 18416854
1016 0004 A3EF - 0  # product 304111
1018 030A 0D00 - 0  # firmware 50990336, 3.10.14
1020 0001 8165 power_w 98.661  # 98661 mW
1036 0000 94D5 energy_import_wh 38101  # 38101 Wh
1040 0000 00E6 voltage_l1_v 230  # 230 V
1042 0000 00E7 voltage_l2_v 231
1044 0000 00E5 voltage_l3_v 229
"""


async def test_every_value_is_what_the_guide_says_one_at_a_time() -> None:
    station = ListedMeter(P30, Table.HOLDING, count_max=2)
    driver = TYPE.build(station, 1)
    assert (await driver.probe()).serial == "18416854"
    assert await driver.read() == station.shows
    assert set(station.shows) == set(TYPE.sheet.quantities)
    assert {count for _, _, count in station.reads} == {2}


MAX, CURRENT, ENABLE, FAILSAFE_A, FAILSAFE_S = 1110, 5004, 5014, 5016, 5018
# Each UINT16 that is written shows in the low word of a UINT32 elsewhere; 5004 and 5014 show nowhere.
SHOWN = {FAILSAFE_A: 1601, FAILSAFE_S: 1603}


@pytest.fixture
def station() -> ListedMeter:
    """A P30 of 32 A with a car that charges, and no failsafe."""
    bus = ListedMeter(P30, Table.HOLDING, count_max=2)
    for address, word in ((1000, 3), (1004, 7), (MAX, 32_000), (1600, 0), (1602, 0)):
        bus.fill(address, [0, word])
    for address in (CURRENT, ENABLE, FAILSAFE_A, FAILSAFE_S):
        bus.fill(address, [0])
    bus.on_write = lambda address, words: {SHOWN[address]: words[0]} if address in SHOWN else {}
    return bus


@pytest.mark.parametrize(
    ("state", "cable", "plug"),
    [(1, 0, "A"), (1, 1, "A"), (1, 3, "A"), (2, 5, "B"), (2, 7, "B"), (3, 7, "C"), (4, 7, "E"), (5, 7, "B")],
)
async def test_what_is_plugged_in(station: ListedMeter, state: int, cable: int, plug: str) -> None:
    station.fill(1000, [0, state])
    station.fill(1004, [0, cable])
    assert await Keba(station, 1).plug() is Plug(plug)


async def test_the_failsafe_comes_before_the_current_and_is_told_once(station: ListedMeter) -> None:
    charger = Keba(station, 1, fallback_a=6.0)
    await charger.allow(10.5, 30.0)
    first = [(FAILSAFE_A, (6000,)), (FAILSAFE_S, (30,)), (CURRENT, (10_500,)), (ENABLE, (1,))]
    assert station.writes == first
    await charger.allow(10.5, 30.0)
    assert station.writes[4:] == [(CURRENT, (10_500,)), (ENABLE, (1,))], "a command each time keeps the failsafe away"


async def test_after_a_probe_the_failsafe_is_told_anew(station: ListedMeter) -> None:
    """A reboot forgets it: it is not saved."""
    charger = Keba(station, 1, fallback_a=0.0)
    plate = await charger.probe()
    assert plate.ratings is not None
    assert (plate.ratings.consume_max_w, plate.ratings.reverts_by_itself) == (3 * 230 * 32, True)
    await charger.allow(0.0, 30.0)
    await charger.probe()
    await charger.allow(0.0, 30.0)
    assert [address for address, _ in station.writes] == [FAILSAFE_A, FAILSAFE_S, ENABLE] * 2


async def test_a_pause_disables_and_lifting_lets_it_take_the_most(station: ListedMeter) -> None:
    charger = Keba(station, 1)
    await charger.allow(0.0, 60.0)
    await charger.allow(None, 60.0)
    assert station.writes == [
        (FAILSAFE_A, (32_000,)),
        (FAILSAFE_S, (60,)),
        (ENABLE, (0,)),
        (CURRENT, (32_000,)),
        (ENABLE, (1,)),
    ]


async def test_it_is_never_saved(station: ListedMeter) -> None:
    charger = Keba(station, 1, fallback_a=6.0)
    for current_a in (6.0, 0.0, 32.0, None):
        await charger.allow(current_a, 60.0)
    assert 5020 not in {address for address, _ in station.writes}


async def test_what_can_not_be_read_back_is_seen_in_the_car_at_the_renewal(station: ListedMeter) -> None:
    charger = Keba(station, 1)
    await charger.allow(8.0, 60.0)
    station.fill(1010, [0, 16_000])
    with pytest.raises(NotApplied, match="was told 8 A, the car draws 16 A"):
        await charger.allow(8.0, 60.0)
    station.fill(1010, [0, 8_900])
    await charger.allow(8.0, 60.0)


async def test_a_failsafe_kept_otherwise_is_not_applied_and_nothing_is_allowed(station: ListedMeter) -> None:
    station.on_write = lambda address, words: {}
    with pytest.raises(NotApplied, match=r"failsafe of 6000 mA after 30 s, reads \(0, 0\)"):
        await Keba(station, 1, fallback_a=6.0).allow(8.0, 30.0)
    assert CURRENT not in {address for address, _ in station.writes}


async def test_older_firmware_that_does_not_show_its_failsafe_is_told_all_the_same(station: ListedMeter) -> None:
    for address in range(1600, 1604):
        del station.tables[Table.HOLDING][address]
    await Keba(station, 1, fallback_a=6.0).allow(8.0, 30.0)
    assert station.writes[-2:] == [(CURRENT, (8000,)), (ENABLE, (1,))]


@pytest.mark.parametrize(("current_a", "valid_s"), [(5.9, 30.0), (33.0, 30.0), (8.0, 9.0), (8.0, 601.0)])
async def test_what_it_does_not_take_is_refused_before_anything_is_written(
    station: ListedMeter, current_a: float, valid_s: float
) -> None:
    with pytest.raises(ValueError, match="allowed is"):
        await Keba(station, 1).allow(current_a, valid_s)
    assert station.writes == []
