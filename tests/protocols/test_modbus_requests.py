"""The server's side: requests as pymodbus encodes them, replies as pymodbus decodes them, and what is no request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU

from protocols.modbus import Function, Refusal, Reply, Request, Words, Written
from protocols.modbus_requests import Asked, BadRequest, RtuRequests, TcpRequests, rtu_reply, tcp_reply
from protocols.modbus_rtu import RtuReader, crc16, rtu_frame
from protocols.modbus_tcp import TcpReader, tcp_frame
from tests.protocols import modbus_peer as peer
from tests.protocols.test_recording import reads, singles, writes

requests = reads | writes | singles
READ = Request(1, Function.READ_INPUT, 0x34, 2)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Pieces of the data, cut at these places."""
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(
    st.lists(st.tuples(requests, st.integers(0, 0xFFFF)), min_size=1, max_size=5), st.lists(st.integers(0), max_size=5)
)
def test_a_strangers_requests_come_out_however_they_are_cut(sent: list[tuple[Request, int]], places: list[int]) -> None:
    stream = b"".join(peer.tcp(peer.request_pdu(request, number)) for request, number in sent)
    reader = TcpRequests()
    found = [asked for piece in cut(stream, places) for asked in reader.feed(piece)]
    assert [(asked.what, asked.transaction, asked.unit) for asked in found] == [
        (request, number, request.unit) for request, number in sent
    ]


@given(st.lists(requests, min_size=1, max_size=3), st.binary(max_size=20), st.lists(st.integers(0), max_size=5))
def test_on_a_serial_line_too_behind_noise(sent: list[Request], noise: bytes, places: list[int]) -> None:
    """Behind noise a request may have to come once more: the noise may look like the begin of a long one."""
    reader = RtuRequests()
    stream = b"".join(peer.rtu(peer.request_pdu(request)) for request in sent)
    assert [a.what for piece in cut(stream, places) for a in reader.feed(piece)] == sent
    reader.feed(noise)
    found = [asked for _ in range(60) for asked in reader.feed(peer.rtu(peer.request_pdu(sent[0])))]
    assert sent[0] in [asked.what for asked in found]


def replies(request: Request) -> list[Reply]:
    good: Reply = Words(tuple(range(request.count))) if request.reads else Written()
    return [good, Refusal(2)]


@given(requests, st.integers(1, 0xFFFF))
def test_a_stranger_and_our_client_read_our_replies(request: Request, number: int) -> None:
    for reply in replies(request):
        pdu = Asked(number, request.unit, request.function, request).pdu(reply)
        for framer, frame in (
            (FramerSocket, tcp_reply(number, request.unit, pdu)),
            (FramerRTU, rtu_reply(request.unit, pdu)),
        ):
            used, decoded = framer(DecodePDU(False)).handleFrame(frame, 0, 0)
            assert used == len(frame)
            assert decoded is not None
            assert decoded.isError() == isinstance(reply, Refusal)
            if isinstance(reply, Words):
                assert tuple(decoded.registers) == reply.words
        assert TcpReader(request, number).feed(tcp_reply(number, request.unit, pdu)) == reply
        if request.function is not Function.WRITE_SINGLE:
            assert RtuReader(request).feed(rtu_reply(request.unit, pdu)) == reply


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("01 0000 0001", 1),  # coils
        ("2b 0e 01 00", 1),
        ("83 02", 1),
        ("03", 3),
        ("03 0000", 3),
        ("03 0000 0000", 3),
        ("03 0000 007e", 3),
        ("03 0000 0001 00", 3),
        ("03 ffff 0002", 2),
        ("04 ff84 007d", 2),
        ("06 0000", 3),
        ("06 0000 0001 02", 3),
        ("10 0000 0001", 3),
        ("10 0000 0001 02", 3),
        ("10 0000 0001 04 0000 0000", 3),
        ("10 0000 0002 02 0000", 3),
        ("10 0000 0000 00", 3),
        ("10 0000 007c f6" + 123 * " 0000", 3),
        ("10 ffff 0002 04 0000 0000", 2),
    ],
)
def test_what_can_not_be_done_is_refused_as_the_specification_says(pdu: str, code: int) -> None:
    raw = bytes.fromhex(pdu)
    (asked,) = TcpRequests().feed(tcp_reply(7, 1, raw))
    assert asked == Asked(7, 1, raw[0], Refusal(code))
    assert asked.pdu(Refusal(code)) == bytes((raw[0] | 0x80, code))


@pytest.mark.parametrize("header", ["0001 0001 0006 01", "0001 0000 0000 01", "0001 0000 0001 01", "0001 0000 00ff 01"])
def test_a_stream_that_is_none_is_given_up(header: str) -> None:
    with pytest.raises(BadRequest, match="no MBAP header"):
        TcpRequests().feed(bytes.fromhex(header))


@given(st.binary(max_size=600))
def test_junk_is_bounded_and_never_raises_anything_else(junk: bytes) -> None:
    reader, line = TcpRequests(), RtuRequests()
    try:
        for place in range(len(junk)):
            reader.feed(junk[place : place + 1])
            assert len(reader._buffer) < 260
    except BadRequest:
        pass
    line.feed(junk)
    assert len(line._buffer) <= 256


def test_no_reply_is_booked_to_another_question() -> None:
    asked = Asked(1, 1, READ.function, READ)
    for wrong in (Words((1,)), Words((1, 2, 3)), Written()):
        with pytest.raises(ValueError, match="is no answer to"):
            asked.pdu(wrong)


def test_our_own_frames_are_requests() -> None:
    assert TcpRequests().feed(tcp_frame(READ, 9)) == [Asked(9, 1, 4, READ)]
    assert RtuRequests().feed(rtu_frame(READ)) == [Asked(0, 1, 4, READ)]
    assert crc16(rtu_reply(1, b"\x83\x02")) == 0
