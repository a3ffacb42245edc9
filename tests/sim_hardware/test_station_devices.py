"""Tap changer, capacitor bank, relay board and SG-Ready terminals."""

from collections.abc import Callable

import pytest

from protocols.ports import Table
from sim_hardware.devices.capacitor_bank import CapacitorBank
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal
from sim_hardware.devices.own_map import OwnMap
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sg_ready import SgReady, SgState
from sim_hardware.devices.tap_changer import TapChanger
from sim_hardware.faults import Faults, FaultyImage


def read(image: OwnMap, address: int, count: int = 1) -> list[int]:
    return image.read(Table.HOLDING, address, count)


def refused(code: int, call: Callable[[], object]) -> None:
    with pytest.raises(ModbusRefusal) as refusal:
        call()
    assert refusal.value.code == code


# The map


def test_numbers_are_read_whole() -> None:
    tap = TapChanger(clock_s=0x0001_0002)
    assert read(tap, 0, 14) == [0x5443, 0, 0xFFF8, 8, 125, 0, 0, 0, 1, 2, 2300, 1, 0, 0]
    assert read(tap, 8, 2) == [1, 2]
    refused(2, lambda: read(tap, 8, 1))
    refused(2, lambda: read(tap, 9, 1))
    refused(2, lambda: read(tap, 13, 2))
    refused(1, lambda: tap.read(Table.INPUT, 0, 1))


def test_frozen_numbers_stand_still() -> None:
    tap, faults = TapChanger(), Faults()
    seen = FaultyImage(tap, faults)
    faults.begin("freeze")
    tap.voltage_v = 240.0
    seen.write(13, [1])
    tap.after(100.0)
    assert seen.read(Table.HOLDING, 10, 1) == [2300]
    assert seen.read(Table.HOLDING, 1, 1) == [0]
    faults.end("freeze")
    assert seen.read(Table.HOLDING, 10, 1) == [2400]
    assert seen.read(Table.HOLDING, 1, 1) == [1]


def test_all_is_written_or_nothing() -> None:
    tap = TapChanger()
    with pytest.raises(IllegalValue, match="9 at 12"):
        tap.write(12, [9, 0])
    with pytest.raises(IllegalAddress, match="11 cannot be written"):
        tap.write(11, [0, 3])
    with pytest.raises(IllegalValue, match="2 at 13"):
        tap.write(12, [3, 2])
    assert tap.wanted == 0


# The tap changer


def test_each_step_takes_its_time_and_is_counted() -> None:
    tap = TapChanger()
    tap.write(12, [0xFFFD])  # to -3
    seen = []
    for _ in range(8):
        tap.after(2.5)
        seen.append((tap.position, tap.is_moving))
    assert seen == [(0, True), (-1, False), (-1, True), (-2, False), (-2, True), (-3, False), (-3, False), (-3, False)]
    assert tap.ratio == pytest.approx(1.0 - 3 * 0.0125)
    assert read(tap, 6, 2) == [0, 3]
    other = TapChanger()
    other.write(12, [0xFFFD])
    other.after(20.0)
    assert (other.position, other.operations) == (-3, 3), "one long step of time is as good as many short ones"


def test_a_moving_drive_is_busy_and_a_local_one_deaf() -> None:
    tap = TapChanger()
    tap.write(13, [1])
    tap.after(1.0)
    assert read(tap, 5) == [1]
    refused(6, lambda: tap.write(12, [5]))
    refused(6, lambda: tap.write(13, [1]))
    tap.after(4.0)
    assert (tap.position, tap.wanted) == (1, 1)
    tap.is_remote = False
    refused(2, lambda: tap.write(12, [5]))


def test_the_ends_are_shown_and_held() -> None:
    tap = TapChanger(lowest=0, highest=2)
    assert read(tap, 5) == [2]
    tap.write(12, [2])
    tap.after(100.0)
    assert read(tap, 5) == [4]
    tap.write(13, [1])
    tap.after(100.0)
    assert tap.position == 2


def test_a_reboot_forgets_the_order_and_finishes_the_step() -> None:
    tap = TapChanger()
    tap.write(12, [4])
    tap.after(7.0)
    faults = Faults(now_s=lambda: 0.0)
    FaultyImage(tap, faults)
    faults.begin("reboot", 5)
    tap.after(100.0)
    assert (tap.position, tap.wanted, tap.operations) == (2, 2, 2)


@pytest.mark.parametrize(("lowest", "highest", "percent"), [(1, 8, 1.0), (0, 0, 1.0), (-8, 8, 0.0), (-101, 8, 1.0)])
def test_a_wrong_tap_changer_is_refused(lowest: int, highest: int, percent: float) -> None:
    with pytest.raises(ValueError, match="tap changer"):
        TapChanger(lowest=lowest, highest=highest, step_percent=percent)


# The capacitor bank


def test_steps_give_reactive_power_with_the_voltage_squared() -> None:
    bank = CapacitorBank()
    bank.write(13, [2])
    assert (bank.steps_in, bank.reactive_var) == (2, -50_000.0)
    bank.voltage_v = 253.0
    assert bank.reactive_var == pytest.approx(-60_500.0)
    assert read(bank, 5, 2) == [0xFFFF, 0x10000 - 60_500]


def test_a_step_discharges_before_it_comes_in_again() -> None:
    bank = CapacitorBank(steps=2)
    bank.write(13, [2])
    bank.write(13, [1])
    assert read(bank, 8) == [180]
    bank.write(13, [2])
    bank.after(179.0)
    assert (bank.steps_in, read(bank, 8)) == (1, [1])
    bank.after(1.0)
    assert (bank.steps_in, bank.operations) == (2, 4)


