"""Alfen's socket, by an image written from section 3.4 of version 2.3: words and meaning."""

import struct

import pytest

from drivers.chargers.alfen import Alfen
from protocols.faults import BadReply, NotApplied
from protocols.ports import Plug, Table
from tests.drivers.meters.listed import ListedMeter

SOCKET = """
306 4366 8000 voltage_l1_v 230.5  # V(L1-N)
308 4367 4000 voltage_l2_v 231.25  # V(L2-N)
310 4365 C000 voltage_l3_v 229.75  # V(L3-N)
312 FFFF FFFF - 0  # V(L1-L2), not available
314 FFFF FFFF - 0  # V(L2-L3)
316 FFFF FFFF - 0  # V(L3-L1)
318 FFFF FFFF - 0  # Current N
320 3FC0 0000 current_l1_a 1.5  # Current L1
322 4010 0000 current_l2_a 2.25  # Current L2
324 FFFF FFFF current_l3_a None  # Current L3, not available
326 40E8 0000 - 0  # Current sum
328 40E8 0000 - 0  # Power factor L1
330 40E8 0000 - 0  # Power factor L2
332 40E8 0000 - 0  # Power factor L3
334 40E8 0000 - 0  # Power factor sum
336 4248 2000 frequency_hz 50.03125  # Frequency
338 43AC C000 power_l1_w 345.5  # Real power L1
340 4410 9000 power_l2_w 578.25  # Real power L2
342 4448 B000 power_l3_w 802.75  # Real power L3
344 44D7 D000 power_w 1726.5  # Real power sum
374 4132 D644 0000 0000 energy_import_wh 1234500  # Real energy delivered sum
390 412E 8480 0000 0000 - 0  # Real energy consumed sum
"""
MODE_3, VALID, MAX = 1201, 1208, 1210


@pytest.fixture
def bus() -> ListedMeter:
    """At 16 A; 60 s remain after each write."""
    bus = ListedMeter(SOCKET, Table.HOLDING)
    bus.fill(VALID, [0, 0, 0x4180, 0])
    bus.on_write = lambda address, words: {VALID: 0, VALID + 1: 60}
    return bus


async def test_every_register_is_read_as_the_document_says(bus: ListedMeter) -> None:
    charger = Alfen(bus, 1)
    assert (await charger.probe()).maker == "Alfen"
    assert await charger.read() == bus.shows


@pytest.mark.parametrize(
    ("state", "plug"),
    [("A", "A"), ("B1", "B"), ("B2", "B"), ("C1", "B"), ("C2", "C"), ("D1", "B"), ("D2", "D"), ("E", "E"), ("F", "F")],
)
async def test_the_mode_3_states_of_3_4_1(bus: ListedMeter, state: str, plug: str) -> None:
    bus.fill(MODE_3, struct.unpack(">5H", state.encode().ljust(10, b"\0")))
    assert await Alfen(bus, 1).plug() is Plug(plug)


async def test_a_state_without_a_name_is_no_state(bus: ListedMeter) -> None:
    bus.fill(MODE_3, [0x5800, 0, 0, 0, 0])
    with pytest.raises(BadReply, match="mode 3 state 'X'; allowed is A to F"):
        await Alfen(bus, 1).plug()


async def test_a_limit_is_a_float_in_one_write_at_every_renewal(bus: ListedMeter) -> None:
    charger = Alfen(bus, 1)
    await charger.allow(10.5, 30.0)
    await charger.allow(10.5, 30.0)
    await charger.allow(0.0, 30.0)
    assert bus.writes == [(MAX, (0x4128, 0)), (MAX, (0x4128, 0)), (MAX, (0, 0))]


async def test_lifted_it_is_left_to_its_safe_current(bus: ListedMeter) -> None:
    await Alfen(bus, 1).allow(None, 30.0)
    assert bus.writes == []


@pytest.mark.parametrize("current_a", [5.9, -1.0, 81.0, float("nan")])
async def test_a_current_no_car_can_be_told_is_refused(bus: ListedMeter, current_a: float) -> None:
    with pytest.raises(ValueError, match="allowed is 0 or 6 to 80"):
        await Alfen(bus, 1).allow(current_a, 30.0)
    assert bus.writes == []


async def test_another_current_kept_is_not_applied(bus: ListedMeter) -> None:
    bus.on_write = lambda address, words: {MAX: 0x4180, VALID + 1: 60}
    with pytest.raises(NotApplied, match="wrote 8 A to 1210, reads 16 A"):
        await Alfen(bus, 1).allow(8.0, 30.0)


async def test_a_timer_that_does_not_run_is_not_applied(bus: ListedMeter) -> None:
    bus.on_write = None
    with pytest.raises(NotApplied, match="0 s remain"):
        await Alfen(bus, 1).allow(8.0, 30.0)
