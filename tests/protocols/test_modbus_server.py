"""The server side of Modbus TCP against frames by hand, and against our own client reader."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus import Words, read
from protocols.modbus_requests import BadRequest
from protocols.modbus_rtu import RtuReader, rtu_frame
from protocols.modbus_server import ServerSession, rtu_answer
from protocols.modbus_tcp import TcpReader, tcp_frame
from protocols.ports import Table

WORDS = list(range(1000))


def image(table: Table, address: int, count: int) -> Sequence[int] | None:
    return WORDS[address : address + count] if address + count <= len(WORDS) else None


def answer(question: str) -> str:
    return ServerSession(7, image).feed(bytes.fromhex(question)).hex(" ")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        # Messaging Guide 3.1.3: transaction, protocol, length, unit; then function, address, count.
        ("1234 0000 0006 07 03 0010 0002", "12 34 00 00 00 07 07 03 04 00 10 00 11"),
        ("0001 0000 0006 ff 04 0000 0001", "00 01 00 00 00 05 ff 04 02 00 00"),
        ("0001 0000 0006 00 04 0000 0001", "00 01 00 00 00 05 00 04 02 00 00"),
        ("0001 0000 0006 07 03 0400 0001", "00 01 00 00 00 03 07 83 02"),  # no such register
        ("0001 0000 0006 07 03 0000 007e", "00 01 00 00 00 03 07 83 03"),  # 126 registers
        ("0001 0000 0006 07 03 0000 0000", "00 01 00 00 00 03 07 83 03"),
        ("0001 0000 0005 07 03 0000 00", "00 01 00 00 00 03 07 83 03"),
        ("0001 0000 0006 07 06 0000 0001", "00 01 00 00 00 03 07 86 01"),  # writing
        ("0001 0000 0002 07 2b", "00 01 00 00 00 03 07 ab 01"),
        ("0001 0000 0006 08 03 0000 0001", "00 01 00 00 00 03 08 83 0b"),  # another unit
    ],
)
def test_answers_are_those_of_the_specification(question: str, said: str) -> None:
    assert answer(question) == said


@pytest.mark.parametrize(
    "header", ["0001 0001 0006 07 03", "0001 0000 0001 07 03", "0001 0000 00ff 07 03", "47455420 2f2048"]
)
def test_what_is_no_header_ends_the_session(header: str) -> None:
    with pytest.raises(BadRequest, match="no MBAP header"):
        ServerSession(7, image).feed(bytes.fromhex(header))


@given(
    st.lists(st.tuples(st.integers(0, 990), st.integers(1, 10)), min_size=1, max_size=6), st.lists(st.integers(1, 20))
)
def test_our_client_reads_what_there_is_in_any_pieces(asked: list[tuple[int, int]], sizes: list[int]) -> None:
    requests = [read(7, Table.HOLDING, address, count) for address, count in asked]
    stream = b"".join(tcp_frame(request, number) for number, request in enumerate(requests, 1))
    session, answers, place = ServerSession(7, image), b"", 0
    for size in [*sizes, len(stream)]:
        answers += session.feed(stream[place : place + size])
        place += size
    for number, (request, (address, count)) in enumerate(zip(requests, asked, strict=True), 1):
        answer, answers = answers[: 9 + 2 * count], answers[9 + 2 * count :]
        assert TcpReader(request, number).feed(answer) == Words(tuple(WORDS[address : address + count]))
    assert answers == b""


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        # Serial Line V1.02, 2.5.1: unit, function, data, check sum with its low byte first (by a public calculator).
        ("01 03 0000 000a c5cd", "01 03 14 0000 0001 0002 0003 0004 0005 0006 0007 0008 0009"),
        ("01 03 0000 000a c5ce", None),  # damaged
        ("02 03 0000 000a c5fe", None),  # another unit's
        ("01 03 00", None),
    ],
)
def test_rtu_answers_what_is_for_it_and_keeps_silent_else(frame: str, said: str | None) -> None:
    found = rtu_answer(1, image, bytes.fromhex(frame))
    if said is None:
        assert found is None
        return
    assert found is not None
    assert found[:-2] == bytes.fromhex(said)
    assert RtuReader(read(1, Table.HOLDING, 0, 10)).feed(found) == Words(tuple(range(10)))


@given(st.integers(0, 247), st.integers(0, 2000), st.integers(1, 125), st.sampled_from(Table))
def test_rtu_and_our_client_understand_each_other(unit: int, address: int, count: int, table: Table) -> None:
    question = read(unit, table, address, count)
    found = rtu_answer(unit, image, rtu_frame(question))
    assert found is not None
    reply = RtuReader(question).feed(found)
    if address + count <= len(WORDS):
        assert reply == Words(tuple(WORDS[address : address + count]))
    else:
        assert not isinstance(reply, Words)


@given(st.binary(max_size=300))
def test_no_bytes_bring_it_down(data: bytes) -> None:
    try:
        ServerSession(7, image).feed(data)
    except BadRequest as fault:
        assert "no MBAP header" in str(fault)  # noqa: PT017
