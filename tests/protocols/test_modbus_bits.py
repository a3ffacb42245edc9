"""Coils and discrete inputs, by the examples printed in MODBUS Application Protocol Specification V1.1b3."""

import pytest

from protocols.faults import BadReply
from protocols.modbus import Bits, Refusal, Request, Written, parse, read_bits, write_coils
from protocols.modbus_rtu import RtuReader, crc16, rtu_frame
from protocols.modbus_tcp import TcpReader, tcp_frame
from protocols.ports import BitTable
from tests.protocols.modbus_peer import reply_pdu, request_pdu, rtu, tcp

# 6.1: coils 20 to 38; 6.2: discrete inputs 197 to 218; 6.11: coils 20 to 29.
COILS = read_bits(0x11, BitTable.COILS, 0x13, 0x13)
CONTACTS = read_bits(0x11, BitTable.CONTACTS, 0xC4, 0x16)
WRITE = write_coils(0x11, 0x13, [True, False, True, True, False, False, True, True, True, False])


def bits(text: str) -> Bits:
    """Read from the right, as the specification prints a byte."""
    return Bits(tuple(bit == "1" for part in text.split() for bit in reversed(part)))


def test_requests_are_the_specifications_bytes() -> None:
    assert COILS.pdu == bytes.fromhex("01 0013 0013")
    assert CONTACTS.pdu == bytes.fromhex("02 00C4 0016")
    assert WRITE.pdu == bytes.fromhex("0F 0013 000A 02 CD01")


def test_replies_are_understood() -> None:
    assert parse(COILS, bytes.fromhex("01 03 CD6B05")) == bits("11001101 01101011 101")
    assert parse(CONTACTS, bytes.fromhex("02 03 ACDB35")) == bits("10101100 11011011 110101")
    assert parse(WRITE, bytes.fromhex("0F 0013 000A")) == Written()
    assert parse(WRITE, bytes.fromhex("8F 02")) == Refusal(2)


def test_what_fills_the_last_byte_up_means_nothing() -> None:
    assert parse(read_bits(1, BitTable.COILS, 0, 3), bytes.fromhex("01 01 FD")) == bits("101")


@pytest.mark.parametrize(
    ("pdu", "says"),
    [
        ("02 03 CD6B05", "answers function 2, asked was function 1"),
        ("01 02 CD6B", "carries 2 bytes and states 2, asked were 3"),
        ("01 04 CD6B0500", "carries 4 bytes and states 4, asked were 3"),
        ("01 03 CD6B", "carries 2 bytes and states 3, asked were 3"),
    ],
)
def test_what_does_not_answer_the_question_is_refused(pdu: str, says: str) -> None:
    with pytest.raises(BadReply, match=says):
        parse(COILS, bytes.fromhex(pdu))


def test_a_confirmation_of_other_coils_is_refused() -> None:
    with pytest.raises(BadReply, match="written was 0f 00 13 00 0a"):
        parse(WRITE, bytes.fromhex("0F 0013 0009"))


@pytest.mark.parametrize(("address", "count"), [(0, 0), (0, 2001), (65535, 2), (-1, 1)])
def test_bits_out_of_range_are_not_asked_for(address: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"bits.*allowed is"):
        read_bits(1, BitTable.COILS, address, count)


@pytest.mark.parametrize("count", [0, 1969])
def test_too_many_coils_are_not_written(count: int) -> None:
    with pytest.raises(ValueError, match="allowed is 1 to 1968"):
        write_coils(1, 0, [True] * count)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 19])
def test_bits_are_those_of_a_foreign_library(count: int) -> None:
    told = [place % 3 == 0 for place in range(count)]
    asked, written = read_bits(1, BitTable.CONTACTS, 3, count), write_coils(1, 3, told)
    assert tcp_frame(written, 7) == tcp(request_pdu(written, 7))
    assert tcp_frame(asked, 7) == tcp(request_pdu(asked, 7))
    assert TcpReader(asked, 7).feed(tcp(reply_pdu(asked, told, 7))) == Bits(tuple(told))
    assert RtuReader(written).feed(rtu(reply_pdu(written, told))) == Written()


@pytest.mark.parametrize(
    ("request_", "pdu"), [(COILS, "01 03 CD6B05"), (CONTACTS, "02 03 ACDB35"), (WRITE, "0F 0013 000A")]
)
def test_on_a_serial_line_echo_and_pieces_are_told_from_the_reply(request_: Request, pdu: str) -> None:
    body = bytes((request_.unit,)) + bytes.fromhex(pdu)
    reader, heard = RtuReader(request_), rtu_frame(request_) + body + crc16(body).to_bytes(2, "little")
    replies = [reader.feed(heard[at : at + 1]) for at in range(len(heard))]
    assert replies[:-1] == [None] * (len(heard) - 1)
    assert replies[-1] == parse(request_, bytes.fromhex(pdu))
