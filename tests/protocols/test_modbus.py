"""Requests and replies, by the examples printed in MODBUS Application Protocol Specification V1.1b3."""

import pytest

from protocols.faults import BadReply
from protocols.modbus import EXCEPTIONS, Refusal, Request, Words, Written, parse, read, write, write_single
from protocols.ports import Table

# 6.3: read registers 108 to 110, contents 555, 0 and 100.
READ_3 = read(0x11, Table.HOLDING, 107, 3)
# 6.4: read input register 9, contents 10.
READ_1 = read(0x11, Table.INPUT, 8, 1)
# 6.6: write register 2 to 3.
WRITE_1 = write_single(0x11, 1, 3)
# 6.12: write registers 2 and 3 to 10 and 258.
WRITE_2 = write(0x11, 1, [10, 258])


@pytest.mark.parametrize(
    ("request_", "pdu"),
    [
        (READ_3, "03 006B 0003"),
        (READ_1, "04 0008 0001"),
        (WRITE_1, "06 0001 0003"),
        (WRITE_2, "10 0001 0002 04 000A 0102"),
    ],
)
def test_requests_are_the_specifications_bytes(request_: Request, pdu: str) -> None:
    assert request_.pdu == bytes.fromhex(pdu)


@pytest.mark.parametrize(
    ("request_", "pdu", "reply"),
    [
        (READ_3, "03 06 022B 0000 0064", Words((555, 0, 100))),
        (READ_1, "04 02 000A", Words((10,))),
        (WRITE_1, "06 0001 0003", Written()),
        (WRITE_2, "10 0001 0002", Written()),
        (READ_3, "83 02", Refusal(2)),
        (WRITE_2, "90 04", Refusal(4)),
    ],
)
def test_replies_are_understood(request_: Request, pdu: str, reply: object) -> None:
    assert parse(request_, bytes.fromhex(pdu)) == reply
    assert len(bytes.fromhex(pdu)) in (request_.reply_size, 2)


@pytest.mark.parametrize(
    ("request_", "pdu", "says"),
    [
        (READ_3, "04 06 022B 0000 0064", "answers function 4, asked was function 3"),
        (READ_3, "03 04 022B 0000", "carries 4 bytes and states 4, asked were 6"),
        (READ_3, "03 08 022B 0000 0064 0001", "carries 8 bytes and states 8, asked were 6"),
        (READ_3, "03 04 022B 0000 0064", "carries 6 bytes and states 4, asked were 6"),
        (READ_3, "03 08 022B 0000 0064", "carries 6 bytes and states 8, asked were 6"),
        (READ_3, "03 06", "carries 0 bytes and states 6"),
        (READ_3, "84 02", "answers function 132"),
        (READ_3, "83 00", "no exception"),
        (READ_3, "83 07", "no exception"),
        (READ_3, "83 02 00", "no exception"),
        (WRITE_2, "10 0001 0001", "written was 10 00 01 00 02"),
        (WRITE_2, "10 0002 0002", "written was 10 00 01 00 02"),
        (WRITE_1, "06 0001 0004", "written was 06 00 01 00 03"),
    ],
)
def test_what_does_not_answer_the_question_is_refused(request_: Request, pdu: str, says: str) -> None:
    with pytest.raises(BadReply, match=says):
        parse(request_, bytes.fromhex(pdu))


@pytest.mark.parametrize(
    ("unit", "address", "count", "says"),
    [
        (-1, 0, 1, "unit -1: allowed is 0 to 255"),
        (256, 0, 1, "unit 256: allowed is 0 to 255"),
        (1, -1, 1, "registers -1 to -1: allowed is 0 to 65535"),
        (1, 65535, 2, "registers 65535 to 65536: allowed is 0 to 65535"),
        (1, 0, 0, "0 registers: allowed is 1 to 125 in one request"),
        (1, 0, 126, "126 registers: allowed is 1 to 125 in one request"),
    ],
)
def test_numbers_out_of_range_are_not_asked_for(unit: int, address: int, count: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(unit, Table.HOLDING, address, count)


@pytest.mark.parametrize("words", [[], [0] * 124, [-1], [65536]])
def test_words_out_of_range_are_not_written(words: list[int]) -> None:
    with pytest.raises(ValueError, match="allowed is"):
        write(1, 0, words)


def test_the_largest_requests_are_allowed() -> None:
    assert read(255, Table.INPUT, 65411, 125).pdu == bytes.fromhex("04 FF83 007D")
    assert len(write(1, 0, [0] * 123).pdu) == 6 + 246


def test_the_exception_codes_are_those_of_section_7() -> None:
    assert set(EXCEPTIONS) == {1, 2, 3, 4, 5, 6, 8, 10, 11}
