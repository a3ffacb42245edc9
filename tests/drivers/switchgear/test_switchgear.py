"""Relays, inputs, SG-Ready, tap changer and capacitor bank, against images in memory."""

from collections.abc import Sequence

import pytest

from drivers.switchgear.capacitor_bank import GenericCapacitorBank
from drivers.switchgear.relays import BoardInputs, CoilRelay
from drivers.switchgear.sg_ready import SgReadyPump
from drivers.switchgear.tap_changer import GenericTapChanger, TapState
from protocols.faults import BadReply, DeviceRefused, NotApplied
from protocols.ports import BitTable, SgMode
from tests.drivers.memory_bus import MemoryBus


class Board:
    """Eight coils and eight inputs; a stuck coil stays as it is."""

    def __init__(self) -> None:
        self.coils = [False] * 8
        self.inputs = [False, True, True, False, False, False, False, True]
        self.stuck: set[int] = set()
        self.writes: list[tuple[int, tuple[bool, ...]]] = []

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        assert unit == 1
        return tuple((self.coils if table is BitTable.COILS else self.inputs)[address : address + count])

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        assert unit == 1
        self.writes.append((address, tuple(bits)))
        for place, bit in enumerate(bits, address):
            if place not in self.stuck:
                self.coils[place] = bit


async def test_a_relay_is_switched_and_read_back() -> None:
    board = Board()
    relay = CoilRelay(board, 1, 5)
    await relay.switch(True, 60.0)
    assert (await relay.is_on(), board.writes) == (True, [(5, (True,))])
    await relay.switch(False, 60.0)
    assert await relay.is_on() is False


async def test_a_relay_that_sticks_is_not_applied() -> None:
    board = Board()
    board.stuck = {2}
    with pytest.raises(NotApplied, match="relay 2: switched on, reads off"):
        await CoilRelay(board, 1, 2).switch(True, 60.0)


@pytest.mark.parametrize(
    ("unit", "channel", "says"), [(0, 0, "unit 0"), (248, 0, "unit 248"), (1, 8, "relay 8"), (1, -1, "relay -1")]
)
def test_a_relay_that_cannot_be_is_refused(unit: int, channel: int, says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}: allowed is"):
        CoilRelay(Board(), unit, channel)


async def test_inputs_are_read_at_once() -> None:
    assert await BoardInputs(Board(), 1).closed() == (False, True, True, False, False, False, False, True)


@pytest.mark.parametrize(
    ("mode", "contacts"),
    [("blocked", (True, False)), ("normal", (False, False)), ("encouraged", (False, True)), ("ordered", (True, True))],
)
async def test_sg_ready_is_two_contacts(mode: str, contacts: tuple[bool, bool]) -> None:
    board = Board()
    pump = SgReadyPump(CoilRelay(board, 1, 0), CoilRelay(board, 1, 1))
    await pump.ask(SgMode(mode), 60.0)
    assert (board.coils[0], board.coils[1]) == contacts
    assert await pump.asked() is SgMode(mode)


@pytest.fixture
def tap() -> MemoryBus:
    """At -3 of -8 to 8, remote, still."""
    bus = MemoryBus()
    bus.fill(0, [0x5443, 0xFFFD, 0xFFF8, 8, 125, 0, 0, 0, 0, 0, 2300, 1, 0xFFFD, 0])
    return bus


async def test_the_tap_changers_registers(tap: MemoryBus) -> None:
    changer = GenericTapChanger(tap, 1)
    assert await changer.state() == TapState(-3, -8, 8, False)
    tap.fill(5, [1])
    assert await changer.state() == TapState(-3, -8, 8, True)
    await changer.go_to(-8)
    assert tap.writes == [(12, (0xFFF8,))]


@pytest.mark.parametrize("position", [-9, 9])
async def test_a_position_out_of_range_is_not_ordered(tap: MemoryBus, position: int) -> None:
    with pytest.raises(ValueError, match=f"tap position {position}: allowed is -8 to 8"):
        await GenericTapChanger(tap, 1).go_to(position)
    assert tap.writes == []


async def test_a_tap_changer_on_local_or_deaf_is_said(tap: MemoryBus) -> None:
    changer = GenericTapChanger(tap, 1)
    tap.on_write = lambda address, words: {address: 0}
    with pytest.raises(NotApplied, match="ordered tap 4, reads 0"):
        await changer.go_to(4)
    tap.fill(11, [0])
    with pytest.raises(DeviceRefused, match="stands on local"):
        await changer.go_to(4)


async def test_the_capacitor_banks_registers() -> None:
    bus = MemoryBus()
    bus.fill(0, [0x4342, 6, 2, 0, 25_000, 0, 0, 2300, 170, 0, 0, 0, 0, 2])
    bank = GenericCapacitorBank(bus, 1)
    assert (await bank.steps(), await bank.steps_in(), await bank.wait_s()) == ((6, 2), 2, 170)
    await bank.order(6)
    assert bus.writes == [(13, (6,))]
    for steps in (-1, 7):
        with pytest.raises(ValueError, match=f"{steps} capacitor steps: allowed is 0 to 6"):
            await bank.order(steps)
    bus.on_write = lambda address, words: {address: 1}
    with pytest.raises(NotApplied, match="ordered 3 capacitor steps, reads 1"):
        await bank.order(3)


async def test_another_device_is_not_taken_for_one_of_these() -> None:
    bus = MemoryBus()
    bus.fill(0, [0x5242] + [0] * 13)
    with pytest.raises(BadReply, match="a tap changer says 0x5443"):
        await GenericTapChanger(bus, 1).position()
    with pytest.raises(BadReply, match="a capacitor bank 0x4342"):
        await GenericCapacitorBank(bus, 1).order(1)