def test_a_rested_step_is_taken_first() -> None:
    bank = CapacitorBank(steps=3)
    bank.write(13, [1])
    bank.write(13, [0])
    bank.write(13, [1])
    assert bank.steps_in == 1, "another step than the one that discharges"
    assert bank.wait_s == 0.0


def test_a_reboot_drops_the_contactors() -> None:
    bank = CapacitorBank()
    bank.write(13, [6])
    refused(3, lambda: bank.write(13, [7]))
    bank.restart()
    assert (bank.steps_in, bank.wanted, bank.operations) == (0, 0, 12)


@pytest.mark.parametrize(("steps", "step_var"), [(0, 1.0), (33, 1.0), (6, 0.0)])
def test_a_wrong_bank_is_refused(steps: int, step_var: float) -> None:
    with pytest.raises(ValueError, match="capacitor bank"):
        CapacitorBank(steps=steps, step_var=step_var)


# The relay board


def test_coils_and_registers_are_two_views_of_the_relays() -> None:
    board = RelayBoard()
    board.write_bits(1, [True, False, True])
    assert read(board, 4) == [0b1010]
    board.write(4, [0b10000001])
    assert board.read_bits(True, 0, 8) == [True, False, False, False, False, False, False, True]
    assert read(board, 6, 2) == [0, 6]
    refused(2, lambda: board.write_bits(7, [True, True]))
    refused(2, lambda: board.read_bits(True, 8, 1))
    refused(3, lambda: RelayBoard(relays=2).write(4, [4]))
    assert read(board, 4) == [0b10000001]


def test_inputs_are_what_the_world_makes_them() -> None:
    board = RelayBoard(inputs=4)
    board.inputs[2] = True
    assert board.read_bits(False, 0, 4) == [False, False, True, False]
    assert read(board, 3) == [4]
    refused(2, lambda: board.read_bits(False, 0, 5))


def test_the_watchdog_opens_the_relays_when_the_master_falls_silent() -> None:
    board = RelayBoard()
    board.write_bits(0, [True])
    board.after(1e6)
    assert board.relays[0], "without a watchdog it stays"
    board.write(5, [10])
    board.after(9.0)
    board.write_bits(0, [True])
    board.after(9.9)
    assert board.relays[0], "each write feeds it"
    board.after(0.1)
    assert not board.relays[0]


def test_a_reboot_opens_the_relays_and_blanks_the_inputs() -> None:
    now_s = 0.0
    board = RelayBoard()
    board.relays[0] = board.inputs[0] = True
    faults = Faults(now_s=lambda: now_s)
    seen = FaultyImage(board, faults)
    faults.begin("reboot", 5)
    now_s = 6.0
    assert seen.read_bits(True, 0, 1) == [False]
    assert seen.read_bits(False, 0, 1) == [False]
    assert seen.read(Table.HOLDING, 3, 1) == [0]
    seen.write_bits(0, [True])
    assert seen.read_bits(True, 0, 1) == [True], "a relay needs no measuring"
    now_s = 100.0
    assert seen.read_bits(False, 0, 1) == [True]


def test_frozen_bits_stand_still_and_a_device_without_bits_refuses() -> None:
    board, faults = RelayBoard(), Faults()
    seen = FaultyImage(board, faults)
    faults.begin("freeze")
    board.inputs[0] = True
    assert seen.read_bits(False, 0, 1) == [False]
    seen.write_bits(0, [True])
    assert (board.relays[0], seen.read_bits(True, 0, 1)) == (True, [False])
    refused(1, lambda: FaultyImage(TapChanger(), Faults()).read_bits(True, 0, 1))


# SG-Ready


def states(film: list[tuple[float, str]], pump: SgReady | None = None) -> list[SgState]:
    """The state at each second of a film of (seconds, contacts)."""
    pump = pump or SgReady()
    seen = []
    for seconds, contacts in film:
        for _ in range(int(seconds)):
            pump.after(1.0, contacts[0] == "1", contacts[1] == "1")
            seen.append(pump.state)
    return seen


@pytest.mark.parametrize(
    ("contacts", "state"),
    [("10", SgState.BLOCKED), ("00", SgState.NORMAL), ("01", SgState.ENCOURAGED), ("11", SgState.ORDERED)],
)
def test_two_contacts_are_four_states(contacts: str, state: SgState) -> None:
    assert states([(1, contacts)]) == [state]


def test_a_state_holds_for_a_minute() -> None:
    pump = SgReady()
    seen = states([(10, "01"), (100, "00")], pump)
    assert seen.index(SgState.NORMAL) == 60
    assert pump.early == 1
    assert set(states([(10, "01"), (40, "00"), (100, "01")])) == {SgState.ENCOURAGED}, "a short change is not seen"


def test_contacts_that_close_one_after_the_other_cost_a_minute() -> None:
    seen = states([(1, "01"), (100, "11")])
    assert seen[:61] == 60 * [SgState.ENCOURAGED] + [SgState.ORDERED]


def test_a_block_ends_after_two_hours_until_it_is_asked_for_anew() -> None:
    seen = states([(10_000, "10"), (61, "00"), (10, "10")])
    assert seen[:10_000].count(SgState.BLOCKED) == 7200
    assert set(seen[7200:10_000]) == {SgState.NORMAL}
    assert seen[-1] is SgState.BLOCKED


def test_wrong_times_are_refused() -> None:
    with pytest.raises(ValueError, match="SG-Ready"):
        SgReady(hold_s=-1.0)


def test_the_board_drives_the_heat_pump() -> None:
    board, pump = RelayBoard(), SgReady()
    board.write_bits(0, [True, True])
    pump.after(1.0, board.relays[0], board.relays[1])
    assert pump.state is SgState.ORDERED
