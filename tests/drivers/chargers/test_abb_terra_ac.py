"""ABB's Terra AC, by an image written from chapter 5 of its document v1.11: registers, bytes and what they mean."""

import pytest

from drivers.chargers.abb_terra_ac import TYPE, TerraAc
from protocols.faults import NotApplied
from protocols.ports import Plug, Table
from tests.drivers.meters.listed import ListedMeter

TERRA = """
0x4006 0000 7D00 - 0  # 5.3 user settable max current, 32 A
0x400C 0000 0400 - 0  # 5.6 charging state: byte 1 is 4, state C2
0x400E 0000 3E80 - 0  # 5.7 limit chosen by the charger, 16 A
0x4010 0000 3E08 current_l1_a 15.88  # 5.8, 0.001 A
0x4012 0000 3DF4 current_l2_a 15.86
0x4014 0001 11D0 current_l3_a 70.096  # beyond 16 bits
0x4016 0000 0903 voltage_l1_v 230.7  # 5.9, 0.1 V
0x4018 0000 08FC voltage_l2_v 230.0
0x401A 0000 0907 voltage_l3_v 231.1
0x401C 0000 2AF8 power_w 11000  # 5.10, W
0x401E 0000 04D2 - 0  # 5.14, Wh of this session
"""
# Written and read back in different places: 5.11 to 5.13.
SHOWN = {0x4100: 0x4022, 0x4106: 0x4020, 0x4109: 0x4024}


@pytest.fixture
def wallbox() -> ListedMeter:
    """At 32 A, a time-out of 60 s and no fallback, as from the factory."""
    bus = ListedMeter(TERRA, Table.HOLDING, whole=False)
    bus.fill(0x4020, [60, 0, 0, 0x7D00, 0x00FF])
    for address in SHOWN:
        bus.fill(address, [0, 0])
    bus.on_write = lambda address, words: {SHOWN[address] + place: word for place, word in enumerate(words)}
    return bus


async def test_every_value_is_what_the_document_says() -> None:
    wallbox = ListedMeter(TERRA, Table.HOLDING)
    assert await TYPE.build(wallbox, 1).read() == wallbox.shows
    assert set(wallbox.shows) == set(TYPE.sheet.quantities)


async def test_its_rating_is_what_its_app_has_set(wallbox: ListedMeter) -> None:
    plate = await TerraAc(wallbox, 1).probe()
    assert plate.ratings is not None
    assert plate.ratings.consume_max_w == 3 * 230 * 32
    assert not plate.ratings.reverts_by_itself, "its timer counts reading, not writing"


@pytest.mark.parametrize(
    ("word", "plug"),
    [(0x0000, "A"), (0x0100, "B"), (0x0200, "B"), (0x0300, "B"), (0x0400, "C"), (0x8400, "C"), (0x0500, None)],
)
async def test_the_charging_states_of_5_6(wallbox: ListedMeter, word: int, plug: str | None) -> None:
    wallbox.fill(0x400D, [word])
    assert await TerraAc(wallbox, 1).plug() == (None if plug is None else Plug(plug))


async def test_time_out_and_fallback_come_before_the_limit(wallbox: ListedMeter) -> None:
    await TerraAc(wallbox, 1, fallback_a=6.0).allow(16.0, 30.0)
    assert wallbox.writes == [(0x4106, (30,)), (0x4109, (6,)), (0x4100, (0, 16_000))]


async def test_what_stands_already_is_not_written_again(wallbox: ListedMeter) -> None:
    charger = TerraAc(wallbox, 1, fallback_a=6.0)
    for _ in range(3):
        await charger.allow(10.5, 30.0)
    assert wallbox.writes == [(0x4106, (30,)), (0x4109, (6,)), (0x4100, (0, 10_500))]


async def test_a_fallback_that_a_reboot_has_changed_is_put_right(wallbox: ListedMeter) -> None:
    """Seen by JernejHren/ABB-Terra-AC: 256 A after an unexpected reboot."""
    charger = TerraAc(wallbox, 1, fallback_a=6.0)
    await charger.allow(10.0, 30.0)
    wallbox.fill(0x4024, [256])
    await charger.allow(10.0, 30.0)
    assert wallbox.writes[-1] == (0x4109, (6,))


async def test_zero_pauses_and_lifting_is_the_most(wallbox: ListedMeter) -> None:
    charger = TerraAc(wallbox, 1)
    await charger.allow(0.0, 60.0)
    await charger.allow(None, 60.0)
    assert wallbox.writes == [(0x4100, (0, 0)), (0x4100, (0, 32_000))]


async def test_another_limit_kept_is_not_applied(wallbox: ListedMeter) -> None:
    wallbox.on_write = lambda address, words: {0x4023: 32_000}
    with pytest.raises(NotApplied, match="wrote 8000 to 0x4100, reads 32000"):
        await TerraAc(wallbox, 1).allow(8.0, 60.0)


@pytest.mark.parametrize(("current_a", "valid_s"), [(5.9, 60.0), (33.0, 60.0), (float("nan"), 60.0), (8.0, 9.9)])
async def test_what_it_does_not_take_is_refused_before_anything_is_written(
    wallbox: ListedMeter, current_a: float, valid_s: float
) -> None:
    with pytest.raises(ValueError, match="allowed is"):
        await TerraAc(wallbox, 1).allow(current_a, valid_s)
    assert wallbox.writes == []
