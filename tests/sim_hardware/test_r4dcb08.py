"""The R4DCB08's registers as its maker's protocol states them, with the document's own frames."""

import copy

import pytest

from protocols.ports import Table
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal
from sim_hardware.devices.r4dcb08 import R4dcb08


def words(board: R4dcb08, address: int = 0, count: int = 8) -> list[int]:
    return board.read(Table.HOLDING, address, count)


def test_temperatures_are_tenths_with_a_sign() -> None:
    # "01 03 02 00 DB": 21.9; "01 03 02 FF 90": -11.2.
    assert words(R4dcb08([21.9, -11.2]), 0, 2) == [0x00DB, 0xFF90]


def test_a_channel_without_a_probe_and_one_whose_probe_is_cut_show_the_sentinel() -> None:
    board = R4dcb08([20.0, 50.0])
    board.dead.add(1)
    assert words(board) == [200, *[0x8000] * 7]
    board.dead.clear()
    assert words(board, 0, 2) == [200, 500]


@pytest.mark.parametrize(("felt_c", "word"), [(-55.0, 65536 - 550), (125.0, 1250), (125.1, 0x8000), (-55.1, 0x8000)])
def test_a_probe_knows_no_more_than_its_range(felt_c: float, word: int) -> None:
    assert words(R4dcb08([felt_c]), 0, 1) == [word]


def test_a_probe_resolves_a_sixteenth_of_a_kelvin() -> None:
    # 20.03 lies nearest to 20 + 0/16, 20.04 to 20 + 1/16, which the board rounds to 20.1.
    assert [words(R4dcb08([felt_c]), 0, 1)[0] for felt_c in (20.03, 20.04)] == [200, 201]


def test_a_correction_is_added() -> None:
    board = R4dcb08([20.0, 20.0])
    board.write(0x08, [0x0014])  # "01 06 00 08 00 14": 2.0 K
    board.write(0x09, [0xFFE2])  # "01 06 00 09 FF E2": -3.0 K
    assert words(board, 0, 2) == [220, 170]
    assert words(board, 8, 2) == [0x0014, 0xFFE2]


def test_its_settings_are_there() -> None:
    # "01 03 00 FD": 0, it is asked; "FF 03 00 FE": 1; "01 03 00 FF": 3, 9600 baud.
    assert words(R4dcb08(), 0xFD, 3) == [0, 1, 3]


def test_it_refuses() -> None:
    board = R4dcb08()
    with pytest.raises(ModbusRefusal) as refusal:
        board.read(Table.INPUT, 0, 1)
    assert refusal.value.code == 1
    with pytest.raises(IllegalValue, match="9 registers"):
        words(board, 0, 9)
    with pytest.raises(IllegalAddress, match="16"):
        words(board, 15, 2)
    with pytest.raises(IllegalAddress, match="0 can not"):
        board.write(0, [1])
    with pytest.raises(IllegalValue):
        board.write(0xFE, [248])
    with pytest.raises(ValueError, match="9 probes"):
        R4dcb08([20.0] * 9)


def test_a_frozen_board_shows_what_it_felt_then() -> None:
    board = R4dcb08([20.0])
    picture = copy.deepcopy(board)
    board.temperatures_c[0] = 30.0
    assert (words(picture, 0, 1), words(board, 0, 1)) == ([200], [300])
